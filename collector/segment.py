"""One file of the write-ahead log: framed records, a checksum each, mended after a crash."""

from __future__ import annotations

import logging
import os
import struct
import zlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["Record", "Segment", "frame", "mend", "records"]

LOG = logging.getLogger(__name__)

MAGIC = b"OUTERLOOP WAL 1\n"
FRAME = struct.Struct("<II")
"""Length and CRC-32 of what follows: the head and the payload."""
HEAD = struct.Struct("<BIq")
"""Signal, number of items, time of arrival in Unix microseconds."""
SIGNALS = ("traces", "logs", "ledger")
SIGNAL_CODES = {name: code for code, name in enumerate(SIGNALS)}


@dataclass(frozen=True, slots=True)
class Record:
    """One request as it was acknowledged."""

    signal: str
    """`traces`, `logs`, or `ledger` for counts of ours."""
    count: int
    """Spans or log records in it."""
    arrived_us: int
    """Product time of its arrival, Unix microseconds."""
    payload: bytes
    """The OTLP request as protobuf; counts as JSON."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A closed file of the log, ready to be written to the store."""

    path: Path
    """Where it is; its name is unique over all starts of all collectors."""
    size: int
    """Bytes of it that count; what stands behind them was never acknowledged."""
    counts: Counter[str] = field(default_factory=Counter)
    """Items by signal."""

    @property
    def name(self) -> str:
        """Name for deduplication tokens and files of refused rows."""
        return self.path.stem


def frame(record: Record) -> bytes:
    """A record as bytes of the log."""
    head = HEAD.pack(SIGNAL_CODES[record.signal], record.count, record.arrived_us)
    checksum = zlib.crc32(record.payload, zlib.crc32(head))
    return b"".join((FRAME.pack(HEAD.size + len(record.payload), checksum), head, record.payload))


def records(segment: Segment) -> Iterator[Record]:
    """The records of a segment, in the order of arrival."""
    with segment.path.open("rb") as file:
        file.seek(len(MAGIC))
        while file.tell() < segment.size:
            record = _next(file.read)
            if record is None:
                raise OSError(f"{segment.path} was whole and is damaged now; check the disk")
            yield record


def mend(path: Path, refused: Path) -> Segment | None:
    """Check a segment that an earlier process left, and cut a torn end off.

    Only bytes that were never acknowledged can be torn; they are put aside in `refused` all the
    same, because a damaged disk looks alike. Returns None, and removes the file, when no record
    is left.
    """
    counts: Counter[str] = Counter()
    with path.open("r+b") as file:
        end = len(MAGIC) if file.read(len(MAGIC)) == MAGIC else 0
        while end and (record := _next(file.read)) is not None:
            counts[record.signal] += record.count
            end = file.tell()
        file.seek(end)
        torn = file.read()
        if torn.strip(b"\0"):
            LOG.warning("wal.torn segment=%s at=%d bytes=%d", path.name, end, len(torn))
            (refused / f"{path.stem}.torn").write_bytes(torn)
        file.truncate(end)
        os.fsync(file.fileno())
    if end <= len(MAGIC):
        path.unlink()
        return None
    return Segment(path, end, counts)


def _next(read: Callable[[int], bytes]) -> Record | None:
    prefix = read(FRAME.size)
    if len(prefix) < FRAME.size:
        return None
    length, checksum = FRAME.unpack(prefix)
    content = read(length) if length >= HEAD.size else b""
    if len(content) < HEAD.size or len(content) < length or zlib.crc32(content) != checksum:
        return None
    code, count, arrived_us = HEAD.unpack_from(content)
    return Record(SIGNALS[code], count, arrived_us, content[HEAD.size :])
