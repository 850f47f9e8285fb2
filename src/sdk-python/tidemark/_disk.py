"""Frames in files that survive their process.

`<directory>/<producer>-<12 digits>/` belongs to one process, which holds an exclusive lock on `lock` in it; the
name of the folder is the producer on the wire. `<8 digits>.frames` are appended to in order; each record is

    length of the body u32 | CRC-32 of the body u32 | seq u64 | events u32, little-endian, and the body

A record that is short or does not match its CRC ends its file: that is where the process died. A write reaches the
system before it returns, so it survives the process, not a power cut. A client that starts with the same directory and
producer takes over folders whose lock nobody holds, sends their frames under their own numbers, and deletes them.
"""

from __future__ import annotations

import os
import re
import shutil
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

from ._frame import Frame
from ._ids import short_name
from ._outbox import Outbox

try:
    import fcntl
except ImportError:  # Windows has no lock that ends with its process and no other way to tell.
    fcntl = None  # type: ignore[assignment]

_record = struct.Struct("<IIQI")
_SEGMENT_BYTES = 16_777_216
_BODY_BYTES_MAX = 67_108_864
_ADOPTED_MAX = 64
_NEW_SECONDS = 3_600


class Segment:
    """Its file is open while it is written to or read from; a backlog may be of more files than a process may open."""

    __slots__ = ("end", "fd", "frames", "path")

    def __init__(self, path: Path, fd: int = -1) -> None:
        self.path = path
        self.fd = fd
        self.end = 0
        #: Records that are not settled yet.
        self.frames = 0


class Folder:
    """Of one producer; a FrameStore. `place` of its frames is a segment and the offset of the body."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock
        self._segments: list[Segment] = []
        self._writing: Segment | None = None
        self._reading: Segment | None = None

    def append(self, frame: Frame) -> None:
        """The body is in the file when this returns, and no longer in memory."""
        segment, body = self._segment(), frame.body
        assert body is not None
        record = _record.pack(len(body), zlib.crc32(body), frame.seq, frame.events) + body
        try:
            _write_all(segment.fd, record)
        except BaseException:
            # Half a record, or one that nobody counts, would end the file for whoever reads it: the rest goes into
            # another one.
            self._writing = None
            os.ftruncate(segment.fd, segment.end)
            self._leave(segment)
            raise
        frame.place = (segment, segment.end + _record.size)
        frame.body = None
        segment.end += len(record)
        segment.frames += 1

    def _segment(self) -> Segment:
        writing = self._writing
        if writing is None or writing.end >= _SEGMENT_BYTES:
            path = self.path / f"{int(self._segments[-1].path.stem) + 1 if self._segments else 1:08d}.frames"
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
            self._writing = Segment(path, fd)
            self._segments.append(self._writing)
            if writing is not None:
                self._leave(writing)
        assert self._writing is not None
        return self._writing

    def read(self, frame: Frame) -> bytes:
        segment, offset = frame.place
        fd = self._opened(segment)
        length, crc, _, _ = _record.unpack(_read_all(fd, _record.size, offset - _record.size))
        body = _read_all(fd, length, offset)
        if len(body) != length or zlib.crc32(body) != crc:
            raise OSError(f"a record of {segment.path.name} is damaged")
        return body

    def _opened(self, segment: Segment) -> int:
        before = self._reading
        if segment.fd < 0:
            segment.fd = os.open(segment.path, os.O_RDWR | os.O_CLOEXEC)
        self._reading = segment
        if before is not None and before is not segment and before is not self._writing:
            before_fd, before.fd = before.fd, -1
            _close(before_fd)
        return segment.fd

    def _leave(self, segment: Segment) -> None:
        """It is no longer written to."""
        if segment.frames == 0:
            self._remove(segment)
        elif segment is not self._reading:
            fd, segment.fd = segment.fd, -1
            _close(fd)

    def forget(self, frame: Frame) -> None:
        segment: Segment = frame.place[0]
        frame.place = None
        segment.frames -= 1
        if segment.frames > 0:
            return
        if segment is not self._writing:
            self._remove(segment)
        elif segment.end > 1_048_576:
            self._writing = None
            self._remove(segment)

    def _remove(self, segment: Segment) -> None:
        if segment not in self._segments:
            return
        # The last of the list names the next one, so its number is not given twice.
        if len(self._segments) > 1 or segment is not self._segments[-1]:
            self._segments.remove(segment)
            fd, segment.fd = segment.fd, -1
            _close(fd)
            segment.path.unlink(missing_ok=True)
        else:
            os.ftruncate(self._opened(segment), 0)
            segment.end = 0
            self._writing = segment if self._writing is None else self._writing

    def load(self) -> list[Frame]:
        """The valid records of all files, in order."""
        frames: list[Frame] = []
        for path in sorted(self.path.glob("*.frames")):
            segment = Segment(path)
            self._segments.append(segment)
            self._opened(segment)
            frames.extend(_records(segment))
        return frames

    def close(self, keep: bool) -> None:
        self._close_segments()
        if not keep:
            shutil.rmtree(self.path, ignore_errors=True)
        self._unlock()

    def abandon(self) -> None:
        """Gives the descriptors back and changes nothing: in a fork, where the folder is the parent's."""
        self._close_segments()
        self._unlock()

    def _close_segments(self) -> None:
        segments, self._segments = self._segments, []
        self._writing = self._reading = None
        for segment in segments:
            fd, segment.fd = segment.fd, -1
            _close(fd)

    def _unlock(self) -> None:
        # In a fork the parent's descriptor holds the lock on.
        lock, self._lock = self._lock, -1
        _close(lock)


class Spool:
    """The folders of one name in one directory."""

    def __init__(self, directory: str, producer: str) -> None:
        if fcntl is None:
            raise OSError("files cannot be locked on this system")
        self._directory = Path(directory)
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._own_name = re.compile(re.escape(producer) + r"-[0-9a-z]{12}")

    def begin(self, wire_producer: str) -> Folder:
        """A folder of this process; it appears under its name with its lock already held."""
        hidden = self._directory / f".new-{short_name()}"
        hidden.mkdir(mode=0o700)
        lock = _try_lock(hidden / "lock")
        if lock is None:
            raise OSError(f"cannot lock {hidden}")
        path = self._directory / wire_producer
        hidden.rename(path)
        return Folder(path, lock)

    def append(self, store: object, frame: Frame) -> None:
        assert isinstance(store, Folder)
        store.append(frame)

    def adopt(self, problem: Callable[[str], None]) -> list[Outbox]:
        """What processes left behind that are no longer there. What cannot be read is left where it is, and told."""
        found: list[Outbox] = []
        for path in sorted(self._directory.iterdir()):
            try:
                if path.name.startswith(".new-"):
                    _sweep(path)
                elif len(found) < _ADOPTED_MAX and self._own_name.fullmatch(path.name) and path.is_dir():
                    box = _take_over(path)
                    if box is not None:
                        found.append(box)
            except OSError as error:
                problem(f"cannot read what {path.name} left behind: {error}")
        return found


def _take_over(path: Path) -> Outbox | None:
    lock = _try_lock(path / "lock")
    if lock is None:
        return None
    folder = Folder(path, lock)
    box = Outbox(path.name, folder)
    try:
        frames = folder.load()
    except OSError:
        folder.close(keep=True)
        raise
    for frame in frames:
        box.next_seq = frame.seq + 1
        # It may have been sent before: it is never dropped, and the server knows its number.
        frame.sent = 1
        box.push(frame)
    if box.pending == 0:
        folder.close(keep=False)
        return None
    return box


def _try_lock(path: Path) -> int | None:
    """The descriptor that holds the lock; None where another process has it or took the folder away."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.stat(path).st_ino == os.fstat(fd).st_ino:
            return fd
    except OSError:
        pass
    os.close(fd)
    return None


def _sweep(path: Path) -> None:
    """A folder whose process died before it had a name holds nothing."""
    if time.time() - path.stat().st_mtime > _NEW_SECONDS:
        shutil.rmtree(path, ignore_errors=True)


def _close(fd: int) -> None:
    if fd >= 0:
        try:
            os.close(fd)
        except OSError:
            pass


def _read_all(fd: int, length: int, offset: int) -> bytes:
    """Short where the file ends; a read may also be short by itself."""
    data = os.pread(fd, length, offset)
    while 0 < len(data) < length:
        more = os.pread(fd, length - len(data), offset + len(data))
        if not more:
            break
        data += more
    return data


def _records(segment: Segment) -> list[Frame]:
    frames: list[Frame] = []
    size = os.fstat(segment.fd).st_size
    while segment.end + _record.size <= size:
        length, crc, seq, events = _record.unpack(_read_all(segment.fd, _record.size, segment.end))
        offset = segment.end + _record.size
        body = _read_all(segment.fd, length, offset) if length <= _BODY_BYTES_MAX else b""
        if len(body) != length or zlib.crc32(body) != crc or events == 0:
            break
        frame = Frame(None, events, length + _record.size)
        frame.seq = seq
        frame.place = (segment, offset)
        frames.append(frame)
        segment.end = offset + length
        segment.frames += 1
    return frames


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
