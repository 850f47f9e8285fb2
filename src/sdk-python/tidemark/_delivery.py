"""From the event that is offered to the one thread that sends it.

Offering is one append to a deque; whoever makes a batch full packs it into a frame, so that what waits is bytes, and
their number is known. The thread packs what got old, sends, and reads the answers. A lock guards the frames. A signal
handler or a finalizer may come in between while its own thread holds it: what it offers then is only appended, and what
it flushes is told as it stands.
"""

from __future__ import annotations

import asyncio
import contextvars
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
from ._flushing import Flushing
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
    def hurry(self) -> None: ...
    def close(self) -> None: ...
    def abandon(self) -> None: ...


class Delivery:
    def __init__(
        self,
        options: Options,
        problems: Problems,
        make_transport: Callable[[Delivery], Transport],
        beat: Callable[[], None],
        tend_starts: Callable[[float], float],
    ) -> None:
        self.problems = problems
        self._options = options
        self._make_transport = make_transport
        self._beat = beat
        self._tend_starts = tend_starts
        self._batch_max = options.batch_events_max
        self._age = options.batch_age_ms / 1000
        self._closed = False
        self.reset()

    def reset(self) -> None:
        """As new: at the start, and in the child of a fork, where all that waits is the parent's to send."""
        self.lock = threading.RLock()
        self._moved = threading.Condition(self.lock)
        self._open: deque[Event] = deque()
        #: Events that were taken out of `_open`.
        self.taken = 0
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
        #: As the collector says it, once it does.
        self.frame_bytes_max = 1_048_576
        self._transport = self._make_transport(self)

    def after_fork_in_child(self) -> None:
        for give_back in (
            self._transport.abandon,
            *(box.store.abandon for box in [self._box, *self._adopted] if box.store is not None),
            self.waker.close,
        ):
            try:
                give_back()
            except Exception:  # the host may have closed what is given back here
                pass
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
        if self._long_bytes > _BATCH_BYTES and not self._is_within():
            self._seal_with_room()

    def _attend(self) -> None:
        if not self._armed:
            self._armed_at = now()
            self._armed = True
            if not self._is_within():
                self.start()
            self.waker.wake()
        if len(self._open) >= self._batch_max and not self._is_within():
            # Another thread may be about to start it, and without it nobody would wait for room.
            self.start()
            self._seal_with_room()

    def _seal_with_room(self) -> None:
        # In one turn: of two threads that see the same room the second would pack beyond the bound.
        with self.lock:
            self._wait_for_room()
            self._seal()

    def _is_within(self) -> bool:
        """Whether this thread is in the middle of something here, and a handler or a finalizer asks."""
        return bool(self.lock._is_owned())  # type: ignore[attr-defined]

    def wake(self) -> None:
        """For something that the thread has not heard of."""
        if not self._is_within():
            self.start()
        self.waker.wake()

    def start(self) -> None:
        """The thread, where it does not run."""
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
                # In no context: it is nobody's work.
                contextvars.Context().run(self._thread.start)
            except (RuntimeError, OSError) as error:
                # An interpreter that is ending starts no threads; what is flushed then stays pending.
                self._thread = None
                self.problems.say("thread", f"cannot start the sending thread: {error}")

    def _open_spool(self) -> None:
        options = self._options
        try:
            self._spool = Spool(options.directory or ".", options.producer or "sdk")
            self._adopted = self._spool.adopt(lambda text: self.problems.say("left", text))
        except OSError as error:
            self._spool = None
            self.problems.say("disk", f"cannot use the directory {options.directory}: {error}")

    # Frames

    def _seal(self) -> None:
        """Packs one batch of what is open."""
        with self.lock:
            events: list[Event] = []
            take, add = self._open.popleft, events.append
            before = self._box.offered
            try:
                for _ in range(self._batch_max):
                    add(take())
            except IndexError:
                pass
            try:
                self._long_bytes = 0
                self.taken += len(events)
                if events:
                    self._push(events)
            except BaseException:
                # KeyboardInterrupt comes between any two lines; what was not kept yet is kept where it was.
                if self._box.offered == before:
                    self.taken -= len(events)
                    self._open.extendleft(reversed(events))
                raise
        self.waker.wake()

    def seal_all(self) -> None:
        """What is open now; what others offer meanwhile has its own turn."""
        self._armed = False
        for _ in range(len(self._open) // self._batch_max + 1):
            self._seal()

    def _push(self, events: list[Event]) -> None:
        """Halves what is too large or cannot be packed, until the one event that is at fault stands alone."""
        body = self._packed(events)
        if body is None:
            if len(events) == 1:
                self._box.reject(1)
                return
            half = (len(events) + 1) // 2
            self._push(events[:half])
            self._push(events[half:])
            return
        frame = Frame(body, len(events), len(body) + _FRAME_OVERHEAD)
        if self._spool is None or not self._to_disk(frame, self._spool):
            self._to_memory(frame)

    def _packed(self, events: list[Event]) -> bytes | None:
        try:
            body = _frame.pack(events)
        except Exception as error:  # only what `redact` put in can be unpackable
            if len(events) == 1:
                self.problems.say("pack", f"an event cannot be packed and is left out: {error}")
            return None
        if len(body) + _frame.NUMBER_BYTES <= self.frame_bytes_max:
            return body
        if len(events) == 1:
            self.problems.say("pack", f"an event of {len(body)} bytes is larger than a frame may be")
        return None

    def _to_disk(self, frame: Frame, spool: Spool) -> bool:
        box = self._box
        try:
            if box.store is None:
                box.store = spool.begin(box.producer)
            if box.size + frame.size > self._options.disk_bytes_max:
                # What was accepted stays, as it may be another process that sends it: the newest has no room.
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
            # A disk that is full, or fails. Beyond the bound the newest goes here too.
            if box.memory + frame.size > most:
                box.refuse(frame.events)
                return
            # Frames in files are numbered before they are sent, so one beside them is too.
            frame.seq = box.next_seq
            box.next_seq += 1
        elif self._options.overflow == "block" and self._transport.state != "refused":
            # Only what could not wait comes here beyond the bound.
            if box.memory + frame.size > 2 * most:
                box.refuse(frame.events)
                return
        else:
            while box.memory + frame.size > most:
                if not box.drop_oldest():
                    box.refuse(frame.events)
                    return
        box.push(frame)

    # Room

    def is_full(self) -> bool:
        return (
            self._options.overflow == "block"
            and self._box.pending > 0
            and self._box.memory + _BATCH_BYTES > self._options.buffer_bytes_max
            and self.works()
        )

    def works(self) -> bool:
        """Whether somebody sends what waits."""
        thread = self._thread
        return (
            thread is not None and thread.is_alive() and not self._stopping and self._transport.state != "refused"
        )

    def _wait_for_room(self) -> None:
        """With `block`, a thread waits here; one that runs an event loop, or sends, cannot."""
        if not self.is_full() or threading.current_thread() is self._thread or _loop_runs() or sys.is_finalizing():
            return
        with self.lock:
            while self.is_full():
                self._moved.wait(_WAIT_SECONDS)

    async def room(self) -> None:
        """With `block`, what is async waits here, at its beginning and its end."""
        while self.is_full():
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
            if self._stopping:
                self._put_away()
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
        seconds = min(_IDLE_SECONDS, self._tend_starts(moment))
        if self._options.heartbeat_ms > 0:
            seconds = min(seconds, self._beat_at - moment)
        if self._armed:
            left = self._armed_at + self._age - moment
            if left > 0:
                seconds = min(seconds, left)
            else:
                with self.lock:
                    if not self.is_full():
                        self.seal_all()
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
        if not self._is_within():
            deadline = now() + max(seconds, 0)
            with self.lock:
                flushing = self._begin_flush()
                while not flushing.is_over():
                    left = deadline - now()
                    if left <= 0:
                        break
                    self._moved.wait(min(left, _WAIT_SECONDS))
        return self.flushed()

    async def flush_async(self, seconds: float) -> Flushed:
        deadline = now() + max(seconds, 0)
        with self.lock:
            flushing = self._begin_flush()
        while not self._is_over(flushing) and now() < deadline:
            await asyncio.sleep(0.005)
        return self.flushed()

    def _begin_flush(self) -> Flushing:
        if self._pending() > 0:
            self.start()
            self._transport.hurry()
            self.waker.wake()
        return Flushing(self)

    def _is_over(self, flushing: Flushing) -> bool:
        """Without waiting for whoever packs just now."""
        if not self.lock.acquire(blocking=False):
            return False
        try:
            return flushing.is_over()
        finally:
            self.lock.release()

    def _pending(self) -> int:
        return len(self._open) + self._box.pending + sum(box.pending for box in self._adopted)

    @property
    def open_events(self) -> int:
        return len(self._open)

    def frames(self) -> deque[Frame]:
        """All that wait or are on the wire, in the order in which they go; those on the wire first."""
        return deque(
            frame for box in [*self._adopted, self._box] for some in (box.flying, box.waiting) for frame in some
        )

    def stop(self) -> None:
        """The thread ends after its turn; what has no acknowledgement stays counted as pending."""
        self._stopping = True
        self._closed = True
        self.waker.wake()
        thread = self._thread
        if thread is not None and thread.is_alive() and thread is not threading.current_thread():
            thread.join(_STOP_SECONDS)
        if thread is None or not thread.is_alive():
            self._put_away()
        self.give_room()

    def _put_away(self) -> None:
        """By the thread at its end, or by whoever stops a client that has none."""
        with self.lock:
            self.waker.close()
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
