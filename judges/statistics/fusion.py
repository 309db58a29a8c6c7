"""Several judges as one: a regression of people's labels on their verdicts, without peeking.

Only from 200 labels on: below, the best single judge gives the tighter interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import ArrayLike, NDArray

__all__ = ["MIN_LABELS", "Fused", "fused"]

MIN_LABELS = 200
FOLDS = 5
RIDGE = 1e-6
"""Of the mean variance; only keeps two judges that always agree from making a singular system."""


@dataclass(frozen=True, slots=True, eq=False)
class Fused:
    """What the judges together predict; use it as the verdicts of `judges.statistics.rates.ppi`."""

    verdicts: NDArray[np.float64]
    """Of the labelled calls, each predicted by a regression that has not seen its label."""
    others: NDArray[np.float64]
    """Of the calls that nobody labelled: the mean of the folds' regressions."""


def fused(
    labels: ArrayLike, verdicts: ArrayLike, others: ArrayLike, *, rng: Generator
) -> Fused | None:
    """Predict labels from all judges' verdicts by least squares, cross-fitted over 5 folds.

    Cross-fitting as in Zrnic and Candès, "Cross-prediction-powered inference" (2024).

    Args:
        labels: what people said.
        verdicts: one row per labelled call, one column per judge (and per other feature, such as
            the place in which a pair was shown).
        others: the same of the calls that nobody labelled.
        rng: deals the calls into folds.

    Returns:
        None below 200 labels: take the best single judge.

    Raises:
        ValueError: rows or columns do not match.

    >>> rng = np.random.default_rng(1)
    >>> truth = rng.random(1000) < 0.7
    >>> votes = np.where(rng.random((3, 1000)) < 0.8, truth, ~truth).T.astype(float)
    >>> both = fused(truth[:300], votes[:300], votes[300:], rng=rng)
    >>> float(np.corrcoef(both.verdicts, truth[:300])[0, 1]) > 0.6
    True
    """
    y = np.asarray(labels, dtype=float)
    x, rest = np.asarray(verdicts, dtype=float), np.asarray(others, dtype=float)
    if x.ndim != 2 or len(x) != len(y) or rest.ndim != 2 or rest.shape[1] != x.shape[1]:
        raise ValueError("one row of verdicts is needed per label, and the same judges everywhere")
    if len(y) < MIN_LABELS:
        return None
    fold, predicted, mean = rng.permutation(len(y)) % FOLDS, np.empty(len(y)), np.zeros(len(rest))
    for one in range(FOLDS):
        train = fold != one
        slope, level = _least_squares(x[train], y[train])
        predicted[~train] = x[~train] @ slope + level
        mean += (rest @ slope + level) / FOLDS
    return Fused(predicted, mean)


def _least_squares(
    x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    centred = x - x.mean(axis=0)
    gram = centred.T @ centred
    gram += np.eye(len(gram)) * max(RIDGE * float(np.trace(gram)), np.finfo(float).tiny)
    slope = np.linalg.solve(gram, centred.T @ (y - y.mean()))
    return slope, float(y.mean() - x.mean(axis=0) @ slope)
