"""Has the judge itself changed? Its verdicts on a fixed set of calls, now and when the set was laid down.

The anchors are judged twice when their baseline is taken, so that the judge's own noise is known, and
once in every run after it. Nothing is assumed of the noise but that a stable judge's passes are
exchangeable. Two exact tests see a jump within one run, and a martingale adds up what is too small
for one run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "JUMP_ALPHA",
    "MIN_ANCHORS",
    "SLOW_ALPHA",
    "Offset",
    "Shift",
    "Verdicts",
    "compare",
    "deviation",
    "offset",
    "people_lost",
    "slow_e_value",
    "slow_e_values",
]

Verdicts: TypeAlias = "Sequence[float | str | None]"
"""Of one pass, in the order of the anchors: a value; a word for a reply that is no value (`refused`, …), which counts
as a kind of verdict; None where there is none (the endpoint was away, the money was gone)."""

MIN_ANCHORS = 50
"""Anchors with a verdict in every pass, below which nothing is said."""
JUMP_ALPHA = 1e-4
"""Chance that one run of a stable judge is called a jump: both exact tests together."""
SLOW_ALPHA = 0.01
"""Chance that a stable judge is ever called slowly shifting, over all runs on one baseline."""
JUMPS = 0.01
"""Share of the martingale's capital that changes its bet after each run."""


@dataclass(frozen=True, slots=True)
class Shift:
    """What one run says of the judge against its baseline."""

    status: Literal["stable", "jump", "slow", "insufficient_data"]
    n: int
    """Anchors with a verdict in this run and in both passes of the baseline."""
    higher: int
    """Anchors whose value is above that of the baseline's first pass."""
    lower: int
    split: int
    """Anchors on which the three passes do not agree and one stands apart."""
    odd: int
    """Those of them on which it is this run that stands apart; a third, where nothing changed."""
    p_value: float
    """Of the two exact tests, twice the smaller one."""
    e_value: float
    """Evidence of a slow shift, over all runs on this baseline."""
    offset: Offset | None
    """How far the values moved, where they did."""


@dataclass(frozen=True, slots=True)
class Offset:
    """Mean of new minus old on the same calls, with its 95 % interval."""

    value: float
    low: float
    high: float
    n: int


def compare(
    first: Verdicts,
    second: Verdicts,
    now: Verdicts,
    *,
    e_value: float = 1.0,
    jump_alpha: float = JUMP_ALPHA,
    slow_alpha: float = SLOW_ALPHA,
) -> Shift:
    """This run against the two passes of the baseline.

    The exact McNemar test (the sign test, of values) asks whether verdicts went one way more than the
    other. The odd-one-out test asks whether this pass stands apart from the other two more often than
    one time in three, which is what exchangeable passes do whatever the noise of each anchor: it sees
    a judge that errs as often as before on other calls.

    Args:
        first: the baseline's first pass.
        second: its second.
        now: this run.
        e_value: of the slow shift, from `slow_e_value`.
        jump_alpha: chance of calling a stable judge's run a jump.
        slow_alpha: chance of ever calling a stable judge slowly shifting.

    >>> calm = [1.0, 0.0] * 50
    >>> compare(calm, calm, calm).status, compare(calm, calm, [1.0] * 100).status
    ('stable', 'jump')
    """
    passes = [
        (a, b, c)
        for a, b, c in zip(first, second, now, strict=True)
        if a is not None and b is not None and c is not None
    ]
    moved = [
        math.copysign(1, c - a)
        for a, _, c in passes
        if not isinstance(a, str) and not isinstance(c, str) and a != c
    ]
    higher, lower = moved.count(1), moved.count(-1)
    apart = [_odd(*three) for three in passes]
    split, odd = sum(one is not None for one in apart), apart.count(2)
    p_value = min(
        1.0,
        2 * _two_sided(higher, lower),
        2 * float(stats.binomtest(odd, split, 1 / 3, "greater").pvalue) if split else 1.0,
    )
    status: Literal["stable", "jump", "slow", "insufficient_data"] = "stable"
    if len(passes) < MIN_ANCHORS:
        status = "insufficient_data"
    elif p_value <= jump_alpha:
        status = "jump"
    elif e_value >= 1 / slow_alpha:
        status = "slow"
    moved_by = offset([_mean(a, b) for a, b in zip(first, second, strict=True)], now)
    return Shift(status, len(passes), higher, lower, split, odd, p_value, e_value, moved_by)


def deviation(first: Verdicts, second: Verdicts, now: Verdicts) -> float | None:
    """Mean of this run's values minus the baseline's, over the anchors that have both; else None.

    >>> deviation([1.0, 0.0], [1.0, 1.0], [1.0, 1.0])
    0.25
    """
    old = [_mean(a, b) for a, b in zip(first, second, strict=True)]
    pairs = _values(old, now)
    return float(np.mean([new - before for before, new in pairs])) if pairs else None


def slow_e_value(deviations: Sequence[float], ties: Sequence[float]) -> float:
    """The latest of `slow_e_values`; 1 where there was no run yet."""
    return [1.0, *slow_e_values(deviations, ties)][-1]


def slow_e_values(deviations: Sequence[float], ties: Sequence[float]) -> list[float]:
    """Evidence that runs on one baseline are not exchangeable: they drift away.

    A conformal test martingale (Vovk, Nouretdinov, Gammerman 2003; the jumper of Vovk et al. 2021,
    "Retrain or not retrain"): each run's rank among those so far is uniform as long as the judge is
    the same, so a gambler who bets on ranks gains nothing. By Ville's inequality a stable judge ever
    shows 1/a with a chance of a at most, however many runs there are and whenever one looks.

    Args:
        deviations: of every run after the baseline, the oldest first.
        ties: a number in [0, 1) for each, drawn without looking at it; breaks ties.

    >>> steady = [0.01, 0.0, -0.01, 0.02, -0.02] * 8
    >>> drifting = [0.005 * n for n in range(40)]
    >>> ties = [(0.37 + 0.618 * n) % 1 for n in range(40)]
    >>> max(slow_e_values(steady, ties)) < 5, slow_e_value(drifting, ties) > 100
    (True, True)
    """
    path = []
    capital = np.array([1 / 3, 1 / 3, 1 / 3])
    seen: list[float] = []
    for value, tie in zip(deviations, ties, strict=True):
        seen.append(value)
        above = sum(one > value for one in seen)
        rank = (above + (1 - tie) * seen.count(value)) / len(seen)  # in (0, 1]
        bets = np.array([
            0.5 / math.sqrt(rank),  # on runs that are ever higher
            0.5 / math.sqrt(max(1 - rank, 1e-12)),  # on runs that are ever lower
            1.0,
        ])  # fmt: skip
        capital = bets * ((1 - JUMPS) * capital + JUMPS * capital.sum() / 3)
        path.append(float(capital.sum()))
    return path


def offset(old: Verdicts, new: Verdicts) -> Offset | None:
    """How far values moved from one judge to the next on the same calls: what bridges a break in a chart.

    One pair that went up and one that went down by the whole span are added, as Bonett and Price
    (2012) do for paired shares, so that no difference on few calls is not taken for certainty.

    >>> moved = offset([0.0, 0.0, 1.0, 1.0] * 25, [0.0, 1.0, 1.0, 1.0] * 25)
    >>> moved.value, round(moved.low, 2), round(moved.high, 2)
    (0.25, 0.16, 0.33)
    """
    pairs = _values(old, new)
    if not pairs:
        return None
    differences = np.array([after - before for before, after in pairs])
    values = np.array(pairs)
    span = max(float(np.ptp(values)), 0.0) or 1.0
    padded = np.append(differences, [span, -span])
    half = float(stats.t.ppf(0.975, len(padded) - 1) * padded.std(ddof=1) / math.sqrt(len(padded)))
    middle = float(padded.mean())
    return Offset(float(differences.mean()), middle - half, middle + half, len(pairs))


def people_lost(labels: Verdicts, old: Verdicts, new: Verdicts) -> tuple[int, int, float]:
    """Anchors on which only the old judge agrees with people, only the new one does, and how surprising that is.

    The p-value is the exact one-sided McNemar test's, of the new judge agreeing less.

    >>> people_lost([1.0] * 20, [1.0] * 20, [1.0] * 10 + [0.0] * 10)[:2]
    (10, 0)
    """
    lost = gained = 0
    for label, before, after in zip(labels, old, new, strict=True):
        if label is None or before is None or after is None:
            continue
        lost += before == label != after
        gained += after == label != before
    both = lost + gained
    return lost, gained, float(stats.binomtest(lost, both, 0.5, "greater").pvalue) if both else 1.0


def _odd(first: float | str, second: float | str, third: float | str) -> int | None:
    """Which of three stands apart from the other two; None where none does, or it cannot be said."""
    distances = (_distance(second, third), _distance(first, third), _distance(first, second))
    nearest = min(distances)
    return distances.index(nearest) if distances.count(nearest) == 1 else None


def _distance(one: float | str, other: float | str) -> float:
    if isinstance(one, str) or isinstance(other, str):
        return 0.0 if one == other else math.inf
    return abs(one - other)


def _two_sided(higher: int, lower: int) -> float:
    return float(stats.binomtest(higher, higher + lower, 0.5).pvalue) if higher + lower else 1.0


def _mean(one: float | str | None, other: float | str | None) -> float | None:
    if isinstance(one, float | int) and isinstance(other, float | int):
        return (one + other) / 2
    return None


def _values(old: Verdicts, new: Verdicts) -> list[tuple[float, float]]:
    return [
        (before, after)
        for before, after in zip(old, new, strict=True)
        if isinstance(before, float | int) and isinstance(after, float | int)
    ]
