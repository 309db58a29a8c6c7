"""How far a date field usually lies from the day of the call."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["DateProfile"]

_TAIL = 0.005
_SMALLEST = 200
"""Below this many values the 0.5 % quantile lies outside the sample: nothing can be called
unusual."""
_ANCHORED_DAYS = 300
"""An envelope narrower than this keeps a year's slip outside, with the padding too."""
_LARGEST = 2_000
"""Distinct lags that are kept exactly; a field with more of them (birthdays) is kept as a
sample."""


@dataclass(frozen=True, slots=True)
class DateProfile:
    """Empirical distribution of the lag `value - event date`, in days, of one date field.

    A field is *anchored* when its 0.5-99.5 % envelope is narrower than 300 days: a due date is, a
    date of birth is not. The envelope is then padded by 10 % of its width plus one day on either
    side.

    >>> due = DateProfile.fit([lag for lag in range(1, 31) for _ in range(10)])
    >>> due.anchored, round(due.low, 1), round(due.high, 1)
    (True, -2.9, 33.9)
    >>> due.contains(20), due.contains(20 - 365), due.share_below(16)
    (True, False, 0.5)
    >>> DateProfile.fit(range(-20_000, -8_000, 10)).anchored
    False
    """

    STATE_VERSION: ClassVar[int] = 1

    lags: tuple[int, ...]
    """Distinct lags in days, ascending."""
    counts: tuple[int, ...]
    """How often each was seen."""
    n: int
    """Values behind `counts` (at most 2,000 when the field had to be sampled)."""
    low: float
    high: float
    """Padded envelope in days."""
    anchored: bool

    @classmethod
    def fit(cls, lags_days: Iterable[int], rng: np.random.Generator | None = None) -> Self:
        """Learn the profile from a healthy baseline.

        Args:
            lags_days: value minus event date, in days, one per call.
            rng: draws the sample of 2,000 where there are more distinct lags than that; without it,
                the sample is 2,000 evenly spaced order statistics.
        """
        lags = np.sort(np.fromiter(lags_days, dtype=np.int64))
        values, counts = np.unique(lags, return_counts=True)
        if len(values) > _LARGEST:
            kept = (
                rng.choice(lags, _LARGEST, replace=False)
                if rng is not None
                else lags[np.linspace(0, len(lags) - 1, _LARGEST).round().astype(np.int64)]
            )
            values, counts = np.unique(kept, return_counts=True)
        return cls._build(tuple(values.tolist()), tuple(counts.tolist()))

    @classmethod
    def _build(cls, lags: tuple[int, ...], counts: tuple[int, ...]) -> Self:
        n = sum(counts)
        if n == 0:
            return cls(lags, counts, n, low=float("-inf"), high=float("inf"), anchored=False)
        cumulative = list(accumulate(counts))
        low = lags[bisect_left(cumulative, max(1, _TAIL * n))]
        high = lags[bisect_left(cumulative, (1 - _TAIL) * n)]
        padding = 0.1 * (high - low) + 1
        anchored = n >= _SMALLEST and high - low < _ANCHORED_DAYS
        return cls(lags, counts, n, low - padding, high + padding, anchored)

    def contains(self, lag: float) -> bool:
        """Whether a lag lies inside the padded envelope."""
        return self.low <= lag <= self.high

    def count_below(self, lag: float) -> int:
        """Baseline values strictly below a lag."""
        return sum(self.counts[: bisect_left(self.lags, lag)])

    def share_below(self, lag: float) -> float:
        """F(lag): share of the baseline strictly below a lag; 0 without a baseline."""
        return self.count_below(lag) / self.n if self.n else 0.0

    def state(self) -> dict[str, Any]:
        """The profile as JSON-able values with a version."""
        return {
            "profile": "DateProfile",
            "version": self.STATE_VERSION,
            "lags": list(self.lags),
            "counts": list(self.counts),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The profile that gave this `state()`.

        Raises:
            ValueError: the state is something else's or a newer version's.
        """
        if state.get("profile") != "DateProfile" or state.get("version") != cls.STATE_VERSION:
            raise ValueError(
                f"this is no DateProfile of version {cls.STATE_VERSION}; "
                "learn the profile again from the baseline"
            )
        return cls._build(tuple(state["lags"]), tuple(state["counts"]))
