"""The HTTP transport: one request a frame, repeated under the same `Idempotency-Key` until there is an answer."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from . import _frame
from ._stream import RETRY_AFTER_MAX, Backoff, Key, key_of

if TYPE_CHECKING:
    from ._delivery import Delivery
    from ._frame import Frame
    from ._outbox import Outbox
    from ._waker import Waker

_ANSWER_SECONDS = 15.0
_REFUSED_SECONDS = 30.0
_REFUSALS = frozenset((401, 403, 404, 421))
# What is said of this body would be said of it again: all its events are bad, or it is too large.
_BODY_FAULTS = frozenset((400, 413, 422))


class Post:
    """Used by the delivery's thread alone; nothing is open between two requests."""

    def __init__(
        self, delivery: Delivery, url: str, key: Key, now: Callable[[], float], tls: Callable[[], ssl.SSLContext]
    ) -> None:
        self._delivery = delivery
        self._url = urlsplit(_post_url(url))
        self._key = key
        self._tls = tls
        self._backoff = Backoff(now)
        self.state = "connecting"

    def turn(self, seconds: float, waker: Waker, box: Outbox) -> None:
        if not box.pending or self._backoff.seconds_left > 0:
            waker.sleep(min(seconds, self._backoff.seconds_left) if box.pending else seconds)
            return
        with self._delivery.lock:
            frame = box.take()
            if frame is None:
                return
            try:
                body = _frame.plain(box.bytes_of(frame))
            except OSError as error:
                box.flying.pop()
                box.lose(frame)
                self._delivery.problems.say("disk", f"cannot read a frame back: {error}")
                return
        try:
            status, answer, retry_after = self._ask(f"{box.producer}-{frame.seq}", body)
        except Exception as error:  # a network fails in many ways
            self._again(box, f"{type(error).__name__}: {error}", 0)
            return
        self._judge(box, frame, status, answer, retry_after)

    def hurry(self) -> None:
        self._backoff.hurry()

    def close(self) -> None: ...

    def abandon(self) -> None: ...

    def _ask(self, idempotency_key: str, body: bytes) -> tuple[int, dict[str, Any], float]:
        url = self._url
        if self.state != "refused":
            self.state = "connecting"
        connection: http.client.HTTPConnection
        if url.scheme == "https":
            connection = http.client.HTTPSConnection(url.netloc, timeout=_ANSWER_SECONDS, context=self._tls())
        else:
            connection = http.client.HTTPConnection(url.netloc, timeout=_ANSWER_SECONDS)
        self._delivery.connections += 1
        try:
            headers = {
                "Authorization": f"Bearer {key_of(self._key)}",
                "Content-Type": "application/msgpack",
                "Idempotency-Key": idempotency_key,
                "User-Agent": "tidemark-python",
            }
            connection.request("POST", url.path, body, headers)
            response = connection.getresponse()
            text = response.read(4 * 1_048_576)
            return response.status, _json_of(text), _seconds_of(response.getheader("Retry-After"))
        finally:
            connection.close()

    def _judge(self, box: Outbox, frame: Frame, status: int, answer: dict[str, Any], retry_after: float) -> None:
        if status in _REFUSALS and not (status == 401 and callable(self._key)):
            self._again(box, f"it answered {status}", _REFUSED_SECONDS)
            self.state = "refused"
            self._delivery.problems.say("refused", f"the collector refuses this client: it answered {status}")
        else:
            kept = _kept(status, answer)
            if kept is None:
                # A proxy, a page that wants a login, a collector that is busy: nobody has said what became of it.
                self._again(box, f"it answered {status}", min(retry_after, RETRY_AFTER_MAX))
                return
            with self._delivery.lock:
                box.flying.remove(frame)
                frame.rejected = max(frame.events - kept, 0)
                box.settle(frame)
            self._backoff.succeed()
            self.state = "connected"
            if answer.get("errors") or frame.rejected:
                self._delivery.problems.say("reject", f"the collector answered {status}: {str(answer)[:500]}")
        self._delivery.give_room()

    def _again(self, box: Outbox, why: str, seconds: float) -> None:
        with self._delivery.lock:
            box.land()
        if self.state != "refused":
            self.state = "connecting"
        self._backoff.fail(seconds)
        self._delivery.problems.say("connection", f"cannot post to the collector: {why}")


def _kept(status: int, answer: dict[str, Any]) -> int | None:
    """How many events are stored, as the collector itself says; None where that is nobody's word."""
    accepted = answer.get("accepted")
    if status // 100 == 2 and isinstance(accepted, int):
        return accepted
    return 0 if status in _BODY_FAULTS else None


def _post_url(url: str) -> str:
    parts = urlsplit(url if "://" in url else f"http://{url}")
    scheme = "https" if parts.scheme in ("https", "wss") else "http"
    return f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}/v1/events"


def _json_of(text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        try:
            value = _frame.unpack(text)
        except Exception:  # a proxy may answer with a page
            return {}
    return value if isinstance(value, dict) else {}


def _seconds_of(header: str | None) -> float:
    try:
        return max(float(header or 0), 0)
    except ValueError:
        return 0
