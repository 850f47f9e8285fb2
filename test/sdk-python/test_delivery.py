"""What becomes of events when the collector is slow, away, silent or contrary."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import msgpack
import pytest
import tidemark
from collector import free_port, until
from fake_server import FakeServer, fake_server, hang_up


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    with fake_server() as server:
        yield server


def client_of(fake: FakeServer, **options: Any) -> tidemark.Client:
    return tidemark.Client(**{"url": fake.url, "key": "k", "agent": "a", "heartbeat_ms": 0, **options})


def say(tm: tidemark.Client, count: int, size: int = 0) -> None:
    for number in range(count):
        tm.log("info", f"{number:06d}" + "x" * size)


def adds_up(stats: tidemark.Stats) -> bool:
    return stats.offered == stats.acked + stats.rejected + stats.dropped + stats.pending


def messages(fake: FakeServer) -> list[str]:
    return [event["message"] for event in fake.events if event["type"] == "log"]


def test_events_arrive_in_order_once_and_counted(fake: FakeServer) -> None:
    tm = client_of(fake)
    say(tm, 5_000)
    assert tm.flush(60) == tidemark.Flushed(acked=5_000, pending=0, rejected=0, dropped=0)
    assert messages(fake) == [f"{number:06d}" for number in range(5_000)]
    tm.close()


def test_credit_bounds_the_frames_on_the_wire_and_0_stops_them(fake: FakeServer) -> None:
    fake.credit, fake.acks = 3, False
    tm = client_of(fake, batch_events_max=10)
    say(tm, 100)
    until(lambda: fake.frames == 3)
    assert tm.flush(0.3).pending == 100
    assert fake.frames == 3
    fake.set_credit(0)
    fake.ack_all()
    until(lambda: tm.stats().acked == 30)
    assert tm.flush(0.3).pending == 70
    fake.acks = True
    fake.set_credit(2)
    assert tm.flush(60).acked == 100
    tm.close()


def test_what_was_not_acknowledged_is_sent_again_and_counted_once(fake: FakeServer) -> None:
    lost: set[int] = set()

    def lose_some(connection: Any, seq: int) -> bool:
        if seq % 3 == 0 and seq not in lost:
            lost.add(seq)
            hang_up(connection)
            return True
        return False

    fake.on_frame = lose_some
    tm = client_of(fake, batch_events_max=10)
    say(tm, 200)
    assert tm.flush(60).acked == 200
    assert len(lost) > 1
    assert sorted(messages(fake)) == [f"{number:06d}" for number in range(200)]
    assert tm.stats().resent > 0
    assert tm.stats().connections > 1
    tm.close()


def test_frames_that_are_durable_by_hello_are_not_sent_again(fake: FakeServer) -> None:
    fake.acks = False
    tm = client_of(fake, batch_events_max=10)
    say(tm, 50)
    until(lambda: fake.frames == 5)
    fake.drop_connections()
    assert tm.flush(60).acked == 50
    assert fake.frames == 5
    tm.close()


def test_rejected_events_are_counted_exactly(fake: FakeServer) -> None:
    def reject(connection: Any, seq: int) -> bool:

        errors = [{"index": 0, "code": "field_range", "path": "x", "message": "m"}]
        connection.send(msgpack.packb({"op": "reject", "seq": seq, "accepted": 7, "errors": errors}))
        return False

    fake.on_frame = reject
    problems: list[str] = []
    tm = client_of(fake, batch_events_max=10, on_problem=problems.append)
    say(tm, 30)
    assert tm.flush(60) == tidemark.Flushed(acked=21, pending=0, rejected=9, dropped=0)
    assert any("field_range" in problem for problem in problems)
    tm.close()


def test_drop_keeps_the_newest_and_counts_the_rest(fake: FakeServer) -> None:
    fake.credit = 0
    tm = client_of(fake, overflow="drop", buffer_bytes_max=65_536, batch_events_max=100)
    say(tm, 5_000, 50)
    stats = tm.stats()
    assert stats.offered == 5_000
    assert stats.dropped > 0
    assert adds_up(stats)
    fake.set_credit(10)
    flushed = tm.flush(60)
    assert flushed.pending == 0
    assert len(messages(fake)) == flushed.acked == 5_000 - flushed.dropped
    assert messages(fake)[-1].startswith("004999")
    tm.close()


def test_block_waits_for_room_and_loses_nothing(fake: FakeServer) -> None:
    fake.credit = 0
    tm = client_of(fake, overflow="block", buffer_bytes_max=200_000, batch_events_max=100)
    thread = threading.Thread(target=say, args=(tm, 10_000, 50))
    thread.start()
    until(lambda: tm.stats().state == "connected" and tm.stats().offered > 300)
    thread.join(0.5)
    assert thread.is_alive()
    assert tm.stats().offered < 10_000
    fake.set_credit(4)
    thread.join(120)
    assert not thread.is_alive()
    assert tm.flush(60) == tidemark.Flushed(acked=10_000, pending=0, rejected=0, dropped=0)
    assert sorted(messages(fake)) == sorted(set(messages(fake)))
    tm.close()


def test_block_lets_async_code_wait_without_blocking_the_loop(fake: FakeServer) -> None:
    import asyncio

    fake.credit = 0
    tm = client_of(fake, overflow="block", buffer_bytes_max=200_000, batch_events_max=50)

    async def main() -> int:
        async def work(number: int) -> None:
            for _ in range(20):
                async with tm.task(f"task {number}", inputs={"text": "x" * 200}):
                    pass

        async def give() -> None:
            while tm.stats().pending < 300:
                await asyncio.sleep(0.01)
            fake.set_credit(4)

        await asyncio.gather(give(), *(work(number) for number in range(50)))
        return (await tm.flush_async(60)).acked

    assert asyncio.run(main()) == 2_000
    tm.close()


def test_a_collector_that_was_never_there_costs_bounded_memory_and_no_exception() -> None:
    tm = tidemark.Client(url=f"http://127.0.0.1:{free_port()}", agent="a", buffer_bytes_max=65_536)
    with tm.run("nightly"):
        say(tm, 5_000, 50)
    stats = tm.stats()
    assert stats.offered == 5_002
    assert stats.acked == 0
    assert adds_up(stats)
    flushed = tm.close(0.2)
    assert flushed.pending + flushed.dropped == 5_002


def test_a_refused_key_is_told_and_holds_nobody_up(fake: FakeServer) -> None:
    fake.answer_status = 401
    problems: list[str] = []
    tm = client_of(fake, overflow="block", buffer_bytes_max=65_536, on_problem=problems.append)
    say(tm, 5_000, 50)
    until(lambda: tm.stats().state == "refused")
    say(tm, 5_000, 50)
    assert any("401" in problem for problem in problems)
    assert adds_up(tm.stats())
    assert tm.flush(20).pending > 0
    tm.close(0)


def test_a_frame_that_the_collector_refuses_is_rejected_alone(fake: FakeServer) -> None:
    import msgpack

    def refuse(connection: Any, seq: int) -> bool:
        if seq != 3:
            return False
        connection.send(msgpack.packb({"op": "error", "code": "frame_malformed", "message": "m"}))
        connection.close(4400)
        return True

    fake.on_frame = refuse
    tm = client_of(fake, batch_events_max=10)
    say(tm, 100)
    assert tm.flush(60) == tidemark.Flushed(acked=90, pending=0, rejected=10, dropped=0)
    tm.close()


def test_disk_keeps_what_is_flushed_and_another_client_sends_it(fake: FakeServer, tmp_path: Any) -> None:
    fake.credit = 0
    options = {"overflow": "disk", "directory": str(tmp_path), "producer": "worker", "batch_events_max": 10}
    first = client_of(fake, **options)
    say(first, 95)
    assert first.flush(0.2).pending == 95
    first.close(0)
    assert len(list(tmp_path.iterdir())) == 1
    fake.credit = 4
    second = client_of(fake, **options)
    say(second, 5)
    assert second.flush(60) == tidemark.Flushed(acked=100, pending=0, rejected=0, dropped=0)
    assert len(messages(fake)) == len(fake.events) == 100
    second.close()
    assert list(tmp_path.iterdir()) == []


def test_disk_leaves_alone_what_a_living_client_holds(fake: FakeServer, tmp_path: Any) -> None:
    fake.credit = 0
    options = {"overflow": "disk", "directory": str(tmp_path), "producer": "worker"}
    first, second = client_of(fake, **options), client_of(fake, **options)
    say(first, 10)
    first.flush(0.2)
    third = client_of(fake, **options)
    assert (second.stats().offered, third.stats().offered) == (0, 0)
    fake.set_credit(5)
    assert first.flush(60).acked == 10
    for each in (first, second, third):
        each.close()


def test_a_torn_record_ends_its_file_and_the_frames_before_it_are_sent(fake: FakeServer, tmp_path: Any) -> None:
    fake.credit = 0
    options = {"overflow": "disk", "directory": str(tmp_path), "producer": "worker", "batch_events_max": 10}
    first = client_of(fake, **options)
    say(first, 30)
    first.close(0.2)
    (file,) = tmp_path.glob("worker-*/*.frames")
    file.write_bytes(file.read_bytes()[:-5])
    fake.credit = 4
    second = client_of(fake, **options)
    assert second.flush(60).acked == 20
    second.close()


def test_disk_holds_more_than_memory_and_stays_small_when_it_is_empty(fake: FakeServer, tmp_path: Any) -> None:
    fake.credit = 0
    tm = client_of(fake, overflow="disk", directory=str(tmp_path), producer="w", buffer_bytes_max=65_536)
    say(tm, 20_000, 100)
    assert tm.flush(0.1).pending == 20_000
    fake.set_credit(8)
    assert tm.flush(60) == tidemark.Flushed(acked=20_000, pending=0, rejected=0, dropped=0)
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.frames")) <= 1_048_576
    tm.close()


def test_a_closed_client_keeps_nothing(fake: FakeServer) -> None:
    tm = client_of(fake)
    say(tm, 3)
    assert tm.close(60).acked == 3
    with tm.run("late"):
        say(tm, 3)
    stats = tm.stats()
    # What comes too late is counted, and sent by nobody.
    assert (stats.offered, stats.acked, stats.dropped, stats.state) == (8, 3, 5, "closed")
    assert tm.close(60).acked == 3


def turned_away(fake: FakeServer, code: str, **more: Any) -> None:
    """The first frame is answered with an error that ends the connection; what follows is taken."""
    times = iter([True])

    def refuse(connection: Any, seq: int) -> bool:
        if not next(times, False):
            return False
        connection.send(msgpack.packb({"op": "error", "code": code, "message": "m", **more}))
        connection.close(4429)
        return True

    fake.on_frame = refuse


def test_a_quota_that_is_spent_keeps_the_events_until_it_is_worth_another_try(fake: FakeServer) -> None:
    turned_away(fake, "event_quota_spent", retry_after=1)
    problems: list[str] = []
    tm = client_of(fake, on_problem=problems.append)
    began = time.monotonic()
    say(tm, 10)
    until(lambda: problems)
    # Somebody who waits does not make it sooner.
    assert tm.flush(60) == tidemark.Flushed(acked=10, pending=0, rejected=0, dropped=0)
    assert time.monotonic() - began >= 0.9
    assert fake.connections == 2
    assert len(messages(fake)) == 10
    tm.close()


def test_a_key_that_is_a_function_is_asked_before_each_connection(fake: FakeServer) -> None:
    turned_away(fake, "key_rotated")
    keys = iter(["old", "new"])
    tm = client_of(fake, key=lambda: next(keys))
    say(tm, 10)
    assert tm.flush(60) == tidemark.Flushed(acked=10, pending=0, rejected=0, dropped=0)
    assert next(keys, None) is None
    tm.close()


def test_a_key_that_stays_the_same_is_not_tried_again_at_once(fake: FakeServer) -> None:
    turned_away(fake, "key_rotated")
    tm = client_of(fake)
    say(tm, 10)
    assert tm.flush(0.5).pending == 10
    assert tm.stats().state == "refused"
    assert fake.connections == 1
    tm.close()
