"""Who may sit on a jury, and with how many votes; both from anchors, calls that people labelled.

A jury helps only if every juror is decent: on adversarial pairs, six judges with equal votes were
right in 60 % where the best of them alone was in 85 %. So a juror has to pass a test, weighs as much
as it is right, and a jury is shown with the votes it is really worth (`effective_votes`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import nnls

from judges.statistics.agreement import agreement, cohen_kappa, effective_votes

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.random import Generator
    from numpy.typing import ArrayLike, NDArray

    from judges.statistics.rates import Rate

__all__ = ["Admission", "Stack", "admit", "effective_votes", "stack", "weights"]

MIN_ANCHORS = 50
MIN_KAPPA = 0.4
MIN_ACCURACY = 0.55
"""The lower bound of the accuracy has to be above it: chance among two, and a little."""
MAX_INVALID = 0.02
BAND = 0.05
"""Jurors whose accuracies lie within it are told apart by chance alone: they weigh the same."""
FOLDS = 5
PENALTIES = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)


@dataclass(frozen=True, slots=True)
class Admission:
    """What the anchors say about one judge as a juror."""

    admitted: bool
    reason: str
    """Why it is not; empty when it is."""
    n: int
    """Anchors it was tested on."""
    invalid: float
    """Share of the anchors on which it gave no verdict that can be read."""
    accuracy: Rate | None
    """Among its readable verdicts."""
    kappa: float | None
    """The same, freed of chance; None where one label is all there is."""


def admit(verdicts: Sequence[Hashable | None], labels: Sequence[Hashable]) -> Admission:
    """Whether a judge may sit on a jury.

    At least 50 anchors, at most 2 % of them unreadable, and either kappa of 0.4 or an accuracy whose
    lower Wilson bound is above 0.55, with a kappa above 0, for where one label dominates a judge that always says
    the same is right most of the time.

    Args:
        verdicts: what the judge said of each anchor, None where that was nothing readable.
        labels: what people said of the same anchors.

    >>> admit(["yes", "no"] * 30, ["yes", "no"] * 30).admitted
    True
    >>> admit(["yes"] * 100, ["yes"] * 95 + ["no"] * 5).reason
    'agrees with people no better than chance (kappa 0.00, accuracy 95 %, at least 89 %)'
    >>> admit(["yes"] * 10, ["yes"] * 10).reason
    'only 10 anchors, needs 50'
    """
    told = [(v, y) for v, y in zip(verdicts, labels, strict=True) if v is not None]
    said, known = [v for v, _ in told], [y for _, y in told]
    invalid = (len(labels) - len(told)) / len(labels) if labels else 0.0
    accuracy, kappa = agreement(said, known), cohen_kappa(said, known)
    reason = _objection(len(labels), invalid, accuracy, kappa)
    return Admission(not reason, reason, len(labels), invalid, accuracy, kappa)


def _objection(n: int, invalid: float, accuracy: Rate | None, kappa: float | None) -> str:
    if n < MIN_ANCHORS:
        return f"only {n} anchors, needs {MIN_ANCHORS}"
    if invalid > MAX_INVALID:
        return f"{invalid:.1%} of its verdicts cannot be read, at most {MAX_INVALID:.0%} may"
    if accuracy is None or kappa is None:
        return "the anchors hold one label only, so nothing tells it from a constant"
    if kappa >= MIN_KAPPA or (accuracy.low > MIN_ACCURACY and kappa > 0):
        return ""
    short = (
        "agrees too little with people" if kappa > 0 else "agrees with people no better than chance"
    )
    return f"{short} (kappa {kappa:.2f}, accuracy {accuracy.value:.0%}, at least {accuracy.low:.0%})".replace(
        "%", " %"
    )


def weights(
    verdicts: Sequence[Sequence[Hashable | None]], labels: Sequence[Hashable]
) -> tuple[float, ...]:
    """Votes per juror, summing to 1: the log-odds of being right (Nitzan and Paroush 1982).

    Accuracy is that on held-out anchors: a judge has nothing that was fitted, so every fold's is
    simply its own; smoothed by one right and one wrong verdict. Among L labels a juror that guesses
    is right in 1/L and gets no vote: the weight is log(p (L - 1) / (1 - p)), not below 0. Jurors
    all of whose accuracies lie within one band of 5 points get equal votes.

    Args:
        verdicts: one row per juror, None where it said nothing readable (which is not right).
        labels: what people said of the same anchors.

    >>> sure, unsure = weights([["a", "b"] * 10, ["a", "b", "a", "a"] * 5], ["a", "b"] * 10)
    >>> round(sure, 3), round(unsure, 3)
    (0.756, 0.244)
    >>> weights([["a", "b"] * 10, ["a", "b"] * 10], ["a", "b"] * 10)
    (0.5, 0.5)
    """
    if not labels:
        raise ValueError("weights need anchors: calls that people labelled")
    right = [sum(v == y for v, y in zip(row, labels, strict=True)) for row in verdicts]
    shares = [one / len(labels) for one in right]
    if max(shares) - min(shares) <= BAND:
        return (1 / len(shares),) * len(shares)
    others = max(1, len(set(labels)) - 1)
    odds = [max(0.0, math.log(others * (k + 1) / (len(labels) - k + 1))) for k in right]
    total = math.fsum(odds)
    return tuple(one / total for one in odds) if total else (1 / len(odds),) * len(odds)


@dataclass(frozen=True, slots=True)
class Stack:
    """Weights of numeric jurors, found by ridge stacking."""

    weights: tuple[float, ...]
    """At least 0, summing to 1: the jury's mean stays on its jurors' scale."""
    penalty: float
    """Of the ridge; chosen by cross-validation."""
    mse: float
    """Of the weighted mean on held-out anchors, after their level was set right; judge it by this."""


def stack(scores: ArrayLike, labels: ArrayLike, *, rng: Generator) -> Stack:
    """Weights of numeric jurors by non-negative ridge regression on people's scores.

    Breiman, "Stacked regressions" (1996): weights that may not be negative are what makes stacking
    safe when jurors resemble each other. The level is not their matter (calibration sets it), so
    both sides are centred. The penalty is in units of the jurors' mean variance, and the one with
    the least squared error over 5 folds is taken.

    Args:
        scores: one row per anchor, one column per juror.
        labels: people's score of each anchor.
        rng: deals the anchors into folds.

    >>> people = np.array([1, 2, 3, 4, 5] * 8, dtype=float)
    >>> noise = np.random.default_rng(1).normal(0, 1, (40, 2)) * [0.2, 2]
    >>> found = stack(people[:, None] + noise, people, rng=np.random.default_rng(2))
    >>> found.weights[0] > 0.9
    True
    """
    x, y = np.asarray(scores, dtype=float), np.asarray(labels, dtype=float)
    if x.ndim != 2 or len(x) != len(y) or len(y) < 2 * FOLDS:
        raise ValueError(f"stacking needs one row of scores per label, and {2 * FOLDS} or more")
    fold = rng.permutation(len(y)) % FOLDS
    errors = [(_held_out(x, y, fold, penalty), penalty) for penalty in PENALTIES]
    mse, penalty = min(errors)
    return Stack(tuple(float(one) for one in _shares(x, y, penalty)), penalty, mse)


def _held_out(
    x: NDArray[np.float64], y: NDArray[np.float64], fold: NDArray[np.int64], penalty: float
) -> float:
    squared = 0.0
    for one in range(FOLDS):
        train, test = fold != one, fold == one
        found = _shares(x[train], y[train], penalty)
        level = float((y[train] - x[train] @ found).mean())
        squared += float(((y[test] - x[test] @ found - level) ** 2).sum())
    return squared / len(y)


def _shares(x: NDArray[np.float64], y: NDArray[np.float64], penalty: float) -> NDArray[np.float64]:
    """Non-negative ridge weights, scaled to sum 1; equal ones where no juror helps."""
    k = x.shape[1]
    centred = x - x.mean(axis=0)
    ridge = math.sqrt(penalty * len(y) * float(centred.var(axis=0).mean()))
    found, _ = nnls(
        np.vstack([centred, ridge * np.eye(k)]), np.concatenate([y - y.mean(), np.zeros(k)])
    )
    total = float(found.sum())
    return found / total if total > 0 else np.full(k, 1 / k)
