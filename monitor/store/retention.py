"""How long rows are kept: one TTL a table, set anew at every migration, so that a changed setting takes effect.

Rows that have aged before the change go too: ClickHouse applies a new TTL to what is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["KEPT", "Aging", "Retention"]

KEPT = frozenset({
    "anchor_verdicts", "anchors", "bridges", "dataset_events", "datasets", "erased_calls", "erasures", "erasing",
    "incidents", "prices", "retrains", "schema_migrations",
})  # fmt: skip
"""Tables whose rows stay: what was decided, trained on and erased, and what the schema itself needs."""
RAW = ("otel_",)
"""Prefix of the tables that hold what was sent as it was sent, many times the size of `calls`."""
AGE = (
    "Timestamp",
    "timestamp",
    "Start",
    "minute",
    "hour",
    "started_at",
    "first_seen",
    "created_at",
)
"""Columns that say a row's age, the most telling first."""


@dataclass(frozen=True, slots=True)
class Aging:
    """A stored table as the engine knows it."""

    name: str
    engine_full: str
    times: tuple[str, ...]
    """Its columns that hold a time."""

    @property
    def age(self) -> str:
        """The column that says how old a row is, or ''."""
        return next((name for name in AGE if name in self.times), "")


@dataclass(frozen=True, slots=True)
class Retention:
    """For how many days rows are kept; 0 keeps them for ever."""

    days: int
    raw_days: int | None = None
    """Of the raw tables; None where the caller does not know: then a shorter one that is set stays."""

    def changes(self, tables: Iterable[Aging]) -> Iterator[tuple[str, str]]:
        """What to alter, as (table, change)."""
        for table in tables:
            if table.name.removesuffix("_local") in KEPT or not table.age:
                continue
            days = self._days(table)
            wanted = f"TTL toDateTime({table.age}) + toIntervalDay({days})"
            if days and f"{wanted} " not in f"{table.engine_full} ":
                yield table.name, f"MODIFY {wanted}"
            elif not days and " TTL " in table.engine_full:
                yield table.name, "REMOVE TTL"

    def _days(self, table: Aging) -> int:
        if not table.name.startswith(RAW):
            return self.days
        if self.raw_days is not None:
            return self.raw_days
        _, found, rest = table.engine_full.partition(f"toDateTime({table.age}) + toIntervalDay(")
        present = int(rest.partition(")")[0]) if found else 0
        return min(present, self.days) if present and self.days else present or self.days
