"""From the event that is offered to the one thread that sends it.

Offering is one append to a deque; whoever makes a batch full packs it into a frame, so that what waits is bytes, and
their number is known. The thread packs what got old, sends, and reads the answers. A re-entrant lock guards the frames,
because a signal handler or a finalizer may offer an event while its own thread holds it.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from . import _frame
from ._counts import Flushed, Problems, Stats
from ._disk import Spool
from ._exit import watch_multiprocessing
from ._frame import Event, Frame
from ._options import Options
from ._outbox import Outbox
from ._waker import Waker

#: Of the bookkeeping of a frame, beside its bytes.
_FRAME_OVERHEAD = 256
#: A batch is packed at about so many bytes, when long texts fill it before its number of events does.
_BATCH_BYTES = 131_072
_IDLE_SECONDS = 30.0
_WAIT_SECONDS = 0.25
#: For the thread to say goodbye; it is a daemon and holds nobody up.
_STOP_SECONDS = 0.3

now = time.monotonic


class Transport(Protocol):
    state: str

    def turn(self, seconds: float, waker: Waker, box: Outbox) -> None: ...
    def close(self) -> None: ...
    def abandon(self) -> None: ...


class Delivery:
    def __init__(
        self,
        options: Options,
        problems: Problems,
        make_transport: Callable[[Delivery], Transport],
        beat: Callable[[], None],
    ) -> None:
        self.problems = problems
        self._options = options
        self._make_transport = make_transport
        self._beat = beat
        self._batch_max = options.batch_events_max
        self._age = options.batch_age_ms / 1000
        self._closed = False
        self.reset()

    def reset(self) -> None:
        """As new: at the start, and in the child of a fork, where all that waits is the parent's to send."""
        self.lock = threading.RLock()
        self._moved = threading.Condition(self.lock)
        self._open: deque[Event] = deque()
        self._long_bytes = 0
        self._box = Outbox(self._options.wire_producer())
        self._adopted: list[Outbox] = []
        self._spool: Spool | None = None
        self._armed = False
        self._armed_at = 0.0
        self._beat_at = now() + self._options.heartbeat_ms / 1000
        self._thread: threading.Thread | None = None
        self.waker = Waker()
        self._stopping = False
        self.connections = 0
        self._transport = self._make_transport(self)

    def after_fork_in_child(self) -> None:
        self._transport.abandon()
        for box in [self._box, *self._adopted]:
            if box.store is not None:
                box.store.abandon()
        self.waker.close()
        self.reset()

    # Offering

    def offer(self, event: Event) -> None:
        """Hot path: once an event, and without the lock, as an append to a deque is atomic."""
        opened = self._open
        opened.append(event)
        if not self._armed or len(opened) >= self._batch_max:
            self._attend()

    def offer_long(self, event: Event, size: int) -> None:
        """An event with texts of `size` bytes that may be long."""
        self._long_bytes += size
        self.offer(event)
        if self._long_bytes > _BATCH_BYTES:
            self._wait_for_room()
            self._seal()

    def _attend(self) -> None:
        if not self._armed:
            self._armed = True
            self._armed_at = now()
            self._ensure_thread()
            self.waker.wake()
        if len(self._open) >= self._batch_max:
            self._wait_for_room()
            self._seal()

    def start(self) -> None:
        self._ensure_thread()

    def _ensure_thread(self) -> None:
        thread = self._thread
        if thread is not None and thread.is_alive():
            return
        with self.lock:
            if self._closed or self._stopping or (self._thread is not None and self._thread.is_alive()):
                return
            if self._options.overflow == "disk" and self._spool is None:
                self._open_spool()
            watch_multiprocessing()
            try:
                self.waker.open()
                self._thread = threading.Thread(target=self._work, name="tidemark", daemon=True)
                self._thread.start()
            except (RuntimeError, OSError) as error:
                # An interpreter that is ending starts no threads; what is flushed then stays pending.
                self._thread = None
                self.problems.say("thread", f"cannot start the sending thread: {error}")

    def _open_spool(self) -> None:
        options = self._options
        try:
            self._spool = Spool(options.directory or ".", options.producer or "tidemark", options.disk_bytes_max)
            self._adopted = self._spool.adopt()
        except OSError as error:
            self._spool = None
            self.problems.say("disk", f"cannot use the directory {options.directory}: {error}")

    # Frames

    def _seal(self) -> None:
        """Packs one batch of what is open."""
        with self.lock:
            events: list[Event] = []
            take, room = self._open.popleft, self._batch_max
            try:
                while room > 0:
                    events.append(take())
                    room -= 1
            except IndexError:
                pass
            self._long_bytes = 0
            if events:
                self._push(events)
        self.waker.wake()

    def _seal_all(self) -> None:
        self._armed = False
        while self._open:
            self._seal()

    def _push(self, events: list[Event]) -> None:
        try:
            body = _frame.pack(events)
        except Exception as error:  # only what `redact` put in can be unpackable
            self.problems.say("pack", f"an event cannot be packed and is dropped: {error}")
            if len(events) == 1:
                self._box.refuse(1)
            else:
                for event in events:
                    self._push([event])
            return
        frame = Frame(body, len(events), len(body) + _FRAME_OVERHEAD)
        if self._spool is not None and self._to_disk(frame, self._spool):
            return
        self._to_memory(frame)

    def _to_disk(self, frame: Frame, spool: Spool) -> bool:
        box = self._box
        try:
            if box.store is None:
                box.store = spool.begin(box.producer)
            while box.size + frame.size > self._options.disk_bytes_max:
                if not box.drop_oldest():
                    box.refuse(frame.events)
                    return True
            frame.seq = box.next_seq
            spool.append(box.store, frame)
        except OSError as error:
            frame.seq = 0
            self.problems.say("disk", f"cannot write to the directory {self._options.directory}: {error}")
            return False
        box.next_seq += 1
        box.push(frame)
        return True

    def _to_memory(self, frame: Frame) -> None:
        box, most = self._box, self._options.buffer_bytes_max
        if self._spool is not None:
            # Frames in files are numbered before they are sent, so one beside them is too.
            frame.seq = box.next_seq
            box.next_seq += 1
        if self._options.overflow == "block" and self._transport.state != "refused":
            # Only what could not wait comes here beyond the bound.
            if box.size + frame.size > 2 * most:
                box.refuse(frame.events)
                return
        else:
            while box.size + frame.size > most:
                if not box.drop_oldest():
                    box.refuse(frame.events)
                    return
        box.push(frame)

    # Room

    def _is_full(self) -> bool:
        return (
            self._options.overflow == "block"
            and self._box.pending > 0
            and self._box.size + _BATCH_BYTES > self._options.buffer_bytes_max
            and not self._stopping
            and self._transport.state != "refused"
            and self._thread is not None
            and self._thread.is_alive()
        )

    def _wait_for_room(self) -> None:
        """With `block`, a thread waits here; one that runs an event loop, or sends, cannot."""
        if not self._is_full() or threading.current_thread() is self._thread or _loop_runs() or sys.is_finalizing():
            return
        with self.lock:
            while self._is_full():
                self._moved.wait(_WAIT_SECONDS)

    async def room(self) -> None:
        """With `block`, what is async waits here, at its beginning and its end."""
        while self._is_full():
            await asyncio.sleep(0.01)

    def give_room(self) -> None:
        with self.lock:
            self._moved.notify_all()

    # The thread

    def _work(self) -> None:
        me = threading.current_thread()
        try:
            while self._thread is me and not self._stopping:
                self._turn()
        finally:
            self._transport.close()
            self.give_room()

    def _turn(self) -> None:
        try:
            seconds = self._tend()
            self._transport.turn(seconds, self.waker, self._next_box())
        except Exception as error:  # the thread goes on, whatever it met
            self.problems.say("thread", f"the sending thread met {type(error).__name__}: {error}")
            time.sleep(0.2)

    def _tend(self) -> float:
        """Packs what got old and beats; seconds until there is something to tend again."""
        moment = now()
        if self._options.heartbeat_ms > 0 and moment >= self._beat_at:
            self._beat_at = moment + self._options.heartbeat_ms / 1000
            self._beat()
        seconds = _IDLE_SECONDS
        if self._options.heartbeat_ms > 0:
            seconds = min(seconds, self._beat_at - moment)
        if self._armed:
            left = self._armed_at + self._age - moment
            if left <= 0:
                self._seal_all()
            else:
                seconds = min(seconds, left)
        return seconds

    def _next_box(self) -> Outbox:
        """What a dead process left behind goes first."""
        with self.lock:
            while self._adopted and self._adopted[0].pending == 0:
                self._retire(self._adopted.pop(0))
            return self._adopted[0] if self._adopted else self._box

    def _retire(self, box: Outbox) -> None:
        own = self._box
        own.offered += box.offered
        own.acked += box.acked
        own.rejected += box.rejected
        own.dropped += box.dropped
        own.resent += box.resent
        if box.store is not None:
            box.store.close(keep=False)

    # Ends

    def flush(self, seconds: float) -> Flushed:
        deadline = now() + max(seconds, 0)
        self._begin_flush()
        with self.lock:
            while not self._is_settled():
                left = deadline - now()
                if left <= 0:
                    break
                self._moved.wait(min(left, _WAIT_SECONDS))
                self._begin_flush()
        return self.flushed()

    async def flush_async(self, seconds: float) -> Flushed:
        deadline = now() + max(seconds, 0)
        self._begin_flush()
        while not self._is_settled() and now() < deadline:
            await asyncio.sleep(0.005)
            self._begin_flush()
        return self.flushed()

    def _begin_flush(self) -> None:
        if self._open and not self._is_full():
            self._seal_all()
        if self._pending() > 0:
            self._ensure_thread()

    def _is_settled(self) -> bool:
        if self._pending() == 0 or self._thread is None or not self._thread.is_alive():
            return True
        return self._transport.state == "refused"

    def _pending(self) -> int:
        return len(self._open) + self._box.pending + sum(box.pending for box in self._adopted)

    def stop(self) -> None:
        """The thread ends after its turn; what has no acknowledgement stays counted as pending."""
        self._stopping = True
        self._closed = True
        self.waker.wake()
        thread = self._thread
        if thread is not None and thread.is_alive() and thread is not threading.current_thread():
            thread.join(_STOP_SECONDS)
        self.give_room()
        with self.lock:
            for box in [self._box, *self._adopted]:
                if box.store is not None:
                    box.store.close(keep=box.pending > 0)

    @property
    def has_something(self) -> bool:
        return self._thread is not None or self._pending() > 0

    def flushed(self) -> Flushed:
        stats = self.stats()
        return Flushed(stats.acked, stats.pending, stats.rejected, stats.dropped)

    def stats(self, redacted: int = 0) -> Stats:
        with self.lock:
            opened = len(self._open)
            boxes = [self._box, *self._adopted]
            return Stats(
                offered=opened + sum(box.offered for box in boxes),
                acked=sum(box.acked for box in boxes),
                rejected=sum(box.rejected for box in boxes),
                dropped=sum(box.dropped for box in boxes),
                pending=opened + sum(box.pending for box in boxes),
                mended=self.problems.mended,
                redacted=redacted,
                connections=self.connections,
                resent=sum(box.resent for box in boxes),
                state="closed" if self._closed else self._transport.state,
            )


def _loop_runs() -> bool:
    return asyncio._get_running_loop() is not None
