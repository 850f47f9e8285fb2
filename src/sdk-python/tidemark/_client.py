"""A client: the words, on a delivery of its own."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, overload

from . import _exit, _ids, _threads, _values
from ._context import innermost
from ._counts import Flushed, Problems, Stats
from ._delivery import Delivery, Transport
from ._frame import Event
from ._handle import Handle, step_kind
from ._options import ClientOptions, read_options
from ._post import Post
from ._resumed import Resumed
from ._retry import Attempts, retry, retry_async
from ._starts import Starts
from ._stream import Stream
from ._tls import tls_context
from ._words import Words
from ._work_options import FLOWING_OPTIONS, WorkOptions
from ._wrap import wrap

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._usage import UsageCounts

F = TypeVar("F", bound=Callable[..., Any])

_LONG_FIELDS = ("inputs", "outputs", "labels", "evidence")
_LONG_TEXTS = ("message", "feedback_text", "error_message")
#: Beats a time: beyond them the oldest open runs are told of in turn.
_BEATS_MAX = 1_000
#: The agent of what is said outside of all, where none is named.
_NOBODY = "agent"


class Client(Words):
    """Configured by arguments, else by the environment; without a url everything runs and nothing is kept."""

    def __init__(self, **options: Unpack[ClientOptions]) -> None:
        self.options = read_options(options)
        self.problems = Problems(self.options.on_problem, time.monotonic)
        #: What all events say. Without an agent each is called as what it does.
        self.where: Event = {}
        #: What runs and tasks say beside it, as long as their agent is the client's.
        self.told: Event = {}
        for name, where, field in FLOWING_OPTIONS:
            told = _values.text(getattr(self.options, name), _values.TEXT_MAX, self.problems)
            if told is not None:
                (self.where if where else self.told)[field] = told
        #: Grows with each fork: what was begun before one is ended by the parent.
        self.generation = 0
        self._redacted = 0
        self._reset()
        url = self.options.url
        self._delivery: Delivery | None = None
        self._late = 0
        if url:
            try:
                make = self._transport(url)
                self._delivery = Delivery(self.options, self.problems, make, self._beat, self._tend_starts)
            except Exception as error:  # a url may be any text
                self.problems.say("url", f"nothing is sent: cannot use the url {url!r}: {error}")
        if self._delivery is not None:
            _exit.watch(self)
            if self.options.threads:
                _threads.watch(self)
            if self.options.overflow == "disk":
                self._delivery.start()
        self.is_off = self._delivery is None
        self._beats = self._delivery is not None and self.options.heartbeat_ms > 0
        #: Takes an event without long texts: the delivery itself, where nothing is in between.
        self.emit: Callable[[Event], None] = _ignore
        if self._delivery is not None:
            self.emit = self._delivery.offer if self.options.redact is None else self.emit_long
        for fault in self.options.faults:
            self.problems.say(fault, fault)

    def _reset(self) -> None:
        self.event_id = _ids.event_ids()
        #: Runs and tasks that are open. A handle that nobody has any more does not beat.
        self._open: dict[int, weakref.ref[Handle]] = {}
        self.starts = Starts(self.options.batch_age_ms / 2_000, self._wake)

    def _transport(self, url: str) -> Callable[[Delivery], Transport]:
        make = Post if self.options.transport == "post" else Stream
        key = self.options.key or ""
        return lambda delivery: make(delivery, url, key, time.monotonic, lambda: tls_context(self.options))

    def _self(self) -> Client:
        return self

    # Work

    def run(self, name: str, **options: Unpack[WorkOptions]) -> Handle:
        """One invocation of an agent. A run inside another one is that of a nested agent."""
        return Handle(self._self, "run", "run", name, options)

    @overload
    def task(self, name: F) -> F: ...
    @overload
    def task(self, name: str, **options: Unpack[WorkOptions]) -> Handle: ...
    def task(self, name: Any, **options: Any) -> Any:
        return begin(self._self, "task", "task", name, options)

    @overload
    def step(self, name: F) -> F: ...
    @overload
    def step(self, name: str, *, kind: str = "other", **options: Unpack[WorkOptions]) -> Handle: ...
    def step(self, name: Any, *, kind: str = "other", **options: Any) -> Any:
        return begin(self._self, "step", step_kind(kind), name, options)

    @overload
    def tool(self, name: F) -> F: ...
    @overload
    def tool(self, name: str, **options: Unpack[WorkOptions]) -> Handle: ...
    def tool(self, name: Any, **options: Any) -> Any:
        return begin(self._self, "step", "tool", name, options)

    @overload
    def llm(self, name: F) -> F: ...
    @overload
    def llm(self, name: str, **options: Unpack[WorkOptions]) -> Handle: ...
    def llm(self, name: Any, **options: Any) -> Any:
        return begin(self._self, "step", "llm", name, options)

    @overload
    def retrieval(self, name: F) -> F: ...
    @overload
    def retrieval(self, name: str, **options: Unpack[WorkOptions]) -> Handle: ...
    def retrieval(self, name: Any, **options: Any) -> Any:
        return begin(self._self, "step", "retrieval", name, options)

    def observe(self, fn: F, *, kind: str = "other", name: str | None = None, **options: Unpack[WorkOptions]) -> F:
        """The same function, each call of which is a `run`, a `task` or a step of that kind."""
        return observe(self._self, fn, kind, name, options)

    retry = staticmethod(retry)
    retry_async = staticmethod(retry_async)
    attempts = staticmethod(Attempts)

    def resume(self, carrier: str | Mapping[str, str], **options: Unpack[WorkOptions]) -> Resumed:
        """`with client.resume(carrier):` what is begun inside belongs to the work of another process."""
        return Resumed(self, carrier, options)

    # What is said of the innermost

    def current(self) -> Handle:
        """The innermost handle here, or one that does nothing."""
        found = innermost()
        return found if found is not None else Handle.ended(self._self)

    def usage(self, **counts: Unpack[UsageCounts]) -> None:
        found = innermost()
        if found is not None:
            found.usage(**counts)

    def label(self, key: str | None = None, value: object = None, **labels: object) -> None:
        found = innermost()
        if found is not None:
            found.label(key, value, **labels)

    def _say(self, kind: str, fields: Event) -> None:
        """An event of its own, about where it is said."""
        found = innermost()
        self.say(kind, fields, self.where if found is None else found.where)

    def _mender(self) -> _values.Mender:
        return self.problems

    def say(self, kind: str, fields: Event, where: Event) -> None:
        try:
            event = {"type": kind, "event_id": self.event_id(), "ts": int(time.time() * 1000), **where, **fields}
            event.setdefault("agent_id", _NOBODY)
            self.emit_long(event)
        except Exception as error:  # nothing throws out of telemetry
            self.problems.say("say", f"cannot tell of a {kind}: {error}")

    # Events

    def emit_long(self, event: Event) -> None:
        """One with maps or texts, of which there may be many bytes."""
        delivery = self._delivery
        if delivery is None:
            self.emit(event)
            return
        if self.options.redact is not None:
            kept = self._redact(event)
            if kept is None:
                return
            event = kept
        delivery.offer_long(event, _long_bytes(event))

    def _redact(self, event: Event) -> Event | None:
        """A hook that throws has not said that the event may go out."""
        kept: object = None
        try:
            assert self.options.redact is not None
            kept = self.options.redact(event)
        except Exception as error:  # any hook of the host's
            self.problems.say("redact", f"redact failed and its event is left out: {error}")
        if isinstance(kept, dict):
            return kept
        self._redacted += 1
        return None

    def _wake(self) -> None:
        if self._delivery is not None:
            self._delivery.wake()

    def _tend_starts(self, moment: float) -> float:
        return self.starts.tend(moment)

    def watch(self, handle: Handle) -> None:
        if self._beats:
            self._open[id(handle)] = weakref.ref(handle)

    def unwatch(self, handle: Handle) -> None:
        self._open.pop(id(handle), None)

    def _beat(self) -> None:
        """One for each open run and each task outside of one: a heartbeat of the agent alone would also keep alive
        what another process left open."""
        wheres: dict[object, Event] = {}
        for key, found in list(self._open.items()):
            handle = found()
            if len(wheres) >= _BEATS_MAX:
                break
            self._open.pop(key, None)
            if handle is None or not handle.is_open:
                continue
            # To the end of the line: the others come first next time.
            self._open[key] = found
            where = handle.where
            run = where.get("run_id")
            wheres.setdefault((run, None) if run is not None else (None, where.get("task_id")), where)
        for where in wheres.values():
            names = ("agent_id", "environment", "run_id" if "run_id" in where else "task_id")
            told = {name: where[name] for name in names if name in where}
            self.emit({"type": "heartbeat", "event_id": self.event_id(), "ts": int(time.time() * 1000), **told})

    async def room(self) -> None:
        if self._delivery is not None:
            await self._delivery.room()

    # Ends

    def flush(self, timeout: float = 5.0) -> Flushed:
        """Sends what there is and waits for its acknowledgement; says what is so, in time or not."""
        if self._delivery is None:
            return self._last
        self.starts.tell()
        return self._delivery.flush(timeout)

    async def flush_async(self, timeout: float = 5.0) -> Flushed:
        """The same without blocking the event loop."""
        if self._delivery is None:
            return self._last
        self.starts.tell()
        return await self._delivery.flush_async(timeout)

    def close(self, timeout: float = 5.0) -> Flushed:
        """Flushes and stops; what is said afterwards is not kept."""
        delivery = self._delivery
        if delivery is None:
            return self._last
        self.starts.tell()
        delivery.flush(timeout)
        self.emit = self._too_late
        self._delivery = None
        delivery.stop()
        _exit.unwatch(self)
        _threads.unwatch(self)
        self._last = delivery.flushed()
        self._last_stats = delivery.stats(self._redacted)
        return self._last

    def _too_late(self, event: Event) -> None:
        self._late += 1

    async def close_async(self, timeout: float = 5.0) -> Flushed:
        await self.flush_async(timeout)
        return self.close(0)

    _last = Flushed(0, 0, 0, 0)
    _last_stats: Stats | None = None

    def stats(self) -> Stats:
        if self._delivery is not None:
            return self._delivery.stats(self._redacted)
        if self._last_stats is not None:
            last, late = self._last_stats, self._late
            return replace(last, offered=last.offered + late, dropped=last.dropped + late, state="closed")
        return Stats(0, 0, 0, 0, 0, self.problems.mended, self._redacted, 0, 0, "off")

    def at_exit(self) -> None:
        """The last chance, within `exit_ms`. Work that is open stays open: nobody has said how it came out."""
        delivery = self._delivery
        if delivery is not None and (delivery.has_something or self.starts.untold):
            self.close(self.options.exit_ms / 1000)

    def after_fork_in_child(self) -> None:
        self.generation += 1
        self._redacted = 0
        self._reset()
        if self._delivery is not None:
            self._delivery.after_fork_in_child()


def _ignore(event: Event) -> None: ...


def begin(client: Callable[[], Client], family: str, kind: str, name: Any, options: Mapping[str, Any]) -> Any:
    """The handle; of a function in the place of the name, the function with a handle around each call."""
    if callable(name):
        return Handle(client, family, kind, None, options)(name)
    return Handle(client, family, kind, name, options)


def observe(client: Callable[[], Client], fn: F, kind: str, name: str | None, options: Mapping[str, Any]) -> F:
    family = kind if kind in ("run", "task") else "step"
    inner_kind = step_kind(kind) if family == "step" else kind
    return wrap(fn, Handle(client, family, inner_kind, name, options).again_hashed)


def _long_bytes(event: Event) -> int:
    size = 0
    for field in _LONG_TEXTS:
        value = event.get(field)
        if value is not None:
            size += 2 * len(value)
    for field in _LONG_FIELDS:
        value = event.get(field)
        if value is not None:
            size += 320 * len(value)
    return size
