"""The same items, two versions: did it change? Exact McNemar, permutation, and the interval.

Paired on the items, a comparison needs far fewer of them than two separate rates would.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from judges.statistics.rates import Rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Change", "gain_of", "mcnemar", "paired_difference", "permutation"]

BATCH = 4_000_000
"""Random signs drawn at once: 32 MB."""
TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Change:
    """A test of no change at all."""

    p_value: float
    """Two-sided."""
    better: int
    """Items on which the second is above the first."""
    worse: int
    """Items on which it is below."""
    n: int
    """Items, equal ones included."""


def gain_of(difference: float, direction: str) -> float:
    """A difference, so that above zero is better: turned where the `lower` is the better one.

    >>> gain_of(-0.5, "lower"), gain_of(-0.5, "higher")
    (0.5, -0.5)
    """
    return -difference if direction == "lower" else difference


def mcnemar(
    first: Sequence[bool | int] | ArrayLike, second: Sequence[bool | int] | ArrayLike
) -> Change:
    """Exact McNemar test of yes/no results: is a flip as likely one way as the other?

    The p-value is the two-sided binomial one of the flips at one half; items that did not flip say
    nothing of the change. McNemar (1947).

    Raises:
        ValueError: the lengths differ, or a result is neither 0 nor 1.

    >>> mcnemar([0] * 10 + [1] * 40, [1] * 9 + [0] + [1] * 40)
    Change(p_value=0.00390625, better=9, worse=0, n=50)
    """
    a, b = _pairs(first, second)
    if not np.isin(np.concatenate([a, b]), (0, 1)).all():
        raise ValueError("mcnemar is for results of 0 and 1; use permutation for a score")
    better, worse = int((b > a).sum()), int((b < a).sum())
    flips = better + worse
    p_value = stats.binomtest(better, flips).pvalue if flips else 1.0
    return Change(float(p_value), better, worse, len(a))


def permutation(
    first: Sequence[float] | ArrayLike,
    second: Sequence[float] | ArrayLike,
    *,
    rng: Generator,
    draws: int = 10_000,
) -> Change:
    """Paired sign-flip test of the mean difference, for scores of any kind.

    Were both alike, each difference could as well have the other sign. All sign patterns where they
    are no more than `draws`, else so many at random with p = (1 + at least as extreme) / (1 +
    draws), which is never too small (Phipson and Smyth 2010).

    Raises:
        ValueError: the lengths differ.

    >>> same = permutation([1, 2, 3], [1, 2, 3], rng=np.random.default_rng(1))
    >>> up = permutation([1.0] * 8, [2.0] * 8, rng=np.random.default_rng(1))
    >>> same.p_value, up.p_value
    (1.0, 0.0078125)
    """
    a, b = _pairs(first, second)
    apart = b - a
    moved = apart[apart != 0]
    better, worse = int((apart > 0).sum()), int((apart < 0).sum())
    if not len(moved):
        return Change(1.0, better, worse, len(a))
    exact = len(moved) < 31 and 2 ** len(moved) <= draws
    observed = abs(float(moved.sum())) * (1 - TINY)
    if exact:
        bits = np.arange(2 ** len(moved))[:, None] >> np.arange(len(moved)) & 1
        p_value = float((np.abs((bits * 2 - 1) @ moved) >= observed).mean())
        return Change(p_value, better, worse, len(a))
    extreme = _extreme(moved, observed, rng=rng, draws=draws)
    return Change((1 + extreme) / (1 + draws), better, worse, len(a))


def paired_difference(
    first: Sequence[float] | ArrayLike, second: Sequence[float] | ArrayLike
) -> Rate | None:
    """Mean of second - first with its 95 % interval (Student's, for scores); None below two items.

    For yes/no results it is Bonett and Price's adjusted Wald interval: a flip each way and two
    items are added, so that no flips at all do not claim certainty, also near 0 and 1.

    Raises:
        ValueError: the lengths differ.

    References:
        D. Bonett, R. Price (2012), Journal of Educational and Behavioral Statistics 37.

    >>> rate = paired_difference([0, 0, 1, 1] * 10, [1, 0, 1, 1] * 10)
    >>> round(rate.value, 3), round(rate.low, 3), round(rate.high, 3)
    (0.25, 0.093, 0.383)
    """
    a, b = _pairs(first, second)
    n = len(a)
    if n < 2:
        return None
    apart = b - a
    value = float(apart.mean())
    if np.isin(np.concatenate([a, b]), (0, 1)).all():
        up, down = (
            (float((apart > 0).sum()) + 1) / (n + 2),
            (float((apart < 0).sum()) + 1) / (n + 2),
        )
        error = ((up + down - (up - down) ** 2) / (n + 2)) ** 0.5
        half = float(stats.norm.ppf(0.975)) * error
        low, high = max(-1.0, up - down - half), min(1.0, up - down + half)
        return Rate(value, low, high, n, 0.0, error, "paired")
    error = (float(apart.var(ddof=1)) / n) ** 0.5
    half = float(stats.t.ppf(0.975, n - 1)) * error
    return Rate(value, value - half, value + half, n, 0.0, error, "paired")


def _extreme(moved: NDArray[np.float64], observed: float, *, rng: Generator, draws: int) -> int:
    """How many random sign patterns give a sum at least as far from nothing."""
    at_once, count = max(1, BATCH // len(moved)), 0
    for start in range(0, draws, at_once):
        signs = rng.integers(0, 2, (min(at_once, draws - start), len(moved)), dtype=np.int8)
        count += int((np.abs((signs * 2.0 - 1) @ moved) >= observed).sum())
    return count


def _pairs(
    first: Sequence[float] | ArrayLike, second: Sequence[float] | ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if a.shape != b.shape:
        raise ValueError(f"{a.size} results against {b.size}: they have to be of the same items")
    return a, b
