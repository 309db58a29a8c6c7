"""What a healthy rate looks like, with honest allowance for not knowing it exactly."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import inf, log, log1p, sqrt
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from monitor.drift.intervals import clopper_pearson_upper
from monitor.drift.mixture import PROBABILITY_FLOOR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = [
    "HOURS_PER_WEEK",
    "Baseline",
    "arl_for_budget",
    "hour_profile",
    "needed_samples",
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

    STATE_VERSION: ClassVar[int] = 1

    count: int
    """Events in the baseline."""
    n: int
    """Calls in the baseline."""
    rate: float
    """count / n."""
    day_cv: float
    """Coefficient of variation of the true rate from day to day, beyond what chance explains."""
    p0: float
    """Upper 95 % bound of the rate x (1 + 2 day_cv), at least the floor."""
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

    p0 = upper 95 % Clopper-Pearson bound x (1 + 2 day-CV), times the hour-of-week profile.

    Args:
        counts: events per update, in the order of time.
        ns: calls per update.
        hours_of_week: 0..167 per update; without them 24 updates make a day and no hour is special.
        floor: smallest null probability.
        profile: 168 multipliers pooled over many series (`hour_profile` of their sums), which is
            better than what one series can know of itself.
        fleet_cv: median day-CV over many series; a series' own CV is taken half-way to it, and
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
    day_cv, noise = _day_cv(events, calls, hours, multipliers)
    if fleet_cv is not None:
        signal = max(fleet_cv**2, day_cv**2 - 2 * noise)  # 2: what chance alone rarely reaches
        own = 0.5 * signal / (signal + noise) if signal else 0.0
        day_cv = own * day_cv + (1 - own) * fleet_cv
    count, n = int(events.sum()), int(calls.sum())
    enough = n >= _MINIMUM_CALLS or count >= _MINIMUM_EVENTS
    return Baseline(
        count=count,
        n=n,
        rate=count / n if n else 0.0,
        day_cv=day_cv,
        p0=min(_HIGHEST, max(floor, clopper_pearson_upper(count, n) * (1 + 2 * day_cv))),
        profile=multipliers,
        floor=floor,
        status="sufficient" if enough else "insufficient_data",
    )


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
    variance = _excess_variance(seen, expected)
    if variance == 0:
        return (1.0,) * HOURS_PER_WEEK
    multipliers = (seen + 1 / variance) / (expected + 1 / variance)
    multipliers *= traffic.sum() / (multipliers * traffic).sum()
    return tuple(multipliers.tolist())


def needed_samples(p0: float, odds: float, arl: float, *, per_update: float = 1.0) -> float:
    """Expected calls until a `RateDetector` sees the odds of an event multiplied by `odds`.

    With KL = KL(q || p0) and q the raised rate, log(arl x KL x per_update) / KL: the evidence
    gained per call is KL, and a Shiryaev-Roberts statistic stands at about 1 / KL before the
    change, which is its head start. An approximation: within 15 % of the simulated means at rates
    from 0.5 to 30 %, factors from 1.5 to 5 and arl 1e6. For small rates odds of 2 are a doubling of
    the rate.

    Args:
        p0: the rate now.
        odds: how much larger the odds become (below 1: smaller, for an improvement).
        arl: the detector's guarantee, in updates.
        per_update: calls per update.

    >>> round(needed_samples(0.01, 2, 1e6), -2)
    2200.0
    """
    if not 0 < p0 < 1 or odds <= 0 or odds == 1:
        raise ValueError(f"needs 0 < p0={p0} < 1 and positive odds={odds} other than 1")
    norm = log1p(p0 * (odds - 1))
    q = odds * p0 / (1 + p0 * (odds - 1))
    divergence = q * log(odds) - norm
    head_start = min(1.0, divergence * per_update)
    return max(1.0, log(max(arl * head_start, 1.0)) / divergence)


def arl_for_budget(series: int, alerts_per_week: float, updates_per_week: float) -> float:
    """Average run length, in updates, that keeps a whole fleet within its weekly false alarms.

    Expected false alarms add up over series under any dependence between them, so the budget is
    simply divided: series x updates per week / alerts per week.

    >>> arl_for_budget(2_000, 0.5, 168)
    672000.0
    """
    if series < 1 or alerts_per_week <= 0 or updates_per_week <= 0:
        raise ValueError("series, alerts_per_week and updates_per_week must be positive")
    return series * updates_per_week / alerts_per_week


def _series(
    counts: Sequence[int] | NDArray[np.int64], ns: Sequence[int] | NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    events, calls = np.asarray(counts, dtype=np.int64), np.asarray(ns, dtype=np.int64)
    if events.shape != calls.shape or events.ndim != 1:
        raise ValueError("counts and ns need one number each per update")
    if len(events) and ((events < 0) | (events > calls)).any():
        raise ValueError("every count must lie between 0 and its n")
    return events, calls


def _day_cv(
    events: NDArray[np.int64],
    calls: NDArray[np.int64],
    hours: NDArray[np.int64] | None,
    multipliers: tuple[float, ...],
) -> tuple[float, float]:
    """Day-to-day variation of the true rate beyond chance, and the standard error of its square."""
    if not events.any():
        return 0.0, inf
    if hours is None:
        days = np.arange(len(calls)) // 24
    else:
        days = np.concatenate([[0], np.cumsum(np.diff(hours // 24) != 0)])
    weights = np.asarray(multipliers)[hours] if multipliers and hours is not None else 1.0
    expected = np.bincount(days, calls * weights)
    expected *= events.sum() / max(1.0, expected.sum())
    number = int(days[-1]) + 1
    noise = sqrt(2 / max(1, number - 1)) * number / float(events.sum())
    return sqrt(_excess_variance(np.bincount(days, events), expected)), noise


def _excess_variance(seen: NDArray[Any], expected: NDArray[Any]) -> float:
    """Moment estimate of the variance of the multipliers behind Poisson counts, at least 0."""
    squares = float((expected**2).sum())
    if squares == 0:
        return 0.0
    groups = int((expected > 0).sum())
    chance = float(expected.sum()) * (1 - 1 / groups)  # the overall rate is fitted: one degree less
    return max(0.0, (float(((seen - expected) ** 2).sum()) - chance) / squares)
