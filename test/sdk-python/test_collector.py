"""What a run says is what the collector answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import tidemark
from collector import KEY, Collector, until


def client_of(collector: Collector, agent: str, **options: Any) -> tidemark.Client:
    # One event a step, however long one takes.
    return tidemark.Client(url=collector.url, key=KEY, agent=agent, heartbeat_ms=0, batch_age_ms=60_000, **options)


def nodes_of(collector: Collector, run_id: str, count: int) -> list[dict[str, Any]]:
    def whole() -> Any:
        try:
            nodes = collector.get(f"/api/v1/runs/{run_id}/timeline")["nodes"]
        except OSError:
            return None
        # What each said last may be stored a moment after what is told of it from inside.
        ended = [node for node in nodes if node["name"] and node["status"] not in ("running", "pending")]
        return nodes if len(ended) >= count else None

    found: list[dict[str, Any]] = until(whole)
    return found


@pytest.mark.parametrize("transport", ["stream", "post"])
def test_a_run_with_a_task_and_steps_is_answered_as_it_was_said(
    collector: Collector, agent: str, transport: Any
) -> None:
    tm = client_of(collector, agent, transport=transport)
    with tm.run("nightly", session="s-1", user="ann", labels={"tier": "gold"}, inputs={"topic": "tides"}) as run:
        with tm.task("find"):
            with tm.tool("search", args={"q": "tides"}):
                pass
            with tm.llm("answer") as step:
                tm.usage(model="large", provider="north", tokens_in=1000, cache_read=600, tokens_out=200)
                step.usage(reasoning=80, cost_micros=4200, finish_reason="stop")
        run.output(report="r-7")
    flushed = tm.flush(60)
    assert (flushed.acked, flushed.pending, flushed.rejected, flushed.dropped) == (6, 0, 0, 0)
    nodes = nodes_of(collector, run.id, 4)
    # Siblings that began in one millisecond come in any order.
    assert sorted((node["depth"], node["name"], node["status"]) for node in nodes) == [
        (0, "nightly", "completed"),
        (1, "find", "completed"),
        (2, "answer", "completed"),
        (2, "search", "completed"),
    ]
    told = collector.get(f"/api/v1/runs/{run.id}")
    assert told["user_id"] == "ann"
    assert told["inputs"] == {"topic": "tides"}
    assert told["outputs"] == {"report": "r-7"}
    assert told["total"]["tokens"] == {"in": 1000, "out": 200, "total": 1200}
    rows = collector.events(agent, "type, session_id, user_id, tokens_cache_read, tokens_reasoning, cost_micros", 6)
    ends = [row for row in rows if row["type"] == "step.completed" and row["tokens_cache_read"] == 600]
    assert [(row["tokens_reasoning"], int(row["cost_micros"])) for row in ends] == [(80, 4200)]
    assert {(row["session_id"], row["user_id"]) for row in rows} == {("s-1", "ann")}
    tm.close()


def test_failures_are_classified_by_the_innermost_step_and_thrown_on(collector: Collector, agent: str) -> None:
    tm = client_of(collector, agent)
    with pytest.raises(ValueError, match="no answer") as caught, tm.run("nightly"), tm.task("ask"), tm.llm("model"):
        raise ValueError("no answer")
    assert str(caught.value) == "no answer"
    assert tm.flush(60).acked == 5
    rows = collector.events(agent, "type, error_category, error_code, error_message", 5)
    failed = [row for row in rows if row["type"].endswith("failed")]
    assert sorted(row["type"] for row in failed) == ["run.failed", "step.failed", "task.failed"]
    assert {(row["error_category"], row["error_code"], row["error_message"]) for row in failed} == {
        ("model", "ValueError", "no answer")
    }
    tm.close()


def test_attempts_are_steps_of_one_id(collector: Collector, agent: str) -> None:
    tm = client_of(collector, agent)

    def flaky(attempt: int) -> int:
        with tm.tool("search"):
            if attempt < 3:
                raise ConnectionError(f"attempt {attempt}")
        return attempt

    with tm.run("nightly"), tm.task("find"):
        assert tm.retry(3, flaky) == 3
    assert tm.flush(60).acked == 7
    rows = collector.events(agent, "type, step_id, attempt, error_category", 7)
    ends = [row for row in rows if row["type"] in ("step.failed", "step.completed")]
    assert sorted((row["attempt"], row["type"]) for row in ends) == [
        (1, "step.failed"),
        (2, "step.failed"),
        (3, "step.completed"),
    ]
    assert len({row["step_id"] for row in ends}) == 1
    tm.close()


def test_a_run_goes_on_in_another_client_from_its_carrier(collector: Collector, agent: str) -> None:
    here, there = client_of(collector, agent), client_of(collector, "another")
    with here.run("nightly") as run, here.task("find") as task:
        headers = task.headers()
        assert headers["traceparent"] == f"00-{run.id}-{task.id}-01"
        with there.resume(headers), there.tool("far away"):
            pass
    assert there.flush(60).acked == 1
    assert here.flush(60).acked == 4
    nodes = nodes_of(collector, run.id, 3)
    assert [(node["name"], node["depth"]) for node in nodes] == [("nightly", 0), ("find", 1), ("far away", 2)]
    here.close()
    there.close()


def test_async_tasks_keep_their_own_context(collector: Collector, agent: str) -> None:
    tm = client_of(collector, agent)

    @tm.tool
    async def look(number: int) -> int:
        await asyncio.sleep(0)
        tm.usage(calls=number)
        return number

    async def one(number: int) -> str:
        async with tm.run(f"run {number}") as run:
            await asyncio.gather(*(look(each) for each in range(1, 4)))
        return run.id

    async def main() -> list[str]:
        ids = await asyncio.gather(*(one(number) for number in range(20)))
        assert (await tm.flush_async(60)).acked == 100
        return list(ids)

    ids = asyncio.run(main())
    rows = collector.events(agent, "type, run_id, llm_calls", 100)
    calls = {run_id: 0 for run_id in ids}
    for row in rows:
        calls[row["run_id"]] += int(row["llm_calls"])
    assert set(calls.values()) == {6}
    tm.close()


def test_every_kind_of_event_is_accepted(collector: Collector, agent: str) -> None:
    tm = client_of(collector, agent)
    with tm.run("nightly"):
        tm.log("warning", "it rains")
        tm.memory.stored(2)
        tm.memory.recalled()
        tm.pattern(id="p-1", type="retry", confidence=0.9, effectiveness=0.5, evidence=["run-1", "run-2"])
        tm.feedback(id="p-1", score=4.5, text="helped")
        tm.heartbeat()
        for kind in ("llm", "tool", "retrieval", "plan", "memory", "handoff", "other"):
            with tm.step(kind, kind=kind, confidence=0.5, model="m", provider="p"):
                tm.label("k", "v")
    flushed = tm.flush(60)
    assert (flushed.acked, flushed.rejected) == (2 + 7 + 7, 0)
    rows = collector.events(agent, "type", 16)
    assert len(rows) == 16
    tm.close()
