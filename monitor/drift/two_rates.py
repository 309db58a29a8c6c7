"""Two rates side by side, looked at any time: which of two releases fails more often, and by how much."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

import numpy as np

from monitor.drift.e_value import bounded_exp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Block", "RateDifference", "difference_e_value", "difference_over_time", "evidence_path"]

GRID = 201
"""Differences from -1 to 1 that an interval tells apart, closer to each other around 0."""
ODDS = (1.5, 2.0, 3.0, 5.0, 9.0)
"""Odds ratios that are betted on beside what the blocks before show; the same that detectors watch for."""
EDGE = 1e-9
PRIOR = 0.5
"""Events, and as many calls without, that a rate has before any call."""
ROUNDS = 30


@dataclass(frozen=True, slots=True)
class Block:
    """One stretch of time in which both were called."""

    count: int
    """Events of the one that is judged."""
    n: int
    others: int
    """Events of the one it is held against."""
    others_n: int


@dataclass(frozen=True, slots=True)
class RateDifference:
    """What all blocks say together, at whatever time it is looked at."""

    difference: float
    """Rate of the judged one minus rate of the other, each block weighing by its smaller side."""
    low: float
    high: float
    """Confidence sequence: holds the true difference at all times together with the stated probability."""
    e_higher: float
    """Evidence that the difference is above 0."""
    e_not_higher: float
    """Evidence that the difference is below the margin."""
    count: int
    n: int
    others: int
    others_n: int


def difference_e_value(blocks: Sequence[Block], bound: float, *, above: bool) -> float:
    r"""Evidence against "the difference is at most `bound`" (`above`), or at least it (not `above`).

    Of block i, with judged rate q and other rate p chosen from the blocks before it (or by a fixed
    odds ratio), and (q°, p°) the point of the hypothesis that is nearest to them in the sense of
    n_q KL(q, q°) + n_p KL(p, p°), the factor is

        (q/q°)^c ((1-q)/(1-q°))^(n-c) (p/p°)^d ((1-p)/(1-p°))^(m-d).

    When to use it: two releases that answer in the same hours, in whatever shares. When not: calls of
    the same input answered by both, which McNemar's test compares with far fewer of them.

    At the nearest point the gradients of both sides cancel, n λ_q = -m λ_p, so that the expected
    factor is at most exp(n λ_q (mean difference - bound)) <= 1 whenever the hypothesis holds for the
    *means* of the block: calls within it are independent but need not be alike, rates may move from block to block as
    they like, and how many calls each side gets may depend on everything before. The product is
    an e-process: above 1/alpha at any time with probability at most alpha (Ville). The mean of
    several such products is one too.

    Args:
        blocks: in order of time; one that lacks a side says nothing.
        bound: difference that is to be refuted, in (-1, 1).
        above: the alternative: a difference above the bound, or below it.

    References:
        R. Turner, A. Ly, P. Grünwald (2024), Generic E-variables for exact sequential k-sample tests
        that allow for optional stopping, JSPI 230; R. Turner, P. Grünwald (2023), Exact anytime-valid
        confidence intervals for contingency tables and beyond, Statistics & Probability Letters 198.

    >>> import numpy as np
    >>> rng = np.random.default_rng(7)
    >>> def canary(rate):
    ...     return [Block(int(rng.binomial(40, rate)), 40, int(rng.binomial(400, 0.02)), 400) for _ in range(48)]
    >>> difference_e_value(canary(0.02), 0.0, above=True) > 20
    False
    >>> difference_e_value(canary(0.08), 0.0, above=True) > 20
    True
    """
    return evidence_path(blocks, bound, above=above)[-1]


def evidence_path(blocks: Sequence[Block], bound: float, *, above: bool) -> list[float]:
    """`difference_e_value` before the first block and after each one that has both sides.

    >>> evidence_path([Block(0, 0, 1, 10)], 0.0, above=True)
    [1.0]
    """
    if not -1 < bound < 1:
        raise ValueError(f"bound={bound} must lie between -1 and 1")
    told = _log_evidence(_whole(blocks), np.asarray([bound]), above=above)[:, 0]
    return [bounded_exp(logged) for logged in told.tolist()]


def difference_over_time(
    blocks: Sequence[Block], *, margin: float, alpha: float = 0.05
) -> RateDifference:
    """The difference, its confidence sequence, and the evidence for "higher" and "not higher".

    The sequence holds those differences whose two e-values, against what lies below and above, are
    both under 2/alpha; between the points of the grid it is widened to the next one.

    >>> quiet = difference_over_time([Block(2, 100, 20, 1000)] * 30, margin=0.02)
    >>> quiet.difference, quiet.low < 0 < quiet.high, quiet.e_not_higher > 20
    (0.0, True, True)
    """
    given = _whole(blocks)
    grid = _grid()
    worth = log(2 / alpha)
    low_side = _log_evidence(given, grid, above=True)[-1]
    high_side = _log_evidence(given, grid, above=False)[-1]
    kept = np.flatnonzero((low_side < worth) & (high_side < worth))
    # an empty set is possible, with probability alpha at most: then the likeliest point is all there is
    first, last = (
        (kept[0], kept[-1]) if len(kept) else (int(np.argmin(np.maximum(low_side, high_side))),) * 2
    )
    return RateDifference(
        difference=_weighted(given),
        low=float(grid[first - 1]) if first > 0 else -1.0,
        high=float(grid[last + 1]) if last < len(grid) - 1 else 1.0,
        e_higher=difference_e_value(given, 0.0, above=True),
        e_not_higher=difference_e_value(given, margin, above=False),
        count=sum(one.count for one in given),
        n=sum(one.n for one in given),
        others=sum(one.others for one in given),
        others_n=sum(one.others_n for one in given),
    )


def _whole(blocks: Sequence[Block]) -> list[Block]:
    """The blocks that have both sides."""
    for one in blocks:
        if not (0 <= one.count <= one.n and 0 <= one.others <= one.others_n):
            raise ValueError(f"{one}: events must be among the calls")
    return [one for one in blocks if one.n and one.others_n]


def _grid() -> NDArray[np.float64]:
    """Differences of rates in (-1, 1), the denser the closer to 0."""
    line = np.linspace(-1, 1, GRID)[1:-1]
    return np.asarray(np.sign(line) * np.abs(line) ** 2.5)


def _weighted(blocks: Sequence[Block]) -> float:
    """Block by block, so that hours in which both shares differ do not feign a difference."""
    weights = [one.n * one.others_n / (one.n + one.others_n) for one in blocks]
    if not weights:
        return 0.0
    apart = [one.count / one.n - one.others / one.others_n for one in blocks]
    return sum(w * d for w, d in zip(weights, apart, strict=True)) / sum(weights)


def _log_evidence(
    blocks: Sequence[Block], bounds: NDArray[np.float64], *, above: bool
) -> NDArray[np.float64]:
    """Log e-values by block (a row of zeros first) and bound: the mean over bets of the products."""
    told = np.asarray([[b.count, b.n, b.others, b.others_n] for b in blocks], dtype=float)
    told = told.reshape(len(blocks), 4)
    q, p = _bets(told, above=above)
    paths = np.cumsum(_factors(told, q, p, bounds, above=above), axis=0)
    paths = np.concatenate([np.zeros((1, *paths.shape[1:])), paths])
    peak = paths.max(axis=1, keepdims=True)
    return np.asarray(peak[:, 0] + np.log(np.exp(paths - peak).mean(axis=1)))


def _bets(
    told: NDArray[np.float64], *, above: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rates to bet on by block and bet, from the blocks before: as seen, alike, at fixed odds ratios."""
    count, n, others, others_n = (np.cumsum(told, axis=0) - told).T
    q, p = (count + PRIOR) / (n + 2 * PRIOR), (others + PRIOR) / (others_n + 2 * PRIOR)
    both = (count + others + PRIOR) / (n + others_n + 2 * PRIOR)
    ratios = [1.0, *(ODDS if above else [1 / ratio for ratio in ODDS])]
    judged = [q, *(ratio * both / (1 - both + ratio * both) for ratio in ratios)]
    return np.stack(judged, axis=1), np.stack([p, *([both] * len(ratios))], axis=1)


def _factors(
    told: NDArray[np.float64],
    q: NDArray[np.float64],
    p: NDArray[np.float64],
    bounds: NDArray[np.float64],
    *,
    above: bool,
) -> NDArray[np.float64]:
    """Log factors by block, bet and bound; 0 where the bet lies within the hypothesis."""
    q, p = q[:, :, None], p[:, :, None]
    count, n, others, others_n = (side[:, None, None] for side in told.T)
    inside = (q - p <= bounds) if above else (q - p >= bounds)
    # the other's rate at the nearest point of the hypothesis, by bisection on the gradient
    low = np.broadcast_to(np.maximum(EDGE, EDGE - bounds), inside.shape)
    high = np.broadcast_to(np.minimum(1 - EDGE, 1 - EDGE - bounds), inside.shape)
    for _ in range(ROUNDS):
        near = (low + high) / 2
        rises = n * _slope(q, near + bounds) + others_n * _slope(p, near) < 0
        low, high = np.where(rises, near, low), np.where(rises, high, near)
    near = (low + high) / 2
    factors = (
        count * np.log(q / (near + bounds))
        + (n - count) * np.log((1 - q) / (1 - near - bounds))
        + others * np.log(p / near)
        + (others_n - others) * np.log((1 - p) / (1 - near))
    )
    return np.where(inside, 0.0, factors)


def _slope(rate: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """How the divergence KL(rate, at) grows with `at`."""
    return np.asarray((at - rate) / (at * (1 - at)))
