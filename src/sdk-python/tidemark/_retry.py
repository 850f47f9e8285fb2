"""Attempts: tasks and steps begun directly inside keep their id from one attempt to the next, and count `attempt`."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator
from contextvars import Token
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from ._context import current_turn, innermost
from ._failure import is_cancellation
from ._ids import work_id

if TYPE_CHECKING:
    from ._handle import Handle

T = TypeVar("T")
When = Callable[[BaseException], bool]
#: Seconds, or a function of the number of the attempt that failed, from 1.
Delay = float | Callable[[int], float]


class Turn:
    """One attempt. The first of a kind and name in it is the same task or step as the first one in each other."""

    def __init__(self, number: int, ids: dict[tuple[str, str, int], str]) -> None:
        self.number = number
        self.parent: Handle | None = innermost()
        self._ids = ids
        self._seen: dict[tuple[str, str], Iterator[int]] = {}

    def id_of(self, kind: str, name: str) -> str:
        # In one word each, as threads may be inside of one attempt.
        turn = next(self._seen.setdefault((kind, name), itertools.count(1)))
        return self._ids.setdefault((kind, name, turn), work_id())


class Attempt:
    """`with attempt:` takes an exception in unless it is the last attempt, a cancellation, or `if_` says no."""

    def __init__(self, owner: Attempts, turn: Turn, last: bool) -> None:
        self.number = turn.number
        self._owner = owner
        self._turn = turn
        self._last = last
        self._token: Token[Turn | None] | None = None

    def __enter__(self) -> Attempt:
        self._token = current_turn.set(self._turn)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if self._token is not None:
            try:
                current_turn.reset(self._token)
            except ValueError:
                current_turn.set(None)
        if error is None:
            self._owner.done = True
            return False
        if self._last or not self._owner.goes_on(error):
            self._owner.done = True
            return False
        return True

    async def __aenter__(self) -> Attempt:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        return self.__exit__(kind, error, trace)


class Attempts:
    """Up to `times` attempts, ended by the first that succeeds. `async for` waits without blocking the loop."""

    def __init__(self, times: int, delay: Delay = 0.0, if_: When | None = None) -> None:
        self._times = max(int(times), 1)
        self._delay = delay
        self._if = if_
        self._ids: dict[tuple[str, str, int], str] = {}
        self._number = 0
        self.done = False

    def goes_on(self, error: BaseException) -> bool:
        if is_cancellation(error) or not isinstance(error, Exception):
            return False
        return self._if is None or bool(self._if(error))

    def _next(self) -> Attempt | None:
        if self.done or self._number >= self._times:
            return None
        self._number += 1
        return Attempt(self, Turn(self._number, self._ids), last=self._number >= self._times)

    def _seconds(self) -> float:
        """Before the next attempt."""
        if self.done or not 0 < self._number < self._times:
            return 0
        return self._delay(self._number) if callable(self._delay) else self._delay

    def __iter__(self) -> Iterator[Attempt]:
        return self

    def __next__(self) -> Attempt:
        seconds = self._seconds()
        if seconds > 0:
            time.sleep(seconds)
        attempt = self._next()
        if attempt is None:
            raise StopIteration
        return attempt

    def __aiter__(self) -> Attempts:
        return self

    async def __anext__(self) -> Attempt:
        seconds = self._seconds()
        if seconds > 0:
            await asyncio.sleep(seconds)
        attempt = self._next()
        if attempt is None:
            raise StopAsyncIteration
        return attempt


def retry(times: int, fn: Callable[[int], T], *, delay: Delay = 0.0, if_: When | None = None) -> T:
    """`fn(attempt)` until it returns, at most `times`; the last error is raised. `delay` in seconds, or a function of the attempt."""
    for attempt in Attempts(times, delay, if_):
        with attempt:
            return fn(attempt.number)
    raise AssertionError("the last attempt returns or raises")


async def retry_async(
    times: int, fn: Callable[[int], Awaitable[T]], *, delay: Delay = 0.0, if_: When | None = None
) -> T:
    async for attempt in Attempts(times, delay, if_):
        with attempt:
            return await fn(attempt.number)
    raise AssertionError("the last attempt returns or raises")
