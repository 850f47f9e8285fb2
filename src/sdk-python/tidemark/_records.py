"""The fields of events that are about no end and no beginning: logs, memory, patterns, feedback."""

from __future__ import annotations

from collections.abc import Callable

from . import _values
from ._frame import Event

_LEVELS = frozenset(("trace", "debug", "info", "warn", "error", "fatal"))
_MEMORIES_MAX = 100


class Memory:
    """One event for each that was stored or recalled, at most 100 a call."""

    def __init__(self, say: Callable[[str, Event], None]) -> None:
        self._say = say

    def stored(self, count: int = 1) -> None:
        self._tell("memory.stored", count)

    def recalled(self, count: int = 1) -> None:
        self._tell("memory.recalled", count)

    def _tell(self, kind: str, count: int) -> None:
        for _ in range(min(count, _MEMORIES_MAX) if isinstance(count, int) else 1):
            self._say(kind, {})


def log_fields(level: str, text: object, mender: _values.Mender) -> Event:
    told = (_values.text(level, 16, mender) or "info").lower()
    told = {"warning": "warn", "critical": "fatal"}.get(told, told)
    if told not in _LEVELS:
        mender.mended += 1
        told = "info"
    return {"level": told, "message": _values.text(text, _values.LOG_TEXT_MAX, mender)}


def pattern_fields(
    id: object,
    type: object,
    confidence: object,
    effectiveness: object,
    evidence: object,
    mender: _values.Mender,
) -> Event:
    return {
        "pattern_id": _values.text(id, _values.TEXT_MAX, mender) or "unnamed",
        "pattern_type": _values.text(type, _values.TEXT_MAX, mender),
        "confidence": _values.number(confidence, 0, 1, mender),
        "effectiveness": _values.number(effectiveness, 0, 1, mender),
        "evidence": _values.texts(evidence, mender),
    }


def feedback_fields(id: object, score: object, text: object, mender: _values.Mender) -> Event:
    return {
        "pattern_id": _values.text(id, _values.TEXT_MAX, mender) or "unnamed",
        "feedback_score": _values.number(score, -100, 100, mender),
        "feedback_text": _values.text(text, _values.FEEDBACK_TEXT_MAX, mender),
    }
