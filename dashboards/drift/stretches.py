"""Which two stretches of time are compared: what is looked at, and what it is held against; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboards import words
from dashboards.filters import time_range
from monitor.report import Period, default_reference

if TYPE_CHECKING:
    from datetime import datetime

    from dashboards.filters import Filters
    from dashboards.rows import Extent

__all__ = ["Stretches", "choose_stretches", "known_until"]


@dataclass(frozen=True, slots=True)
class Stretches:
    """Before and now."""

    before: Period
    now: Period
    why: str
    """Why these, in words."""

    @property
    def sentence(self) -> str:
        """Both in words, with their zone."""
        return (
            f"Now: {words.when(self.now.since)} to {words.when(self.now.until)}. Before:"
            f" {words.when(self.before.since)} to {words.when(self.before.until)}, {self.why}."
        )


def known_until(filters: Filters, now: datetime) -> datetime:
    """The end of the chosen time, or the end of this minute where that is still to come.

    >>> from datetime import UTC, datetime
    >>> from dashboards.filters import ALL_TIME, Filters
    >>> known_until(Filters(*ALL_TIME), datetime(2024, 1, 2, 10, 0, 30, tzinfo=UTC)).isoformat()
    '2024-01-02T10:01:00+00:00'
    """
    return min(filters.until, time_range("1h", now)[1])


def choose_stretches(filters: Filters, extent: Extent) -> Stretches:
    """The time that was chosen against the same hours whole weeks earlier, as far as there are calls.

    Where there are none so early it is everything before, and where there is nothing before, the
    earlier half against the later one.
    """
    since, until = _within(filters, extent)
    now = Period(since, until)
    weeks = default_reference(now)
    if extent.first_call <= weeks.since:
        return Stretches(weeks, now, "the same hours whole weeks earlier")
    if (since - extent.first_call) * 4 >= until - since:
        return Stretches(Period(extent.first_call, since), now, "all that came before")
    middle = since + (until - since) / 2
    return Stretches(
        Period(since, middle), Period(middle, until), "the earlier half: nothing is older"
    )


def _within(filters: Filters, extent: Extent) -> tuple[datetime, datetime]:
    """The chosen time as far as there are calls in it."""
    since, until = max(filters.since, extent.first_call), min(filters.until, extent.last_call)
    return (since, until) if since < until else (filters.since, filters.until)
