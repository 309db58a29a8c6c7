"""Answers that are labels, against the right ones: precision, recall and F1 with their intervals.

An answer that is none of the labels (`None`, or outside a given list) is a wrong one: it takes recall
from its right label and precision from none, and it is counted in a column of its own.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TypeAlias

from judges.statistics.rates import Rate, wilson
from judges.statistics.sampling import Z

__all__ = ["INVALID", "Label", "Report", "classification_report"]

INVALID = ""
"""Column of the confusion for answers that are none of the labels."""
Cells: TypeAlias = Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Score:
    """A number between 0 and 1 with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Label:
    """How one label fares."""

    label: str
    precision: Rate | None
    """Of the answers that say this label, the share that is right; None where none says it."""
    recall: Rate | None
    """Of the items whose label this is, the share that is answered so; None where there is none."""
    f1: Score | None
    """2·right / (said + there); None where it is neither said nor there."""
    support: int
    said: int
    invalid: int
    """Items of this label whose answer is no label at all."""


@dataclass(frozen=True, slots=True)
class Report:
    """How all labels fare together."""

    n: int
    accuracy: Rate
    """Also the micro-averaged recall, and its F1 where no answer is invalid."""
    invalid: Rate
    """Answers that are none of the labels."""
    macro_f1: Score
    """Mean over the labels that are there."""
    weighted_f1: float
    """The same, weighted by support."""
    micro_f1: Score
    """2·right / (answers that are labels + items)."""
    labels: tuple[Label, ...]
    """In alphabetical order."""
    confusion: Cells
    """How often (right label, answered label) occurred; the answer is `INVALID` where it is none."""

    def table(self) -> str:
        """For a terminal: a line for each label, and the averages."""
        width = max([9, *(len(one.label) for one in self.labels)])
        lines = [f"{'':{width}}  precision  recall      f1  support  invalid"]
        for one in self.labels:
            numbers = (_shown(one.precision), _shown(one.recall), _shown(one.f1))
            lines.append(
                f"{one.label:{width}}  {numbers[0]:>9}  {numbers[1]:>6}  {numbers[2]:>6}"
                f"  {one.support:>7}  {one.invalid:>7}"
            )
        for name, score in (("macro f1", self.macro_f1), ("micro f1", self.micro_f1)):
            told = f"{score.value:.3f} [{score.low:.3f}, {score.high:.3f}]"
            lines.append(f"{name:{width}}  {told}")
        return "\n".join(lines)


def classification_report(
    pairs: Iterable[tuple[str, str | None]], *, labels: Sequence[str] = ()
) -> Report:
    """The report over (right label, answered label) pairs.

    Precision and recall have Wilson's interval. F1 has the delta method's, on the cells of the
    confusion as one multinomial sample (Takahashi et al. 2022 for the averages); it is rough below
    some thirty items of a label.

    Args:
        pairs: the right label first; an answer of None is invalid.
        labels: all that may be answered; empty takes those that are right somewhere.

    Raises:
        ValueError: there are no pairs, or a right label is not among `labels`.

    >>> report = classification_report([("a", "a"), ("a", "b"), ("b", "b"), ("b", None)])
    >>> report.accuracy.value, round(report.macro_f1.value, 3), report.invalid.value
    (0.5, 0.583, 0.25)
    """
    told = list(pairs)
    there = {right for right, _ in told}
    known = set(labels) or there
    if not told or not there <= known:
        wrong = ", ".join(sorted(there - known)) or "no pairs"
        raise ValueError(f"a classification report needs pairs of known labels; got {wrong}")
    cells = Counter(
        (right, said if said is not None and said in known else INVALID) for right, said in told
    )
    n, names = len(told), sorted(there)
    hits = sum(cells[name, name] for name in names)
    valid = n - sum(cells[name, INVALID] for name in names)
    macro = _f1(cells, [[name] for name in names], n)
    rows = tuple(_row(cells, name, n) for name in sorted(known))
    return Report(
        n=n,
        accuracy=_rate(hits, n),
        invalid=_rate(n - valid, n),
        macro_f1=macro,
        weighted_f1=sum(one.support * one.f1.value for one in rows if one.f1) / n,
        micro_f1=_f1(cells, [sorted(known)], n),
        labels=rows,
        confusion=dict(sorted(cells.items())),
    )


def _row(cells: Cells, name: str, n: int) -> Label:
    support = sum(count for (right, _), count in cells.items() if right == name)
    said = sum(count for (_, answer), count in cells.items() if answer == name)
    hits = cells.get((name, name), 0)
    return Label(
        label=name,
        precision=wilson(hits, said),
        recall=wilson(hits, support),
        f1=_f1(cells, [[name]], n) if support + said else None,
        support=support,
        said=said,
        invalid=cells.get((name, INVALID), 0),
    )


def _f1(cells: Cells, groups: Sequence[Sequence[str]], n: int) -> Score:
    """The mean of the groups' F1; within a group, right answers and margins are summed first.

    With F = 2t/m the gradient by a cell's share is (2[right] - F([row] + [column]))/m; the variance
    is that of the gradient over the items, divided by n.
    """
    values, slopes = [], dict.fromkeys(cells, 0.0)
    for group in groups:
        inside = set(group)
        margin = {cell: (cell[0] in inside) + (cell[1] in inside) for cell in cells}
        hits = {cell: cell[0] == cell[1] and cell[0] in inside for cell in cells}
        m = sum(margin[cell] * count for cell, count in cells.items()) / n
        value = 2 * sum(hits[cell] * count for cell, count in cells.items()) / n / m
        values.append(value)
        for cell in cells:
            slopes[cell] += (2 * hits[cell] - value * margin[cell]) / m / len(groups)
    mean = sum(slopes[cell] * count for cell, count in cells.items()) / n
    variance = sum(slopes[cell] ** 2 * count for cell, count in cells.items()) / n - mean**2
    value, half = fmean(values), Z * math.sqrt(max(variance, 0.0) / n)
    return Score(value, max(0.0, value - half), min(1.0, value + half))


def _rate(count: int, n: int) -> Rate:
    rate = wilson(count, n)
    assert rate is not None  # n is above 0
    return rate


def _shown(rate: Rate | Score | None) -> str:
    return "-" if rate is None else f"{rate.value:.3f}"
