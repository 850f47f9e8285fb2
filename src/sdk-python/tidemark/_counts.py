"""What a client has counted. Every event that was offered is in exactly one of the other four counts."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Flushed:
    """Counts of events since the client began. `acked` is durable; `pending` is neither acked nor given up."""

    acked: int
    pending: int
    rejected: int
    dropped: int


@dataclass(frozen=True)
class Stats:
    """`offered` = `acked` + `rejected` + `dropped` + `pending`."""

    offered: int
    acked: int
    rejected: int
    dropped: int
    pending: int
    #: Values that were cut, left out or turned to text.
    mended: int
    #: Events that `redact` took away; they were never offered.
    redacted: int
    connections: int
    #: Events that were sent more than once.
    resent: int
    #: `off`, `idle`, `connecting`, `open`, `waiting` (for the next try), `refused` or `closed`.
    state: str


class Problems:
    """Tells the host what went wrong, without ever throwing: each kind once a minute at most."""

    def __init__(self, tell: Callable[[str], object] | None, now: Callable[[], float]) -> None:
        self._tell = tell
        self._now = now
        self._told: dict[str, float] = {}
        self.mended = 0

    def say(self, kind: str, text: str) -> None:
        now = self._now()
        if now - self._told.get(kind, float("-inf")) < 60:
            return
        self._told[kind] = now
        try:
            if self._tell is not None:
                self._tell(text)
            elif kind == "refused" and sys.stderr is not None:
                # A wrong key is the one fault that nothing but a person can mend.
                print(f"tidemark: {text}", file=sys.stderr)
        except Exception:  # what the host does with a problem is the host's
            pass
