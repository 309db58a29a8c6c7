"""What a healthy rate looks like, with honest allowance for not knowing it exactly."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import inf, log1p, sqrt
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from monitor.drift.dispersion import (
    cluster_size,
    day_numbers,
    day_variation,
    excess_variance,
)
from monitor.drift.intervals import clopper_pearson
from monitor.drift.mixture import PROBABILITY_FLOOR

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = [
    "HOURS_PER_WEEK",
    "Baseline",
    "fleet_day_cv",
    "hour_profile",
    "rate_baseline",
]

HOURS_PER_WEEK = 168
_MINIMUM_CALLS = 2_000
_MINIMUM_EVENTS = 20
_HIGHEST = 0.999
"""A null probability never reaches 1, where nothing could ever be unusual."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The null of a `RateDetector`: what counts as unchanged, hour by hour."""

    STATE_VERSION: ClassVar[int] = 2

    count: int
    """Events in the baseline."""
    n: int
    """Calls in the baseline."""
    rate: float
    """count / n."""
    day_cv: float
    """Coefficient of variation of the true rate from day to day, beyond what chance explains."""
    cluster: float
    """How many events come together within a day, at least 1: retries, bots, bursts."""
    low: float
    """Lower 95 % bound of the rate."""
    high: float
    """Upper 95 % bound of the rate."""
    calls_per_day: float
    p0: float
    """`high` x (1 + 2 day_cv), at least the floor: the most cautious null."""
    profile: tuple[float, ...]
    """Multiplier of p0 for each hour of the week (168), or empty where hours do not matter."""
    floor: float
    status: Literal["sufficient", "insufficient_data"]
    """Sufficient: at least 2,000 calls or 20 events. Otherwise pool with a larger segment."""

    def probability(self, hour_of_week: int | None = None) -> float:
        """Null probability in an hour of the week (0 is the first hour of Monday)."""
        multiplier = (
            self.profile[hour_of_week] if self.profile and hour_of_week is not None else 1.0
        )
        return min(_HIGHEST, max(self.floor, self.p0 * multiplier))

    def null(
        self,
        odds: Sequence[float],
        *,
        hour_of_week: int | None = None,
        calls_per_day: float = 0.0,
    ) -> tuple[float, ...]:
        """Null probability for each ratio of odds that is watched for: bound x profile x margin.

        The margin allows for good and bad days. Let the day's rate be the bound times a gamma
        variable of mean 1 and variance v = day_cv^2, and expect mu clusters of events in the day.
        Then the day's likelihood ratio for odds r has mean 1 at the margin

            -log(1 - v s) / (v s),    s = mu (r - 1),

        and below 1 above it: about 1 + v s / 2, so next to nothing for a series with few events a
        day, where chance drowns the days. It is never above 1 + 2 day_cv, which a day hardly
        ever exceeds. Ratios below 1 take the lower bound, and a margin below 1.

        Args:
            odds: the ratios, as of `RateDetector.odds`.
            hour_of_week: 0 is the first hour of Monday; None where hours do not matter.
            calls_per_day: traffic now, where there is more of it than in the baseline.

        >>> quiet = rate_baseline([1, 0, 2, 1] * 180, [100] * 720, fleet_cv=0.2)
        >>> [round(p / quiet.high, 2) for p in quiet.null((1.5, 9.0))]
        [1.1, 1.24]
        """
        hour = self.profile[hour_of_week] if self.profile and hour_of_week is not None else 1.0
        clusters = self.rate * max(self.calls_per_day, calls_per_day) / self.cluster
        return tuple(
            min(
                _HIGHEST,
                max(
                    self.floor if ratio > 1 else 0.0,
                    hour * (self.high if ratio > 1 else self.low) * self._margin(clusters, ratio),
                ),
            )
            for ratio in odds
        )

    def _margin(self, clusters: float, ratio: float) -> float:
        swing = self.day_cv**2 * clusters * (ratio - 1)
        if abs(swing) < 1e-9:
            return 1.0
        exact = -log1p(-swing) / swing if swing < 1 else inf
        return min(exact, 1 + 2 * self.day_cv)

    def state(self) -> dict[str, Any]:
        """The baseline as JSON-able values with a version."""
        return {**asdict(self), "profile": list(self.profile), "version": self.STATE_VERSION}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The baseline that gave this `state()`.

        Raises:
            ValueError: another version of the program wrote it.
        """
        values = dict(state)
        if (version := values.pop("version", None)) != cls.STATE_VERSION:
            raise ValueError(
                f"baseline state has version {version!r} and this program reads "
                f"{cls.STATE_VERSION}; learn the baseline again"
            )
        return cls(**{**values, "profile": tuple(values["profile"])})


def rate_baseline(
    counts: Sequence[int],
    ns: Sequence[int],
    *,
    hours_of_week: Sequence[int] | None = None,
    floor: float = PROBABILITY_FLOOR,
    profile: Sequence[float] | None = None,
    fleet_cv: float | None = None,
) -> Baseline:
    """Learn what counts as unchanged from a healthy stretch of updates (usually hours).

    p0 = upper 95 % Clopper-Pearson bound x (1 + 2 day-CV), times the hour-of-week profile. Events
    that come in clusters tell less: bounds and evidence are those of count / cluster events.

    Args:
        counts: events per update, in the order of time.
        ns: calls per update.
        hours_of_week: 0..167 per update; without them 24 updates make a day and no hour is special.
        floor: smallest null probability.
        profile: 168 multipliers pooled over many series (`hour_profile` of their sums), which is
            better than what one series can know of itself.
        fleet_cv: day-CV over many series (`fleet_day_cv`); a series' own CV is taken half-way to it, and
            further the less its own events can tell. A single series is its own fleet.

    >>> rng = np.random.default_rng(7)
    >>> baseline = rate_baseline(rng.binomial(40, 0.01, size=24 * 28), [40] * 24 * 28)
    >>> baseline.status, round(baseline.rate, 4), 0.01 < baseline.p0 < 0.015
    ('sufficient', 0.0098, True)
    >>> rate_baseline([0, 1], [40, 40]).status
    'insufficient_data'
    """
    events, calls = _series(counts, ns)
    hours = None if hours_of_week is None else np.asarray(hours_of_week, dtype=np.int64)
    if hours is not None and profile is None:
        profile = hour_profile(events, calls, hours)
    multipliers = tuple(float(value) for value in profile or ())
    if multipliers and len(multipliers) != HOURS_PER_WEEK:
        raise ValueError(f"a profile has {HOURS_PER_WEEK} multipliers, not {len(multipliers)}")
    weights = np.asarray(multipliers)[hours] if multipliers and hours is not None else 1.0
    days = day_numbers(len(calls), hours)
    cluster = cluster_size(events, calls * weights, days)
    day_cv, noise = day_variation(events, calls * weights, days, cluster)
    if multipliers and len(set(multipliers)) > 1:
        # a profile fitted to W weeks explains 1/W of the days' own variance away
        weeks = max(2.0, (int(days[-1]) + 1) / 7) if len(days) else 2.0
        day_cv *= sqrt(weeks / (weeks - 1))
    if fleet_cv is not None:
        signal = max(fleet_cv**2, day_cv**2 - 2 * noise)  # 2: what chance alone rarely reaches
        own = 0.5 * signal / (signal + noise) if signal else 0.0
        day_cv = own * day_cv + (1 - own) * fleet_cv
    count, n = int(events.sum()), int(calls.sum())
    bounds = clopper_pearson(round(count / cluster), round(n / cluster), level=0.9)
    low, high = (bounds.low, bounds.high) if n else (0.0, 1.0)
    enough = n >= _MINIMUM_CALLS or count >= _MINIMUM_EVENTS
    return Baseline(
        count=count,
        n=n,
        rate=count / n if n else 0.0,
        day_cv=day_cv,
        cluster=cluster,
        low=low,
        high=high,
        calls_per_day=n / (int(days[-1]) + 1) if n else 0.0,
        p0=min(_HIGHEST, max(floor, high * (1 + 2 * day_cv))),
        profile=multipliers,
        floor=floor,
        status="sufficient" if enough else "insufficient_data",
    )


def fleet_day_cv(baselines: Iterable[Baseline]) -> float | None:
    """Day-to-day variation of a fleet: the median over its events, so that series that can tell decide.

    A plain median over series would be drawn to 0 by those whose few events show no days at all.
    None without events.

    >>> known = rate_baseline(([60] * 24 + [100] * 24) * 14, [1000] * 24 * 28)
    >>> blind = [rate_baseline([1] + [0] * 671, [9] * 672) for _ in range(50)]
    >>> round(fleet_day_cv([known, *blind]), 2), fleet_day_cv([])
    (0.25, None)
    """
    known = sorted((one.day_cv, one.count) for one in baselines if one.count)
    if not known:
        return None
    below = np.cumsum([count for _, count in known])
    return known[int(np.searchsorted(below, below[-1] / 2))][0]


def hour_profile(
    counts: Sequence[int] | NDArray[np.int64],
    ns: Sequence[int] | NDArray[np.int64],
    hours_of_week: Sequence[int] | NDArray[np.int64],
) -> tuple[float, ...]:
    """How the rate in each hour of the week compares with the whole, shrunk as far as it is noise.

    With c events where e = n x overall rate were expected, the multiplier is (c + a) / (e + a): the
    posterior mean of a gamma-Poisson model whose a = 1/variance is estimated by moments. Where
    hours do not differ beyond chance all are 1. The mean over calls is 1. Give the sums over all
    series of a metric to pool them.

    >>> flat = hour_profile([1] * 336, [100] * 336, list(range(168)) * 2)
    >>> set(flat)
    {1.0}
    >>> busy = hour_profile(([1] * 84 + [30] * 84) * 2, [100] * 336, list(range(168)) * 2)
    >>> busy[0] < 0.2 and busy[167] > 1.8
    True
    """
    events, calls = _series(counts, ns)
    hours = np.asarray(hours_of_week, dtype=np.int64)
    if len(hours) != len(calls) or (
        len(hours) and not 0 <= hours.min() <= hours.max() < HOURS_PER_WEEK
    ):
        raise ValueError("hours_of_week needs one number from 0 to 167 per update")
    seen = np.bincount(hours, events, HOURS_PER_WEEK)
    traffic = np.bincount(hours, calls, HOURS_PER_WEEK)
    expected = traffic * (events.sum() / max(1, calls.sum()))
    variance = excess_variance(seen, expected)
    if variance == 0:
        return (1.0,) * HOURS_PER_WEEK
    multipliers = (seen + 1 / variance) / (expected + 1 / variance)
    multipliers *= traffic.sum() / (multipliers * traffic).sum()
    return tuple(multipliers.tolist())


def _series(
    counts: Sequence[int] | NDArray[np.int64], ns: Sequence[int] | NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    events, calls = np.asarray(counts, dtype=np.int64), np.asarray(ns, dtype=np.int64)
    if events.shape != calls.shape or events.ndim != 1:
        raise ValueError("counts and ns need one number each per update")
    if len(events) and ((events < 0) | (events > calls)).any():
        raise ValueError("every count must lie between 0 and its n")
    return events, calls
