"""Ids: random, made in the process, and never the same in a process and its fork."""

from __future__ import annotations

import itertools
import os
import random
import time
from collections.abc import Callable, Iterator

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
# A generator of its own: one that the host seeds would give every process the same ids.
_random = random.Random(os.urandom(32))
_bits = _random.getrandbits


def _part_ids() -> Iterator[int]:
    return itertools.count(_bits(63) + 1)


_parts = _part_ids()


def reseed() -> None:
    """In the child of a fork, which has the generator's state from its parent."""
    global _parts
    _random.seed(os.urandom(32))
    _parts = _part_ids()


if hasattr(os, "register_at_fork"):
    # Also of a process that sends nothing: its ids go into the headers of those that do.
    os.register_at_fork(after_in_child=reseed)


def short_name() -> str:
    """12 random digits of base 36, 62 bits."""
    return "".join(_random.choices(_DIGITS, k=12))


def work_id() -> str:
    """Of a task or step: 16 hex digits that count from a random place, so that what begins in one millisecond sorts as
    it began."""
    return f"{next(_parts):016x}"


def run_id() -> str:
    """A UUID of version 7 without dashes: ms since the epoch in the first 48 bits, so that ids sort by time."""
    stamp = int(time.time() * 1000) & 0xFFFFFFFFFFFF
    value = stamp << 80 | 0x7 << 76 | _bits(12) << 64 | 0b10 << 62 | _bits(62)
    return f"{value:032x}"


def event_ids() -> Callable[[], str]:
    """`<12 random digits of the client>-<counter>`: unique, and a resent event keeps its own."""
    prefix = short_name()
    take = itertools.count(1).__next__
    # Hex digits are digits of base 36, and the interpreter writes them by itself.
    return lambda: f"{prefix}-{take():x}"
