"""Does a value lie a usual step beside where it belongs: a month, a day, an hour, a unit?"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.drift.date_profile import DateProfile

__all__ = ["NumberProfile", "clock_slip", "day_slip", "month_slip", "unit_slip"]

UNITS = (1000.0, 100.0, 12.0)
"""Thousands and milli, cents, years in months."""
_SMALLEST = 200
_TAIL = 0.005
_MONTH_DAYS = 27
"""An envelope as narrow as this has no room for the same day of another month."""
_EXACT_LAGS = 3
_USUAL = 0.005
"""A lag is usual that at least this share of the baseline has."""
_EXACT_SHARE = 0.98
_HALF_HOUR = timedelta(minutes=30).total_seconds()
_FURTHEST_ZONE = timedelta(hours=14).total_seconds()
_CLOCK_WIDTH = timedelta(minutes=20).total_seconds()


@dataclass(frozen=True, slots=True)
class NumberProfile:
    """Quantiles of one numeric field (or of a clock's lag in seconds) in the baseline.

    >>> profile = NumberProfile.fit(range(1, 1001))
    >>> [round(level) for level in profile.levels]
    [10, 100, 500, 900, 990]
    >>> profile.exceeded(950)
    (False, False, True, True, False)
    """

    STATE_VERSION: ClassVar[int] = 1
    QUANTILES: ClassVar[tuple[float, ...]] = (0.01, 0.1, 0.5, 0.9, 0.99)

    levels: tuple[float, ...]
    """Values at `QUANTILES`."""
    low: float
    high: float
    """0.5-99.5 % envelope."""
    n: int

    @classmethod
    def fit(cls, values: Sequence[float]) -> Self:
        """Learn it from a healthy baseline's finite numbers."""
        numbers = np.asarray(values, dtype=float)
        numbers = numbers[np.isfinite(numbers)]
        if not len(numbers):
            return cls((0.0,) * len(cls.QUANTILES), -np.inf, np.inf, 0)
        ends = np.quantile(numbers, (_TAIL, 1 - _TAIL), method="inverted_cdf")
        levels = np.quantile(numbers, cls.QUANTILES, method="inverted_cdf")
        return cls(tuple(map(float, levels)), float(ends[0]), float(ends[1]), len(numbers))

    @property
    def sufficient(self) -> bool:
        """Whether there are enough values for the 0.5 % quantile to lie inside the sample."""
        return self.n >= _SMALLEST

    @property
    def constant(self) -> bool:
        """Whether nearly all values are one and the same."""
        return self.levels[0] == self.levels[-1]

    def exceeded(self, value: float) -> tuple[bool, ...]:
        """Below q01, below q10, above q50, above q90, above q99."""
        lowest, low, *upper = self.levels
        return (value < lowest, value < low, *(value > level for level in upper))

    def state(self) -> dict[str, Any]:
        """The profile as JSON-able values with a version."""
        ends = [self.low, self.high] if self.n else []
        return {
            "profile": "NumberProfile",
            "version": self.STATE_VERSION,
            "levels": list(self.levels),
            "ends": ends,
            "n": self.n,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The profile that gave this `state()`.

        Raises:
            ValueError: the state is something else's or a newer version's.
        """
        if state.get("profile") != "NumberProfile" or state.get("version") != cls.STATE_VERSION:
            raise ValueError(
                f"this is no NumberProfile of version {cls.STATE_VERSION}; "
                "learn the profile again from the baseline"
            )
        low, high = state["ends"] or (-np.inf, np.inf)
        return cls(tuple(state["levels"]), low, high, state["n"])


def unit_slip(value: float, profile: NumberProfile) -> float | None:
    """The unit factor by which a number lies off, judged by the field's usual size; None for none.

    Only factors wider than the field's own envelope are told: amounts from 5 to 50,000 cannot
    show a factor of 1,000.

    >>> rent = NumberProfile.fit(range(700, 2_100))
    >>> unit_slip(1_200, rent), unit_slip(120_000, rent), unit_slip(1.2, rent), unit_slip(100, rent)
    (None, 100.0, 0.001, 0.08333333333333333)
    """
    if not profile.sufficient or profile.low <= 0 or profile.low <= value <= profile.high:
        return None
    for unit in UNITS:
        if profile.high / profile.low * 1.1 > unit:
            continue
        for factor in (unit, 1 / unit):
            if profile.low <= value / factor <= profile.high:
                return factor
    return None


def month_slip(value: date, event: date, profile: DateProfile) -> date | None:
    """The date one month away that would be usual where this one is not; None otherwise.

    >>> from monitor.drift import DateProfile
    >>> visit = DateProfile.fit([lag for lag in range(1, 11) for _ in range(30)])
    >>> month_slip(date(2024, 4, 8), date(2024, 3, 4), visit)
    datetime.date(2024, 3, 8)
    >>> month_slip(date(2024, 3, 8), date(2024, 3, 4), visit) is None
    True
    """
    narrow = profile.anchored and profile.high - profile.low <= _MONTH_DAYS
    if not narrow or profile.contains((value - event).days):
        return None
    moved = (_months_away(value, months) for months in (-1, 1))
    return next((day for day in moved if day and profile.contains((day - event).days)), None)


def day_slip(value: date, event: date, profile: DateProfile) -> date | None:
    """The day beside it that is usual where this one is not, for fields that keep to a few days.

    >>> from monitor.drift import DateProfile
    >>> today = DateProfile.fit([0] * 1_000)
    >>> day_slip(date(2024, 3, 5), date(2024, 3, 4), today)
    datetime.date(2024, 3, 4)
    """
    usual = {
        lag
        for lag, count in zip(profile.lags, profile.counts, strict=True)
        if count >= _USUAL * profile.n
    }
    lag = (value - event).days
    if not profile.anchored or lag in usual or len(usual) > _EXACT_LAGS:
        return None
    held = sum(n for one, n in zip(profile.lags, profile.counts, strict=True) if one in usual)
    if held < _EXACT_SHARE * profile.n:
        return None
    beside = next((step for step in (-1, 1) if lag + step in usual), None)
    return None if beside is None else value + timedelta(days=beside)


def clock_slip(lag_s: float, profile: NumberProfile) -> float | None:
    """By how many half hours a time lies off, where it usually keeps to 20 minutes of the call's.

    A time zone that was dropped or applied twice moves it so; None where it is not moved.

    >>> now = NumberProfile.fit([float(one) for one in range(-200, 200)])
    >>> clock_slip(3_600 * 5 + 20.0, now), clock_slip(90.0, now), clock_slip(1_000.0, now)
    (5.0, None, None)
    """
    width = profile.high - profile.low
    if not profile.sufficient or width > _CLOCK_WIDTH or profile.low <= lag_s <= profile.high:
        return None
    steps = round((lag_s - profile.levels[2]) / _HALF_HOUR)
    off = steps * _HALF_HOUR
    if not steps or abs(off) > _FURTHEST_ZONE or not profile.low <= lag_s - off <= profile.high:
        return None
    return off / 3600


def _months_away(day: date, months: int) -> date | None:
    """The same day of another month, its last one for a shorter month; None off the calendar."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not date.min.year <= year <= date.max.year:
        return None
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
