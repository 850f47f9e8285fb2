"""Where a process ends or forks: the one place that knows every client of it."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import weakref
from types import FrameType
from typing import TYPE_CHECKING

from . import _ids

if TYPE_CHECKING:
    from ._client import Client

_clients: weakref.WeakSet[Client] = weakref.WeakSet()
_hooked = False


def watch(client: Client) -> None:
    global _hooked
    _clients.add(client)
    if not _hooked:
        _hooked = True
        atexit.register(_flush_all)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_after_fork_in_child)
    if client.options.sigterm:
        _hook_sigterm(client)


def _flush_all() -> None:
    for client in list(_clients):
        try:
            client.at_exit()
        except Exception:  # an exit goes on
            pass


def _after_fork_in_child() -> None:
    _ids.reseed()
    for client in list(_clients):
        client.after_fork_in_child()


def watch_multiprocessing() -> None:
    """A child of multiprocessing ends without `atexit`, with finalizers of its own."""
    process = sys.modules.get("multiprocessing.process")
    util = sys.modules.get("multiprocessing.util")
    if process is not None and util is not None and process.parent_process() is not None:
        util.Finalize(None, _flush_all, exitpriority=0)


def _hook_sigterm(client: Client) -> None:
    """Only where the host has no handler of its own, and then the process still dies of the signal."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        client.problems.say("sigterm", "the host handles SIGTERM itself or this is not the main thread; not hooked")
        return

    def on_sigterm(number: int, frame: FrameType | None) -> None:
        _flush_all()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGTERM, on_sigterm)
