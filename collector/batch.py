"""A segment of the log as parts, each one insert, and what the ledger is told of it.

The same segment always gives the same parts, so that a part has a name (its deduplication token)
that survives a crash between the insert and the knowledge of its outcome.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from collector.ledger import Count
from collector.otlp import message, service_of
from collector.rows import LOGS, TRACES, Row, Table, log_rows, span_rows
from collector.segment import Record, Segment, records
from collector.values import text
from monitor.vocabulary import OUTERLOOP_DROPPED, SERVICE_INSTANCE_ID

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Account", "Level", "Part", "parts"]

PART_BYTES = 8 << 20
"""Of OTLP; as Python rows it is several times as much, and one part is in memory at a time."""


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one table that go to the store together."""

    table: Table
    """Where they go."""
    token: str
    """Their name, the same at every attempt."""
    rows: list[Row]
    """The rows."""
    minutes: list[int]
    """The minute of arrival of each row."""


@dataclass(frozen=True, slots=True)
class Level:
    """What a sender says that it has lost since its start."""

    value: int
    """Its cumulative count."""
    minute: int
    """When it said so."""
    signal: str
    """In which signal it said so."""


@dataclass(slots=True)
class Account:
    """What the ledger is told of a segment, filled while its parts are read."""

    counts: Counter[Count] = field(default_factory=Counter)
    """Settled counts."""
    levels: dict[tuple[str, str], Level] = field(default_factory=dict)
    """Highest count of drops by service and instance."""


def parts(segment: Segment, account: Account, *, part_bytes: int = PART_BYTES) -> Iterator[Part]:
    """The parts of a segment, in order of arrival."""
    number, size = 0, 0
    open_parts: dict[str, Part] = {}
    for record in records(segment):
        _collect(record, segment, number, open_parts, account)
        size += len(record.payload)
        if size >= part_bytes:
            yield from open_parts.values()
            number, size, open_parts = number + 1, 0, {}
    yield from open_parts.values()


def _collect(
    record: Record, segment: Segment, number: int, found: dict[str, Part], account: Account
) -> None:
    if record.signal == "ledger":
        for minute, signal, service, entry, reason, n in json.loads(record.payload):
            account.counts[Count(minute, signal, service, entry, reason)] += n
        return
    request = message(record.signal, record.payload)
    spans = record.signal == "traces"
    table = TRACES if spans else LOGS
    rows = list(span_rows(request) if spans else log_rows(request))
    minute = record.arrived_us // 60_000_000 * 60
    for service, n in Counter(row[table.service] for row in rows).items():
        account.counts[Count(minute, record.signal, service, "accepted")] += n
    _note_levels(
        request.resource_spans if spans else request.resource_logs, minute, record, account
    )
    if rows:
        part = found.get(record.signal)
        if part is None:
            part = Part(table, f"{segment.name}/{number}/{record.signal}", [], [])
            found[record.signal] = part
        part.rows.extend(rows)
        part.minutes.extend([minute] * len(rows))


def _note_levels(groups: Any, minute: int, record: Record, account: Account) -> None:
    for group in groups:
        for attribute in group.resource.attributes:
            if attribute.key == OUTERLOOP_DROPPED:
                key = (service_of(group.resource), _instance(group.resource))
                known = account.levels.get(key)
                value = attribute.value.int_value
                if known is None or value > known.value:
                    account.levels[key] = Level(value, minute, record.signal)


def _instance(resource: Any) -> str:
    return next((text(a.value) for a in resource.attributes if a.key == SERVICE_INSTANCE_ID), "")
