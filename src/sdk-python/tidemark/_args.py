"""The hash of arguments: 64 bits of SHA-256 over canonical JSON, the same digits in every language.

Canonical is RFC 8785: keys sorted by UTF-16 code units, numbers as ECMAScript writes them, no spaces. Dates are RFC
3339 in UTC, whole numbers of any size their digits; what JSON has no word for, or what is deeper than 16, is null.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime, timezone

_DEPTH_MAX = 16
_lone_surrogate = re.compile("[\ud800-\udfff]")


def args_hash(value: object) -> str:
    """16 hex digits. Nothing of `value` is kept."""
    text = _canonical(value, 0)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _canonical(value: object, depth: int) -> str:
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return _quoted(str(value))
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return _number(float(value))
    if depth >= _DEPTH_MAX:
        return "null"
    return _structure(value, depth + 1)


def _structure(value: object, depth: int) -> str:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        entries = sorted(((str(key), item) for key, item in value.items()), key=lambda entry: _utf16(entry[0]))
        written = (f"{_quoted(key)}:{_canonical(item, depth)}" for key, item in entries)
        return "{" + ",".join(written) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(_canonical(item, depth) for item in value) + "]"
    if isinstance(value, (set, frozenset)):
        return "[" + ",".join(sorted(_canonical(item, depth) for item in value)) + "]"
    if isinstance(value, (bytes, bytearray)):
        return f'"{hashlib.sha256(value).hexdigest()}"'
    if isinstance(value, datetime) and value.tzinfo is not None:
        utc = value.astimezone(timezone.utc)
        return f'"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"'
    return "null"


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")


def _quoted(text: str) -> str:
    written = json.dumps(text, ensure_ascii=False)
    # Half a pair is written as its digits, as ECMAScript does.
    return _lone_surrogate.sub(lambda half: f"\\u{ord(half[0]):04x}", written)


def _number(value: float) -> str:
    """As `Number.prototype.toString` of ECMAScript; what is no number is null, as in JSON.stringify."""
    if value != value or value in (float("inf"), float("-inf")):
        return "null"
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    # The value is 0.<digits> times 10 to the power of point.
    point = len(whole) + int(exponent or "0") - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0") or "0"
    count = len(digits)
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    power = point - 1
    rest = f".{digits[1:]}" if count > 1 else ""
    return f"{sign}{digits[0]}{rest}e{'+' if power > 0 else '-'}{abs(power)}"
