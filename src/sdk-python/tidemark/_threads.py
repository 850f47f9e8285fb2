"""Threads and jobs of executors begin where they were started, as coroutines do by themselves.

`Thread.start` and `ThreadPoolExecutor.submit` are replaced while a client is there that wants it, and put back after the
last one. Outside of a handle both do what they did, nothing else of the caller's context is carried, and threads that an
executor keeps for later jobs begin with nothing.
"""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from ._context import current_handle, current_turn, innermost, lent_handle

if TYPE_CHECKING:
    from ._client import Client
    from ._handle import Handle
    from ._retry import Turn

_lock = threading.Lock()
_clients: weakref.WeakSet[Client] = weakref.WeakSet()
_start: Callable[..., None] = threading.Thread.start
_submit: Callable[..., Future[Any]] = ThreadPoolExecutor.submit


def watch(client: Client) -> None:
    with _lock:
        _clients.add(client)
        _replace(threading.Thread, "start", _start, _carrying_start)
        _replace(ThreadPoolExecutor, "submit", _submit, _carrying_submit)


def unwatch(client: Client) -> None:
    with _lock:
        _clients.discard(client)
        if not _clients:
            _replace(threading.Thread, "start", _carrying_start, _start)
            _replace(ThreadPoolExecutor, "submit", _carrying_submit, _submit)


def _replace(owner: type, name: str, before: Callable[..., Any], after: Callable[..., Any]) -> None:
    """Where somebody else has put something of his own, it stays."""
    if owner.__dict__.get(name) is before:
        setattr(owner, name, after)


@functools.wraps(_start)
def _carrying_start(self: threading.Thread) -> None:
    handle = innermost() if _clients else None
    if handle is None:
        return _start(self)
    turn, run = current_turn.get(), self.run

    def carrying_run() -> None:
        self.run = run  # type: ignore[method-assign]
        current_handle.set(handle)
        lent_handle.set(handle)
        current_turn.set(turn)
        run()

    try:
        self.run = carrying_run  # type: ignore[method-assign]
        _start(self)
    except BaseException:
        self.run = run  # type: ignore[method-assign]
        raise


@functools.wraps(_submit)
def _carrying_submit(self: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
    handle = innermost() if _clients else None
    if handle is None:
        return _submit(self, fn, *args, **named)
    token = current_handle.set(None)
    try:
        return _submit(self, functools.partial(_inside, handle, current_turn.get(), fn), *args, **named)
    finally:
        current_handle.reset(token)


def _inside(handle: Handle, turn: Turn | None, fn: Callable[..., Any], /, *args: Any, **named: Any) -> Any:
    tokens = current_handle.set(handle), current_turn.set(turn)
    try:
        return fn(*args, **named)
    finally:
        current_handle.reset(tokens[0])
        current_turn.reset(tokens[1])
