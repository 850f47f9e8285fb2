"""A handle that is the innermost one for a while, and is not ended by that."""

from __future__ import annotations

from contextvars import Token
from typing import TYPE_CHECKING

from ._context import current_handle

if TYPE_CHECKING:
    from ._handle import Handle


class Active:
    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._token: Token[Handle | None] | None = None

    def __enter__(self) -> Handle:
        self._token = current_handle.set(self._handle)
        return self._handle

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            try:
                current_handle.reset(self._token)
            except ValueError:
                pass
