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
    if client.options.signals:
        _hook_sigterm()


def unwatch(client: Client) -> None:
    """After the last client that wants it, SIGTERM is again what it was."""
    _clients.discard(client)
    if not any(each.options.signals for each in list(_clients)):
        _unhook_sigterm()


def _flush_all() -> None:
    for client in list(_clients):
        try:
            client.at_exit()
        except Exception:  # an exit goes on
            pass


def _after_fork_in_child() -> None:
    global _ending
    _ending = False
    for client in list(_clients):
        try:
            client.after_fork_in_child()
        except Exception:  # a fork goes on
            pass


def watch_multiprocessing() -> None:
    """A child of multiprocessing ends without `atexit`, with finalizers of its own."""
    process = sys.modules.get("multiprocessing.process")
    util = sys.modules.get("multiprocessing.util")
    if process is not None and util is not None and process.parent_process() is not None:
        util.Finalize(None, _flush_all, exitpriority=0)


def _hook_sigterm() -> None:
    """Only where nobody handles it, so that the process dies of it all the same, a little later."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _on_sigterm)


def _unhook_sigterm() -> None:
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is _on_sigterm:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


_ending = False


def _on_sigterm(number: int, frame: FrameType | None) -> None:
    """Flushes in a thread, since what this interrupts may hold any lock; the signal that it sends at its end, or a
    second one from outside, ends the process."""
    global _ending
    if not _ending:
        _ending = True
        try:
            threading.Thread(target=_flush_and_end, name="tidemark-sigterm", daemon=True).start()
            return
        except RuntimeError:  # an interpreter that is ending starts no threads
            pass
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)


def _flush_and_end() -> None:
    try:
        _flush_all()
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
