"""Which texts of a service are looked at: about so many a day, each with the probability it was drawn with.

The embed job and the texts job read the same sample. A trace is drawn by the hash of its id; the share is a power of
two, so that it changes seldom and a smaller sample lies within a larger one.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from math import floor, log2
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from monitor.jobs.job import Window
    from monitor.store import Store

__all__ = [
    "HISTORY",
    "Part",
    "SampledText",
    "Shares",
    "fingerprint",
    "read_shares",
    "sampled_texts",
]

Part = Literal["input", "output"]
HISTORY = timedelta(days=60)
"""How far back a service that was never looked at is read."""
LEAST_SHARE = 2.0**-12
"""At 4 million calls a day a thousand are left; beyond that the sample grows with the traffic."""
DAYS_BEFORE = 7
"""Days with traffic whose mean sets the share of the next."""
MOST = 50_000
"""Texts that are read at once, at most."""


@dataclass(frozen=True, slots=True)
class SampledText:
    """One text of the sample."""

    timestamp: datetime
    trace_id: str
    span_id: str
    release: str
    text_hash: int
    text: str


@dataclass(frozen=True, slots=True)
class DayCount:
    """A day with traffic."""

    day: date
    calls: int


@dataclass(frozen=True, slots=True)
class Shares:
    """A service's traffic, and with it which share of each day's traces is drawn."""

    days: Sequence[DayCount]
    per_day: int
    """Calls a day that are wanted."""

    def of(self, day: date) -> float:
        """The share of a day, by the mean of up to seven days with traffic before it.

        Between one and two times as many as wanted are drawn, where there are as many. The first
        day goes by its own traffic so far.

        >>> counts = [DayCount(date(2024, 1, 1), 1_000), DayCount(date(2024, 1, 2), 9_000)]
        >>> shares = Shares(counts, per_day=1_000)
        >>> shares.of(date(2024, 1, 1)), shares.of(date(2024, 1, 2)), shares.of(date(2024, 1, 3))
        (1.0, 1.0, 0.25)
        """
        place = bisect_left(self.days, day, key=lambda one: one.day)
        known = self.days[max(0, place - DAYS_BEFORE) : place] or self.days[place : place + 1]
        mean = sum(one.calls for one in known) / len(known) if known else 0.0
        if mean <= self.per_day:
            return 1.0
        return max(LEAST_SHARE, 2.0 ** -floor(log2(mean / self.per_day)))

    def runs(self, window: Window) -> Iterator[tuple[datetime, datetime, float]]:
        """(since, until, share) of stretches of days with the same share, within the window."""
        inside = [
            one.day for one in self.days if window.since.date() <= one.day <= window.until.date()
        ]
        for share, days in groupby(inside, key=self.of):
            listed = list(days)
            since = max(window.since, _midnight(listed[0]))
            until = min(window.until, _midnight(listed[-1]) + timedelta(days=1))
            if since < until:
                yield since, until, share


def read_shares(store: Store, service: str, *, per_day: int, until: datetime) -> Shares:
    """A service's traffic by day as far back as `HISTORY` and what the first day goes by."""
    since = until - HISTORY - timedelta(days=2 * DAYS_BEFORE)
    counts = store.read("calls_by_day", DayCount, service=service, since=since, until=until)
    return Shares(counts, per_day)


def sampled_texts(
    store: Store,
    service: str,
    part: Part,
    window: Window,
    *,
    shares: Shares,
    release: str = "",
    most: int = MOST,
) -> Iterator[tuple[float, list[SampledText]]]:
    """Each stretch's share and its sampled texts, in order of time, the first ones when too many."""
    for since, until, share in shares.runs(window):
        if most <= 0:
            return
        found = store.read(
            "texts_sampled",
            SampledText,
            service=service,
            part=part,
            release=release,
            share=share,
            since=since,
            until=until,
            most=most,
        )
        most -= len(found)
        yield share, found


def fingerprint(
    store: Store, service: str, window: Window, *, shares: Shares, release: str = ""
) -> tuple[int, int]:
    """How many calls the sample has texts of at most, and a number that says which calls they are."""
    n = found = 0
    for since, until, share in shares.runs(window):
        [(more, bits)] = store.rows(
            "texts_fingerprint",
            service=service,
            release=release,
            share=share,
            since=since,
            until=until,
        )
        n, found = n + int(more), found ^ int(bits)
    return n, found


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)
