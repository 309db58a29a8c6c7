"""From a judge's score to what people would have said, and whether that still holds elsewhere.

A calibration is learnt on labelled calls and holds within their range of scores only. On another
model, prompt or release it has to be probed before it is believed (`transport`). What bridges a change
of the judge itself is `judges.statistics.anchors.offset`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import stats
from scipy.optimize import isotonic_regression

from judges.statistics.sampling import hajek

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Calibrated", "Isotonic", "Transport", "cross_fitted", "isotonic", "transport"]

MIN_PROBES = 50
"""Labels on a new model or prompt, below which a calibration is neither confirmed nor refuted."""
MARGIN = 0.05
"""How far a true mean may be from what the verdicts promise, before it counts; in units of the label."""


@dataclass(frozen=True, slots=True, eq=False)
class Calibrated:
    """Scores as labels, and where that would be guessing."""

    values: NDArray[np.float64]
    """Expected label; NaN outside the labelled range of scores."""
    outside: NDArray[np.bool_]
    """Whether the score is out of that range: no label ever spoke for it."""

    @property
    def outside_share(self) -> float:
        """Share of the scores that cannot be calibrated."""
        return float(self.outside.mean()) if len(self.outside) else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Isotonic:
    """A rising step-free curve from score to expected label."""

    scores: NDArray[np.float64]
    """Distinct labelled scores, rising."""
    labels: NDArray[np.float64]
    """Expected label at each."""
    n: int
    """Labels it rests on."""

    def at(self, scores: Sequence[float] | ArrayLike) -> Calibrated:
        """Scores as expected labels, straight between the labelled ones; nothing beyond them.

        >>> curve = isotonic([1, 2, 3, 4], [0, 1, 0, 1])
        >>> found = curve.at([0.5, 2, 3.5])
        >>> found.outside.tolist(), found.values[1:].tolist()
        ([True, False, False], [0.5, 0.75])
        """
        given = np.asarray(scores, dtype=float)
        outside = ~((given >= self.scores[0]) & (given <= self.scores[-1]))
        values = np.interp(given, self.scores, self.labels)
        return Calibrated(np.where(outside, np.nan, values), outside)


def isotonic(scores: Sequence[float] | ArrayLike, labels: Sequence[float] | ArrayLike) -> Isotonic:
    """The rising curve with the least squared error: pool adjacent violators, over distinct scores.

    Barlow, Bartholomew, Bremner and Brunk, "Statistical Inference under Order Restrictions" (1972);
    the solver is scipy's.

    Raises:
        ValueError: no labels, or not one score per label, or a score that is no finite number.
    """
    x, y = np.asarray(scores, dtype=float), np.asarray(labels, dtype=float)
    if x.shape != y.shape or not len(x) or not np.isfinite(x).all():
        raise ValueError("isotonic needs one finite score per label, and at least one")
    distinct, place, counts = np.unique(x, return_inverse=True, return_counts=True)
    means = np.bincount(place, weights=y) / counts
    return Isotonic(distinct, isotonic_regression(means, weights=counts).x, len(y))


def cross_fitted(
    scores: Sequence[float] | ArrayLike,
    labels: Sequence[float] | ArrayLike,
    *,
    rng: Generator,
    folds: int = 5,
) -> NDArray[np.float64]:
    """Each labelled call's score as a label, by a curve that has not seen its label.

    Needed wherever the same labels then correct a mean. A score beyond its curve's range takes the
    curve's end: within the labels at hand this is no extrapolation.

    Raises:
        ValueError: fewer labels than folds.

    >>> found = cross_fitted([1, 2, 3, 4] * 5, [0, 0, 1, 1] * 5, rng=np.random.default_rng(1))
    >>> found[:4].tolist()
    [0.0, 0.0, 1.0, 1.0]
    """
    x, y = np.asarray(scores, dtype=float), np.asarray(labels, dtype=float)
    if len(y) < folds:
        raise ValueError(f"{len(y)} labels cannot be dealt into {folds} folds")
    fold, found = rng.permutation(len(y)) % folds, np.empty(len(y))
    for one in range(folds):
        curve = isotonic(x[fold != one], y[fold != one])
        found[fold == one] = np.interp(x[fold == one], curve.scores, curve.labels)
    return found


@dataclass(frozen=True, slots=True)
class Transport:
    """Whether a calibration holds on calls that it was not learnt on."""

    status: Literal["pass", "fail", "inconclusive"]
    residual: float | None
    """Mean of label - prediction on the probes; None where nothing could be compared."""
    low: float | None
    high: float | None
    n: int
    """Probes."""


def transport(
    labels: Sequence[float] | ArrayLike,
    predictions: Sequence[float] | ArrayLike,
    *,
    probabilities: Sequence[float] | None = None,
    delta: float = MARGIN,
    min_probes: int = MIN_PROBES,
) -> Transport:
    """Probe a calibration on a new model, prompt or release.

    The mean residual's 95 % interval, Student's by Kish's effective number of probes: wholly within
    ±delta passes, wholly outside fails, anything else is not known yet; nor is anything below
    `min_probes` labels.

    Args:
        labels: what people said of the probes.
        predictions: what the calibration says of them.
        probabilities: with which each was drawn, where they differ.
        delta: the largest error in the mean that does no harm.
        min_probes: labels below which nothing is said.

    Raises:
        ValueError: not one prediction per label, or no label at all.

    >>> transport([1, 0] * 200, [0.51, 0.49] * 200).status
    'pass'
    >>> transport([0, 0, 0, 1] * 25, [0.75] * 100).status, transport([1, 0], [0.5, 0.5]).status
    ('fail', 'inconclusive')
    """
    y, guess = np.asarray(labels, dtype=float), np.asarray(predictions, dtype=float)
    if y.shape != guess.shape or not len(y):
        raise ValueError("transport needs one prediction per label, and at least one")
    n = len(y)
    rests, chances = y - guess, probabilities or [1.0] * n
    found = hajek(list(rests), chances)
    assert found is not None
    half = float("inf")
    if n > 1:
        freedom = max(1.0, found.n_eff - 1)
        error = found.standard_error * (n / (n - 1)) ** 0.5
        half = float(stats.t.ppf(0.975, freedom)) * error
    residual, low, high = found.value, found.value - half, found.value + half
    status: Literal["pass", "fail", "inconclusive"] = "inconclusive"
    if n >= min_probes and -delta <= low and high <= delta:
        status = "pass"
    elif n >= min_probes and (low > delta or high < -delta):
        status = "fail"
    return Transport(status, residual, low, high, n)
