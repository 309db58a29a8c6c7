"""The account per minute: accepted = stored + waiting + refused, and what else befell.

Nothing is counted twice and nothing is forgotten over a crash, because every count is derived from
the write-ahead log: `accepted`, `stored`, `refused` and `dropped` are counted when a segment of the
log has been written to the store, in one atomic state file that names the segment, just before that
segment is deleted. What has no record of its own (`rejected`, and metrics, which are only
`counted`) is gathered for a second and then goes through the log as a record of counts; a crash can
lose that second. Rows go to the store from the state file, under a deduplication token that is
fixed before the first attempt.
"""

from __future__ import annotations

import json
import os
from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

__all__ = ["LEDGER_TYPES", "Count", "Flush", "Ledger", "minute_of"]

LEDGER_TYPES = {
    "minute": "DateTime", "signal": "LowCardinality(String)", "service": "LowCardinality(String)",
    "entry": "LowCardinality(String)", "reason": "LowCardinality(String)", "count": "UInt64",
}  # fmt: skip
"""Columns of the table `ledger`."""

MOST_INSTANCES = 50_000
"""Senders whose last word about drops is remembered."""


@dataclass(frozen=True, slots=True)
class Count:
    """What a number in the ledger counts; the fields are the table's columns."""

    minute: int
    """Unix seconds of the minute of arrival, product time."""
    signal: str
    """`traces`, `logs` or `metrics`."""
    service: str
    """`service.name`, empty where a request could not be read."""
    entry: str
    """`accepted`, `stored`, `rejected`, `refused`, `dropped`, `masked` (values), or `counted` for
    metrics."""
    reason: str = ""
    """Why, in a few fixed words: of requests that could not be read (`malformed`, `too large`, …)
    requests are counted, of all else spans, log records or data points."""


@dataclass(frozen=True, slots=True)
class Flush:
    """Rows on their way to the store."""

    token: str
    """Deduplication token: the same rows are never stored twice."""
    rows: list[list[Any]]
    """Values of `minute, signal, service, entry, reason, count`."""


class Ledger:
    """Counts, kept in a state file beside the log.

    Args:
        path: the state file.
        run: a text that no other start of any collector has.
    """

    def __init__(self, path: Path, *, run: str) -> None:
        self._path = path
        self._pending: Counter[Count] = Counter()
        self._flush: Flush | None = None
        self._levels: OrderedDict[str, int] = OrderedDict()
        self._gathered: Counter[Count] = Counter()
        self._run, self._flushes = run, 0
        self.settled = ""
        """Name of the last segment that has been counted."""
        self.totals: Counter[tuple[str, str]] = Counter()
        """Settled counts since the data directory is new, by signal and entry."""
        self.rejected: Counter[tuple[str, str]] = Counter()
        """Rejected since the start of this process, by signal and reason."""
        self.accepted_before: dict[str, int] = {}
        """Accepted and settled when this process started, by signal."""
        if path.exists():
            self._restore(json.loads(path.read_text("utf-8")))

    def gather(self, count: Count, number: int) -> None:
        """Count something that has no record in the log; called on the event loop."""
        self._gathered[count] += number
        if count.entry == "rejected":
            self.rejected[count.signal, count.reason] += number

    def harvest(self) -> bytes | None:
        """What has been gathered, as the payload of a record of the log."""
        gathered, self._gathered = self._gathered, Counter()
        return json.dumps(_listed(gathered)).encode() if gathered else None

    def regather(self, payload: bytes) -> None:
        """Take a harvest back that could not be kept."""
        self._gathered += _counted(json.loads(payload))

    def increase(self, service: str, instance: str, level: int) -> int:
        """How much a sender's cumulative count of drops has grown since it was last told."""
        key = json.dumps([service, instance])
        known = self._levels.pop(key, 0)
        self._levels[key] = max(level, known)
        return max(0, level - known)

    def settle(self, segment: str, counts: Counter[Count]) -> None:
        """Add the counts of a segment that the store has, once."""
        self._pending += counts
        for count, number in counts.items():
            self.totals[count.signal, count.entry] += number
        self.settled = segment
        while len(self._levels) > MOST_INSTANCES:
            self._levels.popitem(last=False)
        self._save()

    def flush(self) -> Flush | None:
        """The rows to insert next; the same again until `flushed` is called."""
        if self._flush is None and self._pending:
            self._flushes += 1
            token = f"ledger-{self._run}-{self._flushes}"
            self._flush = Flush(token, _listed(self._pending))
            self._pending = Counter()
            self._save()
        return self._flush

    def flushed(self) -> None:
        """The store has the rows of the last flush."""
        self._flush = None
        self._save()

    def _save(self) -> None:
        """Replace the state file, whole or not at all."""
        state = {
            "settled": self.settled,
            "pending": _listed(self._pending),
            "flush": None if self._flush is None else [self._flush.token, self._flush.rows],
            "levels": dict(self._levels),
            "totals": [[signal, entry, n] for (signal, entry), n in self.totals.items()],
        }
        new = self._path.with_suffix(".new")
        with new.open("w", encoding="utf-8") as file:
            json.dump(state, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)

    def _restore(self, state: dict[str, Any]) -> None:
        self.settled = state["settled"]
        self._pending = _counted(state["pending"])
        self._flush = None if state["flush"] is None else Flush(*state["flush"])
        self._levels = OrderedDict(state["levels"])
        self.totals = Counter({(signal, entry): n for signal, entry, n in state["totals"]})
        self.accepted_before = {
            s: n for (s, entry), n in self.totals.items() if entry == "accepted"
        }


def minute_of(moment: datetime) -> int:
    """The minute of a moment, as Unix seconds.

    >>> from datetime import UTC, datetime
    >>> minute_of(datetime(2024, 1, 1, 0, 0, 59, tzinfo=UTC))
    1704067200
    """
    return int(moment.timestamp()) // 60 * 60


def _listed(counts: Counter[Count]) -> list[list[Any]]:
    return [[c.minute, c.signal, c.service, c.entry, c.reason, n] for c, n in counts.items() if n]


def _counted(rows: list[list[Any]]) -> Counter[Count]:
    return Counter({Count(*row[:5]): row[5] for row in rows})
