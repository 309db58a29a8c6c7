"""Estimators of a true rate or mean from people's labels and a judge's verdicts, simple random draws.

Y is what people said, F what the judge said, n the labelled calls, N those that are judged only.
For labels that were not drawn with equal probability see `judges.statistics.designs`; which one to use when is
`judges.statistics.rates.corrected`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from judges.statistics.sampling import Z

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Rate",
    "around",
    "human_only",
    "inverted",
    "poststrat_ac",
    "ppi",
    "rogan_gladen",
    "wilson",
]


@dataclass(frozen=True, slots=True)
class Rate:
    """A share or a mean with its 95 % interval."""

    value: float
    low: float
    high: float
    n: int
    """Labelled observations it rests on."""
    weight: float = 0.0
    """How far the judge was trusted (the lambda of PPI++), 0 to 1; 0 where none took part."""
    error: float = math.nan
    """Standard error, in the units of the value."""
    method: str = ""
    """How it was got: `wilson`, `human_only`, `poststrat_ac`, `ppi`, `stratified`, …"""

    @property
    def width(self) -> float:
        """Of the interval."""
        return self.high - self.low


def around(value: float, variance: float, n: int, *, z: float, weight: float, method: str) -> Rate:
    """A symmetric normal interval, value ± z √variance."""
    error = math.sqrt(variance)
    return Rate(value, value - z * error, value + z * error, n, weight, error, method)


def wilson(count: float, n: int, *, z: float = Z) -> Rate | None:
    """Share `count / n` with Wilson's score interval; None where nothing was seen.

    `count` may be a sum of numbers from 0 to 1: they vary no more than yes and no do, so the interval is
    never too narrow for their mean.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference" (1927).

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
    return Rate(share, low, high, n, 0.0, math.sqrt(share * (1 - share) / n), "wilson")


def human_only(labels: Sequence[float] | ArrayLike, *, z: float = Z) -> Rate | None:
    """The mean of the labels alone, ± z sd / √n with the n - 1 variance; None below two labels.

    For a share from few labels `wilson` covers better; this is what the corrections compare with.

    >>> human_only([1, 1, 0, 1]).value
    0.75
    """
    y = np.asarray(labels, dtype=float)
    n = len(y)
    if n < 2:
        return None
    variance = float(y.var(ddof=1)) / n
    return around(float(y.mean()), variance, n, z=z, weight=0.0, method="human_only")


def poststrat_ac(
    labels: Sequence[float] | ArrayLike,
    verdicts: Sequence[float] | ArrayLike,
    others: Sequence[float] | ArrayLike,
    *,
    z: float = Z,
) -> Rate | None:
    """The true rate of a yes/no label, post-stratified by a categorical verdict.

    theta = Σ p_f ȳ_f with p_f the share of verdict f among all n + N judged calls;
    variance = Σ p_f² m(1 - m)/(n_f + 2) + Σ p_f (ȳ_f - theta)²/(n + N) with m = (k_f + 1)/(n_f + 2).
    The smoothing of Agresti and Coull keeps a stratum that is all right from claiming certainty.
    Its interval covers from 30 labels on, where that of PPI++ does not yet.

    Args:
        labels: what people said, 0 or 1.
        verdicts: what the judge said of the same calls.
        others: what the judge said of the calls that nobody labelled.
        z: normal quantile of the interval.

    Returns:
        None when there are no labels, or none for a verdict that the judge did give.

    Raises:
        ValueError: a label is neither 0 nor 1, or there is not one verdict per label.

    >>> rate = poststrat_ac([1, 1, 1, 0, 0, 0], [1, 1, 1, 0, 0, 1], [1] * 40 + [0] * 10)
    >>> round(rate.value, 4)
    0.5893
    """
    y, f, rest = _arrays(labels, verdicts, others)
    if ((y != 0) & (y != 1)).any():
        raise ValueError("poststrat_ac is for labels of 0 and 1; use ppi for a score")
    everything = np.concatenate([f, rest])
    strata, place, counts = np.unique(everything, return_inverse=True, return_counts=True)
    sizes = np.bincount(place[: len(f)], minlength=len(strata))
    if not len(y) or not sizes.all():
        return None
    right = np.bincount(place[: len(f)], weights=y, minlength=len(strata))
    shares, means = counts / len(everything), right / sizes
    smoothed = (right + 1) / (sizes + 2)
    theta = float(shares @ means)
    within = float((shares**2) @ (smoothed * (1 - smoothed) / (sizes + 2)))
    between = float(shares @ (means - theta) ** 2) / len(everything)
    return around(theta, within + between, len(y), z=z, weight=1.0, method="poststrat_ac")


def ppi(
    labels: Sequence[float] | ArrayLike,
    verdicts: Sequence[float] | ArrayLike,
    others: Sequence[float] | ArrayLike,
    *,
    z: float = Z,
    weight: float | None = None,
) -> Rate | None:
    """The true mean by PPI++: labels, helped by verdicts as far as both agree. From 100 labels on.

    theta = Ȳ + lam (F̄_N - F̄_n); lam = cov(Y, F) / ((1 + n/N) var(F)) cut to 0…1, with var(F) over
    all n + N; variance = lam² var(F_N)/N + var(Y - lam F)/n. Angelopoulos, Duchi and Zrnic, "PPI++:
    efficient prediction-powered inference" (2023); degrees of freedom as in the authors' `ppi_py`.

    Args:
        labels: what people said.
        verdicts: what the judge said of the same calls, on the same scale.
        others: what the judge said of the calls that nobody labelled.
        z: normal quantile of the interval.
        weight: lam, where it is not to be tuned; 0 is the labels alone, 1 the plain PPI, which
            with real judges is often worse than the labels alone.

    Returns:
        None with fewer than two labels or none unlabelled.

    Raises:
        ValueError: there is not one verdict per label.

    >>> rate = ppi([1, 0, 1, 1], [1, 0, 1, 0], [1, 0, 1, 1, 0, 0, 1, 1])
    >>> round(rate.value, 4), round(rate.weight, 4)
    (0.7893, 0.3143)
    """
    y, f, rest = _arrays(labels, verdicts, others)
    n, more = len(y), len(rest)
    if n < 2 or more < 1:
        return None
    if weight is None:
        spread = float(np.concatenate([f, rest]).var(ddof=1))
        together = float(y @ f) / n - float(y.mean() * f.mean())
        weight = together / ((1 + n / more) * spread) if spread > 0 else 0.0
        weight = min(1.0, max(0.0, weight))
    theta = float(y.mean() + weight * (rest.mean() - f.mean()))
    variance = weight**2 * float(rest.var()) / more + float((y - weight * f).var()) / n
    return around(theta, variance, n, z=z, weight=weight, method="ppi")


def rogan_gladen(
    labels: Sequence[float] | ArrayLike,
    verdicts: Sequence[float] | ArrayLike,
    others: Sequence[float] | ArrayLike,
    *,
    z: float = Z,
) -> Rate | None:
    """The rate behind a yes/no judge of known sensitivity and specificity. Rarely what you want.

    theta = (p + q0 - 1)/(q0 + q1 - 1) with p the judge's rate over `others`, q0 its specificity and
    q1 its sensitivity on the labels, cut to 0…1. The interval takes p smoothed by z²/2 and q0, q1 by
    one success in two, and shifts by 2z²(-(1 - θ) q0(1 - q0)/m0 + θ q1(1 - q1)/m1). Source: Lee et
    al., arXiv 2511.21140 (2025). With most real judges it is worse than the labels alone; it is for
    a judge whose sensitivity and specificity were learnt on other calls than those at hand.

    Returns:
        None when people never said 0, never said 1, or the judge is no better than a coin: then
        nothing can be inverted.

    Raises:
        ValueError: there is not one verdict per label.

    >>> labels, verdicts = [1] * 50 + [0] * 50, [1] * 45 + [0] * 5 + [0] * 40 + [1] * 10
    >>> round(rogan_gladen(labels, verdicts, [1] * 550 + [0] * 450).value, 6)
    0.5
    """
    y, f, rest = _arrays(labels, verdicts, others)
    if not len(rest):
        return None
    right1, right0 = float(((y == 1) & (f == 1)).sum()), float(((y == 0) & (f == 0)).sum())
    of1, of0 = (right1, float((y == 1).sum())), (right0, float((y == 0).sum()))
    return inverted(float(rest.mean()), len(rest), of1, of0, z=z)


def inverted(
    share: float,
    n: int,
    of_ones: tuple[float, float],
    of_zeros: tuple[float, float],
    *,
    z: float = Z,
) -> Rate | None:
    """`rogan_gladen` from what was counted: of how many the judge was right about how many.

    Labels that were drawn with unequal probability are counted with weights, as many as they are worth
    together: the weighted share of them that the judge is right about, times (Σw)²/Σw² (Kish).

    Args:
        share: the judge's rate of ones.
        n: over how many.
        of_ones: those that people call one and the judge too, and all that people call one.
        of_zeros: the same for zero.
        z: normal quantile of the interval.

    Returns:
        None when nothing can be inverted.
    """
    (right1, m1), (right0, m0) = of_ones, of_zeros
    if not (m1 and m0 and n) or right1 / m1 + right0 / m0 <= 1:
        return None
    theta = (share + right0 / m0 - 1) / (right0 / m0 + right1 / m1 - 1)
    p = (share * n + z * z / 2) / (n + z * z)
    q0, q1 = (right0 + 1) / (m0 + 2), (right1 + 1) / (m1 + 2)
    power, value, labels = q0 + q1 - 1, min(1.0, max(0.0, theta)), round(m1 + m0)
    if power <= 0:
        return Rate(value, 0.0, 1.0, labels, 1.0, method="rogan_gladen")
    centre = min(1.0, max(0.0, (p + q0 - 1) / power))
    of0, of1 = q0 * (1 - q0) / (m0 + 2), q1 * (1 - q1) / (m1 + 2)
    shift = 2 * z * z * (centre * of1 - (1 - centre) * of0)
    variance = p * (1 - p) / (n + z * z) + (1 - centre) ** 2 * of0 + centre**2 * of1
    error = math.sqrt(variance) / power
    low, high = (min(1.0, max(0.0, centre + shift + k * z * error)) for k in (-1, 1))
    return Rate(value, low, high, labels, 1.0, error, "rogan_gladen")


def _arrays(
    labels: Sequence[float] | ArrayLike,
    verdicts: Sequence[float] | ArrayLike,
    others: Sequence[float] | ArrayLike,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    y, f = np.asarray(labels, dtype=float), np.asarray(verdicts, dtype=float)
    if y.shape != f.shape:
        raise ValueError(f"{len(y)} labels against {len(f)} verdicts: one verdict per label")
    return y, f, np.asarray(others, dtype=float)
