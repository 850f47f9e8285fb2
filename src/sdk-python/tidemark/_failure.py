"""What kind of failure an exception is, as far as its name and place tell."""

from __future__ import annotations

import asyncio
import errno
import re
import socket
from collections.abc import Callable
from typing import NamedTuple

CATEGORIES = frozenset(("tool", "model", "retrieval", "orchestration", "infra", "guardrail", "user"))
_BY_KIND = {"llm": "model", "tool": "tool", "retrieval": "retrieval", "memory": "tool"}
_GUARDRAIL = re.compile("guardrail|moderation|content_?filter|policy_?violation", re.IGNORECASE)
_USER = re.compile("approval|denied_?by_?user|user_?(denied|abort)", re.IGNORECASE)
_CAUSES_MAX = 8
_INFRA = (ConnectionError, MemoryError, socket.gaierror)
_INFRA_NUMBERS = frozenset((errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH))

Classify = Callable[[BaseException, str], "str | None"]


def is_cancellation(error: BaseException) -> bool:
    """What ends work without saying that it failed."""
    return isinstance(error, (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt, SystemExit))


def category_of(error: object, kind: str, classify: Classify | None) -> str:
    """`kind` is that of the innermost step or work that failed."""
    given = _given(error, kind, classify)
    if given is not None:
        return given
    name = type(error).__name__
    if _GUARDRAIL.search(name):
        return "guardrail"
    if _USER.search(name):
        return "user"
    by_kind = _BY_KIND.get(kind)
    if by_kind is not None:
        return by_kind
    if isinstance(error, _INFRA) or (isinstance(error, OSError) and error.errno in _INFRA_NUMBERS):
        return "infra"
    return "orchestration"


def _given(error: object, kind: str, classify: Classify | None) -> str | None:
    if classify is not None and isinstance(error, BaseException):
        try:
            said = classify(error, kind)
        except Exception:  # a classifier that throws has said nothing
            said = None
        if said in CATEGORIES:
            return said
    try:
        own = getattr(error, "category", None)
    except Exception:  # a property of the host's
        return None
    return own if isinstance(own, str) and own in CATEGORIES else None


class Heard(NamedTuple):
    """What an error was found to be, told to whatever it goes through next."""

    #: See `_identity`.
    error: tuple[int, str, str]
    category: str
    #: Of the innermost work that failed.
    kind: str


def failure_of(error: object, kind: str, heard: Heard | None, classify: Classify | None) -> Heard:
    """`heard` counts when it is of this error or of one that caused it."""
    if heard is not None and heard.error == _identity(error):
        return heard
    if heard is not None and heard.error in _causes(error):
        kind = heard.kind
    return Heard(_identity(error), category_of(error, kind, classify), kind)


def _identity(error: object) -> tuple[int, str, str]:
    """The object is not kept, as that would keep the frames of its traceback, and most exceptions take no weak
    reference. Its address alone may be that of another one that is gone; with type and message too, they are alike."""
    try:
        message = str(error)[:200]
    except Exception:  # an exception of the host's may throw when it is looked at
        message = ""
    return id(error), type(error).__name__, message


def _causes(error: object) -> list[tuple[int, str, str]]:
    found: list[tuple[int, str, str]] = []
    while isinstance(error, BaseException) and len(found) < _CAUSES_MAX:
        found.append(_identity(error))
        error = error.__cause__ or error.__context__
    return found


class Unminded:
    """A message is cut by rule, which is no mending."""

    mended = 0


def code_of(error: object) -> str | None:
    try:
        code = getattr(error, "code", None)
    except Exception:  # a property of the host's
        code = None
    if isinstance(code, str) and code:
        return code
    if isinstance(code, int) and not isinstance(code, bool):
        return str(code)
    return None if error is None or isinstance(error, str) else type(error).__name__
