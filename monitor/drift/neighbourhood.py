"""Where calls gather that did not use to: a scan of neighbourhoods, and how new calls are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import xlogy

__all__ = ["NEIGHBOURS", "NOVELTY_LEVELS", "Ball", "ball_scores", "novelty", "scan"]

NEIGHBOURS = (5, 10, 20, 40, 80)
"""Sizes of the neighbourhoods that are looked at."""
NOVELTY_LEVELS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
"""Shares of the reference's own members that count as this far from all others."""

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
Numbers = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Counts = np.ndarray[tuple[int, ...], np.dtype[np.intp]]


@dataclass(frozen=True, slots=True)
class Ball:
    """The neighbourhood with the most surprising number of the window's members."""

    score: float
    """Log-likelihood ratio of "more of the window than its share", 0 when there is none."""
    centre: int
    """Row of the window."""
    similarity: float
    """Members are at least as similar to the centre."""
    in_window: int
    """Members in the window, the centre included."""
    in_reference: int


def scan(to_reference: Floats, to_window: Floats) -> Ball:
    """Look at the nearest `NEIGHBOURS` of every member of a window.

    A ball around member i reaches to its k-th neighbour in the window and holds c of the window, i
    included, and m of the reference. Where nothing changed its members are of the window with
    probability pi = n / (n + reference); the score is the binomial log-likelihood ratio of
    q = c / (c + m) against pi, where q is above it, and the largest of all i and k is returned.

    Args:
        to_reference: similarities, shape (n, reference).
        to_window: similarities within the window, shape (n, n); the diagonal is ignored.
    """
    n, reference = to_reference.shape
    sizes = [k for k in NEIGHBOURS if k < n - 1]
    best = Ball(0.0, 0, 1.0, 0, 0)
    if not sizes or not reference:
        return best
    within = to_window.copy()
    np.fill_diagonal(within, -np.inf)
    ranked = np.partition(within, [n - k for k in sizes], axis=1)
    for k in sizes:
        reach = ranked[:, n - k]
        here = 1 + np.count_nonzero(within >= reach[:, None], axis=1)
        there = np.count_nonzero(to_reference >= reach[:, None], axis=1)
        scores = ball_scores(here, there, n / (n + reference))
        centre = int(scores.argmax())
        if scores[centre] > best.score:
            found = float(reach[centre]), int(here[centre]), int(there[centre])
            best = Ball(float(scores[centre]), centre, *found)
    return best


def ball_scores(here: Counts, there: Counts, share: float) -> Numbers:
    """Log-likelihood ratios of balls with so many of the window and of the reference."""
    q = here / (here + there)
    scores = xlogy(here, q / share) + xlogy(there, (1 - q) / (1 - share))
    return np.where(q <= share, 0.0, scores)


def novelty(counts: Numbers, n: int) -> float:
    """How surprising it is that so many lie far from everything in the reference.

    Args:
        counts: by `NOVELTY_LEVELS`: members of the window that are further from their nearest
            reference member than that share of the reference's own is from theirs.
        n: members of the window.

    Returns:
        The largest binomial log-likelihood ratio over the levels where there are too many.

    >>> levels = np.array(NOVELTY_LEVELS)
    >>> novelty(levels * 1000, 1000), round(novelty(levels * 1000 + 40, 1000), 1)
    (0.0, 113.1)
    """
    level = np.asarray(NOVELTY_LEVELS)
    share = np.clip(counts / n, 0.0, 1.0)
    scores = n * (xlogy(share, share / level) + xlogy(1 - share, (1 - share) / (1 - level)))
    return float(np.where(share > level, scores, 0.0).max())
