"""Intervals for rates and for differences of rates, with the small samples of a monitor in mind."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from scipy.special import betaincinv, ndtri

__all__ = [
    "Interval",
    "clopper_pearson",
    "clopper_pearson_upper",
    "rate_difference",
    "wilson",
]


@dataclass(frozen=True, slots=True)
class Interval:
    """Two ends of a confidence interval."""

    low: float
    high: float


def clopper_pearson(count: int, n: int, level: float = 0.95) -> Interval:
    """Exact interval of a rate: covers at least `level` of the time, whatever the rate.

    The ends are quantiles of Beta(c, n-c+1) and Beta(c+1, n-c). Use it where a promise must hold
    (baselines, gates); `wilson` is narrower and right on average. Without data it is [0, 1].

    References:
        C. Clopper, E. Pearson (1934), Biometrika 26.

    >>> clopper_pearson(0, 100)  # doctest: +ELLIPSIS
    Interval(low=0.0, high=0.0362...)
    >>> clopper_pearson(5, 100)  # doctest: +ELLIPSIS
    Interval(low=0.0164..., high=0.1128...)
    """
    _refuse_impossible(count, n, level)
    tail = (1 - level) / 2
    low = float(betaincinv(count, n - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, n - count, 1 - tail)) if count < n else 1.0
    return Interval(low, high)


def clopper_pearson_upper(count: int, n: int, level: float = 0.95) -> float:
    """Exact one-sided upper bound of a rate: the truth is below it at least `level` of the time.

    >>> round(clopper_pearson_upper(0, 100), 4)
    0.0295
    """
    _refuse_impossible(count, n, level)
    return float(betaincinv(count + 1, n - count, level)) if count < n else 1.0


def wilson(count: int, n: int, level: float = 0.95) -> Interval:
    """Score interval of a rate, for display: coverage is close to `level` also for small samples.

    References:
        E. Wilson (1927), Journal of the American Statistical Association 22.

    >>> wilson(5, 100)  # doctest: +ELLIPSIS
    Interval(low=0.0215..., high=0.1117...)
    """
    _refuse_impossible(count, n, level)
    if n == 0:
        return Interval(0.0, 1.0)
    z = _normal_quantile(level)
    rate, weight = count / n, z * z / n
    centre = (rate + weight / 2) / (1 + weight)
    half = z * sqrt(rate * (1 - rate) / n + weight / (4 * n)) / (1 + weight)
    return Interval(
        max(0.0, centre - half) if count else 0.0, min(1.0, centre + half) if count < n else 1.0
    )


def rate_difference(
    count: int, n: int, other_count: int, other_n: int, level: float = 0.95
) -> Interval:
    """Interval of (count/n - other_count/other_n) for two independent samples.

    Newcombe's hybrid of two Wilson intervals. Without data on a side, that side is [0, 1].

    References:
        R. Newcombe (1998), Statistics in Medicine 17, method 10.

    >>> rate_difference(56, 70, 48, 80)  # doctest: +ELLIPSIS
    Interval(low=0.0524..., high=0.3338...)
    """
    one, other = wilson(count, n, level), wilson(other_count, other_n, level)
    rate = count / n if n else 0.5
    other_rate = other_count / other_n if other_n else 0.5
    difference = rate - other_rate
    return Interval(
        difference - sqrt((rate - one.low) ** 2 + (other.high - other_rate) ** 2),
        difference + sqrt((one.high - rate) ** 2 + (other_rate - other.low) ** 2),
    )


def _normal_quantile(level: float) -> float:
    """How many standard deviations hold `level` of a normal distribution."""
    if not 0 < level < 1:
        raise ValueError(f"level={level} must lie between 0 and 1, for example 0.95")
    return float(ndtri((1 + level) / 2))


def _refuse_impossible(count: int, n: int, level: float) -> None:
    if not 0 <= count <= n:
        raise ValueError(f"count={count} must lie between 0 and n={n}")
    if not 0 < level < 1:
        raise ValueError(f"level={level} must lie between 0 and 1, for example 0.95")
