"""Makes what the host says fit the schema of an event: cut, left out or turned to text, and counted, never thrown."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, TypeVar

TEXT_MAX = 256
ERROR_TEXT_MAX = 500
FEEDBACK_TEXT_MAX = 2_048
LOG_TEXT_MAX = 8_192
_MAP_KEYS_MAX = 16
_MAP_KEY_MAX = 64
COUNT_MAX = 1_000_000_000
COST_MAX = 10_000_000_000
# Numbers beyond are no longer exact as doubles, which is what the store keeps of a scalar.
_EXACT_MAX = 2**53 - 1

# The server refuses a whole event for one of these; without it the rest is kept.
_CONTENT_KEYS = frozenset(
    ["prompt", "prompts", "system_prompt", "messages", "completion", "completions", "response", "responses", "content"]
)

Scalar = str | int | float | bool
_Item = TypeVar("_Item")


class Mender(Protocol):
    mended: int


#: `scalars` or `labels`.
ReadMap = Callable[[object, Mender], "Mapping[str, Scalar] | None"]


def text(value: object, chars_max: int, mender: Mender) -> str | None:
    """None for what is absent: None and the empty text."""
    if value.__class__ is not str:
        if value is None:
            return None
        if not isinstance(value, str):
            mender.mended += 1
        value = _as_text(value)
    assert isinstance(value, str)
    if len(value) > chars_max:
        mender.mended += 1
        value = value[:chars_max]
    if not value.isascii():
        value = _encodable(value, mender)
    return value or None


def _as_text(value: object) -> str:
    try:
        return str(value)
    except Exception:  # a __str__ of the host's that throws is a bad value, no failure
        return type(value).__name__


def _encodable(value: str, mender: Mender) -> str:
    """Half a surrogate pair is no character of UTF-8."""
    try:
        value.encode()
        return value
    except UnicodeEncodeError:
        mender.mended += 1
        return value.encode("utf-8", "replace").decode()


def count(value: object, mender: Mender, most: int = COUNT_MAX) -> int | None:
    """An integer from 0 to `most`; fractions are rounded down, what is no number is left out."""
    if value.__class__ is int and 0 <= value <= most:
        return value
    if value is None:
        return None
    mender.mended += 1
    try:
        number = int(value)  # type: ignore[call-overload]
    except Exception:  # any object may come here
        return None
    return int(min(max(number, 0), most))


def number(value: object, least: float, most: float, mender: Mender) -> float | None:
    if value is None:
        return None
    try:
        given = float(value)  # type: ignore[arg-type]
    except Exception:  # any object may come here
        given = math.nan
    if least <= given <= most:
        return given
    mender.mended += 1
    return None if math.isnan(given) else min(max(given, least), most)


def scalars(value: object, mender: Mender) -> dict[str, Scalar] | None:
    """A flat map for `inputs` and `outputs`."""
    return _flat(value, mender, _scalar)


def labels(value: object, mender: Mender) -> dict[str, str] | None:
    return _flat(value, mender, _label)


def texts(value: object, mender: Mender) -> list[str] | None:
    """At most 16, for `evidence`."""
    if value is None:
        return None
    items: Iterable[object] = [value] if isinstance(value, (str, bytes)) else _listed(value, mender)
    found = [each for each in (text(item, TEXT_MAX, mender) for item in items) if each is not None]
    if len(found) > _MAP_KEYS_MAX:
        mender.mended += 1
    return found[:_MAP_KEYS_MAX] or None


def _listed(value: object, mender: Mender) -> list[object]:
    try:
        return list(value)  # type: ignore[call-overload, no-any-return]
    except Exception:  # any object may come here
        mender.mended += 1
        return []


def _flat(value: object, mender: Mender, read: Callable[[object, Mender], _Item | None]) -> dict[str, _Item] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        mender.mended += 1
        return None
    flat: dict[str, _Item] = {}
    for key, item in value.items():
        name = text(key, _MAP_KEY_MAX, mender)
        if item is None:
            continue
        if name is None or name.lower() in _CONTENT_KEYS or (len(flat) >= _MAP_KEYS_MAX and name not in flat):
            mender.mended += 1
            continue
        read_item = read(item, mender)
        if read_item is not None:
            flat[name] = read_item
    return flat or None


def _scalar(value: object, mender: Mender) -> Scalar | None:
    kind = value.__class__
    if kind is bool:
        return bool(value)
    if kind is int and -_EXACT_MAX <= value <= _EXACT_MAX:  # type: ignore[operator]
        return value  # type: ignore[return-value]
    if isinstance(value, float):
        if math.isfinite(value):
            return float(value)
        mender.mended += 1
        return None
    if value == "":
        return ""
    return text(value, TEXT_MAX, mender)


def _label(value: object, mender: Mender) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    return "" if value == "" else text(value, TEXT_MAX, mender)
