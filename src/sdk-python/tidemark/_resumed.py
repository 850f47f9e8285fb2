"""The work of another process, as a carrier tells of it: it ends there, and what is begun inside belongs to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import _carrier
from ._handle import Handle

if TYPE_CHECKING:
    from ._client import Client


class Resumed(Handle):
    __slots__ = ()

    def __init__(self, client: Client, carrier: object, options: Mapping[str, Any]) -> None:
        super().__init__(lambda: client, "step", "other", None, options)
        self._client = client
        self._parent = None
        self._state = self.BORROWED
        where = dict(client.where)
        self._where = self._base = where
        try:
            run, task, step, agent = _carrier.read(carrier)
            if options:
                self._read_options(where)
        except Exception as error:  # headers come from anywhere
            run = task = step = agent = None
            client.problems.say("resume", f"cannot read a carrier: {error}")
        if run is None and task is None and step is None:
            client.problems.say("resume", "cannot resume: that is no carrier of a run")
        for field, value in (("run_id", run), ("task_id", task), ("agent_id", agent)):
            if value is not None:
                where[field] = value
        self.id = step or task or run or ""
        if step is not None and (task is not None or run is None):
            where["step_id"] = step

    def start(self) -> Handle:
        return self
