"""A frame: the events of one batch as positional MessagePack, without its number.

On the wire it is a map whose first key is `seq`, so that a number can be put before bytes that are made once:
`{seq, columns: [name, …], rows: [[value, …], …]}`. Over HTTP there is no `seq`.
"""

from __future__ import annotations

import struct
from typing import Any

import msgpack

Event = dict[str, Any]

_NUMBERED = b"\x83\xa3seq\xcf"
_PLAIN = b"\x82"
_sequence = struct.Struct(">Q")
#: What `numbered` puts before the bytes of a body.
NUMBER_BYTES = len(_NUMBERED) + _sequence.size


class Frame:
    """`body` is None while the bytes are in a file alone."""

    __slots__ = ("body", "events", "place", "rejected", "sent", "seq", "settled", "size")

    def __init__(self, body: bytes | None, events: int, size: int) -> None:
        self.body = body
        self.events = events
        self.size = size
        #: 0 until it is numbered.
        self.seq = 0
        self.sent = 0
        self.rejected = 0
        #: Acknowledged, rejected or dropped.
        self.settled = False
        #: Where in which segment of a store it is.
        self.place: Any = None


def pack(events: list[Event]) -> bytes:
    """The two entries `columns` and `rows`."""
    columns: Event = {}
    for event in events:
        columns.update(event)
    names = list(columns)
    rows = [[*map(event.get, names)] for event in events]
    return _packed(names, rows)


def _packed(names: list[str], rows: list[list[Any]]) -> bytes:
    # Behind the byte that says how many entries the map has; `numbered` and `plain` write their own.
    packed: bytes = msgpack.packb({"columns": names, "rows": rows}, unicode_errors="replace")
    return packed[1:]


def halve(body: bytes) -> list[tuple[bytes, int]]:
    """Two bodies of one, each with its number of events."""
    frame = unpack(_PLAIN + body)
    columns, rows = frame["columns"], frame["rows"]
    half = (len(rows) + 1) // 2
    return [(_packed(columns, part), len(part)) for part in (rows[:half], rows[half:])]


def numbered(seq: int, body: bytes) -> bytes:
    return _NUMBERED + _sequence.pack(seq) + body


def plain(body: bytes) -> bytes:
    return _PLAIN + body


def unpack(data: bytes) -> Any:
    """A message of the server. Throws on what is no MessagePack."""
    return msgpack.unpackb(data, strict_map_key=False)
