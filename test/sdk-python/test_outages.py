"""A real collector that is killed, restarted and stopped under 3,000 events a second."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

import pytest
import tidemark
from collector import KEY, Collector, free_port, until
from program import LONG_SECONDS, ended, start


def say_for(tm: tidemark.Client, seconds: float, stop: threading.Event) -> None:
    """3,000 events a second, in bursts of 150."""
    deadline = time.monotonic() + seconds
    number = 0
    while time.monotonic() < deadline or not stop.is_set():
        for _ in range(150):
            # One event, as it ends at once.
            with tm.tool("s"):
                number += 1
        time.sleep(0.05)


@pytest.mark.parametrize(
    "options",
    [
        {"overflow": "block", "buffer_bytes_max": 262_144},
        {"overflow": "disk", "producer": "worker"},
        {"overflow": "drop", "buffer_bytes_max": 131_072},
        {"overflow": "block", "buffer_bytes_max": 262_144, "transport": "post"},
    ],
    ids=["block", "disk", "drop", "post"],
)
def test_events_are_there_once_whatever_the_collector_does(
    own_collector: Collector, agent: str, options: dict[str, Any], tmp_path: Any
) -> None:
    own_collector.start()
    told = {"directory": str(tmp_path), **options} if options["overflow"] == "disk" else options
    tm = tidemark.Client(url=own_collector.url, key=KEY, agent=agent, heartbeat_ms=0, **told)
    over = threading.Event()
    speaker = threading.Thread(target=say_for, args=(tm, 4, over))
    speaker.start()
    until(lambda: tm.stats().acked > 0)
    own_collector.kill()
    time.sleep(0.5)
    own_collector.start()
    acked = tm.stats().acked
    until(lambda: tm.stats().acked > acked)
    own_collector.send_signal(signal.SIGSTOP)
    time.sleep(1)
    own_collector.send_signal(signal.SIGCONT)
    over.set()
    speaker.join(60)
    assert not speaker.is_alive()
    flushed = tm.flush(60)
    stats = tm.stats()
    assert (flushed.pending, flushed.rejected) == (0, 0)
    assert stats.offered == stats.acked + stats.dropped
    if options["overflow"] != "drop":
        assert stats.dropped == 0
    assert own_collector.count(agent, stats.acked) == (stats.acked, stats.acked)
    tm.close()


def test_after_a_long_time_without_a_collector_every_event_is_there_or_counted(
    own_collector: Collector, agent: str, tmp_path: Any
) -> None:
    own_collector.start()
    kinds: dict[str, dict[str, Any]] = {
        "block": {"overflow": "block", "buffer_bytes_max": 1_048_576},
        "disk": {"overflow": "disk", "producer": "worker", "directory": str(tmp_path)},
        "drop": {"overflow": "drop", "buffer_bytes_max": 1_048_576},
        "post": {"overflow": "disk", "producer": "poster", "directory": str(tmp_path), "transport": "post"},
    }
    clients = {
        name: tidemark.Client(url=own_collector.url, key=KEY, agent=f"{agent}-{name}", heartbeat_ms=0, **options)
        for name, options in kinds.items()
    }
    over = threading.Event()
    # All at once, so that each says a part of the 3,000 a second.
    speakers = [threading.Thread(target=say_some, args=(tm, over)) for tm in clients.values()]
    for speaker in speakers:
        speaker.start()
    for tm in clients.values():
        until(lambda tm=tm: tm.stats().acked > 0)
    own_collector.kill()
    time.sleep(LONG_SECONDS)
    own_collector.start()
    over.set()
    for speaker in speakers:
        speaker.join(60)
        assert not speaker.is_alive()
    for name, tm in clients.items():
        flushed, stats = tm.flush(120), tm.stats()
        assert (flushed.pending, flushed.rejected) == (0, 0), name
        assert stats.offered == stats.acked + stats.dropped
        assert (stats.dropped > 0) == (name == "drop"), name
        assert own_collector.count(f"{agent}-{name}", stats.acked) == (stats.acked, stats.acked), name
        tm.close()


def say_some(tm: tidemark.Client, over: threading.Event) -> None:
    while not over.is_set():
        for _ in range(75):
            with tm.tool("s"):
                pass
        time.sleep(0.1)


@pytest.mark.parametrize("overflow", ["drop", "disk"])
def test_memory_is_bounded_while_nobody_answers(overflow: str, tmp_path: Any) -> None:
    body = """
    import resource
    say(2_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(100):
        say(1_500)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024, tm.stats().offered)
    """
    child = start(
        f"http://127.0.0.1:{free_port()}",
        body,
        overflow=overflow,
        directory=str(tmp_path),
        buffer_bytes_max=1_048_576,
        exit_ms=0,
    )
    code, output, errors = ended(child)
    assert code == 0, errors
    grown_mb, offered = map(int, output.split())
    assert offered == 152_000
    # 150,000 events are about 20 MB on the wire.
    assert grown_mb < 8
