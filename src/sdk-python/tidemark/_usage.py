"""Usage of one handle: sums, and the last word on model, provider and finish_reason."""

from __future__ import annotations

from typing import Any, TypedDict

from . import _values
from ._frame import Event

_SUMS = {
    "tokens_in": "tokens_in",
    "tokens_out": "tokens_out",
    "cache_read": "tokens_cache_read",
    "cache_write": "tokens_cache_write",
    "reasoning": "tokens_reasoning",
    "calls": "llm_calls",
    "cost_micros": "cost_micros",
}
_WORDS = ("model", "provider", "finish_reason")


class UsageCounts(TypedDict, total=False):
    """`tokens_in` is all that went in, cached tokens included; a call with tokens counts as one unless told."""

    model: str | None
    provider: str | None
    tokens_in: int | None
    tokens_out: int | None
    cache_read: int | None
    cache_write: int | None
    reasoning: int | None
    calls: int | None
    cost_micros: int | None
    finish_reason: str | None
    #: Peak memory; the highest is kept.
    memory_mb: float | None


def add(before: Event | None, counts: dict[str, Any], mender: _values.Mender) -> Event:
    sums: Event = {} if before is None else before
    for name, value in counts.items():
        field = _SUMS.get(name)
        if field is not None:
            most = _values.COST_MAX if field == "cost_micros" else _values.COUNT_MAX
            counted = _values.count(value, mender, most)
            if counted is not None:
                sums[field] = min(sums.get(field, 0) + counted, most)
        elif name in _WORDS:
            told = _values.text(value, _values.TEXT_MAX, mender)
            if told is not None:
                sums[name] = told
        elif name == "memory_mb":
            peak = _values.number(value, 0, 1_000_000_000, mender)
            if peak is not None:
                sums[name] = max(sums.get(name, 0), peak)
        else:
            mender.mended += 1
    if counts.get("calls") is None and (counts.get("tokens_in") is not None or counts.get("tokens_out") is not None):
        sums["llm_calls"] = sums.get("llm_calls", 0) + 1
    return sums
