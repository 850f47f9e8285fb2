"""The words: what events they make, on a client whose events are looked at and not sent."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import tidemark

Events = list[dict[str, Any]]


@pytest.fixture
def events() -> Events:
    return []


@pytest.fixture
def tm(events: Events) -> Iterator[tidemark.Client]:
    """`redact` sees each event and keeps none, so nothing is sent."""

    def see(event: dict[str, Any]) -> None:
        events.append(event)

    client = tidemark.Client(url="http://127.0.0.1:1", agent="a", redact=see, heartbeat_ms=0, batch_age_ms=0)
    yield client
    client.close(0)


def told(events: Events, *fields: str) -> list[tuple[Any, ...]]:
    return [tuple(event.get(field) for field in fields) for event in events]


def test_without_a_url_functions_run_and_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIDEMARK_URL", raising=False)
    threads = threading.active_count()
    client = tidemark.Client()
    with client.run("r") as run, client.tool("t"):
        client.usage(tokens_in=1)
    assert len(run.id) == 32
    assert client.flush() == tidemark.Flushed(0, 0, 0, 0)
    assert client.stats().state == "off"
    assert threading.active_count() == threads


def test_the_environment_configures_a_client(monkeypatch: pytest.MonkeyPatch, events: Events) -> None:
    monkeypatch.setenv("TIDEMARK_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("TIDEMARK_AGENT", "from the environment")
    monkeypatch.setenv("TIDEMARK_ENVIRONMENT", "staging")

    def see(event: dict[str, Any]) -> None:
        events.append(event)

    client = tidemark.Client(redact=see, batch_age_ms=0)
    client.heartbeat()
    assert told(events, "type", "agent_id", "environment") == [("heartbeat", "from the environment", "staging")]
    client.close(0)


def test_context_flows_inward_and_ends_with_its_block(tm: tidemark.Client, events: Events) -> None:
    with tm.run("r", session="s", user="u", flow="f", crew="c", engagement="e", environment="test") as run:
        with tm.task("t") as task, tm.tool("x") as step:
            assert tm.current() is step
            assert (step.where["run_id"], step.where["task_id"]) == (run.id, task.id)
        with tm.run("inner", agent="b") as inner:
            assert inner.where["run_id"] == inner.id != run.id
    started = {event["name"]: event for event in events if event["type"].endswith(("started", "running"))}
    assert [started[name].get("parent_id") for name in ("r", "t", "x", "inner")] == [None, run.id, task.id, run.id]
    flowing = {
        "session_id": "s",
        "user_id": "u",
        "flow_id": "f",
        "crew_id": "c",
        "engagement_id": "e",
        "environment": "test",
    }
    assert all(flowing.items() <= event.items() for event in events)
    assert {event["agent_id"] for event in events if event["name"] == "inner"} == {"b"}
    tm.current().label("k", "v")
    assert tm.current().where == {"agent_id": "a"}


def test_decorators_take_every_kind_of_function(tm: tidemark.Client, events: Events) -> None:
    @tm.tool
    def plain(x: int) -> int:
        """Doubles."""
        return 2 * x

    @tm.llm("named")
    async def waiting(x: int) -> int:
        return x

    @tm.retrieval
    def stream(count: int) -> Iterator[int]:
        assert tm.current().where["step_id"]
        yield from range(count)

    @tm.task
    async def astream(count: int) -> AsyncIterator[int]:
        for number in range(count):
            yield number

    async def main() -> list[int]:
        return [await waiting(1), *[number async for number in astream(3)]]

    assert (plain(3), plain.__name__, plain.__doc__) == (6, "plain", "Doubles.")
    seen = []
    for number in stream(3):
        # Between two items the caller is not inside of the generator.
        assert tm.current().id == ""
        seen.append(number)
    assert seen == [0, 1, 2]
    assert asyncio.run(main()) == [1, 0, 1, 2]
    assert told(events, "type", "name", "step_kind") == [
        ("step.started", "plain", "tool"),
        ("step.completed", "plain", "tool"),
        ("step.started", "stream", "retrieval"),
        ("step.completed", "stream", "retrieval"),
        ("step.started", "named", "llm"),
        ("step.completed", "named", "llm"),
        ("task.running", "astream", None),
        ("task.completed", "astream", None),
    ]


def test_a_generator_that_is_left_is_cancelled_and_one_that_throws_has_failed(
    tm: tidemark.Client, events: Events
) -> None:
    @tm.tool
    def stream() -> Iterator[int]:
        yield 1
        raise ValueError("after one")

    for _ in stream():
        break
    with pytest.raises(ValueError, match="after one"):
        list(stream())
    assert told([event for event in events if event["type"] != "step.started"], "type", "finish_reason") == [
        ("step.completed", "cancelled"),
        ("step.failed", None),
    ]


def test_observe_keeps_what_the_function_does(tm: tidemark.Client, events: Events) -> None:
    look = tm.observe(sorted, kind="retrieval", name="look")
    assert look([2, 1], reverse=True) == [2, 1]
    assert events[0]["args_hash"] == tidemark.args_hash([[2, 1], {"reverse": True}])
    assert told(events, "name", "step_kind") == [("look", "retrieval")] * 2


def test_cancelled_work_is_no_failure(tm: tidemark.Client, events: Events) -> None:
    async def main() -> None:
        async with tm.run("r"), tm.task("t"):
            with tm.tool("s"):
                await asyncio.sleep(60)

    async def cancel() -> None:
        work = asyncio.create_task(main())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(cancel())
    assert told(events[3:], "type", "finish_reason") == [
        ("step.completed", "cancelled"),
        ("task.cancelled", None),
        ("run.cancelled", None),
    ]


class PolicyViolation(Exception):
    pass


class Coded(Exception):
    code = "quota_exceeded"
    category = "infra"


@pytest.mark.parametrize(
    ("error", "kind", "category", "code"),
    [
        (ValueError("x"), "tool", "tool", "ValueError"),
        (ValueError("x"), "llm", "model", "ValueError"),
        (ValueError("x"), "memory", "tool", "ValueError"),
        (ValueError("x"), "plan", "orchestration", "ValueError"),
        (ConnectionError("x"), "other", "infra", "ConnectionError"),
        (ConnectionError("x"), "retrieval", "retrieval", "ConnectionError"),
        (PolicyViolation("x"), "llm", "guardrail", "PolicyViolation"),
        (Coded("x"), "llm", "infra", "quota_exceeded"),
    ],
)
def test_an_error_is_classified_once_and_told_of_all_it_goes_through(
    tm: tidemark.Client, events: Events, error: Exception, kind: str, category: str, code: str
) -> None:
    with pytest.raises(type(error)) as caught, tm.run("r"), tm.task("t"), tm.step("s", kind=kind):
        raise error
    assert caught.value is error
    failed = [event for event in events if event["type"].endswith("failed")]
    assert told(failed, "type", "error_category", "error_code", "error_message") == [
        (f"{family}.failed", category, code, "x") for family in ("step", "task", "run")
    ]


def test_an_error_that_wraps_another_is_of_the_kind_of_the_step_that_failed(
    tm: tidemark.Client, events: Events
) -> None:
    with pytest.raises(RuntimeError), tm.task("t"):
        try:
            with tm.retrieval("s"):
                raise KeyError("k")
        except KeyError as error:
            raise RuntimeError("no hits") from error
    assert told(events[-1:], "type", "error_category") == [("task.failed", "retrieval")]
    with pytest.raises(RuntimeError), tm.task("t"):
        with pytest.raises(KeyError), tm.retrieval("s"):
            raise KeyError("k")
        raise RuntimeError("of its own")
    assert told(events[-1:], "type", "error_category") == [("task.failed", "orchestration")]


def test_attempts_are_of_one_step_until_one_succeeds(tm: tidemark.Client, events: Events) -> None:
    with tm.task("t"):
        for attempt in tm.attempts(5):
            with attempt, tm.tool("first"), tm.tool("second"):
                if attempt.number < 3:
                    raise OSError(str(attempt.number))
    first = [event for event in events if event.get("name") == "first" and event["type"] == "step.started"]
    second = [event for event in events if event.get("name") == "second" and event["type"] == "step.started"]
    assert [event["attempt"] for event in first] == [1, 2, 3]
    assert len({event["step_id"] for event in first}) == 1
    # It is inside of another step, so it is a step of its own each time.
    assert len({event["step_id"] for event in second}) == 3
    assert events[-1]["type"] == "task.completed"


def test_retry_throws_the_last_error_and_stops_at_a_cancellation(tm: tidemark.Client) -> None:
    calls: list[int] = []

    def work(attempt: int) -> None:
        calls.append(attempt)
        raise KeyboardInterrupt if attempt == 2 else OSError(str(attempt))

    with pytest.raises(KeyboardInterrupt):
        tm.retry(5, work)
    assert calls == [1, 2]
    with pytest.raises(OSError, match="1"):
        tm.retry(5, lambda attempt: work(1), if_=lambda error: False)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(tm.retry_async(2, lambda attempt: asyncio.sleep(1 // 0)))


def test_a_thread_takes_the_context_by_hand(tm: tidemark.Client) -> None:
    with tm.run("r") as run:

        def work() -> tuple[str, Any, Any]:
            outside = tm.current().id
            with run.active():
                inside = tm.current().id
            with run.task("t") as task:
                return outside, inside, task.where["run_id"]

        with ThreadPoolExecutor(1) as pool:
            assert contextvars.Context().run(pool.submit, work).result() == ("", run.id, run.id)

    async def main() -> str:
        async with tm.run("r") as run:
            assert await asyncio.to_thread(lambda: tm.current().id) == run.id
        return run.id

    asyncio.run(main())


def test_values_that_do_not_fit_are_mended_and_counted(tm: tidemark.Client, events: Events) -> None:
    class Odd:
        def __str__(self) -> str:
            raise RuntimeError("no")

    odd: Any = Odd()
    with tm.run("r" * 300, user=odd, session=7, labels=odd, args=odd, inputs={"n": float("nan"), "prompt": "p"}) as run:  # type: ignore[arg-type]
        run.usage(tokens_in=-5, tokens_out="many", calls=2.7, unknown=1)
        run.label("k" * 100, "\ud800")
        run.output({str(number): number for number in range(20)})
        run.output(big=2**60, none=None, empty="", flag=True)
        tm.log(odd, odd)
        tm.pattern(id=odd, confidence=7, evidence=odd)
        tm.resume(odd)
    end = events[-1]
    assert len(end["name"]) == 256
    assert (end["user_id"], end["session_id"]) == ("Odd", "7")
    assert (end["tokens_in"], end.get("tokens_out"), end["llm_calls"]) == (0, None, 2)
    assert end["labels"] == {"k" * 64: "?"}
    assert len(end["outputs"]) == 16
    assert "inputs" not in events[0]
    assert events[-2]["confidence"] == 1
    assert tm.stats().mended > 10


def test_errors_that_throw_when_they_are_looked_at_are_told_all_the_same(tm: tidemark.Client, events: Events) -> None:
    class Hostile(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

        @property
        def code(self) -> str:
            raise RuntimeError("no")

        category = code

    with pytest.raises(Hostile), tm.run("r"):
        raise Hostile
    assert told(events[-1:], "type", "error_category") == [("run.failed", "orchestration")]


@pytest.mark.parametrize(
    ("carrier", "where"),
    [
        ("tm1/r%2F1/t/s/other", {"run_id": "r/1", "task_id": "t", "step_id": "s", "agent_id": "other"}),
        ("tm1/r///", {"run_id": "r", "agent_id": "a"}),
        ({"TraceParent": f"00-{'a' * 32}-{'b' * 16}-01"}, {"run_id": "a" * 32, "agent_id": "a"}),
        ("nonsense", {"agent_id": "a"}),
        ({}, {"agent_id": "a"}),
    ],
)
def test_carriers_are_read_as_far_as_they_tell(tm: tidemark.Client, carrier: Any, where: dict[str, str]) -> None:
    with tm.resume(carrier) as handle:
        assert handle.where == where
        with tm.task("t") as task:
            assert task.where["agent_id"] == where["agent_id"]


def test_a_carrier_is_what_resume_reads(tm: tidemark.Client, events: Events) -> None:
    with tm.run("r", id="run/ä", agent="b") as run, run.task("t", id="1") as task:
        assert task.carrier() == "tm1/run%2F%C3%A4/1//b"
        assert "traceparent" not in task.headers()
        carrier = task.carrier()
    events.clear()
    with tm.resume(carrier), tm.tool("far"):
        pass
    assert told(events, "type", "run_id", "task_id", "parent_id", "agent_id") == [
        (kind, "run/ä", "1", "1", "b") for kind in ("step.started", "step.completed")
    ]


@pytest.mark.parametrize(
    ("value", "canonical"),
    [
        ({"b": 1, "a": [True, None, "é"]}, '{"a":[true,null,"é"],"b":1}'),
        (1.0, "1"),
        (0.1, "0.1"),
        (-0.0, "0"),
        (1e21, "1e+21"),
        (123456789012345680000.0, "123456789012345680000"),
        (1e-6, "0.000001"),
        (1.5e-7, "1.5e-7"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (2**53 + 1, "9007199254740993"),
        ("\ud800", '"\\ud800"'),
        (float("nan"), "null"),
        ({"\U0001f600": 1, "\ufb33": 2}, '{"\U0001f600":1,"\ufb33":2}'),
        ('\x07\n"\\', '"\\u0007\\n\\"\\\\"'),
        ((1, 2), "[1,2]"),
        ({3: {2, 1}}, '{"3":[1,2]}'),
        ({"o": object()}, '{"o":null}'),
    ],
)
def test_arguments_are_hashed_over_canonical_json(value: object, canonical: str) -> None:
    import hashlib

    assert tidemark.args_hash(value) == hashlib.sha256(canonical.encode()).hexdigest()[:16]


def test_redact_that_throws_lets_nothing_out() -> None:
    def refuse(event: dict[str, Any]) -> dict[str, Any]:
        raise RuntimeError("cannot tell")

    client = tidemark.Client(url="http://127.0.0.1:1", redact=refuse)
    with client.run("r"):
        pass
    assert (client.stats().offered, client.stats().redacted) == (0, 2)
    client.close(0)


def test_options_that_make_no_sense_are_told_and_have_their_defaults() -> None:
    problems: list[str] = []
    bad: Any = {"overflow": "lose", "batch_events_max": 0, "producer": "a b", "colour": "red"}
    client = tidemark.Client(**bad, on_problem=problems.append)
    assert len(problems) == 4
    assert (client.options.overflow, client.options.batch_events_max) == ("drop", 500)


def test_an_agent_that_nobody_named_is_called_as_what_it_does(events: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIDEMARK_AGENT", raising=False)

    def see(event: dict[str, Any]) -> None:
        events.append(event)

    tm = tidemark.Client(url="http://127.0.0.1:1", redact=see, heartbeat_ms=0, batch_age_ms=0)
    tm.log("info", "outside")
    with tm.run("nightly") as run, tm.tool("fetch"):
        tm.log("info", "inside")
        with tm.run("review"), tm.run("other", agent="b"):
            pass
    with tm.tool("alone"):
        pass
    with tm.resume(run.carrier()), tm.tool("far"):
        pass
    agents = {(event.get("name") or event["message"], event["agent_id"]) for event in events}
    assert agents == {
        ("outside", "agent"),
        ("nightly", "nightly"),
        ("fetch", "nightly"),
        ("inside", "nightly"),
        ("review", "nightly"),
        ("other", "b"),
        ("alone", "alone"),
        ("far", "nightly"),
    }
    tm.close(0)


def test_what_a_client_is_told_holds_for_all_its_events(events: Events) -> None:
    def see(event: dict[str, Any]) -> None:
        events.append(event)

    shared: dict[str, Any] = {"session": "s", "user": "u", "flow": "f", "agent_name": "A", "agent_version": "2"}
    tm = tidemark.Client(url="http://127.0.0.1:1\n", agent="a", redact=see, heartbeat_ms=0, batch_age_ms=0, **shared)
    with tm.run("r"), tm.tool("t"):
        tm.log("info", "m")
    with tm.run("other", agent="b"):
        pass
    assert {(event["session_id"], event["user_id"], event["flow_id"]) for event in events} == {("s", "u", "f")}
    begun = [event for event in events if event["type"] == "run.started"]
    assert told(begun, "agent_name", "agent_version") == [("A", "2"), (None, None)]
    tm.close(0)


def test_a_handle_has_the_words_of_the_client(tm: tidemark.Client, events: Events) -> None:
    run = tm.run("r").start()
    run.log("info", "m")
    run.memory.stored(2)
    run.memory.recalled()
    run.pattern(id="p", confidence=0.5)
    run.feedback(id="p", score=1)
    run.heartbeat()
    run.confidence(0.9)
    run.end()
    assert {event["run_id"] for event in events} == {run.id}
    assert [event["type"] for event in events] == [
        "run.started",
        "log",
        *["memory.stored"] * 2,
        "memory.recalled",
        "pattern.observed",
        "pattern.feedback",
        "heartbeat",
        "run.completed",
    ]
    assert events[-1]["confidence"] == 0.9


def test_a_failure_by_a_cancellation_is_one(tm: tidemark.Client, events: Events) -> None:
    tm.run("r").start().fail(asyncio.CancelledError())
    assert events[-1]["type"] == "run.cancelled"


def test_tasks_keep_their_id_over_the_attempts_and_runs_do_not(tm: tidemark.Client, events: Events) -> None:
    waits: list[int] = []

    def wait(attempt: int) -> float:
        waits.append(attempt)
        return 0.001

    def work(attempt: int) -> None:
        with tm.task("t"), tm.tool("inside"):
            pass
        with tm.run("nested"):
            if attempt < 3:
                raise ValueError

    with tm.run("r"):
        tm.retry(3, work, delay=wait)
    tasks = [event for event in events if event["type"] == "task.running"]
    assert [event["attempt"] for event in tasks] == [1, 2, 3]
    assert len({event["task_id"] for event in tasks}) == 1
    assert len({event["run_id"] for event in events if event.get("name") == "nested"}) == 3
    assert waits == [1, 2]


def test_observe_hashes_the_arguments_of_every_kind(tm: tidemark.Client, events: Events) -> None:
    tm.observe(len)("four")
    tm.observe(len, kind="task", name="count")("four")
    assert told(events[::2], "type", "name", "step_kind") == [
        ("step.started", "len", "other"),
        ("task.running", "count", None),
    ]
    assert {event["args_hash"] for event in events[::2]} == {tidemark.args_hash(["four"])}


def quick(events: Events, **options: Any) -> tidemark.Client:
    def see(event: dict[str, Any]) -> None:
        events.append(dict(event))

    return tidemark.Client(url="http://127.0.0.1:1", agent="a", redact=see, heartbeat_ms=0, **options)


def test_a_step_that_ends_soon_is_told_by_its_end_alone(events: Events) -> None:
    # Soon is within half of it, also on a machine that stands still meanwhile.
    tm = quick(events, batch_age_ms=60_000)
    with tm.run("r", session="s") as run:
        with tm.llm("ask", model="small", labels={"a": "1"}, inputs={"x": 1}, args=[1]) as step:
            step.usage(model="large", tokens_in=3)
            step.label("b", "2")
            step.input(y=2)
    assert [event["type"] for event in events] == ["run.started", "step.completed", "run.completed"]
    told_once = events[1]
    expected = {
        "parent_id": run.id,
        "session_id": "s",
        "model": "large",
        "tokens_in": 3,
        "labels": {"a": "1", "b": "2"},
        "inputs": {"x": 1, "y": 2},
        "args_hash": tidemark.args_hash([1]),
    }
    assert expected.items() <= told_once.items()
    assert 0 <= told_once["ts"] - told_once["started_at"] < 10_000
    tm.close(0)


def test_a_step_that_takes_its_time_is_told_when_it_began_too(events: Events) -> None:
    tm = quick(events)
    with tm.run("r"), tm.tool("slow", labels={"a": "1"}) as step:
        deadline = time.monotonic() + 20
        while len(events) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert [event["type"] for event in events] == ["run.started", "step.started"]
        step.usage(tokens_in=3)
    assert told(events[1:3], "type", "tokens_in", "labels") == [
        ("step.started", None, {"a": "1"}),
        ("step.completed", 3, None),
    ]
    assert "started_at" not in events[2]
    tm.close(0)


def test_a_flush_and_an_end_tell_of_steps_that_are_under_way(events: Events) -> None:
    tm = quick(events)
    tm.tool("one").start()
    tm.flush(0)
    assert [event["name"] for event in events] == ["one"]
    tm.tool("two").start()
    tm.close(0)
    assert told(events, "type", "name") == [("step.started", "one"), ("step.started", "two")]


def test_each_start_is_told_once_however_the_end_races_it(events: Events) -> None:
    def see(event: dict[str, Any]) -> None:
        events.append(dict(event))

    tm = tidemark.Client(url="http://127.0.0.1:1", agent="a", redact=see, heartbeat_ms=0, batch_age_ms=2)
    for number in range(2_000):
        with tm.tool("t", labels={"number": number}) as step:
            step.usage(tokens_in=1)
            if number % 10 == 0:
                time.sleep(0.001)
    tm.flush(0)
    ends = [event for event in events if event["type"] == "step.completed"]
    starts = [event["step_id"] for event in events if event["type"] == "step.started"]
    assert len(ends) == 2_000
    assert sum("started_at" in event for event in ends) + len(starts) == 2_000
    assert len(set(starts)) == len(starts)
    assert all("tokens_in" not in event for event in events if event["type"] == "step.started")
    tm.close(0)
