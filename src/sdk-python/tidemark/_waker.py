"""Wakes the thread that waits for a socket, by another one."""

from __future__ import annotations

import socket


class Waker:
    def __init__(self) -> None:
        self._pair: tuple[socket.socket, socket.socket] | None = None
        self._woken = False

    def open(self) -> None:
        """Throws OSError where the process has no descriptor left."""
        if self._pair is None:
            pair = socket.socketpair()
            for each in pair:
                each.setblocking(False)
            self._pair = pair

    @property
    def reader(self) -> socket.socket:
        assert self._pair is not None
        return self._pair[0]

    def wake(self) -> None:
        """From any thread, a signal handler too; one byte at most is on its way."""
        pair = self._pair
        if pair is not None and not self._woken:
            self._woken = True
            try:
                pair[1].send(b"w")
            except OSError:
                pass

    def drain(self) -> None:
        if self._woken:
            self._woken = False
            try:
                self.reader.recv(64)
            except OSError:
                pass

    def sleep(self, seconds: float) -> None:
        """Until the time is over or somebody wakes it."""
        reader = self.reader
        reader.settimeout(max(seconds, 0.001))
        try:
            reader.recv(64)
        except OSError:
            pass
        finally:
            reader.setblocking(False)
            self._woken = False

    def close(self) -> None:
        for each in self._pair or ():
            each.close()
        self._pair = None
