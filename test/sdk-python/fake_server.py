"""A collector that does as it is told: its credit, when it acknowledges, what it rejects, whom it turns away."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgpack
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

Events = list[dict[str, Any]]


def hang_up(connection: ServerConnection) -> None:
    """Without a word, as a network does."""
    try:
        connection.socket.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


class FakeServer:
    """Keeps the frames of each producer by number, as a collector does: a number twice counts once."""

    def __init__(self) -> None:
        self.credit = 64
        self.frame_bytes_max = 1_048_576
        self.acks = True
        self.answer_status = 101
        self.producers: dict[str, dict[int, Events]] = {}
        self.frames = 0
        self.connections = 0
        #: Called with the connection and the number of a frame, before it is kept; True to keep nothing of it and end.
        self.on_frame: Callable[[ServerConnection, int], bool] | None = None
        self._open: set[ServerConnection] = set()
        self._lock = threading.Lock()
        self.port = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def events(self) -> Events:
        with self._lock:
            frames = [frame for numbered in self.producers.values() for frame in numbered.values()]
        return [event for frame in frames for event in frame]

    def set_credit(self, credit: int) -> None:
        self.credit = credit
        self._tell({"op": "credit", "credit": credit})

    def ack_all(self) -> None:
        """Of all connections, what is kept of their producer."""
        for connection in list(self._open):
            self._send(connection, {"op": "ack", "seq": self._last(self._producer(connection))})

    def drop_connections(self) -> None:
        for connection in list(self._open):
            hang_up(connection)

    def _tell(self, message: dict[str, Any]) -> None:
        for connection in list(self._open):
            self._send(connection, message)

    def _send(self, connection: ServerConnection, message: dict[str, Any]) -> None:
        try:
            connection.send(msgpack.packb(message))
        except (ConnectionClosed, OSError):
            pass

    def _producer(self, connection: ServerConnection) -> str:
        assert connection.request is not None
        return connection.request.path.partition("producer=")[2]

    def _last(self, producer: str) -> int:
        return max(self.producers.get(producer, {}), default=0)

    def _refuse(self, connection: ServerConnection, request: Any) -> Any:
        if self.answer_status == 101:
            return None
        return connection.respond(self.answer_status, "refused\n")

    def _serve(self, connection: ServerConnection) -> None:
        producer = self._producer(connection)
        self.connections += 1
        self._open.add(connection)
        hello = {"op": "hello", "producer": producer, "last_seq": self._last(producer)}
        try:
            self._send(connection, {**hello, "credit": self.credit, "max_frame_bytes": self.frame_bytes_max})
            for data in connection:
                assert isinstance(data, bytes)
                self._take(connection, producer, data)
        except (ConnectionClosed, OSError):
            pass
        finally:
            self._open.discard(connection)

    def _take(self, connection: ServerConnection, producer: str, data: bytes) -> None:
        frame = msgpack.unpackb(data)
        self.frames += 1
        seq: int = frame["seq"]
        if self.on_frame is not None and self.on_frame(connection, seq):
            raise OSError("what follows on this connection is not read")
        columns = frame["columns"]
        rows = [dict(zip(columns, row, strict=True)) for row in frame["rows"]]
        events = [{name: value for name, value in row.items() if value is not None} for row in rows]
        with self._lock:
            self.producers.setdefault(producer, {}).setdefault(seq, events)
        if self.acks:
            self._send(connection, {"op": "ack", "seq": seq})

    def serve(self, port: int = 0) -> Server:
        server = serve(self._serve, "127.0.0.1", port, process_request=self._refuse, compression=None)
        self.port = server.socket.getsockname()[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server


@contextmanager
def fake_server() -> Iterator[FakeServer]:
    fake = FakeServer()
    server = fake.serve()
    try:
        yield fake
    finally:
        fake.drop_connections()
        server.shutdown()
