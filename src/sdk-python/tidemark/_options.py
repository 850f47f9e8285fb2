"""What a client may be told, with its bounds. A value that makes no sense falls back to its default, told once."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

from ._ids import short_name

Overflow = Literal["block", "drop", "disk"]
TransportName = Literal["stream", "post"]
Redact = Callable[[dict[str, Any]], "dict[str, Any] | None"]

_PRODUCER = re.compile(r"[A-Za-z0-9_-]{1,51}")


class ClientOptions(TypedDict, total=False):
    """Keyword arguments of `Client` and `configure`; what is left out has its default."""

    url: str | None
    key: str | Callable[[], str] | None
    agent: str | None
    agent_name: str | None
    agent_version: str | None
    session: str | None
    user: str | None
    flow: str | None
    crew: str | None
    engagement: str | None
    environment: str | None
    overflow: Overflow
    buffer_bytes_max: int
    directory: str | None
    producer: str | None
    batch_events_max: int
    batch_age_ms: float
    transport: TransportName
    exit_ms: float
    heartbeat_ms: float
    disk_bytes_max: int
    tls_ca_file: str | None
    tls_cert_file: str | None
    tls_key_file: str | None
    redact: Redact | None
    classify: Callable[[BaseException, str], str | None] | None
    on_problem: Callable[[str], object] | None
    signals: bool
    threads: bool


@dataclass
class Options:
    url: str | None = None
    key: str | Callable[[], str] | None = None
    agent: str | None = None
    agent_name: str | None = None
    agent_version: str | None = None
    session: str | None = None
    user: str | None = None
    flow: str | None = None
    crew: str | None = None
    engagement: str | None = None
    environment: str | None = None
    overflow: str = "drop"
    buffer_bytes_max: int = 33_554_432
    directory: str | None = None
    producer: str | None = None
    batch_events_max: int = 500
    batch_age_ms: float = 200
    transport: str = "stream"
    exit_ms: float = 2_000
    heartbeat_ms: float = 15_000
    disk_bytes_max: int = 1_073_741_824
    tls_ca_file: str | None = None
    tls_cert_file: str | None = None
    tls_key_file: str | None = None
    redact: Redact | None = None
    classify: Callable[[BaseException, str], str | None] | None = None
    on_problem: Callable[[str], object] | None = None
    signals: bool = True
    threads: bool = True
    #: What could not be used as it was given.
    faults: list[str] = field(default_factory=list)

    @property
    def heartbeat_seconds(self) -> float:
        return self.heartbeat_ms / 1000

    def wire_producer(self) -> str:
        """A name that no other process and no fork has."""
        return f"{self.producer}-{short_name()}" if self.producer else short_name()


_BOUNDS: dict[str, tuple[float, float]] = {
    "buffer_bytes_max": (65_536, 2**40),
    "batch_events_max": (1, 5_000),
    "batch_age_ms": (0, 60_000),
    "exit_ms": (0, 600_000),
    "heartbeat_ms": (0, 3_600_000),
    "disk_bytes_max": (1_048_576, 2**44),
}
_CHOICES = {"overflow": ("block", "drop", "disk"), "transport": ("stream", "post")}


def read_options(given: ClientOptions) -> Options:
    """With the environment where an argument is left out: TIDEMARK_URL, _KEY, _AGENT, _ENVIRONMENT."""
    options = Options()
    for name in ("url", "key", "agent", "environment"):
        setattr(options, name, os.environ.get(f"TIDEMARK_{name.upper()}") or None)
    for name, value in given.items():
        if not hasattr(options, name) or name == "faults":
            options.faults.append(f"there is no option {name}")
        elif value is not None or name in ("url", "redact", "classify", "on_problem"):
            _set(options, name, value)
    _settle_disk(options)
    if (options.tls_cert_file is None) != (options.tls_key_file is None):
        options.faults.append("tls_cert_file and tls_key_file need each other; no certificate is shown")
        options.tls_cert_file = options.tls_key_file = None
    return options


def _set(options: Options, name: str, value: object) -> None:
    bounds, choices = _BOUNDS.get(name), _CHOICES.get(name)
    if bounds is not None:
        least, most = bounds
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
            options.faults.append(f"{name} is from {least:.0f} to {most:.0f}, not {value!r}")
            return
    if choices is not None and value not in choices:
        options.faults.append(f"{name} is one of {', '.join(choices)}, not {value!r}")
        return
    if name == "producer" and not (isinstance(value, str) and _PRODUCER.fullmatch(value)):
        options.faults.append(f"producer is of 1 to 51 of A-Z a-z 0-9 _ -, not {value!r}")
        return
    if name in ("redact", "classify", "on_problem") and value is not None and not callable(value):
        options.faults.append(f"{name} is a function, not {value!r}")
        return
    if name in ("url", "key") and isinstance(value, str):
        # As read from a file, with its last line end.
        value = value.strip()
    setattr(options, name, value)


def _settle_disk(options: Options) -> None:
    if options.overflow != "disk":
        return
    if options.directory is None:
        options.faults.append("overflow disk needs a directory; drop is used instead")
        options.overflow = "drop"
    elif options.producer is None:
        options.producer = "sdk"
