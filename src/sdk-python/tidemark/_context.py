"""Where a caller is: the innermost handle, and the attempt of a retry that was begun in it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._handle import Handle
    from ._retry import Turn

current_handle: ContextVar[Handle | None] = ContextVar("tidemark_handle", default=None)
current_turn: ContextVar[Turn | None] = ContextVar("tidemark_turn", default=None)
#: In a thread: the handle in which it was started.
lent_handle: ContextVar[Handle | None] = ContextVar("tidemark_lent", default=None)


def innermost() -> Handle | None:
    """A handle that has ended is none to a thread that outlives it: what such a thread does later is other work."""
    handle = current_handle.get()
    if handle is not None and handle.has_ended and lent_handle.get() is handle:
        return None
    return handle
