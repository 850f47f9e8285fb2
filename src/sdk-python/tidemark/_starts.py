"""Starts of steps that wait to see whether the end comes soon.

Most steps end within milliseconds, and an end can tell everything: one event in place of two. A step that is under way
for longer than half of `batch_age_ms` is told when it began too; all are at a flush, and when that age is 0.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._handle import Handle

#: Nothing to tell.
NEVER = 3_600.0


class Starts:
    def __init__(self, age_seconds: float, wake: Callable[[], None]) -> None:
        self._age_ns = int(age_seconds * 1e9)
        self._wake = wake
        #: Whoever takes a handle out, its end or `tell`, is the one that tells of its start.
        self.untold: dict[Handle, bool] = {}
        self._is_watched = False
        self.next_at = 0.0

    def add(self, handle: Handle) -> None:
        """Hot path: once a step."""
        if self._age_ns <= 0:
            handle.tell_start()
            return
        self.untold[handle] = True
        if not self._is_watched:
            self._is_watched = True
            self._wake()

    def tell(self, age_ns: int = 0) -> None:
        """Of all that are at least so old."""
        born = time.perf_counter_ns() - age_ns
        for handle in list(self.untold):
            if handle.began_ns <= born and self.untold.pop(handle, False):
                handle.tell_start()

    def tend(self, moment: float) -> float:
        """By the sending thread; seconds until it is to come again."""
        if not self._is_watched:
            return NEVER
        every = self._age_ns / 1e9
        if moment >= self.next_at:
            self.tell(self._age_ns)
            self.next_at = moment + every
            # One that comes in between is found by the second look, or finds nobody watching.
            self._is_watched = bool(self.untold)
            self._is_watched = self._is_watched or bool(self.untold)
        return max(self.next_at - moment, 0)
