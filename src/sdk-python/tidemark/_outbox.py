"""Frames of one producer, from the batch to the acknowledgement, in order, bounded by bytes.

`waiting` are those not on the wire, `flying` those that are; a frame is in one of them until it is acknowledged,
rejected or dropped. Every method is called with the delivery's lock held.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from ._frame import Frame, halve


class FrameStore(Protocol):
    """Keeps the bytes of frames elsewhere than in memory."""

    def read(self, frame: Frame) -> bytes: ...
    def forget(self, frame: Frame) -> None: ...
    def close(self, keep: bool) -> None: ...
    def abandon(self) -> None: ...


class Outbox:
    def __init__(self, producer: str, store: FrameStore | None = None) -> None:
        self.producer = producer
        self.store = store
        self.waiting: deque[Frame] = deque()
        self.flying: deque[Frame] = deque()
        self.next_seq = 1
        #: Of all frames, in memory or in the store, and of those in memory.
        self.size = 0
        self.memory = 0
        #: Events of all frames.
        self.pending = 0
        self.offered = 0
        self.acked = 0
        self.rejected = 0
        self.dropped = 0
        #: Frames that were sent again.
        self.resent = 0

    def push(self, frame: Frame) -> None:
        self.waiting.append(frame)
        self._count_in(frame)

    def refuse(self, events: int) -> None:
        """Events for which there is no room."""
        self.offered += events
        self.dropped += events

    def reject(self, events: int) -> None:
        """Events that no collector could take."""
        self.offered += events
        self.rejected += events

    def drop_oldest(self) -> bool:
        """A frame on the wire may be stored already, so it is never the one. False when there is no other."""
        index = next((at for at, frame in enumerate(self.waiting) if frame.sent == 0), None)
        if index is None:
            return False
        frame = self.waiting[index]
        del self.waiting[index]
        self.dropped += frame.events
        self._count_out(frame)
        return True

    def take(self) -> Frame | None:
        """The next frame for the wire, numbered."""
        if not self.waiting:
            return None
        frame = self.waiting.popleft()
        if frame.seq == 0:
            frame.seq = self.next_seq
            self.next_seq += 1
        if frame.sent > 0:
            self.resent += 1
        frame.sent += 1
        self.flying.append(frame)
        return frame

    def split_first(self, bytes_max: int) -> bool:
        """Makes two of the next frame when it is larger, as far as it has no number yet. False when it stays."""
        frame = self.waiting[0] if self.waiting else None
        if frame is None or frame.body is None or frame.seq or frame.events < 2 or len(frame.body) <= bytes_max:
            return False
        overhead, before = frame.size - len(frame.body), frame.size
        (body, events), (frame.body, frame.events) = halve(frame.body)
        first = Frame(body, events, len(body) + overhead)
        # The frame itself is the second half, so that who waits for it waits for both.
        frame.size = len(frame.body) + overhead
        self.waiting.appendleft(first)
        grown = first.size + frame.size - before
        self.size += grown
        self.memory += grown
        return True

    def bytes_of(self, frame: Frame) -> bytes:
        """Throws OSError when the store cannot read them."""
        if frame.body is not None:
            return frame.body
        assert self.store is not None
        return self.store.read(frame)

    def ack_to(self, seq: int) -> None:
        while self.flying and self.flying[0].seq <= seq:
            self.settle(self.flying.popleft())

    def greet(self, last_seq: int) -> None:
        """What a server says it has, on a new connection: frames up to there are durable, the rest goes out again."""
        self.land()
        while self.waiting and 0 < self.waiting[0].seq <= last_seq and self.waiting[0].sent > 0:
            self.settle(self.waiting.popleft())
        self.next_seq = max(self.next_seq, last_seq + 1)

    def land(self) -> None:
        """The connection is gone: what flew waits again, in front."""
        while self.flying:
            self.waiting.appendleft(self.flying.pop())

    def rename(self, producer: str) -> None:
        """Goes on under another name with numbers from 1; the ids of the events tell what is there already."""
        self.land()
        self.producer = producer
        self.next_seq = 1
        for frame in self.waiting:
            frame.seq = self.next_seq
            self.next_seq += 1

    def reject_part(self, seq: int, accepted: int) -> None:
        for frame in self.flying:
            if frame.seq == seq:
                frame.rejected = min(max(frame.events - accepted, 0), frame.events)

    def settle(self, frame: Frame) -> None:
        """A frame that was taken out is acknowledged; the part of it that was rejected is not."""
        self.rejected += frame.rejected
        self.acked += frame.events - frame.rejected
        self._count_out(frame)

    def lose(self, frame: Frame) -> None:
        """A frame that was taken out and can no longer be read."""
        self.dropped += frame.events
        self._count_out(frame)

    def _count_in(self, frame: Frame) -> None:
        self.size += frame.size
        if frame.place is None:
            self.memory += frame.size
        self.pending += frame.events
        self.offered += frame.events

    def _count_out(self, frame: Frame) -> None:
        self.size -= frame.size
        self.pending -= frame.events
        frame.body = None
        frame.settled = True
        if frame.place is None:
            self.memory -= frame.size
        elif self.store is not None:
            self.store.forget(frame)
