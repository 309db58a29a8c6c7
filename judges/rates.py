"""Rates with intervals: of checks and verdicts as they are, and of judges corrected by people.

A judge's own rate is in judge units: it says how a rate moves, not what it is. A level is corrected
by labels that people gave to some of the same calls (`poststrat_ac`, `ppi`), or not shown at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Rate", "corrected", "poststrat_ac", "ppi", "wilson"]

Z = 1.959963984540054
"""97.5 % quantile of the normal distribution: two-sided 95 %."""
MIN_LABELS = 30
"""Fewer labels support no corrected level."""
PPI_LABELS = 100
"""From here on PPI++ covers what it promises; below, post-stratification does."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with its 95 % interval."""

    value: float
    low: float
    high: float
    n: int
    """Labelled observations it rests on."""
    weight: float = 0.0
    """How far the judge was trusted (the lambda of PPI++), 0 to 1; 0 where none took part."""


def wilson(count: int, n: int, *, z: float = Z) -> Rate | None:
    """Share `count / n` with Wilson's score interval; None where nothing was seen.

    Raises:
        ValueError: `count` is not between 0 and `n`.

    >>> rate = wilson(5, 100)
    >>> round(rate.low, 4), round(rate.high, 4)
    (0.0215, 0.1118)
    >>> wilson(0, 0) is None
    True
    """
    if not 0 <= count <= n:
        raise ValueError(f"a count of {count} in {n} is no share")
    if n == 0:
        return None
    share = count / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low = 0.0 if count == 0 else centre - half
    high = 1.0 if count == n else centre + half
    return Rate(share, low, high, n)


def poststrat_ac(
    labels: Sequence[float], verdicts: Sequence[float], others: Sequence[float], *, z: float = Z
) -> Rate | None:
    """The true rate of a yes/no label, post-stratified by a categorical verdict.

    theta = sum of p_f * mean label at verdict f, with p_f from all judged calls. The smoothing of
    Agresti and Coull keeps a stratum that is all right from claiming certainty. From 30 labels on.

    Args:
        labels: what people said, 0 or 1.
        verdicts: what the judge said of the same calls.
        others: what the judge said of the calls that nobody labelled.
        z: normal quantile of the interval.

    Returns:
        None when there are no labels, or none for a verdict that the judge did give.
    """
    y, f = np.asarray(labels, dtype=float), np.asarray(verdicts, dtype=float)
    everything = np.concatenate([f, np.asarray(others, dtype=float)])
    strata, counts = np.unique(everything, return_counts=True)
    inside = [y[f == stratum] for stratum in strata]
    if not len(y) or not all(map(len, inside)):
        return None
    shares = counts / len(everything)
    means = np.array([one.mean() for one in inside])
    sizes = np.array([len(one) for one in inside])
    smoothed = np.array([(one.sum() + 1) / (len(one) + 2) for one in inside])
    theta = float(shares @ means)
    within = float((shares**2) @ (smoothed * (1 - smoothed) / (sizes + 2)))
    between = float(shares @ (means - theta) ** 2) / len(everything)
    return _around(theta, within + between, len(y), z=z, weight=1.0)


def ppi(
    labels: Sequence[float], verdicts: Sequence[float], others: Sequence[float], *, z: float = Z
) -> Rate | None:
    """The true mean by PPI++: labels, helped by verdicts as far as both agree. From 100 labels on.

    Args:
        labels: what people said.
        verdicts: what the judge said of the same calls, on the same scale.
        others: what the judge said of the calls that nobody labelled.
        z: normal quantile of the interval.

    Returns:
        None with fewer than two labels or none unlabelled.
    """
    y, f = np.asarray(labels, dtype=float), np.asarray(verdicts, dtype=float)
    rest = np.asarray(others, dtype=float)
    n, more = len(y), len(rest)
    if n < 2 or more < 1:
        return None
    spread = float(np.var(np.concatenate([f, rest]), ddof=1))
    together = float(np.cov(y, f, ddof=0)[0, 1])
    weight = min(1.0, max(0.0, together / ((1 + n / more) * spread))) if spread > 0 else 0.0
    theta = float(y.mean() + weight * (rest.mean() - f.mean()))
    variance = weight**2 * float(np.var(rest)) / more + float(np.var(y - weight * f)) / n
    return _around(theta, variance, n, z=z, weight=weight)


def corrected(
    labels: Sequence[float], verdicts: Sequence[float], others: Sequence[float]
) -> Rate | None:
    """The estimate that fits the number of labels; None below 30, where no level can be shown."""
    if len(labels) < MIN_LABELS:
        return None
    if len(labels) < PPI_LABELS:
        return poststrat_ac(labels, verdicts, others) or ppi(labels, verdicts, others)
    return ppi(labels, verdicts, others)


def _around(theta: float, variance: float, n: int, *, z: float, weight: float) -> Rate:
    half = z * math.sqrt(variance)
    return Rate(theta, theta - half, theta + half, n, weight)
