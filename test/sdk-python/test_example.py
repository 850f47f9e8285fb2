"""The example agent's run is answered whole, with nothing in it set by hand that the context can give."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import tidemark as tm
from collector import KEY, ROOT, Collector, until

sys.path.insert(0, str(ROOT / "src/sdk-python/examples"))


def test_the_run_of_the_support_agent_is_answered_whole(collector: Collector) -> None:
    import support_agent

    tm.configure(url=collector.url, key=KEY, heartbeat_ms=0)
    try:
        _, run_id = asyncio.run(support_agent.answer_customer("Where is my order", "A-1001"))
        flushed = tm.flush(60)
        assert (flushed.pending, flushed.rejected, flushed.dropped) == (0, 0, 0)
    finally:
        tm.configure(url=None)
    nodes = until(lambda: whole(collector, run_id))
    told = [
        (node["depth"], node["name"], node["kind"] or node["type"], node["status"], node["attempt"] or 1)
        for node in nodes
    ]
    assert sorted(told) == sorted(
        [
            (0, "answer customer", "run", "completed", 1),
            (1, "understand", "task", "completed", 1),
            (2, "search_articles", "retrieval", "completed", 1),
            (2, "classify", "llm", "completed", 1),
            (1, "look up", "task", "completed", 1),
            (2, "look_up_order", "tool", "failed", 1),
            (2, "look_up_order", "tool", "failed", 2),
            (2, "look_up_order", "tool", "completed", 3),
            (1, "answer", "task", "completed", 1),
            (2, "write", "llm", "completed", 1),
        ]
    )
    rows = collector.rows("SELECT * FROM agent_events WHERE session_id = 'chat-42' ORDER BY length(event_id), event_id")
    assert {row["user_id"] for row in rows} == {"customer-7"}
    assert len(rows) == flushed.acked
    nested = next(row for row in rows if row["type"] == "run.started" and row["agent_id"] == "reviewer")
    answer = next(row for row in rows if row["type"] == "task.running" and row["name"] == "answer")
    assert nested["parent_id"] == answer["task_id"]
    assert_usage(rows)
    memory = sorted((row["agent_id"], row["type"]) for row in rows if row["type"].startswith("memory"))
    assert memory == [("support", "memory.recalled"), ("support", "memory.stored")]
    failed = [row for row in rows if row["type"] == "step.failed"]
    assert [(row["error_category"], row["error_code"]) for row in failed] == [("tool", "TimeoutError")] * 2
    assert len({row["args_hash"] for row in failed}) == 1


def whole(collector: Collector, run_id: str) -> Any:
    try:
        nodes = collector.get(f"/api/v1/runs/{run_id}/timeline")["nodes"]
    except OSError:
        return None
    ended = [node for node in nodes if node["name"] and node["status"] not in ("running", "pending")]
    return nodes if len(ended) >= 10 else None


def assert_usage(rows: list[dict[str, Any]]) -> None:
    """Three calls of the model: 16 words of system each, cached from the second on."""
    calls = [row for row in rows if row["step_kind"] == "llm" and row["type"] == "step.completed"]
    system = 16
    assert [row["name"] for row in calls] == ["classify", "write", "judge"]
    assert sum(int(row["llm_calls"]) for row in calls) == 3
    assert [int(row["tokens_cache_read"]) for row in calls] == [0, system, system]
    assert [int(row["tokens_reasoning"]) for row in calls] == [4, 4, 4]
    for row in calls:
        fresh = int(row["tokens_in"]) - int(row["tokens_cache_read"])
        assert int(row["cost_micros"]) == 3 * fresh + 12 * int(row["tokens_out"])
    assert int(calls[0]["tokens_in"]) == system + 4
    assert {(row["model"], row["provider"], row["finish_reason"]) for row in calls} == {("small-1", "made-up", "stop")}
