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


class Frame:
    """`body` is None while the bytes are in a file alone."""

    __slots__ = ("body", "events", "place", "rejected", "sent", "seq", "size")

    def __init__(self, body: bytes | None, events: int, size: int) -> None:
        self.body = body
        self.events = events
        self.size = size
        #: 0 until it is numbered.
        self.seq = 0
        self.sent = 0
        self.rejected = 0
        #: Where in which segment of a store it is.
        self.place: Any = None


def pack(events: list[Event]) -> bytes:
    """The two entries `columns` and `rows`."""
    columns: Event = {}
    for event in events:
        columns.update(event)
    names = list(columns)
    rows = [[*map(event.get, names)] for event in events]
    # Behind the byte that says how many entries the map has; `numbered` and `plain` write their own.
    packed: bytes = msgpack.packb({"columns": names, "rows": rows}, unicode_errors="replace")
    return packed[1:]


def numbered(seq: int, body: bytes) -> bytes:
    return _NUMBERED + _sequence.pack(seq) + body


def plain(body: bytes) -> bytes:
    return _PLAIN + body


def unpack(data: bytes) -> Any:
    """A message of the server. Throws on what is no MessagePack."""
    return msgpack.unpackb(data, strict_map_key=False)
