"""Processes that end as no process should: each does what docs/sdk-python.md says."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
import tidemark
from collector import free_port, until
from fake_server import FakeServer, fake_server
from program import LONG_SECONDS, ended, start, until_ready


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    with fake_server() as server:
        yield server


def logs(fake: FakeServer) -> int:
    ids = [event["event_id"] for event in fake.events]
    assert len(ids) == len(set(ids))
    return sum(event["type"] == "log" for event in fake.events)


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        ("pass", 0),
        ("sys.exit(3)", 3),
        ("raise RuntimeError('oh')", 1),
        ("threading.Thread(target=say, args=(5,)).start()", 0),
    ],
)
def test_the_end_of_a_script_flushes(fake: FakeServer, ending: str, code: int) -> None:
    child = start(fake.url, f"with tm.run('r'):\n    say(700)\n    {ending}\n")
    returned, _, errors = ended(child)
    assert returned == code, errors
    assert logs(fake) == 705 if "Thread" in ending else 700
    assert "tidemark" not in errors.replace("tidemark as tm", "")


def test_an_open_run_stays_open_at_the_end_of_the_interpreter(fake: FakeServer) -> None:
    child = start(fake.url, "run = tm.run('r').start()\ntask = run.task('t').start()\nsay(3)\n")
    assert ended(child)[0] == 0
    assert sorted(event["type"] for event in fake.events) == ["log", "log", "log", "run.started", "task.running"]


def test_an_end_with_nothing_to_send_to_takes_no_longer_than_its_deadline() -> None:
    child = start(f"http://127.0.0.1:{free_port()}", "say(10)\n", exit_ms=300)
    code, _, errors = ended(child, 20)
    assert (code, errors) == (0, "")


def test_os_exit_and_sigkill_lose_nothing_that_was_flushed_to_disk(fake: FakeServer, tmp_path: Any) -> None:
    fake.credit = 0
    options: dict[str, Any] = {"overflow": "disk", "directory": str(tmp_path), "producer": "w"}
    first = start(fake.url, "say(600)\ntm.flush(0)\nsay(5)\nos._exit(0)\n", **options)
    assert ended(first)[0] == 0
    second = start(fake.url, "say(900)\ntm.flush(0)\nready()\ntime.sleep(60)\n", **options)
    until_ready(second)
    second.kill()
    assert ended(second)[0] == -signal.SIGKILL
    fake.credit = 8
    third = start(fake.url, "say(1)\nprint(tm.flush(60))\n", **options)
    _, output, errors = ended(third)
    assert logs(fake) == 1_501, output + errors
    assert list(tmp_path.iterdir()) == []


def test_sigterm_flushes_and_still_ends_the_process(fake: FakeServer) -> None:
    child = start(fake.url, "say(20)\nready()\ntime.sleep(60)\n", batch_age_ms=60_000)
    until_ready(child)
    child.send_signal(signal.SIGTERM)
    assert ended(child)[0] == -signal.SIGTERM
    assert logs(fake) == 20


def test_sigterm_ends_a_process_in_time_that_reaches_nobody() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    child = start(url, "say(20)\nready()\nwhile True: say(1)\n", exit_ms=300, overflow="block")
    until_ready(child)
    child.send_signal(signal.SIGTERM)
    assert ended(child, 20)[0] == -signal.SIGTERM


def test_sigterm_is_the_hosts_where_it_handles_it_and_where_signals_are_not_wanted(fake: FakeServer) -> None:
    own = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\nsay(20)\nready()\ntime.sleep(60)\n"
    child = start(fake.url, own, batch_age_ms=60_000)
    until_ready(child)
    child.send_signal(signal.SIGTERM)
    assert ended(child)[0] == 5
    assert logs(fake) == 20
    body = "print(signal.getsignal(signal.SIGTERM) == signal.SIG_DFL, tm.close(0).acked)\n"
    assert ended(start(fake.url, body, signals=False))[1] == "True 0\n"
    assert ended(start(fake.url, "tm.close(0)\n" + body))[1] == "True 0\n"


def test_a_fork_in_the_middle_of_a_run_leaves_its_end_to_the_parent(fake: FakeServer) -> None:
    body = """
    with tm.run("r") as run:
        say(10)
        child = os.fork()
        with tm.tool("in child" if child == 0 else "in parent"):
            say(7)
        if child == 0:
            tm.flush(60)
            os._exit(0)
        os.waitpid(child, 0)
    """
    # One event a step, however long one takes.
    code, _, errors = ended(start(fake.url, body, batch_age_ms=60_000))
    assert code == 0, errors
    assert logs(fake) == 24
    types = [event["type"] for event in fake.events if event["type"] != "log"]
    assert sorted(types) == ["run.completed", "run.started", *["step.completed"] * 2]
    assert len({event["run_id"] for event in fake.events}) == 1
    assert len(fake.producers) == 2


def test_a_fork_while_other_threads_speak_leaves_no_lock_behind(fake: FakeServer) -> None:
    body = """
    threads = [threading.Thread(target=say, args=(3_000,)) for _ in range(3)]
    for thread in threads: thread.start()
    children = []
    for _ in range(5):
        child = os.fork()
        if child == 0:
            say(100)
            os._exit(0 if tm.flush(60).acked == 100 else 1)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    for thread in threads: thread.join()
    print(codes, tm.flush(60).acked)
    """
    code, output, errors = ended(start(fake.url, body))
    assert (code, output) == (0, "[0, 0, 0, 0, 0] 9000\n"), errors
    assert logs(fake) == 9_500


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_children_of_multiprocessing_flush_at_their_end(fake: FakeServer, method: str, tmp_path: Any) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import multiprocessing, sys\nimport tidemark as tm\n"
        # One event a step, however long one takes; and an end that waits for a machine that does much else.
        "tm.configure(batch_age_ms=60_000, exit_ms=30_000)\n"
        "def work(n):\n    with tm.tool('t'):\n        tm.log('info', str(n))\n"
        f"if __name__ == '__main__':\n    context = multiprocessing.get_context('{method}')\n"
        "    tm.log('info', 'parent')\n"
        "    children = [context.Process(target=work, args=(n,)) for n in range(3)]\n"
        "    [child.start() for child in children]\n    [child.join() for child in children]\n"
    )
    import subprocess
    import sys

    environment = {**os.environ, "TIDEMARK_URL": fake.url, "TIDEMARK_KEY": "k"}
    done = subprocess.run([sys.executable, str(program)], env=environment, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert logs(fake) == 4
    assert len(fake.events) == 7


@pytest.mark.parametrize(("seconds", "hangs_up"), [(1, True), (LONG_SECONDS, False)])
def test_a_process_that_was_stopped_goes_on(fake: FakeServer, seconds: float, hangs_up: bool) -> None:
    child = start(fake.url, "say(500)\nready()\nsys.stdin.readline()\nsay(500)\nprint(tm.flush(60).acked)\n")
    until_ready(child)
    child.send_signal(signal.SIGSTOP)
    if hangs_up:
        fake.drop_connections()
    time.sleep(seconds)
    child.send_signal(signal.SIGCONT)
    code, output, errors = ended(child)
    assert (code, output) == (0, "1000\n"), errors
    assert logs(fake) == 1_000


def test_many_runs_at_once_in_tasks_and_threads_are_all_there(fake: FakeServer) -> None:
    import asyncio
    import threading

    # One event a step, however long one takes.
    tm = tidemark.Client(url=fake.url, agent="a", heartbeat_ms=0, batch_age_ms=60_000)

    async def one(number: int) -> None:
        async with tm.run(f"run {number}"):
            await asyncio.sleep(0)
            async with tm.task("t"):
                await asyncio.sleep(0)
                with tm.tool("s"):
                    pass

    async def all_of(count: int) -> None:
        await asyncio.gather(*(one(number) for number in range(count)))

    threads = [threading.Thread(target=asyncio.run, args=(all_of(1_000),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    asyncio.run(all_of(6_000))
    for thread in threads:
        thread.join()
    assert tm.flush(60).acked == 50_000
    parents = {event["run_id"]: event["event_id"] for event in fake.events if event["type"] == "run.started"}
    assert len(parents) == 10_000
    tasks = {event["task_id"]: event["run_id"] for event in fake.events if event["type"] == "task.running"}
    for event in fake.events:
        if event["type"] == "step.completed":
            assert tasks[event["task_id"]] == event["run_id"]
            assert event["parent_id"] == event["task_id"]
    tm.close()


def test_a_blocked_event_loop_does_not_stop_the_sending(fake: FakeServer) -> None:
    import asyncio

    tm = tidemark.Client(url=fake.url, agent="a", heartbeat_ms=0)

    async def main() -> None:
        async with tm.run("r"), tm.tool("slow"):
            # The run and the step, which is told when it takes its time; nothing else of this loop goes on.
            until(lambda: tm.stats().acked == 2)
            assert len(fake.events) == 2

    asyncio.run(main())
    assert tm.flush(60).acked == 4
    tm.close()


def test_heartbeats_come_while_a_run_is_open_and_stop_with_it(fake: FakeServer) -> None:
    tm = tidemark.Client(url=fake.url, agent="a", heartbeat_ms=50, batch_age_ms=10)
    with tm.run("r") as run:
        until(lambda: sum(event["type"] == "heartbeat" for event in fake.events) >= 2)
    assert {event["run_id"] for event in fake.events} == {run.id}
    tm.flush(60)
    before = len(fake.events)
    time.sleep(0.3)
    assert len(fake.events) == before
    tm.close()
