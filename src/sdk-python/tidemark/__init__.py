"""Telemetry of AI agents for the Tidemark collector.

    import tidemark as tm

    with tm.run("nightly") as run:
        ...

The words of this module are those of a default client, which the environment configures at its first use (TIDEMARK_URL,
TIDEMARK_KEY, TIDEMARK_AGENT, TIDEMARK_ENVIRONMENT), or `configure`. Without a url nothing is kept.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload

from ._args import args_hash
from ._client import Client, begin
from ._client import observe as _observe
from ._counts import Flushed, Stats
from ._handle import Handle, step_kind
from ._options import ClientOptions
from ._records import Memory
from ._resumed import Resumed
from ._retry import Attempts, retry, retry_async
from ._work_options import WorkOptions

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._frame import Event
    from ._usage import UsageCounts

__all__ = [
    "Client",
    "Flushed",
    "Handle",
    "Stats",
    "args_hash",
    "attempts",
    "close",
    "close_async",
    "configure",
    "current",
    "feedback",
    "flush",
    "flush_async",
    "heartbeat",
    "label",
    "llm",
    "log",
    "memory",
    "observe",
    "pattern",
    "resume",
    "retrieval",
    "retry",
    "retry_async",
    "run",
    "stats",
    "step",
    "task",
    "tool",
    "usage",
]

F = TypeVar("F", bound=Callable[..., Any])

_lock = threading.Lock()
_client: Client | None = None
attempts = Attempts


def _default() -> Client:
    client = _client
    return client if client is not None else _configured({})


def _configured(options: Mapping[str, Any]) -> Client:
    global _client
    with _lock:
        if _client is None:
            _client = Client(**options)
        return _client


def configure(**options: Unpack[ClientOptions]) -> Client:
    """Makes the default client anew. One that was in use is flushed, for at most its `exit_ms`, and closed."""
    global _client
    with _lock:
        before, _client = _client, None
    if before is not None:
        before.close(before.options.exit_ms / 1000)
    return _configured(options)


def run(name: str, **options: Unpack[WorkOptions]) -> Handle:
    """One invocation of an agent. A run inside another one is that of a nested agent."""
    return Handle(_default, "run", "run", name, options)


@overload
def task(name: F) -> F: ...
@overload
def task(name: str, **options: Unpack[WorkOptions]) -> Handle: ...
def task(name: Any, **options: Any) -> Any:
    return begin(_default, "task", "task", name, options)


@overload
def step(name: F) -> F: ...
@overload
def step(name: str, *, kind: str = "other", **options: Unpack[WorkOptions]) -> Handle: ...
def step(name: Any, *, kind: str = "other", **options: Any) -> Any:
    """`kind` is llm, tool, retrieval, plan, memory, handoff or other."""
    return begin(_default, "step", step_kind(kind), name, options)


@overload
def tool(name: F) -> F: ...
@overload
def tool(name: str, **options: Unpack[WorkOptions]) -> Handle: ...
def tool(name: Any, **options: Any) -> Any:
    return begin(_default, "step", "tool", name, options)


@overload
def llm(name: F) -> F: ...
@overload
def llm(name: str, **options: Unpack[WorkOptions]) -> Handle: ...
def llm(name: Any, **options: Any) -> Any:
    return begin(_default, "step", "llm", name, options)


@overload
def retrieval(name: F) -> F: ...
@overload
def retrieval(name: str, **options: Unpack[WorkOptions]) -> Handle: ...
def retrieval(name: Any, **options: Any) -> Any:
    return begin(_default, "step", "retrieval", name, options)


def observe(fn: F, *, kind: str = "other", name: str | None = None, **options: Unpack[WorkOptions]) -> F:
    """The same function, each call of which is a `run`, a `task` or a step of that kind."""
    return _observe(_default, fn, kind, name, options)


def resume(carrier: str | Mapping[str, str], **options: Unpack[WorkOptions]) -> Resumed:
    """`with tm.resume(carrier):` what is begun inside belongs to the work of another process, and ends there."""
    return _default().resume(carrier, **options)


def current() -> Handle:
    """The innermost handle here, or one that does nothing."""
    return _default().current()


def usage(**counts: Unpack[UsageCounts]) -> None:
    _default().usage(**counts)


def label(key: str | None = None, value: object = None, **labels: object) -> None:
    _default().label(key, value, **labels)


def log(level: str, text: object) -> None:
    _default().log(level, text)


def pattern(
    *,
    id: str,
    type: str | None = None,
    confidence: float | None = None,
    effectiveness: float | None = None,
    evidence: object = None,
) -> None:
    _default().pattern(id=id, type=type, confidence=confidence, effectiveness=effectiveness, evidence=evidence)


def feedback(*, id: str, score: float | None = None, text: str | None = None) -> None:
    _default().feedback(id=id, score=score, text=text)


def heartbeat() -> None:
    _default().heartbeat()


def flush(timeout: float = 5.0) -> Flushed:
    """Sends what there is and waits for its acknowledgement; says what is so, in time or not."""
    return _default().flush(timeout)


async def flush_async(timeout: float = 5.0) -> Flushed:
    """The same without blocking the event loop."""
    return await _default().flush_async(timeout)


def close(timeout: float = 5.0) -> Flushed:
    """Flushes and stops; what is said afterwards is not kept."""
    return _default().close(timeout)


async def close_async(timeout: float = 5.0) -> Flushed:
    return await _default().close_async(timeout)


def stats() -> Stats:
    return _default().stats()


def _say(kind: str, fields: Event) -> None:
    _default()._say(kind, fields)


memory = Memory(_say)
