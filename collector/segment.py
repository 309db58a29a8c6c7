"""One file of the write-ahead log: framed records, a checksum each, mended after a crash."""

from __future__ import annotations

import logging
import os
import struct
import zlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["Held", "Level", "Note", "Record", "Segment", "frame", "mend", "records"]

LOG = logging.getLogger(__name__)

MAGIC = b"OUTERLOOP WAL 2\n"
FRAME = struct.Struct("<II")
"""Length and CRC-32 of what follows: head, note and payload."""
HEAD = struct.Struct("<BIqI")
"""Signal, number of items, time of arrival in Unix microseconds, length of the note."""
SIGNALS = ("traces", "logs", "ledger")
SIGNAL_CODES = {name: code for code, name in enumerate(SIGNALS)}


class Level(NamedTuple):
    """What a sender says that it has lost since its start."""

    service: str
    """Its service."""
    instance: str
    """Which of the service's processes."""
    value: int
    """Its cumulative count of drops."""


class Held(NamedTuple):
    """What waiting items are counted by."""

    minute: int
    """Minute of arrival, Unix seconds."""
    signal: str
    """`traces` or `logs`."""
    service: str
    """`service.name`."""


@dataclass(frozen=True, slots=True)
class Note:
    """What the ledger and the writer want to know of a request without reading it again."""

    counts: tuple[tuple[str, str, str, int], ...] = ()
    """Lines of the ledger: service, entry, reason, number."""
    levels: tuple[Level, ...] = ()
    """What its senders say that they have lost."""
    completes: bool = False
    """Whether it holds events that add to calls which came as spans."""
    times: tuple[int, int] = (0, 0)
    """Earliest and latest time that its items tell, Unix nanoseconds; zeros when they tell none."""

    def pack(self) -> bytes:
        """As bytes of the log."""
        levels = [tuple(told) for told in self.levels]
        return orjson.dumps((self.counts, levels, self.completes, self.times))

    @classmethod
    def unpack(cls, packed: bytes) -> Note:
        """From bytes of the log."""
        counts, levels, completes, times = orjson.loads(packed)
        lines = tuple(tuple(line) for line in counts)
        return cls(lines, tuple(Level(*told) for told in levels), completes, tuple(times))


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
    """The OTLP request as protobuf; nothing where there are only counts."""
    note: Note = field(default_factory=Note)
    """What is known of it."""

    @property
    def minute(self) -> int:
        """The minute of its arrival, Unix seconds."""
        return self.arrived_us // 60_000_000 * 60

    def held(self) -> Counter[Held]:
        """The items in it, as they are counted while they wait."""
        return Counter({
            Held(self.minute, self.signal, service): number
            for service, entry, _, number in self.note.counts
            if entry == "accepted"
        })  # fmt: skip


@dataclass(frozen=True, slots=True)
class Segment:
    """A closed file of the log, ready to be written to the store."""

    path: Path
    """Where it is; its name is unique over all starts of all collectors."""
    size: int
    """Bytes of it that count; what stands behind them was never acknowledged."""
    held: Counter[Held] = field(default_factory=Counter)
    """Items in it."""
    since: float = 0.0
    """When it was begun, Unix seconds of the wall clock."""

    @property
    def name(self) -> str:
        """Name for deduplication tokens and files of refused rows."""
        return self.path.stem


def frame(record: Record) -> bytes:
    """A record as bytes of the log."""
    note = record.note.pack()
    head = HEAD.pack(SIGNAL_CODES[record.signal], record.count, record.arrived_us, len(note)) + note
    checksum = zlib.crc32(record.payload, zlib.crc32(head))
    return b"".join((FRAME.pack(len(head) + len(record.payload), checksum), head, record.payload))


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
    held: Counter[Held] = Counter()
    with path.open("r+b") as file:
        end = len(MAGIC) if file.read(len(MAGIC)) == MAGIC else 0
        while end and (record := _next(file.read)) is not None:
            held += record.held()
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
    return Segment(path, end, held, path.stat().st_mtime)


def _next(read: Callable[[int], bytes]) -> Record | None:
    prefix = read(FRAME.size)
    if len(prefix) < FRAME.size:
        return None
    length, checksum = FRAME.unpack(prefix)
    content = read(length) if length >= HEAD.size else b""
    if len(content) < HEAD.size or len(content) < length or zlib.crc32(content) != checksum:
        return None
    code, count, arrived_us, size = HEAD.unpack_from(content)
    at = HEAD.size + size
    note = Note.unpack(content[HEAD.size : at])
    return Record(SIGNALS[code], count, arrived_us, content[at:], note)
