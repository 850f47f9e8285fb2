"""A real collector that is killed, restarted and stopped under 3,000 events a second."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

import pytest
import tidemark
from collector import KEY, Collector, free_port, until
from program import ended, start


def say_for(tm: tidemark.Client, seconds: float, stop: threading.Event) -> None:
    """Bursts of 150 events, twenty a second."""
    deadline = time.monotonic() + seconds
    number = 0
    while time.monotonic() < deadline or not stop.is_set():
        for _ in range(75):
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
    code, output, errors = ended(child, 60)
    assert code == 0, errors
    grown_mb, offered = map(int, output.split())
    assert offered == 152_000
    # 150,000 events are about 20 MB on the wire.
    assert grown_mb < 8
