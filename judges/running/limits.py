"""Limits of spending, and the sums of one transaction that are held against them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from judges.running.books import Scope, Total
from judges.running.money import nano_below

if TYPE_CHECKING:
    from judges.running.books import Books, HoldRow

__all__ = ["Ledger", "Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Hard limits in USD; None, or a service that is not listed, is unlimited."""

    run_usd: float | None = None
    day_usd: float | None = None
    """Of a UTC day, over all runs that share the journal; a verdict belongs to the day it was asked on."""
    service_day_usd: Mapping[str, float] = field(default_factory=dict)
    """The same, of single services."""

    def __bool__(self) -> bool:
        return self.run_usd is not None or self.day_usd is not None or bool(self.service_day_usd)

    def of(self, scope: Scope) -> int | None:
        """The scope's limit in nano-USD."""
        limit_usd = {
            "run": self.run_usd,
            "day": self.day_usd,
            "service": self.service_day_usd.get(scope.name),
        }[scope.kind]
        return None if limit_usd is None else nano_below(limit_usd)


class Ledger:
    """The sums of one transaction, read once and written once."""

    def __init__(self, books: Books, limits: Limits) -> None:
        self._books, self._limits = books, limits
        self._totals: dict[Scope, Total] = {}
        self._changed: set[Scope] = set()
        self._allowed: dict[Scope, int | None] = {}

    def total(self, scope: Scope) -> Total:
        """What is booked under the scope, with what this transaction has done so far."""
        if scope not in self._totals:
            self._totals |= self._books.totals([scope])
        return self._totals[scope]

    def limit(self, scope: Scope) -> int | None:
        """What is allowed in nano-USD, None without a limit."""
        if scope not in self._allowed:
            self._allowed[scope] = self._limits.of(scope)
        return self._allowed[scope]

    def fits(self, scope: Scope, most: int) -> bool:
        """Whether so much more stays within the scope's limit."""
        limit, total = self.limit(scope), self.total(scope)
        return limit is None or total.settled + total.open + most <= limit

    def take(self, row: HoldRow) -> bool:
        """Set the row's most aside, if it fits every limit."""
        if not all(self.fits(scope, row.most) for scope in row.scopes):
            return False
        self._move(row, 0, row.most)
        return True

    def settle(self, row: HoldRow, cost: int) -> None:
        """Turn what was set aside into what it cost."""
        self._move(row, cost, -row.most)

    def write(self) -> None:
        """Book the new sums."""
        self._books.set_totals({scope: self._totals[scope] for scope in self._changed})

    def _move(self, row: HoldRow, settled: int, opened: int) -> None:
        if settled or opened:
            for scope in row.scopes:
                total = self.total(scope)
                self._totals[scope] = Total(total.settled + settled, total.open + opened)
                self._changed.add(scope)
