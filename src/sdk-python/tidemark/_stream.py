"""The WebSocket transport: hello, frames within the credit, acknowledgements, and again after each loss."""

from __future__ import annotations

import random
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Union
from urllib.parse import quote, urlsplit

from . import _frame
from ._ids import short_name
from ._socket import Refused, Socket

if TYPE_CHECKING:
    from ._delivery import Delivery
    from ._outbox import Outbox
    from ._waker import Waker

_OPEN_SECONDS = 5.0
_SILENCE_SECONDS = 15.0
_DELAY_MIN, _DELAY_MAX, _DELAY_REFUSED = 0.1, 10.0, 30.0
#: However long the collector asks to wait: a limit may be raised before.
RETRY_AFTER_MAX = 900.0
_UNSENT_BYTES_MAX = 1_048_576
# Less is no bound that anything fits into.
_FRAME_BYTES_MIN = 1_024
# What no waiting mends: the key, the scope, the address.
_REFUSALS = frozenset(
    (
        "key_missing",
        "key_invalid",
        "key_rotated",
        "scope_missing",
        "certificate_missing",
        "certificate_refused",
        "user_bound",
        "path_unknown",
        "host_unknown",
        "protocol_unknown",
    )
)
# The frame itself is what cannot be taken.
_FRAME_FAULTS = frozenset(("frame_malformed", "frame_shape", "frame_empty", "frame_too_large", "frame_too_many_events"))
_NUMBER_FAULTS = frozenset(("seq_missing", "seq_invalid", "seq_regressed", "producer_replaced"))


#: A function is asked before each connection: a key that is rotated while the process runs.
Key = Union[str, Callable[[], str]]


def key_of(key: Key) -> str:
    return key if isinstance(key, str) else str(key()).strip()


class Backoff:
    """When to try again: growing, random delays, from 0.1 to 10 s."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._failures = 0
        self._until = 0.0
        #: Not even somebody who waits may have it sooner.
        self._least = 0.0

    def fail(self, at_least: float = 0.0) -> None:
        self._failures += 1
        delay = min(_DELAY_MIN * 2 ** min(self._failures - 1, 10), _DELAY_MAX)
        self._least = self._now() + at_least
        self._until = max(self._least, self._now() + delay * (0.5 + random.random() / 2))

    def hurry(self) -> None:
        """Somebody waits, perhaps with a process that ends: once, without delay."""
        self._until = min(self._until, self._least)

    def succeed(self) -> None:
        self._failures = 0
        self._until = 0.0

    @property
    def seconds_left(self) -> float:
        return max(self._until - self._now(), 0.0)


class Stream:
    """Used by the delivery's thread alone."""

    def __init__(
        self, delivery: Delivery, url: str, key: Key, now: Callable[[], float], tls: Callable[[], ssl.SSLContext]
    ) -> None:
        self._delivery = delivery
        self._base = stream_url(url)
        self._key = key
        self._tls = tls
        self._now = now
        self._backoff = Backoff(now)
        self._socket: Socket | None = None
        self._box: Outbox | None = None
        self._greeted = False
        self._credit = 0
        self._asked_at: float | None = None
        self._heard_at = 0.0
        self._announced: str | None = None
        #: Seconds before which another try is in vain, as the collector says.
        self._retry_after = 0.0
        # After a frame was refused: one at a time, so that the bad one is known.
        self._careful = False
        self.state = "connecting"

    def turn(self, seconds: float, waker: Waker, box: Outbox) -> None:
        """Does what can be done and waits at most so long for more."""
        if self._socket is not None and self._box is not box and not self._flies():
            self._hang_up()
        if self._socket is None:
            if not box.pending or self._backoff.seconds_left > 0:
                left = self._backoff.seconds_left if box.pending else seconds
                waker.sleep(min(seconds, left))
                return
            self._open(box)
        if self._socket is not None:
            self._pump(seconds, waker)

    def hurry(self) -> None:
        self._backoff.hurry()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def abandon(self) -> None:
        if self._socket is not None:
            self._socket.abandon()

    def _flies(self) -> bool:
        return self._box is not None and len(self._box.flying) > 0

    def _open(self, box: Outbox) -> None:
        self._box = box
        self._greeted, self._credit, self._asked_at, self._announced = False, 0, None, None
        self._retry_after = 0.0
        if self.state != "refused":
            self.state = "connecting"
        try:
            url = f"{self._base}?producer={quote(box.producer)}"
            self._socket = Socket(url, key_of(self._key), _OPEN_SECONDS, self._now, self._tls)
            self._delivery.connections += 1
            self._heard_at = self._now()
        except Refused as refused:
            if refused.status == 401 and callable(self._key):
                # The next one may be another.
                self._fail(str(refused))
            elif refused.status in (400, 401, 403, 404, 421, 426):
                self._refuse(str(refused))
            else:
                self._fail(str(refused))
        except Exception as error:  # a network fails in many ways
            self._fail(f"{type(error).__name__}: {error}")

    def _refuse(self, why: str) -> None:
        self._lose_connection()
        self.state = "refused"
        self._backoff.fail(_DELAY_REFUSED)
        self._delivery.problems.say("refused", f"the collector refuses this client: {why}; trying again every 30 s")
        self._delivery.give_room()

    def _fail(self, why: str) -> None:
        self._lose_connection()
        self.state = "connecting"
        self._backoff.fail(self._retry_after)
        self._delivery.problems.say("connection", f"cannot reach the collector: {why}")

    def _hang_up(self) -> None:
        self.close()
        self._lose_connection()
        self.state = "connecting"

    def _lose_connection(self) -> None:
        if self._socket is not None:
            self._socket.abandon()
        self._socket = None
        self._greeted = False
        if self._box is not None:
            with self._delivery.lock:
                self._box.land()

    def _pump(self, seconds: float, waker: Waker) -> None:
        sock = self._socket
        assert sock is not None
        # A hello may have come with the answer to the upgrade.
        self._take_messages(sock)
        self._send_frames(sock)
        try:
            sock.wait(min(seconds, self._watch_silence(sock)), waker.reader)
            waker.drain()
        except (OSError, ValueError) as error:
            # It may be the waker's descriptor that somebody closed: it gets a new one.
            waker.close()
            self._fail(str(error))
            return
        self._take_messages(sock)
        if self._socket is sock and not sock.is_open:
            self._on_end(sock)

    def _take_messages(self, sock: Socket) -> None:
        if sock.heard:
            sock.heard, self._heard_at, self._asked_at = False, self._now(), None
        for data in sock.messages():
            self._on_message(data)

    def _send_frames(self, sock: Socket) -> None:
        box = self._box
        assert box is not None
        credit = min(self._credit, 1) if self._careful else self._credit
        while self._greeted and sock.is_open and len(box.flying) < credit and sock.unsent_bytes < _UNSENT_BYTES_MAX:
            with self._delivery.lock:
                while box.split_first(self._delivery.frame_bytes_max - _frame.NUMBER_BYTES):
                    pass
                frame = box.take()
                if frame is None:
                    return
                try:
                    body = box.bytes_of(frame)
                except OSError as error:
                    box.flying.pop()
                    box.lose(frame)
                    self._delivery.problems.say("disk", f"cannot read a frame back: {error}")
                    continue
                data = _frame.numbered(frame.seq, body)
                if len(data) > self._delivery.frame_bytes_max:
                    box.flying.pop()
                    frame.rejected = frame.events
                    box.settle(frame)
                    self._delivery.problems.say("frame", f"a frame of {len(data)} bytes is larger than one may be")
                    self._delivery.give_room()
                    continue
            sock.send(data)

    def _watch_silence(self, sock: Socket) -> float:
        """Asks after silence and gives up after as much again; seconds until there is something to do."""
        now = self._now()
        if self._asked_at is not None:
            if now - self._asked_at >= _SILENCE_SECONDS:
                # What came meanwhile, as after a stop of the process, is read before it is judged.
                sock.wait(0, None)
                if not sock.heard:
                    sock.abandon()
                return 0
            return self._asked_at + _SILENCE_SECONDS - now
        silent = now - self._heard_at
        if silent >= _SILENCE_SECONDS:
            self._asked_at = now
            sock.ping()
            return _SILENCE_SECONDS
        return _SILENCE_SECONDS - silent

    def _on_message(self, data: bytes) -> None:
        try:
            message = _frame.unpack(data)
            op = message["op"]
        except Exception:  # a newer server may say what this client does not know
            return
        box = self._box
        if box is None or not isinstance(message, dict):
            return
        if op == "hello":
            self._on_hello(message, box)
        elif op == "ack":
            self._backoff.succeed()
            with self._delivery.lock:
                box.ack_to(int(message["seq"]))
            self._delivery.give_room()
            self._careful = self._careful and bool(box.pending)
        elif op == "credit":
            self._credit = int(message["credit"])
        elif op == "reject":
            self._on_reject(message, box)
        elif op == "error":
            self._announced = str(message.get("code", ""))
            after = message.get("retry_after", 0)
            self._retry_after = min(float(after), RETRY_AFTER_MAX) if isinstance(after, (int, float)) else 0.0

    def _on_hello(self, message: dict[str, Any], box: Outbox) -> None:
        self._greeted = True
        self._credit = int(message.get("credit", 0))
        self._delivery.frame_bytes_max = max(int(message.get("max_frame_bytes", 0)), _FRAME_BYTES_MIN)
        self.state = "connected"
        with self._delivery.lock:
            box.greet(int(message.get("last_seq", 0)))
        self._delivery.give_room()

    def _on_reject(self, message: dict[str, Any], box: Outbox) -> None:
        with self._delivery.lock:
            box.reject_part(int(message["seq"]), int(message.get("accepted", 0)))
        first = (message.get("errors") or [{}])[0]
        said = f"{first.get('code')} {first.get('path')}: {first.get('message')}"
        self._delivery.problems.say("reject", f"the collector says of an event: {said}")

    def _on_end(self, sock: Socket) -> None:
        code, box = self._announced or "", self._box
        if box is None:
            return
        if code in _REFUSALS and not (code.startswith("key_") and callable(self._key)):
            self._refuse(code)
            return
        if code in _FRAME_FAULTS:
            self._single_out(box, str(code))
        if code in _NUMBER_FAULTS:
            with self._delivery.lock:
                box.rename(f"{box.producer[:51]}-{short_name()}")
        self._fail(code or f"the connection ended with {sock.close_reason}")

    def _single_out(self, box: Outbox, code: str) -> None:
        """One frame on the wire is the bad one; of several, the next time each flies alone."""
        with self._delivery.lock:
            if len(box.flying) == 1:
                frame = box.flying.popleft()
                frame.rejected = frame.events
                box.settle(frame)
                self._delivery.problems.say("frame", f"the collector refused a frame of {frame.events} events: {code}")
            self._careful = True


def stream_url(url: str) -> str:
    """`http` and `ws` mean the same here, `https` and `wss` too; a path in front is kept."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    scheme = "wss" if parts.scheme in ("https", "wss") else "ws"
    return f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}/v1/stream"
