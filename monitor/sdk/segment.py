"""One file of the spool: a row of frames, each the body of one request, under the lock of one process."""

from __future__ import annotations

import os
import struct
import time
import zlib
from pathlib import Path
from typing import NamedTuple

from monitor.sdk.guard import GUARD

__all__ = ["HEADER", "Frame", "Segment"]

HEADER = struct.Struct("<4sBIII")
MAGIC = b"OLS1"
PATHS = ("/v1/traces", "/v1/logs")


class Frame(NamedTuple):
    """The body of one request, as it lies in a segment."""

    offset: int
    size: int
    path: str
    records: int
    """How many are in it."""
    checksum: int


class Segment:
    """One file of frames, ours alone for as long as it is open."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._file = descriptor
        self.frames: list[Frame] = []
        self.end = 0
        _OPEN.add(descriptor)

    @classmethod
    def create(cls, folder: Path) -> Segment:
        """A new, empty segment.

        Raises:
            OSError: the disk will not have it.
        """
        path = folder / f"{time.time_ns():020d}-{os.getpid()}.otlp"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        if not _lock(descriptor):
            os.close(descriptor)
            raise OSError(f"{path} cannot be locked")
        return cls(path, descriptor)

    @classmethod
    def take_over(cls, path: Path) -> Segment | None:
        """A segment whose process has died; None where another one has it.

        Raises:
            OSError: it cannot be read.
        """
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return None
        if not _lock(descriptor) or os.fstat(descriptor).st_nlink == 0:
            os.close(descriptor)
            return None
        segment = cls(path, descriptor)
        segment._index()
        return segment

    def append(self, path: str, count: int, body: bytes) -> None:
        """Add one frame; what is written stays, even when this process is killed right after.

        Raises:
            OSError: it does not fit; the frames before are whole.
        """
        frame = Frame(self.end, len(body), path, count, zlib.crc32(body))
        header = HEADER.pack(MAGIC, PATHS.index(path), count, len(body), frame.checksum)
        os.lseek(self._file, self.end, os.SEEK_SET)
        try:
            _write(self._file, header + body)
        except OSError:
            os.ftruncate(self._file, self.end)
            raise
        self.frames.append(frame)
        self.end += HEADER.size + len(body)

    def read(self, frame: Frame) -> bytes | None:
        """The body of a frame; None where it is not what was written."""
        os.lseek(self._file, frame.offset + HEADER.size, os.SEEK_SET)
        body = _read(self._file, frame.size)
        return body if zlib.crc32(body) == frame.checksum else None

    def cut(self, frame: Frame) -> None:
        """The last frame is settled."""
        self.frames.remove(frame)
        self.end = frame.offset
        os.ftruncate(self._file, self.end)

    def close(self, *, remove: bool) -> None:
        """Let go of it, and delete it where nothing is left in it."""
        if self._file in _OPEN:
            if remove:
                self.path.unlink(missing_ok=True)
            _OPEN.discard(self._file)
            os.close(self._file)

    def _index(self) -> None:
        """Find the frames; what follows the last whole one is put aside."""
        length = os.fstat(self._file).st_size
        while self.end + HEADER.size <= length:
            os.lseek(self._file, self.end, os.SEEK_SET)
            magic, kind, count, size, checksum = HEADER.unpack(_read(self._file, HEADER.size))
            frame = Frame(self.end, size, PATHS[kind] if kind < 2 else "", count, checksum)
            whole = magic == MAGIC and frame.path and self.end + HEADER.size + size <= length
            if not whole or self.read(frame) is None:
                break
            self.frames.append(frame)
            self.end += HEADER.size + size
        if self.end < length:
            os.lseek(self._file, self.end, os.SEEK_SET)
            rest = _read(self._file, length - self.end)
            self.path.with_suffix(".corrupt").write_bytes(rest)
            os.ftruncate(self._file, self.end)
            GUARD.warn(
                "corrupt spool",
                "outerloop: %s bytes of a spool file cannot be read; kept as *.corrupt in %s",
                len(rest),
                self.path.parent,
            )


_OPEN: set[int] = set()


def _close_in_child() -> None:
    """A forked child would share its parent's locks: it keeps none of its files."""
    for descriptor in _OPEN:
        os.close(descriptor)
    _OPEN.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)


def _lock(descriptor: int) -> bool:
    """Take the file for this process; False where another one has it."""
    try:
        try:
            import fcntl  # noqa: PLC0415 - not on Windows
        except ImportError:
            import msvcrt  # noqa: PLC0415 - only on Windows

            os.lseek(descriptor, 1 << 40, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]  # Windows only
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _write(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _read(descriptor: int, size: int) -> bytes:
    parts = []
    while size > 0:
        part = os.read(descriptor, size)
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
