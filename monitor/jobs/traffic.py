"""Who sends how much: rows of each service by hour, and the habit of its week that they make."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from monitor.drift.silence import HABIT_WEEKS, Habit, learn_habit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.store import Store

__all__ = ["DEPLOYMENT", "HOUR", "WEEK", "Traffic", "hour_of_week", "read_traffic", "together"]

DEPLOYMENT = "all services"
HOUR, WEEK = timedelta(hours=1), timedelta(days=7)
READ = (HABIT_WEEKS + 2) * WEEK
"""How far back traffic is read: a habit, and a silence of up to two weeks after it. A longer one keeps its incident."""


@dataclass(frozen=True, slots=True)
class Hour:
    """Rows of one service in one hour."""

    kind: str
    service: str
    hour: datetime
    count: int
    last: datetime


@dataclass(slots=True)
class Traffic:
    """One service's traffic by hour."""

    service: str
    hours: dict[datetime, int] = field(default_factory=lambda: defaultdict(int))
    last: datetime | None = None

    def add(self, hour: Hour) -> None:
        """Count an hour in."""
        self.hours[hour.hour] += hour.count
        last = hour.last.replace(microsecond=hour.last.microsecond // 1000 * 1000)
        self.last = last if self.last is None else max(self.last, last)

    def count(self, start: datetime, end: datetime) -> int:
        """Rows between two whole hours."""
        number = round((end - start) / HOUR)
        return sum(self.hours.get(start + n * HOUR, 0) for n in range(number))

    def habit(self, before: datetime) -> Habit:
        """What was usual before the day of `before`, from whole weeks since the first row."""
        end = before.replace(hour=0, minute=0, second=0, microsecond=0)
        first = min(self.hours, default=end)
        weeks = max(0, min(HABIT_WEEKS, (end - first) // WEEK))
        start = end - weeks * WEEK
        counts = np.zeros(weeks * 168, dtype=np.int64)
        for hour, count in self.hours.items():
            if start <= hour < end:
                counts[round((hour - start) / HOUR)] = count
        return learn_habit(counts, first_weekday=end.weekday())


def read_traffic(store: Store, until: datetime) -> list[Traffic]:
    """The traffic of every service: its calls, or its steps where it makes no calls."""
    since = until.replace(hour=0, minute=0, second=0, microsecond=0) - READ
    rows = store.read("traffic_by_hour", Hour, since=since, until=until)
    callers = {row.service for row in rows if row.kind == "calls"}
    found: dict[str, Traffic] = {}
    for row in rows:
        if row.kind == "calls" or row.service not in callers:
            found.setdefault(row.service, Traffic(row.service)).add(row)
    return [found[name] for name in sorted(found)]


def together(traffic: Iterable[Traffic]) -> Traffic:
    """The traffic of the whole deployment."""
    whole = Traffic(DEPLOYMENT)
    for one in traffic:
        for hour, count in one.hours.items():
            whole.hours[hour] += count
        whole.last = max(filter(None, (whole.last, one.last)), default=None)
    return whole


def hour_of_week(moment: datetime) -> float:
    """Hours since Monday 00:00 UTC.

    >>> from datetime import UTC
    >>> hour_of_week(datetime(2024, 1, 2, 6, 30, tzinfo=UTC))
    30.5
    """
    return moment.weekday() * 24 + moment.hour + moment.minute / 60 + moment.second / 3600
