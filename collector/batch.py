"""A segment of the log as parts, each one insert, and what the ledger is told of it.

The same segment always gives the same parts, so that a part has a name (its deduplication token)
that survives a crash between the insert and the knowledge of its outcome.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from collector.ledger import Count
from collector.otlp import message
from collector.rows import TABLES, Row, Table, log_rows, span_rows
from collector.segment import Level, Record, Segment, records
from collector.values import flatten

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PART_BYTES", "Account", "Part", "parts"]

PART_BYTES = 16 << 20
"""Of OTLP. The engine's memory while it reads a part is some ten times as much."""


@dataclass(frozen=True, slots=True)
class Part:
    """Requests of one signal that go to the store together."""

    signal: str
    """`traces` or `logs`."""
    token: str
    """Their name, the same at every attempt."""
    records: list[Record]
    """The requests."""

    @property
    def table(self) -> Table:
        """Where the rows go."""
        return TABLES[self.signal]

    @property
    def count(self) -> int:
        """Spans or log records in it."""
        return sum(record.count for record in self.records)

    def otlp(self) -> bytes:
        """All requests as one: protobuf messages in a row are one message, their lists joined."""
        return b"".join([record.payload for record in self.records])

    def flat_otlp(self) -> bytes:
        """The same with texts for lists and maps: slower to make, and the same rows."""
        requests = [message(self.signal, record.payload) for record in self.records]
        for request in requests:
            flatten(request)
        return b"".join([request.SerializeToString() for request in requests])

    def rows(self) -> tuple[list[Row], list[int]]:
        """The rows of the table, and the minute of arrival of each."""
        read = span_rows if self.signal == "traces" else log_rows
        rows: list[Row] = []
        minutes: list[int] = []
        for record in self.records:
            found = list(read(message(self.signal, record.payload)))
            rows += found
            minutes += [record.minute] * len(found)
        return rows, minutes


@dataclass(slots=True)
class Account:
    """What the ledger is told of a segment, filled while its parts are read."""

    counts: Counter[Count] = field(default_factory=Counter)
    """Settled counts."""
    levels: dict[tuple[str, str], tuple[Level, Count]] = field(default_factory=dict)
    """Highest count of drops by service and instance, and where its growth is counted."""
    requests: int = 0
    """Requests in it."""
    completes: bool = False
    """Whether there are log events that add to calls."""
    times: tuple[int, int] = (0, 0)
    """Earliest and latest time that spans and log records tell, Unix nanoseconds."""


def parts(segment: Segment, account: Account, *, part_bytes: int = PART_BYTES) -> Iterator[Part]:
    """The parts of a segment, in order of arrival."""
    number, size = 0, 0
    open_parts: dict[str, Part] = {}
    for record in records(segment):
        _tell(record, account)
        if record.signal != "ledger" and record.count:
            token = f"{segment.name}/{number}/{record.signal}"
            part = open_parts.setdefault(record.signal, Part(record.signal, token, []))
            part.records.append(record)
        size += len(record.payload)
        if size >= part_bytes:
            yield from open_parts.values()
            number, size, open_parts = number + 1, 0, {}
    yield from open_parts.values()


def _tell(record: Record, account: Account) -> None:
    if record.signal == "ledger":
        for minute, signal, service, entry, reason, n in json.loads(record.payload):
            account.counts[Count(minute, signal, service, entry, reason)] += n
        return
    account.requests += 1
    account.completes |= record.note.completes
    if record.note.times[0]:
        (first, last), (earliest, latest) = account.times, record.note.times
        account.times = (min(first or earliest, earliest), max(last, latest))
    for service, entry, reason, n in record.note.counts:
        account.counts[Count(record.minute, record.signal, service, entry, reason)] += n
    for level in record.note.levels:
        key = (level.service, level.instance)
        if key not in account.levels or level.value > account.levels[key][0].value:
            where = Count(record.minute, record.signal, level.service, "dropped", "by the sender")
            account.levels[key] = (level, where)
