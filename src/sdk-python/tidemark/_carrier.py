"""What another process needs to go on: `tm1/<run>/<task>/<step>/<agent>`, each percent-encoded, empty for none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

_TRACE = re.compile(r"[0-9a-f]{32}")
_SPAN = re.compile(r"[0-9a-f]{16}")
_PARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")


def write(run: str | None, task: str | None, step: str | None, agent: str | None) -> str:
    return "/".join(["tm1", *(quote(each or "", safe="") for each in (run, task, step, agent))])


def traceparent(run: str | None, innermost: str | None) -> str | None:
    """Only where the ids have the shape of W3C Trace Context."""
    if run is None or innermost is None or not _TRACE.fullmatch(run) or not _SPAN.fullmatch(innermost):
        return None
    return f"00-{run}-{innermost}-01"


def read(carrier: object) -> tuple[str | None, str | None, str | None, str | None]:
    """Run, task, step and agent; all None for what is no carrier. Headers may be in any case."""
    if isinstance(carrier, Mapping):
        headers = {str(name).lower(): value for name, value in carrier.items()}
        if "tidemark" not in headers:
            found = _PARENT.fullmatch(str(headers.get("traceparent", "")))
            return (found[1], None, found[2], None) if found else (None, None, None, None)
        carrier = headers["tidemark"]
    parts = str(carrier).split("/")
    if len(parts) != 5 or parts[0] != "tm1":
        return (None, None, None, None)
    run, task, step, agent = (unquote(part)[:256] or None for part in parts[1:])
    return (run, task, step, agent)
