"""What a wished-for sensitivity costs, said before any money is spent.

All are of fixed-size tests, looked at once at the end. A test that may be looked at all the time
needs more for the same false-alarm rate; `benchmarks/drift.py` measures how many ours take.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats
from scipy.optimize import brentq

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "apparent",
    "design_effect",
    "judgements_needed",
    "mcnemar_power",
    "power_of",
    "smallest_change",
    "smallest_gain",
    "smallest_shown",
]

MOST = 10**9
NEVER = 1e-12
"""Chances smaller than this one are left out."""


def apparent(rate: float, *, sensitivity: float = 1.0, specificity: float = 1.0) -> float:
    """The rate that an erring judge sees: p·sensitivity + (1 - p)(1 - specificity).

    >>> round(apparent(0.05, sensitivity=0.8, specificity=0.98), 4)
    0.059
    """
    return rate * sensitivity + (1 - rate) * (1 - specificity)


def design_effect(probabilities: list[float] | tuple[float, ...]) -> float:
    """Kish's: how many times more calls an unequal draw needs, n Σw² / (Σw)² with w = 1/π.

    >>> design_effect([0.1, 0.1]), round(design_effect([0.5] * 50 + [0.05] * 50), 3)
    (1.0, 1.669)
    """
    weights = [1 / one for one in probabilities]
    return len(weights) * math.fsum(w * w for w in weights) / math.fsum(weights) ** 2


def power_of(
    p0: float,
    p1: float,
    n: int,
    *,
    alpha: float = 0.05,
    design_effect: float = 1.0,
    sensitivity: float = 1.0,
    specificity: float = 1.0,
) -> float:
    """Chance that `n` judgements show a change from p0 to p1, one-sided at false-alarm rate alpha.

    The exact binomial test of the known rate p0 (p0 is taken from a long history, so without error
    of its own), with n / design_effect judgements and the rates that the judge would see.

    >>> round(power_of(0.03, 0.05, 600), 3)
    0.798
    """
    q0, q1 = _seen(p0, p1, sensitivity, specificity)
    worth = int(n / design_effect)
    if worth < 1 or q0 == q1:
        return alpha if q0 == q1 else 0.0
    if q1 > q0:
        critical = stats.binom.isf(alpha, worth, q0)
        return float(stats.binom.sf(critical, worth, q1))
    critical = stats.binom.ppf(alpha, worth, q0)
    critical -= float(stats.binom.cdf(critical, worth, q0)) > alpha
    return float(stats.binom.cdf(critical, worth, q1))


def judgements_needed(
    p0: float,
    p1: float,
    *,
    power: float = 0.8,
    alpha: float = 0.05,
    design_effect: float = 1.0,
    sensitivity: float = 1.0,
    specificity: float = 1.0,
) -> int:
    """Judgements until a change from p0 to p1 is seen, one-sided, by a single test at the end.

    n = ((z_{1-alpha} √(q0(1 - q0)) + z_{power} √(q1(1 - q1))) / (q1 - q0))², q the rates as the
    judge sees them, times the design effect; then raised, where the normal formula is too hopeful,
    until the exact test of `power_of` has the power (and keeps it on average over the next few n).
    Source: Fleiss, Levin and Paik, "Statistical Methods for Rates and Proportions", ch. 2.

    Args:
        p0: the true rate now.
        p1: the true rate that has to be seen; may be lower.
        power: chance to see it.
        alpha: chance of an alarm where nothing changed.
        design_effect: Kish's, for calls drawn unequally; see `design_effect`.
        sensitivity: share of the bad calls that the judge calls bad.
        specificity: share of the good calls that it calls good.

    Raises:
        ValueError: a rate outside 0…1, no change, or a judge that cannot tell good from bad.

    >>> judgements_needed(0.03, 0.05)
    599
    >>> judgements_needed(0.03, 0.05, sensitivity=0.8, specificity=0.95)
    2044
    """
    q0, q1 = _seen(p0, p1, sensitivity, specificity)
    if q0 == q1:
        raise ValueError("no number of judgements shows a change of nothing: p0 and p1 are equal")
    spread = stats.norm.isf(alpha) * math.sqrt(q0 * (1 - q0))
    spread += stats.norm.ppf(power) * math.sqrt(q1 * (1 - q1))
    needed = max(1, math.ceil((max(0.0, float(spread)) / (q1 - q0)) ** 2))
    while needed < MOST and _smooth_power(q0, q1, needed, alpha) < power:
        needed = math.ceil(needed * 1.01)
    return math.ceil(needed * design_effect)


def smallest_change(
    p0: float,
    n: int,
    *,
    power: float = 0.8,
    alpha: float = 0.05,
    design_effect: float = 1.0,
    sensitivity: float = 1.0,
    specificity: float = 1.0,
) -> float | None:
    """The smallest rise above p0 that `n` judgements show with the given power; None if none does.

    The inverse of `judgements_needed`, by the same test: p1 - p0 in true rates.

    >>> round(smallest_change(0.03, 599), 4)
    0.0198
    >>> smallest_change(0.5, 3) is None
    True
    """
    _seen(p0, p0, sensitivity, specificity)
    worth = int(n / design_effect)

    def short(p1: float) -> float:
        q0, q1 = _seen(p0, p1, sensitivity, specificity)
        return _smooth_power(q0, q1, worth, alpha) - power

    if worth < 1 or p0 >= 1 or short(1.0) < 0:
        return None
    return float(brentq(short, p0, 1.0, xtol=1e-6)) - p0


def mcnemar_power(better: float, worse: float, n: int, *, alpha: float = 0.05) -> float:
    """Chance that the exact McNemar test on `n` fixed items sees a change. Exact, no simulation.

    Args:
        better: share of the items that only the second version gets right.
        worse: share of the items that only the first gets right.
        n: items.
        alpha: two-sided level.

    >>> round(mcnemar_power(0.25, 0.08, 50), 2), round(mcnemar_power(0.25, 0.08, 100), 2)
    (0.48, 0.82)
    """
    flips = better + worse
    if not 0 < flips <= 1 or min(better, worse) < 0:
        return 0.0
    # flips so few or so many that they never come add nothing
    least, most = (int(stats.binom.ppf(q, n, flips)) for q in (NEVER, 1 - NEVER))
    counts = np.arange(max(1, least), max(1, most) + 1) if n else np.arange(0)
    low = _critical(n, alpha)[counts]
    share = better / flips
    seen = stats.binom.cdf(low, counts, share) + stats.binom.sf(counts - low - 1, counts, share)
    return float(np.sum(stats.binom.pmf(counts, n, flips) * seen))


@lru_cache(maxsize=64)
def _critical(n: int, alpha: float) -> NDArray[np.float64]:
    """By the number of flips up to `n`: so few one way, or fewer, are significant; -1 for none."""
    counts = np.arange(n + 1)
    low = np.asarray(stats.binom.ppf(alpha / 2, counts, 0.5), dtype=float) - 1
    low[0] = -1
    while True:
        short = np.asarray(stats.binom.cdf(low + 1, counts, 0.5)) * 2 <= alpha
        if not short.any():
            return low
        low = low + short


def smallest_gain(n: int, flips: float, *, power: float = 0.8, alpha: float = 0.05) -> float | None:
    """The smallest gain that `n` fixed items show, where a share `flips` of them comes out otherwise.

    Say it before a run: a fast eval of 50 items does not see a gain of 5 points. None where not even
    flips all in one direction are seen.

    >>> round(smallest_gain(100, 0.3), 3)
    0.159
    """
    if mcnemar_power(flips, 0.0, n, alpha=alpha) < power:
        return None

    def short(gain: float) -> float:
        return mcnemar_power((flips + gain) / 2, (flips - gain) / 2, n, alpha=alpha) - power

    return float(brentq(short, 0.0, flips, xtol=1e-4))


def smallest_shown(
    n: int, flips: float, *, power: float = 0.8, alpha: float = 0.05
) -> float | None:
    """The smallest difference that `n` paired items could have shown, whatever came out.

    `smallest_gain` where a share `flips` of them came out differently and that many would do; else
    the difference of a change that goes one way only, for which flips enough would have come. None
    where even items that all flip would not have been seen.

    >>> round(smallest_shown(300, 0.0), 4), round(smallest_shown(300, 0.1), 4), smallest_shown(5, 0.0)
    (0.0262, 0.053, None)
    """
    found = smallest_gain(n, flips, power=power, alpha=alpha) if 0 < flips <= 1 else None
    if found is not None:
        return found
    if mcnemar_power(1.0, 0.0, n, alpha=alpha) < power:
        return None

    def short(flip: float) -> float:
        return mcnemar_power(flip, 0.0, n, alpha=alpha) - power

    return float(brentq(short, max(flips, 1e-9), 1.0, xtol=1e-5))


def _seen(p0: float, p1: float, sensitivity: float, specificity: float) -> tuple[float, float]:
    if not (0 <= p0 <= 1 and 0 <= p1 <= 1):
        raise ValueError("a rate is between 0 and 1")
    if not sensitivity + specificity > 1:
        raise ValueError(
            "this judge cannot tell good from bad: sensitivity + specificity is not above 1"
        )
    q0 = apparent(p0, sensitivity=sensitivity, specificity=specificity)
    return q0, apparent(p1, sensitivity=sensitivity, specificity=specificity)


def _smooth_power(q0: float, q1: float, n: int, alpha: float) -> float:
    """Mean over neighbouring n: the power of an exact test is a saw."""
    step = max(1, n // 200)
    return math.fsum(power_of(q0, q1, n + k * step, alpha=alpha) for k in range(5)) / 5
