"""One run, task or step: it begins, collects what is said of it, and ends once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextvars import Token
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from . import _carrier, _usage, _values
from ._active import Active
from ._context import current_handle, current_turn, innermost
from ._failure import CATEGORIES, Heard, Unminded, code_of, failure_of, is_cancellation
from ._frame import Event
from ._ids import run_id, work_id
from ._words import Words
from ._work_options import WHERE_FIELDS, read_work_options
from ._wrap import wrap

if TYPE_CHECKING:
    from ._client import Client
    from ._retry import Turn

F = TypeVar("F", bound=Callable[..., Any])
_clock_ns = time.perf_counter_ns
_wall = time.time

_NEW, _OPEN, _ENDED, _BORROWED = 0, 1, 2, 3


class Handle(Words):
    """Made by the words `run`, `task`, `step`, …; a context manager and a decorator."""

    __slots__ = (
        "__weakref__",
        "_base",
        "_client",
        "_family",
        "_given_parent",
        "_heard",
        "_kind",
        "_later",
        "_name",
        "_options",
        "_parent",
        "_state",
        "_token",
        "_usage",
        "_where",
        "_extra",
        "_started_ms",
        "attempt",
        "began_ns",
        "generation",
        "id",
    )

    BORROWED = _BORROWED

    def __init__(
        self, client: Callable[[], Client], family: str, kind: str, name: object, options: Mapping[str, Any]
    ) -> None:
        self._client: Any = client
        self._family = family
        self._kind = kind
        self._name = name
        self._options = options
        self._given_parent: Handle | None = None
        self._parent: Handle | None = None
        self._base: Event = {}
        self._state = _NEW
        self._later: Event | None = None
        self._usage: Event | None = None
        #: The last error that something inside ended with.
        self._heard: Heard | None = None
        self._token: Token[Handle | None] | None = None
        self._where: Event | None = None
        #: What its start says and its end need not.
        self._extra: Event | None = None
        self.id = ""
        self.attempt = 1

    @staticmethod
    def ended(client: Callable[[], Client]) -> Handle:
        """One that does nothing, but can begin others."""
        handle = Handle(client, "step", "other", None, {})
        handle._client = made = client()
        handle._state = _ENDED
        handle._where = handle._base = made.where
        return handle

    # Beginning

    def start(self) -> Handle:
        """Begins it by hand: for where no `with` fits. `end`, `fail` or `cancel` ends it."""
        if self._state != _NEW:
            return self
        self._state = _OPEN
        client = self._client = self._client()
        self.generation = client.generation
        try:
            self._begin(client)
        except Exception as error:  # nothing throws out of telemetry
            client.problems.say("begin", f"cannot begin {self._family} {self._name!r}: {error}")
            self._state = _ENDED
            self._where = self._base = dict(client.where)
        return self

    def _begin(self, client: Client) -> None:
        """Hot path: once a step."""
        parent = self._given_parent
        if parent is None:
            parent = innermost()
        self._parent = parent
        family = self._family
        name = _values.text(self._name, _values.TEXT_MAX, client.problems) or "unnamed"
        turn = current_turn.get()
        if turn is not None and (turn.parent is not parent or family == "run"):
            turn = None
        base: Event
        if family == "step":
            base = (client.where if parent is None else parent._where or parent.where).copy()
            self._name_itself(turn, work_id)
            extra = self._read_options(base) if self._options else None
            base["step_id"] = self.id
            base["step_kind"] = self._kind
            base["attempt"] = self.attempt
            if "agent_id" not in base:
                base["agent_id"] = name
        else:
            where = self._where = self._work_where(client, parent)
            self._name_itself(turn, run_id if family == "run" else work_id)
            extra = self._read_options(where) if self._options else None
            where[_ID_FIELDS[family]] = self.id
            if where.setdefault("agent_id", name) == client.where.get("agent_id", name) and client.told:
                extra = {**client.told, **(extra or {})}
            base = where.copy()
            if turn is not None:
                base["attempt"] = self.attempt
            client.watch(self)
        self._base = base
        if parent is not None and parent.id:
            base["parent_id"] = parent.id
        base["name"] = name
        self._extra = extra
        self._started_ms = int(_wall() * 1000)
        self.began_ns = _clock_ns()
        if family != "step":
            self.tell_start()
        elif not client.is_off:
            client.starts.add(self)

    def tell_start(self) -> None:
        """Also by the sending thread, for a step that takes its time."""
        client = self._client
        told = {"type": _STARTS[self._family], "event_id": client.event_id(), "ts": self._started_ms}
        if self._extra is None:
            client.emit({**told, **self._base})
        else:
            client.emit_long({**told, **self._base, **self._extra})

    def _name_itself(self, turn: Turn | None, make: Callable[[], str]) -> None:
        if turn is None:
            self.id = make()
        else:
            self.attempt = turn.number
            self.id = turn.id_of(self._kind, str(self._name))

    def _work_where(self, client: Client, parent: Handle | None) -> Event:
        where: Event = dict(client.where if parent is None else parent.where)
        where.pop("step_id", None)
        if self._family == "run":
            where.pop("task_id", None)
        return where

    @property
    def where(self) -> Event:
        """The fields that everything inside says of itself. Of a step they are looked for when something asks."""
        where = self._where
        if where is None:
            base = self.start()._base
            where = self._where = {field: base[field] for field in WHERE_FIELDS if field in base}
        return where

    def _read_options(self, where: Event) -> Event | None:
        told = read_work_options(self._options, where, self._client.problems)
        self.id = told.pop("id", self.id)
        if "confidence" in told:
            # Counted when something ends, so it is told then.
            self._tell("confidence", told.pop("confidence"))
        return told or None

    # As a context manager

    def __enter__(self) -> Handle:
        self.start()
        self._token = current_handle.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        token, self._token = self._token, None
        if token is not None:
            try:
                current_handle.reset(token)
            except ValueError:
                # An async generator may be closed in another context than it was begun in.
                pass
        if error is None:
            self.end()
        else:
            self.fail(error)

    async def __aenter__(self) -> Handle:
        await (self._client() if self._state == _NEW else self._client).room()
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)
        await self._client.room()

    def active(self) -> Active:
        """`with handle.active():` makes it the innermost one here and does not end it: for threads and callbacks."""
        return Active(self.start())

    def __call__(self, fn: F) -> F:
        """As a decorator: each call of `fn` is a run, task or step of its own."""
        return wrap(fn, self.again)

    def again(self, name: str, args: object) -> Handle:
        return self.again_hashed(name, args if self._kind in ("tool", "retrieval") else None)

    def again_hashed(self, name: str, args: object) -> Handle:
        options = self._options
        if args is not None and "args" not in options:
            options = {**options, "args": args}
        given = self._name
        return Handle(self._client, self._family, self._kind, name if given is None else given, options)

    # Inside

    def run(self, name: str, **options: Any) -> Handle:
        return self._inside("run", "run", name, options)

    def task(self, name: str, **options: Any) -> Handle:
        return self._inside("task", "task", name, options)

    def step(self, name: str, *, kind: str = "other", **options: Any) -> Handle:
        return self._inside("step", step_kind(kind), name, options)

    def tool(self, name: str, **options: Any) -> Handle:
        return self._inside("step", "tool", name, options)

    def llm(self, name: str, **options: Any) -> Handle:
        return self._inside("step", "llm", name, options)

    def retrieval(self, name: str, **options: Any) -> Handle:
        return self._inside("step", "retrieval", name, options)

    def _inside(self, family: str, kind: str, name: object, options: Mapping[str, Any]) -> Handle:
        client = self.start()._client
        child = Handle(lambda: client, family, kind, name, options)
        child._given_parent = self if self.id else None
        return child

    # What is said of it

    def usage(self, **counts: Any) -> None:
        """Adds up over calls; model, provider and finish_reason are those of the last one."""
        if self._is_open():
            self._usage = _usage.add(self._usage, counts, self._client.problems)

    def label(self, key: str | None = None, value: object = None, **labels: object) -> None:
        self._merge("labels", _values.labels, [labels] if key is None else [_Pair((key, value)), labels])

    def output(self, values: Mapping[str, object] | None = None, **named: object) -> None:
        self._merge("outputs", _values.scalars, [values, named])

    def input(self, values: Mapping[str, object] | None = None, **named: object) -> None:
        self._merge("inputs", _values.scalars, [values, named])

    def confidence(self, share: float) -> None:
        """From 0 to 1; counted when it ends."""
        if self._is_open():
            self._tell("confidence", _values.number(share, 0, 1, self._client.problems))

    def _say(self, kind: str, fields: Event) -> None:
        where = self.where
        self._client.say(kind, fields, where)

    def _mender(self) -> _values.Mender:
        mender: _values.Mender = self.start()._client.problems
        return mender

    def _merge(self, field: str, read: _values.ReadMap, given: list[object]) -> None:
        if not self._is_open():
            return
        mender = self._client.problems
        merged = (self._later or {}).get(field) or {}
        for each in given:
            try:
                told = read(dict([each]) if isinstance(each, _Pair) else each, mender)
            except Exception:  # a map or key of the host's may throw when it is looked at
                mender.mended += 1
                continue
            # Bounded again: each call may bring other keys.
            merged = read({**merged, **(told or {})}, mender) or {}
        if merged:
            self._tell(field, merged)

    def _tell(self, field: str, value: object) -> None:
        if self._later is None:
            self._later = {}
        self._later[field] = value

    @property
    def is_open(self) -> bool:
        """Begun, and not ended."""
        return self._state == _OPEN

    @property
    def has_ended(self) -> bool:
        return self._state == _ENDED

    def _is_open(self) -> bool:
        if self._state == _NEW:
            self.start()
        return self._state == _OPEN

    def began_earlier(self, seconds: float) -> None:
        """For what hears of work after it began: its duration counts from then."""
        if self._is_open():
            self.began_ns -= int(seconds * 1e9)

    # Ending

    def end(self) -> None:
        self._finish("completed", None)

    def cancel(self) -> None:
        """A step has no state of its own for that: it is completed with finish_reason `cancelled`."""
        if self._family == "step":
            if self._is_open():
                self._usage = {**(self._usage or {}), "finish_reason": "cancelled"}
            self._finish("completed", None)
        else:
            self._finish("cancelled", None)

    def fail(self, error: object = None, *, category: str | None = None, code: str | None = None) -> None:
        """`error` is an exception or a text. A cancellation cancels."""
        if not self._is_open():
            return
        if isinstance(error, BaseException) and is_cancellation(error) and category is None:
            self.cancel()
            return
        try:
            failure = self._failure(error, category, code)
        except Exception:  # an exception of the host's may have properties that throw
            failure = {"error_category": "orchestration"}
        self._finish("failed", failure)

    def _failure(self, error: object, category: str | None, code: str | None) -> Event:
        client = self._client
        heard = failure_of(error, self._kind, self._heard, client.options.classify)
        if category in CATEGORIES:
            heard = Heard(heard.error, category, heard.kind)
        elif category is not None:
            client.problems.mended += 1
        if self._parent is not None and error is not None:
            self._parent._heard = heard
        return {
            "error_category": heard.category,
            "error_code": _values.text(code or code_of(error), _values.TEXT_MAX, client.problems),
            "error_message": _values.text(error, _values.ERROR_TEXT_MAX, Unminded),
        }

    def _finish(self, how: str, failure: Event | None) -> None:
        if not self._is_open():
            return
        took = _clock_ns() - self.began_ns
        self._state = _ENDED
        client = self._client
        if self.generation != client.generation:
            # It was begun before a fork: its end is the parent's to tell.
            return
        try:
            family, extra = self._family, None
            event = self._base
            if family != "step":
                client.unwatch(self)
            elif client.starts.untold.pop(self, False):
                event["started_at"] = self._started_ms
                extra = self._extra
            else:
                # Its start may be about to be told by another thread.
                event = event.copy()
            # Nothing is said of it any more, so that what it kept of itself becomes the event.
            event["type"] = f"{family}.{how}"
            event["event_id"] = client.event_id()
            event["ts"] = int(_wall() * 1000)
            event["duration_ms"] = took / 1_000_000
            if self._later is None and failure is None and extra is None:
                if self._usage is not None:
                    event.update(self._usage)
                client.emit(event)
                return
            for more in (extra, self._usage, self._later, failure):
                if more is not None:
                    _join(event, more)
            client.emit_long(event)
        except Exception as error:  # nothing throws out of telemetry
            client.problems.say("end", f"cannot end {self._family} {self._name!r}: {error}")

    # Handing over

    def carrier(self) -> str:
        """For `resume` in another process."""
        where = self.start().where
        return _carrier.write(where.get("run_id"), where.get("task_id"), where.get("step_id"), where.get("agent_id"))

    def headers(self) -> dict[str, str]:
        headers = {"tidemark": self.carrier()}
        trace = _carrier.traceparent(self.where.get("run_id"), self.id)
        if trace is not None:
            headers["traceparent"] = trace
        return headers


class _Pair(tuple[Any, Any]):
    """A key and its value, not yet looked at."""


def _join(event: Event, more: Event) -> None:
    """The later wins; maps are merged by key, as the collector does it with two events."""
    for field, value in more.items():
        before = event.get(field)
        event[field] = {**before, **value} if isinstance(value, dict) and isinstance(before, dict) else value


_ID_FIELDS = {"run": "run_id", "task": "task_id", "step": "step_id"}
_STARTS = {"run": "run.started", "task": "task.running", "step": "step.started"}
_KINDS = frozenset(("llm", "tool", "retrieval", "plan", "memory", "handoff", "other"))


def step_kind(kind: object) -> str:
    return kind if isinstance(kind, str) and kind in _KINDS else "other"
