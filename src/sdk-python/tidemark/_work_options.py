"""What a run, task or step may be told when it begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from . import _values
from ._args import args_hash
from ._frame import Event

# Options that flow to everything inside, and the fields they are told in.
_FLOWING = {
    "agent": "agent_id",
    "session": "session_id",
    "user": "user_id",
    "flow": "flow_id",
    "crew": "crew_id",
    "engagement": "engagement_id",
    "environment": "environment",
}
#: Options that a client may be told for all its events: whether everything says them, and the field.
FLOWING_OPTIONS = (
    *((name, True, field) for name, field in _FLOWING.items()),
    *((name, False, name) for name in ("agent_name", "agent_version")),
)
#: What something inside says of where it is.
WHERE_FIELDS = (*_FLOWING.values(), "run_id", "task_id", "step_id")
_OWN_TEXTS = frozenset(("id", "agent_version", "agent_name", "model", "provider"))


class WorkOptions(TypedDict, total=False):
    """Keyword arguments of `run`, `task` and the steps."""

    id: str | None
    agent: str | None
    agent_version: str | None
    agent_name: str | None
    session: str | None
    user: str | None
    flow: str | None
    crew: str | None
    engagement: str | None
    environment: str | None
    labels: Mapping[str, object] | None
    #: Anything; only its hash leaves the process.
    args: object
    inputs: Mapping[str, object] | None
    model: str | None
    provider: str | None
    confidence: float | None


def read_work_options(options: Mapping[str, Any], where: Event, mender: _values.Mender) -> Event:
    """Those that flow go into `where`; the others are answered as fields, the id as `id`."""
    told: Event = {}
    for name, value in options.items():
        if value is None:
            continue
        try:
            field, text = _read(name, value, mender)
        except Exception:  # an object of the host's may throw when it is looked at
            mender.mended += 1
            continue
        if name in _FLOWING and text is not None:
            where[field] = text
        elif text is not None:
            told[field] = text
    return told


def _read(name: str, value: Any, mender: _values.Mender) -> tuple[str, object]:
    if name in _FLOWING:
        return _FLOWING[name], _values.text(value, _values.TEXT_MAX, mender)
    if name in _OWN_TEXTS:
        return name, _values.text(value, _values.TEXT_MAX, mender)
    if name == "args":
        return "args_hash", args_hash(value)
    if name == "labels":
        return name, _values.labels(value, mender)
    if name == "inputs":
        return name, _values.scalars(value, mender)
    if name == "confidence":
        return name, _values.number(value, 0, 1, mender)
    mender.mended += 1
    return name, None
