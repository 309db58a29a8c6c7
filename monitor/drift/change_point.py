"""When did it begin? The change point of a rate with a likelihood-ratio interval, and whether it came at once."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Change", "locate_change"]

CEILING = 1 - 1e-9
STARTS = 40
"""Beginnings of a ramp that are tried, evenly over the windows."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change point, as indices of windows."""

    best: int
    """The likeliest first window at the new rate."""
    low: int
    high: int
    """Both ends, included, of the interval."""
    rate: float
    """Rate from `best` on."""
    log_likelihood_ratio: float
    """Of that change against no change."""
    ramp: float
    """By how much a steady rise explains the counts better than a step: difference of log-likelihoods, 0 or less
    when the step is as good."""


def locate_change(
    counts: Sequence[int],
    ns: Sequence[int],
    baseline: float | Sequence[float],
    *,
    confidence: float = 0.95,
) -> Change | None:
    """Date a change of a rate; None when no window begins a stretch that is worse than the baseline.

    When to use it: after an alarm, over the windows around it. When not: as an alarm, for it always finds the best.

    For every window t, l(t) = max over q > p of the log-likelihood ratio of "rate q from t on" against the
    baseline p. The interval holds every t with l(best) - l(t) <= x. With the rates known, l(s) - l(t) on either side
    of the true t is the logarithm of a likelihood-ratio martingale, so by Ville's inequality it exceeds x with
    probability at most e^-x on each side, and x solves (1 - e^-x)^2 = confidence: 3.68 at 95 %. That the new rate is
    estimated costs little and is covered by the windows being discrete; the coverage is measured in the tests.

    A ramp is p + s (window - t) from t on; it is compared with the step by its best likelihood over t and s.

    Args:
        counts: events of each window, in order of time.
        ns: looks of each window.
        baseline: probability of an event when nothing is wrong, one for all windows or one for each.
        confidence: of the interval.

    References:
        D. Siegmund (1988), Confidence sets in change-point problems, International Statistical Review 56.

    >>> found = locate_change([1, 0, 1, 0, 6, 5, 7], [100] * 7, 0.01)
    >>> found.best, found.low, found.high
    (4, 4, 4)
    >>> locate_change([0, 0, 0], [100] * 3, 0.01) is None
    True
    """
    c, n = np.asarray(counts, dtype=np.float64), np.asarray(ns, dtype=np.float64)
    if c.shape != n.shape or c.ndim != 1 or not bool(np.all((c >= 0) & (c <= n))):
        raise ValueError("counts and ns must be as long as each other, and 0 <= count <= n")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence} must lie between 0 and 1")
    p = np.clip(np.broadcast_to(np.asarray(baseline, dtype=np.float64), c.shape), 1e-6, 0.999)
    paths = _gains(c, n, p)
    if not len(paths) or paths.max() <= 0:
        return None
    best = int(np.argmax(paths))
    reach = -log(1 - sqrt(confidence))
    inside = np.flatnonzero(paths >= paths[best] - reach)
    return Change(
        best=best,
        low=int(inside[0]),
        high=int(inside[-1]),
        rate=float(c[best:].sum() / n[best:].sum()),
        log_likelihood_ratio=float(paths[best]),
        ramp=_ramp(c, n, p) - float(paths[best]),
    )


def _gains(
    c: NDArray[np.float64], n: NDArray[np.float64], p: NDArray[np.float64]
) -> NDArray[np.float64]:
    """For every window, the log-likelihood ratio of one rate from there on; 0 where that is not above the baseline."""
    events, looks = _from_here_on(c), _from_here_on(n)
    null = _from_here_on(c * np.log(p) + (n - c) * np.log1p(-p))
    q = np.clip(events / np.maximum(looks, 1), 1e-9, CEILING)
    gains = events * np.log(q) + (looks - events) * np.log1p(-q) - null
    return np.where((looks > 0) & (events > _from_here_on(n * p)), gains, 0.0)


def _from_here_on(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.cumsum(values[::-1])[::-1]


def _ramp(c: NDArray[np.float64], n: NDArray[np.float64], p: NDArray[np.float64]) -> float:
    """Best log-likelihood ratio of a straight rise, over its beginning and its slope."""
    steps = np.arange(len(c), dtype=np.float64)
    null, best = float((c * np.log(p) + (n - c) * np.log1p(-p)).sum()), 0.0
    for start in range(0, len(c), max(1, len(c) // STARTS)):
        rise = np.maximum(0.0, steps - start + 0.5)
        looks = float((n * rise).sum())
        if not looks:
            continue
        guess = max(float((c - n * p)[start:].sum()), 0.5) / looks
        slopes = guess * np.geomspace(0.25, 4, 13)
        q = np.clip(p + slopes[:, None] * rise, 1e-9, CEILING)
        best = max(best, float((c * np.log(q) + (n - c) * np.log1p(-q)).sum(axis=1).max()) - null)
    return best
