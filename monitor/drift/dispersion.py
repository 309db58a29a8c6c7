"""How much a rate varies beyond chance: from day to day, and in bursts within a day."""

from __future__ import annotations

from math import inf, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["cluster_size", "day_numbers", "day_variation", "excess_variance"]


def day_numbers(updates: int, hours: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """Number of the day of every update."""
    if hours is None or not updates:
        return np.arange(updates) // 24
    return np.concatenate([[0], np.cumsum(np.diff(hours // 24) != 0)])


def cluster_size(
    events: NDArray[np.int64], calls: NDArray[np.float64], days: NDArray[np.int64]
) -> float:
    """How many events come together: variance over mean of the hours, given their day's total.

    Taken two standard errors below its estimate, so that chance alone is no cluster.
    """
    if not events.any():
        return 1.0
    totals, traffic = np.bincount(days, events), np.bincount(days, calls)
    expected = (
        calls * np.divide(totals, traffic, out=np.zeros_like(traffic), where=traffic > 0)[days]
    )
    freedom = float((expected * (1 - calls / np.maximum(traffic, 1e-12)[days])).sum())
    if freedom <= 0:
        return 1.0
    found = float(((events - expected) ** 2).sum()) / freedom
    error = sqrt(float((expected + 2 * expected**2).sum())) / freedom
    return max(1.0, found - 2 * error)


def day_variation(
    events: NDArray[np.int64],
    calls: NDArray[np.float64],
    days: NDArray[np.int64],
    cluster: float,
) -> tuple[float, float]:
    """Day-to-day variation of the true rate beyond chance, and the standard error of its square."""
    if not events.any():
        return 0.0, inf
    expected = np.bincount(days, calls)
    expected *= events.sum() / max(1e-12, expected.sum())
    number = int(days[-1]) + 1
    noise = sqrt(2 / max(1, number - 1)) * number * cluster / float(events.sum())
    return sqrt(excess_variance(np.bincount(days, events), expected, cluster)), noise


def excess_variance(seen: NDArray[Any], expected: NDArray[Any], cluster: float = 1.0) -> float:
    """Moment estimate of the variance of the multipliers behind Poisson counts, at least 0."""
    squares = float((expected**2).sum())
    if squares == 0:
        return 0.0
    groups = int((expected > 0).sum())
    chance = (
        cluster * float(expected.sum()) * (1 - 1 / groups)
    )  # the overall rate is fitted: one degree less
    return max(0.0, (float(((seen - expected) ** 2).sum()) - chance) / squares)
