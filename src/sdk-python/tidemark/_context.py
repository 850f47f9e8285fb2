"""The handle that is innermost here: a context variable, which flows through calls and tasks, but not into threads."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._handle import Handle
    from ._retry import Turn

current_handle: ContextVar[Handle | None] = ContextVar("tidemark_handle", default=None)
current_turn: ContextVar[Turn | None] = ContextVar("tidemark_turn", default=None)
