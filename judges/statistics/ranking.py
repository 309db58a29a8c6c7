"""Ranking models by pairwise comparisons: win rates and Bradley-Terry strengths, ties as halves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray

__all__ = ["Comparisons", "bootstrap", "bradley_terry", "credit", "win_rates"]

ROUNDS = 10_000
TOLERANCE = 1e-12
TIE = 1e-9
"""Means of scores that differ by less are the same: rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Comparisons:
    """Who was compared with whom, and how it went."""

    models: tuple[str, ...]
    first: NDArray[np.int64]
    """Index into `models`, one per comparison."""
    second: NDArray[np.int64]
    result: NDArray[np.float64]
    """Of the first: 1 won, 0 lost, 0.5 a tie."""

    @classmethod
    def of(
        cls, first: Sequence[str], second: Sequence[str], result: Sequence[float]
    ) -> Comparisons:
        """From names; models in alphabetical order.

        Raises:
            ValueError: the lengths differ, a model meets itself, or a result is not within 0 and 1.
        """
        models = tuple(sorted({*first, *second}))
        place = {name: index for index, name in enumerate(models)}
        one, other = (
            np.array([place[name] for name in side], dtype=np.int64) for side in (first, second)
        )
        results = np.asarray(result, dtype=float)
        if not len(one) == len(other) == len(results):
            raise ValueError("every comparison needs two models and one result")
        if (one == other).any() or ((results < 0) | (results > 1)).any():
            raise ValueError("a model is compared with another, and the result is between 0 and 1")
        return cls(models, one, other, results)

    def take(self, rows: NDArray[np.int64]) -> Comparisons:
        """Only these comparisons, in this order, repeats allowed."""
        return Comparisons(self.models, self.first[rows], self.second[rows], self.result[rows])

    @property
    def wins(self) -> NDArray[np.float64]:
        """Square table: wins of the row's model over the column's, a tie half to each."""
        k = len(self.models)
        table = np.zeros((k, k))
        np.add.at(table, (self.first, self.second), self.result)
        np.add.at(table, (self.second, self.first), 1 - self.result)
        return table


def win_rates(comparisons: Comparisons) -> NDArray[np.float64]:
    """Share of its comparisons that each model won, ties as halves; NaN for one without any.

    >>> games = Comparisons.of(["a", "a", "b"], ["b", "b", "c"], [1, 0.5, 1])
    >>> games.models, win_rates(games).tolist()
    (('a', 'b', 'c'), [0.75, 0.5, 0.0])
    """
    wins = comparisons.wins
    played = (wins + wins.T).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray(wins.sum(axis=1) / played)


def bradley_terry(comparisons: Comparisons, *, prior: float = 0.0) -> NDArray[np.float64]:
    """Strengths in log-odds, with mean 0: P(i beats j) = 1 / (1 + exp(s_j - s_i)).

    Maximum likelihood by Hunter's minorisation-maximisation ("MM algorithms for generalized
    Bradley-Terry models", 2004), ties as half a win to each.

    Args:
        comparisons: with which every model reaches every other, in both directions: one that won
            (or lost) all has no finite strength.
        prior: half-wins added to both sides of every pair that met, for that case.

    Raises:
        ValueError: the likelihood has no maximum; add a prior or more comparisons.

    >>> games = Comparisons.of(["a"] * 4, ["b"] * 4, [1, 1, 1, 0])
    >>> [round(float(s), 4) for s in bradley_terry(games)]
    [0.5493, -0.5493]
    """
    wins = comparisons.wins
    met = wins + wins.T
    wins = wins + prior / 2 * (met > 0)
    met = wins + wins.T
    if not _connected(wins):
        raise ValueError("some models never lost to or never met the others: add a prior")
    strength, won = np.ones(len(met)), wins.sum(axis=1)
    for _ in range(ROUNDS):
        better = won / (met / (strength[:, None] + strength)).sum(axis=1)
        better /= np.exp(np.log(better).mean())
        moved = float(np.abs(np.log(better / strength)).max())
        strength = better
        if moved < TOLERANCE:
            break
    return np.asarray(np.log(strength))


def bootstrap(
    comparisons: Comparisons,
    statistic: Callable[[Comparisons], NDArray[np.float64]],
    *,
    rng: Generator,
    draws: int = 200,
    samples: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """95 % percentile interval of a statistic per model, low and high.

    Args:
        comparisons: that are drawn with replacement.
        statistic: `win_rates`, or a call of `bradley_terry` with a prior.
        rng: draws.
        draws: how many.
        samples: the sample each comparison belongs to; comparisons of one sample stay together, as
            they are not independent. None: each its own.

    >>> games = Comparisons.of(["a"] * 40, ["b"] * 40, [1, 1, 1, 0] * 10)
    >>> low, high = bootstrap(games, win_rates, rng=np.random.default_rng(1))
    >>> bool(low[0] < 0.75 < high[0])
    True
    """
    names = range(len(comparisons.result)) if samples is None else samples
    _, group = np.unique(np.asarray(names), return_inverse=True)
    if len(group) != len(comparisons.result):
        raise ValueError("every comparison needs the sample it belongs to")
    members = np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group))[:-1])
    found = []
    for _ in range(draws):
        rows = [members[one] for one in rng.integers(len(members), size=len(members))]
        found.append(statistic(comparisons.take(np.concatenate(rows))))
    low, high = np.nanquantile(np.array(found), [0.025, 0.975], axis=0)
    return low, high


def credit(scores: Sequence[float] | NDArray[np.float64], right: int = 0) -> float:
    """What choosing the highest score earns: 1 for the right one, a share of a tie, else 0.

    Counting a tie as wrong understates a judge with a coarse scale, and overstates what repeats gain.

    >>> credit([7, 6, 7, 4]), credit([7, 6, 5, 4]), credit([6, 7, 5, 4])
    (0.5, 1.0, 0.0)
    """
    best = np.asarray(scores, dtype=float)
    first = best >= best.max() - TIE
    return float(first[right] / first.sum())


def _connected(wins: NDArray[np.float64]) -> bool:
    """Whether every model reaches every other by wins: then, and only then, there is a maximum."""
    reach = (wins > 0) | np.eye(len(wins), dtype=bool)
    for _ in range(max(1, int(np.ceil(np.log2(max(2, len(wins))))))):
        reach = reach @ reach
    return bool(reach.all())
