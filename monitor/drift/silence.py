"""Silence: a service that sends nothing, or far too little, against its own habit of the week.

A habit is the expected number of calls in every hour of the week (UTC), and how far the weeks differ
from one another. A quiet span is unusual when so few calls would be rare under that habit; nights,
weekends and the time between two batches are not, because the habit expects nothing there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import betainc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "DROP_SPANS",
    "HABIT_WEEKS",
    "LOOKS_PER_WEEK",
    "Habit",
    "Quiet",
    "alarm_level",
    "learn_habit",
    "quiet",
]

WEEK, DAY = 168, 24
HABIT_WEEKS = 6
"""The habit is learnt from so many of the latest weeks."""
_LEAST_WEEKS, _LEAST_CALLS = 2, 10
"""A service with less history has no habit yet, and no verdict."""
LOOKS_PER_WEEK = 1008
"""One look every ten minutes."""
DROP_SPANS = (1, 2, 4, 8, 16, 24, 48, 96)
"""Hours that are looked back on, every hour, for traffic that has fallen to a fraction."""
SMALL_FRACTION = 0.25
"""Of the expected calls: with more than that a service is not silent, whatever the chance says."""
_SHAPE_CALLS = 5.0
"""Calls of the pooled day that every weekday's own shape is shrunk towards."""
_PRIOR_DAY_VARIANCE, _PRIOR_DAYS = 0.1, 10.0
"""Squared coefficient of variation of day totals that is assumed, and the days that it counts for."""
_LEAST_VARIANCE = 1e-6


class _Cumulative:
    """The integral of an hourly profile from the first Monday on, the week repeating for ever."""

    def __init__(self, hourly: NDArray[np.float64]) -> None:
        self._sums = np.concatenate([[0.0], np.cumsum(hourly)])

    def up_to(self, hours: NDArray[np.float64]) -> NDArray[np.float64]:
        weeks, rest = np.divmod(hours, WEEK)
        inside: NDArray[np.float64] = np.interp(rest, np.arange(WEEK + 1), self._sums)
        found: NDArray[np.float64] = weeks * self._sums[-1] + inside
        return found


@dataclass(frozen=True)
class Habit:
    """How many calls a service sends in each hour of the week, and how reliably."""

    hourly: tuple[float, ...]
    """Expected calls in each hour of the week; 0 is the first hour of Monday, UTC."""
    burst: float
    """Variance over mean of the calls of an hour, given its day's total: 1 is chance alone."""
    day_variance: float
    """Squared coefficient of variation of day totals beyond chance."""
    level_variance: float
    """Squared standard error of the level, as a share of it."""
    weeks: int
    """Whole weeks it was learnt from."""
    n: int
    """Calls it was learnt from."""
    status: Literal["sufficient", "insufficient_data"]

    @property
    def weekly(self) -> float:
        """Calls that a week is expected to have."""
        return sum(self.hourly)

    @cached_property
    def _means(self) -> _Cumulative:
        return _Cumulative(np.asarray(self.hourly))

    def expected(self, start: float, hours: float) -> float:
        """Calls expected from hour of the week `start` on, for `hours`."""
        before, after = self._means.up_to(np.array([start, start + hours]))
        return float(after - before)

    def least(self, start: float, hours: float) -> float:
        """Calls expected at least, should clocks have changed by an hour before or during the span.

        Earlier: the span is compared with what usually comes an hour later. Later from some moment
        on: all is delayed by an hour then, and the hour before the change comes twice; the moment
        is the kindest one.
        """
        earlier = self.expected(start + 1, hours)
        turns = np.array(
            [start, *np.arange(np.ceil(start), start + min(hours, WEEK)), start + hours]
        )
        twice = float((self._means.up_to(turns) - self._means.up_to(turns - 1)).min())
        return max(0.0, min(earlier, self.expected(start, hours - 1) + twice))

    def at_most(self, count: int, start: float, hours: float) -> float:
        """Chance of so few calls in a span, of which `least` are expected.

        Calls come in clusters of `burst` (so that there are fewer independent arrivals than calls),
        and the rate is gamma distributed: good and bad days, and what is not known about the level.
        """
        mean = self.least(start, hours)
        if mean <= 0:
            return 1.0
        edges = [start, *np.arange(np.floor(start / DAY) * DAY + DAY, start + hours, DAY)]
        days = np.diff(self._means.up_to(np.array([*edges, start + hours])))
        alike = float((days**2).sum() / max(days.sum(), mean) ** 2)  # 1 where one day bears it all
        variance = max(_LEAST_VARIANCE, self.day_variance * alike + self.level_variance)
        arrivals = mean / self.burst
        return float(betainc(1 / variance, count / self.burst + 1, 1 / (1 + variance * arrivals)))


@dataclass(frozen=True, slots=True)
class Quiet:
    """One span with fewer calls than the habit allows."""

    count: int
    """Calls that came."""
    expected: float
    """Calls that the habit expects at least, see `Habit.least`."""
    hours: float
    """Length of the span, which ends now."""
    p_value: float
    level: float
    """The chance below which it alarms."""


def learn_habit(
    hourly_counts: Sequence[int] | NDArray[np.int64], *, first_weekday: int = 0
) -> Habit:
    """The habit behind whole weeks of hourly counts, the oldest first, beginning at 00:00 UTC of a day.

    The level of a weekday is its mean total over the weeks without the busiest one, so that one
    storm of retries is no habit; a mean and not a median, for the median of a service with a call
    every other day is nothing. Its hours have the shape of that weekday, shrunk towards the shape
    of all days. A last week with less traffic than before lowers all of it.

    Use it for services with a weekly rhythm or none. When not: a service that works on a date of
    the month, or on call; its weeks differ so much that it is (rightly) hardly ever called silent.

    Args:
        hourly_counts: a multiple of 168 numbers; the newest seven days last.
        first_weekday: the day that they begin with; 0 is Monday.

    >>> rng = np.random.default_rng(1)
    >>> office = np.where(np.arange(168) % 24 // 9 == 1, 40, 0) * (np.arange(168) < 120)
    >>> habit = learn_habit(rng.poisson(np.tile(office, 6)))
    >>> habit.at_most(0, start=18, hours=14) # a night
    1.0
    >>> habit.at_most(0, start=11, hours=2) < 1e-6 # two hours before noon
    True
    """
    counts = np.asarray(hourly_counts, dtype=np.int64)
    if counts.ndim != 1 or len(counts) % WEEK or (counts < 0).any():
        raise ValueError("hourly_counts needs whole weeks of 168 numbers that are not negative")
    weeks = len(counts) // WEEK
    table = np.roll(counts.reshape(weeks, 7, DAY), first_weekday, axis=1)
    if weeks < _LEAST_WEEKS:
        return _unknown(weeks, int(counts.sum()))
    totals = table.sum(axis=2)
    kept = np.ones(totals.shape, dtype=np.bool_)
    kept[totals.argmax(axis=0), np.arange(7)] = False
    number = int(totals[kept].sum())
    if number < _LEAST_CALLS:
        return _unknown(weeks, int(counts.sum()))
    level = (totals * kept).sum(axis=0) / (weeks - 1)
    by_hour = (table * kept[:, :, None]).sum(axis=0)
    pooled = by_hour.sum(axis=0) / number
    shape = (by_hour + _SHAPE_CALLS * pooled) / (by_hour.sum(axis=1) + _SHAPE_CALLS)[:, None]
    pace = min(1.0, (totals[-1].sum() + _SHAPE_CALLS) / (level.sum() + _SHAPE_CALLS))
    compared = kept if weeks > 2 else np.ones_like(kept)  # a single week differs from none
    spread = _day_variance(totals, compared, level)
    active = max(1, int((kept & (level > 0)).sum()))
    return Habit(
        hourly=tuple((level[:, None] * shape * pace).ravel().tolist()),
        burst=_burst(table, compared),
        day_variance=spread,
        level_variance=spread / active + 1 / (number + 1),
        weeks=weeks,
        n=number,
        status="sufficient",
    )


def _unknown(weeks: int, n: int) -> Habit:
    return Habit((0.0,) * WEEK, 1.0, _PRIOR_DAY_VARIANCE, 1.0, weeks, n, "insufficient_data")


def _day_variance(
    totals: NDArray[np.int64], kept: NDArray[np.bool_], level: NDArray[np.float64]
) -> float:
    """Squared coefficient of variation of day totals, by moments, shrunk towards a prior."""
    used = kept & (level > 0)
    expected = np.broadcast_to(level, totals.shape)[used]
    per_day = used.sum(axis=0).max()
    correction = per_day / max(1, per_day - 1)  # the level is the mean of these very days
    excess = (totals[used] - expected) ** 2 * correction - expected
    seen = max(0.0, float(excess.sum() / (expected**2).sum()))
    days = max(0.0, float(used.sum() - (level > 0).sum()))
    return (seen * days + _PRIOR_DAY_VARIANCE * _PRIOR_DAYS) / (days + _PRIOR_DAYS)


def _burst(table: NDArray[np.int64], kept: NDArray[np.bool_]) -> float:
    """How much more the hours of a day differ from its shape than chance lets them."""
    used = table * kept[:, :, None]
    by_hour = used.sum(axis=0)
    shape = by_hour / np.maximum(1, by_hour.sum(axis=1))[:, None]
    means = shape[None] * used.sum(axis=2)[:, :, None]
    chance = float((means * (1 - shape[None])).sum())
    weeks = int(kept.sum(axis=0).max())
    squares = float(((used - means) ** 2).sum()) * weeks / max(1, weeks - 1)  # the shape is theirs
    return max(1.0, squares / chance) if chance > 0 else 1.0


def alarm_level(
    habit: Habit, *, services: int, alerts_per_week: float, looks: float = LOOKS_PER_WEEK
) -> float:
    """The chance below which a silence alarms, so that a deployment keeps its weekly budget.

    The chance that some look of a week finds a silence by accident is at most the number of looks
    times that of one look; a service with few calls has no more silences than calls.

    >>> habit = learn_habit([1] * 336)
    >>> alarm_level(habit, services=10, alerts_per_week=0.168)
    0.0001
    """
    if services < 1 or alerts_per_week <= 0:
        raise ValueError("services and alerts_per_week must be positive")
    chances = min(float(looks), max(1.0, habit.weekly))
    return alerts_per_week / (services * chances)


def quiet(
    habit: Habit, counts: Sequence[tuple[float, int]], *, hour_of_week: float, level: float
) -> Quiet | None:
    """The most unusual of some spans that end now, if it is unusual enough, else None.

    Only spans with at most a quarter of what the habit expects count: a bad day is no silence.

    Args:
        habit: what is usual.
        counts: length of the span in hours, and the calls in it.
        hour_of_week: where in the week, UTC, the spans end (Monday 00:00 is 0).
        level: alarm below this chance; shared over the spans.
    """
    if habit.status == "insufficient_data":
        return None
    level /= max(1, len(counts))
    rare = []
    for hours, count in counts:
        start = hour_of_week - hours
        expected = habit.least(start, hours)
        if expected <= 0 or count > SMALL_FRACTION * expected:
            continue
        p_value = habit.at_most(count, start, hours)
        if p_value < level:
            rare.append(Quiet(count, expected, hours, p_value, level))
    return min(rare, key=lambda one: one.p_value, default=None)
