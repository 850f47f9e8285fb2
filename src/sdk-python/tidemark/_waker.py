"""Wakes the thread that waits for a socket, by another one."""

from __future__ import annotations

import socket


class Waker:
    """`drain` comes before the thread looks at what there is to do, so that no wake is lost: what is said after the
    look leaves a byte behind, and the next wait ends at once."""

    def __init__(self) -> None:
        self._pair: tuple[socket.socket, socket.socket] | None = None

    def open(self) -> None:
        """Throws OSError where the process has no descriptor left."""
        if self._pair is None:
            pair = socket.socketpair()
            for each in pair:
                each.setblocking(False)
            self._pair = pair

    @property
    def reader(self) -> socket.socket:
        if self._pair is None:
            self.open()
        assert self._pair is not None
        return self._pair[0]

    def wake(self) -> None:
        """From any thread, a signal handler too. A pair that is full of bytes wakes as well."""
        pair = self._pair
        if pair is not None:
            try:
                pair[1].send(b"w")
            except OSError:
                pass

    def drain(self) -> None:
        try:
            self.reader.recv(4_096)
        except BlockingIOError:
            pass
        except OSError:
            self.close()

    def sleep(self, seconds: float) -> None:
        """Until the time is over or somebody wakes it."""
        reader = self.reader
        try:
            reader.settimeout(max(seconds, 0.001))
            reader.recv(4_096)
            reader.setblocking(False)
        except TimeoutError:
            reader.setblocking(False)
        except OSError:
            # A host that closes every descriptor has closed these too; the next wait makes new ones.
            self.close()
            raise

    def close(self) -> None:
        pair, self._pair = self._pair, None
        for each in pair or ():
            try:
                each.close()
            except OSError:
                pass
