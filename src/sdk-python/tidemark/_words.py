"""Events of their own that are said of a handle, for where the context does not flow."""

from __future__ import annotations

from ._frame import Event
from ._records import Memory, feedback_fields, log_fields, pattern_fields
from ._values import Mender


class Words:
    """Of a client they belong to the innermost handle; of a handle, to it."""

    __slots__ = ()

    def _say(self, kind: str, fields: Event) -> None:
        raise NotImplementedError

    def _mender(self) -> Mender:
        raise NotImplementedError

    @property
    def memory(self) -> Memory:
        return Memory(self._say)

    def log(self, level: str, text: object) -> None:
        self._say("log", log_fields(level, text, self._mender()))

    def pattern(
        self,
        *,
        id: str,
        type: str | None = None,
        confidence: float | None = None,
        effectiveness: float | None = None,
        evidence: object = None,
    ) -> None:
        fields = pattern_fields(id, type, confidence, effectiveness, evidence, self._mender())
        self._say("pattern.observed", fields)

    def feedback(self, *, id: str, score: float | None = None, text: str | None = None) -> None:
        self._say("pattern.feedback", feedback_fields(id, score, text, self._mender()))

    def heartbeat(self) -> None:
        """By itself while a run is open; this is for what takes long outside of one."""
        self._say("heartbeat", {})
