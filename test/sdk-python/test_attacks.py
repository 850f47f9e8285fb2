"""What a host may do to a client that shares its process: signals, forks, descriptors, disks that are full."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import tidemark
from collector import free_port, until
from fake_server import FakeServer, fake_server
from program import ended, start, until_ready
from tidemark import _disk, _frame, _stream


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    with fake_server() as server:
        yield server


def client_of(fake: FakeServer, **options: Any) -> tidemark.Client:
    return tidemark.Client(**{"url": fake.url, "key": "k", "agent": "a", "heartbeat_ms": 0, **options})


def say(tm: tidemark.Client, count: int) -> None:
    for number in range(count):
        tm.log("info", f"{number:06d}" + "x" * 50)


def unlike(fake: FakeServer) -> int:
    ids = [event["event_id"] for event in fake.events]
    assert len(ids) == len(set(ids))
    return len(ids)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


linux = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors in /proc")


@pytest.mark.parametrize("overflow", ["drop", "disk"])
def test_signal_handlers_that_speak_and_flush_break_nothing(fake: FakeServer, overflow: str, tmp_path: Any) -> None:
    body = """
    heard = 0
    def handler(number, frame):
        global heard
        heard += 1
        say(3)
        tm.flush(0)
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    say(20_000)
    signal.setitimer(signal.ITIMER_REAL, 0)
    flushed = tm.flush(60)
    print(flushed.acked - 3 * heard, flushed.pending, flushed.dropped, tm.stats().resent, heard > 50)
    """
    child = start(fake.url, body, overflow=overflow, directory=str(tmp_path), batch_events_max=20)
    code, output, errors = ended(child)
    assert (code, output) == (0, "20000 0 0 0 True\n"), errors
    assert unlike(fake) > 20_000


def test_a_host_that_closes_every_descriptor_is_served_on_new_ones(fake: FakeServer) -> None:
    body = """
    say(10)
    tm.flush(60)
    os.closerange(3, 256)
    say(10)
    print(tm.flush(60).acked)
    before = time.process_time()
    time.sleep(1)
    print(time.process_time() - before < 0.3)
    """
    code, output, errors = ended(start(fake.url, body))
    assert (code, output) == (0, "20\nTrue\n"), errors


@linux
def test_a_host_with_thousands_of_descriptors_is_served(fake: FakeServer) -> None:
    body = """
    import resource
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4_096, hard), hard))
    held = [os.open("/dev/null", os.O_RDONLY) for _ in range(1_100)]
    say(10)
    print(tm.flush(60).acked)
    """
    code, output, errors = ended(start(fake.url, body))
    assert (code, output) == (0, "10\n"), errors


@linux
def test_clients_that_were_closed_hold_no_descriptor_and_no_thread(fake: FakeServer) -> None:
    say_one = [client_of(fake) for _ in range(3)]
    before, threads = descriptors(), threading.active_count()
    for tm in [client_of(fake) for _ in range(10)] + say_one:
        say(tm, 3)
        assert tm.close(60).acked == 3
    until(lambda: descriptors() <= before and threading.active_count() <= threads)


def test_a_flush_waits_for_what_was_said_before_it_and_not_for_what_others_go_on_saying(fake: FakeServer) -> None:
    tm = client_of(fake, batch_events_max=50)
    over = threading.Event()

    def speak() -> None:
        while not over.is_set():
            say(tm, 5)
            time.sleep(0.001)

    thread = threading.Thread(target=speak)
    thread.start()
    until(lambda: tm.stats().offered > 100)
    before, began = tm.stats().offered, time.monotonic()
    assert tm.flush(60).acked >= before
    assert time.monotonic() - began < 30
    over.set()
    thread.join()
    tm.close()


def test_block_loses_nothing_of_many_threads_in_little_room(fake: FakeServer) -> None:
    fake.credit = 0
    tm = client_of(fake, overflow="block", buffer_bytes_max=65_536, batch_age_ms=10)
    threads = [threading.Thread(target=say, args=(tm, 600)) for _ in range(30)]
    for thread in threads:
        thread.start()
    until(lambda: tm.stats().pending > 500)
    time.sleep(1)
    assert tm.stats().dropped == 0
    fake.set_credit(8)
    for thread in threads:
        thread.join(120)
    assert tm.flush(60) == tidemark.Flushed(acked=18_000, pending=0, rejected=0, dropped=0)
    assert unlike(fake) == 18_000
    tm.close()


def test_a_disk_that_is_full_for_a_while_costs_nothing_that_lies_on_it(
    fake: FakeServer, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.credit = 0
    options = {"overflow": "disk", "directory": str(tmp_path), "producer": "w", "buffer_bytes_max": 65_536}
    tm = client_of(fake, batch_events_max=100, **options)
    say(tm, 5_000)
    tm.flush(0)
    write = _disk._write_all

    def full(fd: int, data: bytes) -> None:
        write(fd, data[:7])
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(_disk, "_write_all", full)
    say(tm, 200)
    tm.flush(0)
    monkeypatch.setattr(_disk, "_write_all", write)
    say(tm, 200)
    assert tm.flush(0.1).dropped == 0
    fake.set_credit(8)
    assert tm.flush(60) == tidemark.Flushed(acked=5_400, pending=0, rejected=0, dropped=0)
    assert unlike(fake) == 5_400
    tm.close()


def kept_numbers(fake: FakeServer) -> list[int]:
    return sorted(int(event["message"][:6]) for event in fake.events if event["type"] == "log")


def test_beyond_the_bound_of_its_files_the_newest_is_dropped_and_what_was_accepted_stays(
    fake: FakeServer, tmp_path: Any
) -> None:
    fake.credit = 0
    options = {"overflow": "disk", "directory": str(tmp_path), "producer": "w", "disk_bytes_max": 1_048_576}
    # None by its age: a frame of fewer events can still have room where one of a hundred had none.
    tm = client_of(fake, batch_events_max=100, batch_age_ms=60_000, **options)
    say(tm, 20_000)
    told = tm.flush(0)
    assert told.dropped > 1_000 and told.pending + told.dropped == 20_000
    fake.set_credit(8)
    assert tm.flush(60).acked == told.pending
    assert kept_numbers(fake) == list(range(told.pending))
    tm.close()


def test_a_disk_that_stays_full_leaves_memory_and_beyond_it_the_newest_is_dropped(
    fake: FakeServer, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.credit = 0
    options = {"overflow": "disk", "directory": str(tmp_path), "producer": "w", "buffer_bytes_max": 65_536}
    tm = client_of(fake, batch_events_max=20, **options)

    def full(fd: int, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(_disk, "_write_all", full)
    say(tm, 2_000)
    told = tm.flush(0)
    assert told.pending > 100 and told.dropped > 100 and told.pending + told.dropped == 2_000
    fake.set_credit(8)
    assert tm.flush(60).acked == told.pending
    assert kept_numbers(fake) == list(range(told.pending))
    tm.close()


@linux
def test_a_backlog_of_many_files_is_sent_with_few_of_them_open(
    fake: FakeServer, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_disk, "_SEGMENT_BYTES", 5_000)
    fake.credit = 0
    options = {"overflow": "disk", "directory": str(tmp_path), "producer": "w", "batch_events_max": 10}
    first = client_of(fake, **options)
    before = descriptors()
    say(first, 5_000)
    first.flush(0)
    assert len(list(tmp_path.glob("*/*.frames"))) > 50
    assert descriptors() - before < 10
    first.close(0)
    second = client_of(fake, **options)
    assert (second.stats().pending, descriptors() - before < 10) == (5_000, True)
    until(lambda: fake.set_credit(8) or second.stats().pending == 0)
    assert second.flush(60).acked == 5_000
    assert unlike(fake) == 5_000
    second.close()
    assert list(tmp_path.iterdir()) == []


def test_a_child_that_lives_on_does_not_keep_what_its_parent_left(fake: FakeServer, tmp_path: Any) -> None:
    fake.credit = 0
    options: dict[str, Any] = {"overflow": "disk", "directory": str(tmp_path), "producer": "w"}
    body = """
    say(50)
    tm.flush(0)
    child = os.fork()
    if child == 0:
        os.close(1); os.close(2)
        time.sleep(30)
        os._exit(0)
    print(child, flush=True)
    os._exit(0)
    """
    code, output, errors = ended(start(fake.url, body, **options))
    assert code == 0, errors
    try:
        fake.credit = 8
        tm = client_of(fake, **options)
        assert tm.flush(60).acked == 50
        tm.close()
    finally:
        os.kill(int(output), signal.SIGKILL)


def test_ids_differ_in_forks_of_a_process_that_sends_nothing() -> None:
    body = """
    for _ in range(2):
        if os.fork() == 0:
            os.write(1, tm.run("r").start().id.encode() + b"\\n")
            os._exit(0)
    os.wait(), os.wait()
    """
    code, output, errors = ended(start("", body))
    assert code == 0, errors
    assert len(set(output.split())) == 2


@pytest.mark.parametrize("url", ["http://[::1", 7, "http://127.0.0.1:port", "nonsense://"])
@pytest.mark.parametrize("transport", ["stream", "post"])
def test_a_url_that_is_none_throws_nothing(url: Any, transport: Any) -> None:
    problems: list[str] = []
    tm = tidemark.Client(url=url, transport=transport, on_problem=problems.append)
    with tm.run("r"):
        tm.log("info", "m")
    assert tm.flush(0.5).acked == 0
    until(lambda: problems)
    tm.close(0)


def test_batches_that_are_larger_than_a_frame_may_be_are_halved(fake: FakeServer) -> None:
    fake.frame_bytes_max = 20_000
    # One event a step, however long one takes.
    tm = client_of(fake, batch_events_max=5_000, batch_age_ms=60_000)
    for _ in range(5_000):
        with tm.tool("search"):
            pass
    assert tm.flush(60) == tidemark.Flushed(acked=5_000, pending=0, rejected=0, dropped=0)
    assert unlike(fake) == 5_000
    assert fake.frames > 20
    tm.close()


def test_an_interrupt_while_a_batch_is_packed_loses_nothing(fake: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    tm = client_of(fake, batch_events_max=10, batch_age_ms=60_000)
    pack = _frame.pack

    def interrupt(events: list[Any]) -> bytes:
        monkeypatch.setattr(_frame, "pack", pack)
        raise KeyboardInterrupt

    monkeypatch.setattr(_frame, "pack", interrupt)
    with pytest.raises(KeyboardInterrupt):
        say(tm, 15)
    assert tm.stats().offered == 10
    say(tm, 5)
    assert tm.flush(60).acked == 15
    assert unlike(fake) == 15
    tm.close()


def test_every_open_run_beats_however_many_there_are(fake: FakeServer) -> None:
    tm = client_of(fake, heartbeat_ms=100)
    runs = [tm.run(f"run {number}").start() for number in range(1_500)]
    wanted = {run.id for run in runs}
    until(lambda: {event["run_id"] for event in fake.events if event["type"] == "heartbeat"} == wanted)
    tm.close(0)


class Proxy(BaseHTTPRequestHandler):
    """Answers as who stands between may, before the collector does."""

    answers: list[tuple[int, str]] = []
    keys: list[str] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.keys.append(self.headers["Idempotency-Key"])
        status, text = self.answers.pop(0)
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None: ...


def test_only_the_collectors_own_word_is_an_acknowledgement() -> None:
    Proxy.keys = []
    Proxy.answers = [
        (200, "<html>welcome to the hotel</html>"),
        (302, "log in"),
        (405, "no"),
        (202, '{"accepted":9,"rejected":1,"duplicates":2,"errors":[{"index":0}]}'),
        (400, '{"code":"events_invalid"}'),
    ]
    server = HTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    tm = tidemark.Client(url=url, key="k", transport="post", heartbeat_ms=0, batch_age_ms=60_000)
    say(tm, 10)
    assert tm.flush(60) == tidemark.Flushed(acked=9, pending=0, rejected=1, dropped=0)
    assert len(set(Proxy.keys)) == 1
    say(tm, 5)
    assert tm.flush(60) == tidemark.Flushed(acked=9, pending=0, rejected=6, dropped=0)
    tm.close()
    server.shutdown()
    server.server_close()


def test_a_flush_does_not_sit_out_the_wait_before_the_next_try(monkeypatch: pytest.MonkeyPatch) -> None:
    # After the first failure the next try is minutes away: longer than a flush waits here.
    monkeypatch.setattr(_stream, "_DELAY_MIN", 600.0)
    monkeypatch.setattr(_stream, "_DELAY_MAX", 600.0)
    port = free_port()
    problems: list[str] = []
    tm = tidemark.Client(url=f"http://127.0.0.1:{port}", agent="a", heartbeat_ms=0, on_problem=problems.append)
    say(tm, 3)
    until(lambda: problems)
    fake = FakeServer()
    server = fake.serve(port)
    assert tm.flush(60).acked == 3
    tm.close()
    server.shutdown()


def test_sigterm_while_a_batch_is_packed_is_flushed(fake: FakeServer) -> None:
    child = start(fake.url, "ready()\nwhile True: say(1)\n", batch_events_max=5)
    until_ready(child)
    until(lambda: len(fake.events) > 500)
    child.send_signal(signal.SIGTERM)
    assert ended(child)[0] == -signal.SIGTERM
    assert unlike(fake) == len(fake.events)
