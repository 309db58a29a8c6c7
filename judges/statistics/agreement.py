"""How far two or more raters agree, people or judges, and how many votes a jury is really worth.

Raw agreement flatters wherever one label dominates, so kappa stands beside it. Labels may be any
values that compare equal; the weighted and the ordered measures want numbers.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from scipy import stats

from judges.statistics.rates import Rate, wilson

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Confusion",
    "agreement",
    "cohen_kappa",
    "confusion",
    "effective_votes",
    "error_correlation",
    "gwet_ac1",
    "kendall",
    "krippendorff_alpha",
    "repeatability",
    "spearman",
]

Weights: TypeAlias = Literal["none", "linear", "quadratic"]
Level: TypeAlias = Literal["nominal", "ordinal", "interval"]


@dataclass(frozen=True, slots=True)
class Confusion:
    """Who said what of the same items."""

    labels: tuple[Any, ...]
    """Every label that either rater used, sorted."""
    counts: tuple[tuple[int, ...], ...]
    """`counts[i][j]`: the first rater said `labels[i]`, the second `labels[j]`."""

    @property
    def n(self) -> int:
        """Items."""
        return sum(map(sum, self.counts))


def confusion(one: Sequence[Hashable], other: Sequence[Hashable]) -> Confusion:
    """Table of both raters' labels.

    Raises:
        ValueError: the lengths differ.

    >>> confusion(["yes", "no", "yes"], ["yes", "yes", "no"])
    Confusion(labels=('no', 'yes'), counts=((0, 1), (1, 1)))
    """
    _same_length(one, other)
    labels = _ordered({*one, *other})
    pairs = Counter(zip(one, other, strict=True))
    return Confusion(labels, tuple(tuple(pairs[a, b] for b in labels) for a in labels))


def agreement(one: Sequence[Hashable], other: Sequence[Hashable]) -> Rate | None:
    """Share of items on which both say the same, with Wilson's interval; None without items.

    Raises:
        ValueError: the lengths differ.

    >>> agreement([1, 1, 0, 0], [1, 1, 0, 1]).value
    0.75
    """
    _same_length(one, other)
    return wilson(sum(a == b for a, b in zip(one, other, strict=True)), len(one))


def cohen_kappa(
    one: Sequence[Hashable], other: Sequence[Hashable], *, weights: Weights = "none"
) -> float | None:
    """Cohen's kappa, 1 - Σ w·observed / Σ w·expected; 0 is chance, 1 perfect.

    With `linear` or `quadratic` weights a disagreement counts by the distance between the *ranks*
    of the labels, so 1 against 5 is worse than 1 against 2 (Cohen 1960, 1968).

    Returns:
        None without items, and where both raters used one and the same label throughout: chance
        alone would then agree always, and kappa says nothing.

    Raises:
        ValueError: the lengths differ.

    >>> cohen_kappa([1, 1, 0, 0], [1, 1, 0, 1])
    0.5
    >>> round(cohen_kappa([1, 2, 3, 4], [1, 2, 4, 4], weights="quadratic"), 4)
    0.9167
    """
    counts = np.array(confusion(one, other).counts, dtype=float)
    if counts.size <= 1:
        return None
    rank = np.arange(len(counts))
    apart = np.abs(rank[:, None] - rank)
    cost = {"none": apart > 0, "linear": apart, "quadratic": apart**2}[weights].astype(float)
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    return float(1 - (cost * counts).sum() / (cost * expected).sum())


def gwet_ac1(one: Sequence[Hashable], other: Sequence[Hashable]) -> float | None:
    """Gwet's AC1, for labels of which one dominates and kappa collapses.

    (observed - e) / (1 - e) with e = Σ q(1 - q) / (k - 1), where q is a label's mean share over
    both raters and k the number of labels (Gwet 2008).

    Returns:
        None without items; 1.0 where a single label was ever used.

    >>> votes = [1] * 18 + [1, 0], [1] * 18 + [0, 1]
    >>> round(gwet_ac1(*votes), 3), round(cohen_kappa(*votes), 3)
    (0.89, -0.053)
    """
    table = confusion(one, other)
    if table.n == 0:
        return None
    if len(table.labels) == 1:
        return 1.0
    counts = np.array(table.counts, dtype=float) / table.n
    share = (counts.sum(axis=0) + counts.sum(axis=1)) / 2
    chance = float((share * (1 - share)).sum()) / (len(counts) - 1)
    return float((np.trace(counts) - chance) / (1 - chance))


def krippendorff_alpha(
    ratings: Sequence[Sequence[Hashable | None]], *, level: Level = "nominal"
) -> float | None:
    """Krippendorff's alpha of any number of raters, some of whom may be silent.

    1 - observed / expected disagreement over the coincidence matrix (Krippendorff 2011, "Computing
    Krippendorff's alpha-reliability"). Items with fewer than two ratings do not count.

    Args:
        ratings: one row per item, one column per rater, None where a rater said nothing.
        level: how far two values are apart: `nominal` different or not, `ordinal` by the ratings
            between them, `interval` by their squared difference.

    Returns:
        None where no item has two ratings, or where only one value was ever given.

    >>> rows = [(1, 1), (2, 2), (3, 3), (3, 3), (2, 2), (1, 2), (4, 4), (1, 1), (2, 2), (None, 5)]
    >>> round(krippendorff_alpha(rows), 3), round(krippendorff_alpha(rows, level="interval"), 3)
    (0.852, 0.943)
    """
    rows = [[one for one in row if one is not None] for row in ratings]
    rows = [row for row in rows if len(row) > 1]
    values = _ordered({one for row in rows for one in row})
    if len(values) < 2:
        return None
    place = {value: index for index, value in enumerate(values)}
    seen = np.zeros((len(rows), len(values)))
    for index, row in enumerate(rows):
        for value in row:
            seen[index, place[value]] += 1
    sizes = seen.sum(axis=1)
    coincidences = (seen / (sizes - 1)[:, None]).T @ seen
    coincidences -= np.diag((seen / (sizes - 1)[:, None]).sum(axis=0))
    totals = coincidences.sum(axis=0)
    apart = _distances(values, totals, level)
    expected = (np.outer(totals, totals) - np.diag(totals)) / (totals.sum() - 1)
    return float(1 - (coincidences * apart).sum() / (expected * apart).sum())


def spearman(one: ArrayLike, other: ArrayLike) -> float | None:
    """Spearman's rank correlation (scipy); None below three pairs or where one side is constant.

    >>> round(spearman([1, 2, 3, 4], [1, 3, 2, 4]), 6)
    0.8
    """
    a, b = _varying(one, other)
    return None if a is None or b is None else float(stats.spearmanr(a, b).statistic)


def kendall(one: ArrayLike, other: ArrayLike) -> float | None:
    """Kendall's tau-b (scipy); None below three pairs or where one side is constant.

    >>> round(kendall([1, 2, 3, 4], [1, 3, 2, 4]), 6)
    0.666667
    """
    a, b = _varying(one, other)
    return None if a is None or b is None else float(stats.kendalltau(a, b).statistic)


def error_correlation(errors: ArrayLike) -> float | None:
    """Mean pairwise correlation of the judges' errors.

    Args:
        errors: one row per item, one column per judge; 1 where the judge was wrong, or its residual.

    Returns:
        None with fewer than two judges, two items, or where a judge was never (or always) wrong.

    >>> error_correlation([[1, 1], [0, 0], [1, 1], [0, 0]])
    1.0
    """
    table = np.asarray(errors, dtype=float)
    if table.ndim != 2 or min(table.shape) < 2 or (np.ptp(table, axis=0) == 0).any():
        return None
    together = np.corrcoef(table, rowvar=False)
    return float(together[np.triu_indices(table.shape[1], 1)].mean())


def effective_votes(errors: ArrayLike) -> float | None:
    """How many independent votes a jury is worth: k / (1 + (k - 1) r), r its error correlation.

    Jurors who err together are one voice; r below 0 is taken as 0, so never more than k.

    Args:
        errors: as of `error_correlation`.

    >>> effective_votes([[1, 1, 1], [0, 0, 0], [1, 1, 1], [0, 0, 0]])
    1.0
    """
    together = error_correlation(errors)
    if together is None:
        return None
    k = np.asarray(errors).shape[1]
    return float(k / (1 + (k - 1) * max(0.0, together)))


def repeatability(scores: ArrayLike) -> float | None:
    """Intraclass correlation of one call, ICC(1,1): how far a judge agrees with itself.

    (between - within) / (between + (k - 1) within), the mean squares of a one-way analysis of
    variance (Shrout and Fleiss 1979). What is missing to 1 is the judge's own noise; repeats help a
    single decision by it, a mean is helped more by other items.

    Args:
        scores: one row per item, one column per repeat, all present.

    Returns:
        None below two items or repeats, or where all scores are equal.

    >>> repeatability([[1, 1], [2, 2], [3, 3]]), round(repeatability([[1, 2], [3, 3], [5, 4]]), 4)
    (1.0, 0.8621)
    """
    table = np.asarray(scores, dtype=float)
    if table.ndim != 2 or min(table.shape) < 2 or np.ptp(table) == 0:
        return None
    k = table.shape[1]
    between = k * float(table.mean(axis=1).var(ddof=1))
    within = float(table.var(axis=1, ddof=1).mean())
    return float((between - within) / (between + (k - 1) * within))


def _same_length(one: Sequence[Hashable], other: Sequence[Hashable]) -> None:
    if len(one) != len(other):
        raise ValueError(
            f"{len(one)} labels against {len(other)}: they have to be of the same items"
        )


def _ordered(labels: set[Any]) -> tuple[Any, ...]:
    try:
        return tuple(sorted(labels))
    except TypeError:  # of several types
        return tuple(sorted(labels, key=repr))


def _distances(values: Sequence[Any], totals: NDArray[np.float64], level: Level) -> Any:
    if level == "nominal":
        return 1 - np.eye(len(values))
    if level == "interval":
        numbers = np.array(values, dtype=float)
        return (numbers[:, None] - numbers) ** 2
    middles = np.cumsum(totals) - totals / 2
    return (middles[:, None] - middles) ** 2


def _varying(one: ArrayLike, other: ArrayLike) -> tuple[Any, Any] | tuple[None, None]:
    a, b = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    if a.shape != b.shape:
        raise ValueError(f"{a.size} values against {b.size}: they have to be of the same items")
    if a.size < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None, None
    return a, b
