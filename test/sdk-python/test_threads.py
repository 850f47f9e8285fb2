"""Threads and executors: what they do belongs to where they were started."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import tidemark

Events = list[dict[str, Any]]
_start, _submit = threading.Thread.start, ThreadPoolExecutor.submit


@pytest.fixture
def events() -> Events:
    return []


@pytest.fixture
def tm(events: Events) -> Iterator[tidemark.Client]:
    def see(event: dict[str, Any]) -> None:
        events.append(event)

    client = tidemark.Client(url="http://127.0.0.1:1", agent="a", redact=see, heartbeat_ms=0, batch_age_ms=0)
    yield client
    client.close(0)


def parents(events: Events) -> list[Any]:
    return [event.get("parent_id") for event in events if event["type"] == "step.started"]


def test_threads_and_jobs_belong_to_the_handle_in_which_they_were_started(tm: tidemark.Client, events: Events) -> None:
    def work(number: int = 0) -> int:
        with tm.tool("t"):
            return number

    class Own(threading.Thread):
        def run(self) -> None:
            work()

    async def in_executor() -> None:
        await asyncio.get_running_loop().run_in_executor(None, work)

    with tm.run("r") as run, ThreadPoolExecutor(2) as pool:
        for thread in (threading.Thread(target=work), Own(), threading.Timer(0, work)):
            thread.start()
            thread.join()
        assert list(pool.map(work, range(5))) == [0, 1, 2, 3, 4]
        assert pool.submit(work, number=7).result() == 7
        asyncio.run(in_executor())
    assert parents(events) == [run.id] * 10


def test_threads_that_an_executor_keeps_belong_to_nobody(tm: tidemark.Client, events: Events) -> None:
    def work() -> None:
        with tm.tool("t"):
            pass

    with ThreadPoolExecutor(1) as pool:
        with tm.run("first") as first:
            pool.submit(work).result()
        pool.submit(work).result()
        with tm.run("second") as second:
            pool.submit(work).result()
    assert parents(events) == [first.id, None, second.id]


def test_a_thread_that_outlives_its_run_does_other_work_then(tm: tidemark.Client, events: Events) -> None:
    go, gone = threading.Event(), threading.Event()

    def serve() -> None:
        with tm.tool("inside"):
            gone.set()
        go.wait()
        with tm.tool("later"):
            pass

    with tm.run("r") as run:
        thread = threading.Thread(target=serve)
        thread.start()
        gone.wait()
    go.set()
    thread.join()
    assert parents(events) == [run.id, None]


def test_attempts_flow_into_threads(tm: tidemark.Client, events: Events) -> None:
    def fetch() -> None:
        with tm.tool("fetch"):
            pass

    def attempt(number: int) -> None:
        with ThreadPoolExecutor(4) as pool:
            for job in [pool.submit(fetch) for _ in range(8)]:
                job.result()
        if number < 3:
            raise ValueError(number)

    with tm.run("r"):
        tm.retry(3, attempt)
    started = [event for event in events if event["type"] == "step.started"]
    assert len({(event["step_id"], event["attempt"]) for event in started}) == 24
    assert len({event["step_id"] for event in started}) == 8


def test_a_job_that_throws_and_a_thread_that_is_started_twice_are_as_ever(tm: tidemark.Client) -> None:
    def throw() -> None:
        raise KeyError("mine")

    with tm.run("r"), ThreadPoolExecutor(1) as pool:
        assert isinstance(pool.submit(throw).exception(), KeyError)
        thread = threading.Thread(target=lambda: None)
        thread.start()
        thread.join()
        assert "run" not in vars(thread) or vars(thread)["run"] == thread.run
        with pytest.raises(RuntimeError):
            thread.start()
        pool.shutdown()
        with pytest.raises(RuntimeError):
            pool.submit(throw)


def test_nothing_is_replaced_without_a_client_that_wants_it_or_after_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    def untouched() -> bool:
        return threading.Thread.start is _start and ThreadPoolExecutor.submit is _submit

    monkeypatch.delenv("TIDEMARK_URL", raising=False)
    url = "http://127.0.0.1:1"
    with tidemark.Client().run("r"):
        assert untouched()
    unwilling = tidemark.Client(url=url, threads=False)
    assert untouched()
    first, second = tidemark.Client(url=url), tidemark.Client(url=url)
    first.close(0)
    assert not untouched()
    second.close(0)
    assert untouched()
    unwilling.close(0)


def test_what_somebody_else_put_in_the_same_place_stays(tm: tidemark.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = threading.Thread.start
    started: list[threading.Thread] = []

    def theirs(self: threading.Thread) -> None:
        started.append(self)
        ours(self)

    monkeypatch.setattr(threading.Thread, "start", theirs)
    tm.close(0)
    assert threading.Thread.start is theirs
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    assert started == [thread]
    monkeypatch.undo()
    threading.Thread.start = _start  # type: ignore[method-assign]
