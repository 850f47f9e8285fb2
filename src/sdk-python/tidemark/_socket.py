"""A WebSocket that never blocks but to open: websockets' protocol without its threads, on a socket of our own."""

from __future__ import annotations

import codecs
import select
import socket
import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

_READ_BYTES = 65_536
# The thread's first connection would import it, and a fork at that moment leave the lock of the import to the child.
codecs.lookup("idna")

_READS_MAX = 256
_MESSAGE_BYTES_MAX = 16 * 1_048_576
_DATA = (Opcode.BINARY, Opcode.TEXT, Opcode.CONT)


class Refused(Exception):
    """The server answered the upgrade with a status instead."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the collector answered {status}")
        self.status = status


class Socket:
    """Throws OSError where the connection cannot be opened; later ends are told by `is_open`."""

    def __init__(
        self, url: str, key: str, timeout: float, clock: Callable[[], float], tls: Callable[[], ssl.SSLContext]
    ) -> None:
        self._deadline = clock() + timeout
        self._clock = clock
        self._tls = tls
        self._out = bytearray()
        self._messages: list[bytes] = []
        #: The beginning of a message that comes in parts.
        self._parts: list[bytes] = []
        self.heard = False
        uri = parse_uri(url)
        self._protocol = ClientProtocol(uri, max_size=_MESSAGE_BYTES_MAX)
        self._socket = self._dial(url, timeout)
        try:
            self._shake_hands(key)
        except BaseException:
            self._socket.close()
            raise

    def _dial(self, url: str, timeout: float) -> socket.socket:
        parts = urlsplit(url)
        secure = parts.scheme == "wss"
        host, port = parts.hostname or "", parts.port or (443 if secure else 80)
        sock = socket.create_connection((host, port), timeout=timeout)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if secure:
                sock = self._tls().wrap_socket(sock, server_hostname=host)
            sock.setblocking(False)
        except BaseException:
            sock.close()
            raise
        return sock

    def _shake_hands(self, key: str) -> None:
        request = self._protocol.connect()
        request.headers["Authorization"] = f"Bearer {key}"
        request.headers["User-Agent"] = "tidemark-python"
        self._protocol.send_request(request)
        self._collect()
        while self._protocol.state is State.CONNECTING:
            left = self._deadline - self._clock()
            if left <= 0:
                raise TimeoutError("the collector did not answer the upgrade")
            self.wait(left, None)
            error = self._protocol.handshake_exc
            if isinstance(error, InvalidStatus):
                raise Refused(error.response.status_code)
            if error is not None or (self._protocol.state is State.CONNECTING and self._ended):
                raise ConnectionError(f"cannot open the stream: {error or 'the connection was closed'}")

    _ended = False

    @property
    def is_open(self) -> bool:
        return not self._ended and self._protocol.state is State.OPEN

    @property
    def unsent_bytes(self) -> int:
        return len(self._out)

    @property
    def close_reason(self) -> str:
        protocol = self._protocol
        return f"{protocol.close_code}" + (f" {protocol.close_reason}" if protocol.close_reason else "")

    def send(self, data: bytes) -> None:
        self._protocol.send_binary(data)
        self._collect()
        self._write()

    def ping(self) -> None:
        self._protocol.send_ping(b"tm")
        self._collect()
        self._write()

    def wait(self, seconds: float, waker: socket.socket | None) -> None:
        """Until something can be read or written, `waker` is readable or the time is over; reads what is there."""
        if isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            seconds = 0
        can_read, can_write = _ready(self._socket, bool(self._out), waker, max(seconds, 0))
        if can_write:
            self._write()
        if can_read or seconds == 0:
            self._read()

    def messages(self) -> list[bytes]:
        found, self._messages = self._messages, []
        return found

    def close(self) -> None:
        """Says goodbye as far as the socket takes it at once."""
        try:
            if self._protocol.state is State.OPEN:
                self._protocol.send_close(1000)
                self._collect()
                self._write()
        except Exception:  # it is closed all the same
            pass
        self.abandon()

    def abandon(self) -> None:
        """Gives the descriptor back and says nothing: in a fork, where the connection is the parent's."""
        self._ended = True
        try:
            self._socket.close()
        except OSError:
            pass

    def _collect(self) -> None:
        for data in self._protocol.data_to_send():
            self._out += data

    def _write(self) -> None:
        while self._out:
            try:
                sent = self._socket.send(memoryview(bytes(self._out[:_READ_BYTES])))
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                return
            except OSError:
                self._ended = True
                return
            del self._out[:sent]

    def _read(self) -> None:
        for _ in range(_READS_MAX):
            if self._ended:
                break
            try:
                data = self._socket.recv(_READ_BYTES)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                break
            except OSError:
                data = b""
            if data:
                self.heard = True
                self._protocol.receive_data(data)
            else:
                self._protocol.receive_eof()
                self._ended = True
            self._take_events()
            self._collect()
        self._write()

    def _take_events(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, WireFrame) and event.opcode in _DATA:
                self._parts.append(bytes(event.data))
                if event.fin:
                    self._messages.append(b"".join(self._parts))
                    self._parts = []


def _ready(sock: socket.socket, writes: bool, waker: socket.socket | None, seconds: float) -> tuple[bool, bool]:
    """Whether `sock` can be read and written. Throws OSError where a descriptor is gone."""
    if not hasattr(select, "poll"):
        readers = [sock] if waker is None else [sock, waker]
        found, room, _ = select.select(readers, [sock] if writes else [], [], seconds)
        return sock in found, bool(room)
    # Not select(): it takes no descriptor beyond 1,023, which a busy server has.
    poll = select.poll()
    poll.register(sock, select.POLLIN | (select.POLLOUT if writes else 0))
    if waker is not None:
        poll.register(waker, select.POLLIN)
    can_read = can_write = False
    for fd, happened in poll.poll(seconds * 1_000):
        if happened & select.POLLNVAL:
            raise OSError("a descriptor was closed by somebody else")
        if fd == sock.fileno():
            can_read = bool(happened & ~select.POLLOUT)
            can_write = bool(happened & select.POLLOUT)
    return can_read, can_write
