"""How sure two people's kappa is: an interval by resampling the calls that both answered; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from monitor.drift.intervals import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Pair", "kappa_interval", "kappa_of_table"]

DRAWS = 4_000
PRIOR = 0.25
"""Calls that each cell of the table is given beforehand: without them full agreement on five calls looks certain."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One call that two people answered, columns of `review_pairs.sql`; a value of 0 is wrong, 1 right."""

    one: str
    other: str
    one_value: float
    other_value: float


def kappa_interval(pairs: Sequence[Pair], *, rng: np.random.Generator) -> Interval | None:
    """95 % interval of Cohen's kappa, by resampling the calls; None where both always said the same one thing.

    >>> def pair(one, other):
    ...     return Pair("ada", "grace", float(one), float(other))
    >>> same = [pair(n % 2, n % 2) for n in range(40)]
    >>> found = kappa_interval(same, rng=np.random.default_rng(7))
    >>> 0.7 < found.low < found.high
    True
    >>> kappa_interval([pair(1, 1)] * 9, rng=np.random.default_rng(7)) is None
    True
    """
    counts = np.zeros((2, 2))
    for one in pairs:
        counts[int(one.one_value > 0), int(one.other_value > 0)] += 1
    return kappa_of_table(counts, rng=rng)


def kappa_of_table(counts: NDArray[np.float64], *, rng: np.random.Generator) -> Interval | None:
    """The same from a table of two by two: how often one said this and the other that.

    >>> found = kappa_of_table(np.array([[77.0, 16.0], [0.0, 1529.0]]), rng=np.random.default_rng(7))
    >>> round(found.low, 2), round(found.high, 2)
    (0.84, 0.94)
    """
    if counts.max() == counts.sum():
        return None
    shares = (counts + PRIOR).ravel() / (counts.sum() + 4 * PRIOR)
    drawn = rng.multinomial(int(counts.sum()), shares, DRAWS).reshape(-1, 2, 2) / counts.sum()
    chance = (drawn.sum(axis=2) * drawn.sum(axis=1)).sum(axis=1)
    kappas = (drawn[:, 0, 0] + drawn[:, 1, 1] - chance)[chance < 1] / (1 - chance[chance < 1])
    low, high = np.quantile(kappas, [0.025, 0.975])
    return Interval(float(low), float(high))
