"""Rows that the store does not take for what is in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collector.ledger import Count

if TYPE_CHECKING:
    from collector.batch import Part
    from collector.rows import Row

__all__ = ["Reason", "RefusedRow", "Rows"]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the store does not take something."""

    code: int | None
    """ClickHouse's code; None where the client refused."""
    text: str
    """In words."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A part as rows."""

    part: Part
    """Where they come from."""
    rows: list[Row]
    """Values in the order of the table's columns."""
    minutes: list[int]
    """Minute of arrival of each."""


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that the store does not take."""

    found: Rows
    """Where it stands."""
    index: int
    """Its place there."""
    reason: str
    """What the store said."""

    def count(self) -> Count:
        """How the ledger counts it."""
        part, row = self.found.part, self.found.rows[self.index]
        service = row[part.table.service]
        return Count(
            self.found.minutes[self.index], part.signal, service, "refused", "by the store"
        )

    def document(self) -> dict[str, Any]:
        """What is put aside for people."""
        table = self.found.part.table
        row = dict(zip(table.columns, self.found.rows[self.index], strict=True))
        return {"reason": self.reason, "table": table.name, "row": row}
