"""Any table with a column of people's labels and one of a judge's verdicts, through our own estimators."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.verdicts.sets import table
from judges.statistics.agreement import agreement, cohen_kappa, gwet_ac1, spearman
from judges.statistics.rates import MIN_LABELS, aipw, corrected, human_only, poststrat_ac, ppi
from judges.statistics.worth import correlation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from judges.statistics.estimators import Rate

__all__ = ["told"]

YES = frozenset({"1", "1.0", "true", "yes", "y", "pass", "correct", "good"})
NO = frozenset({"0", "0.0", "false", "no", "n", "fail", "incorrect", "bad"})


def told(
    path: Path, *, label: str, verdict: str, probability: str | None = None, score: bool = False
) -> Iterator[str]:
    """One line per quantity.

    Args:
        path: with a header, comma- or tab-separated.
        label: column of what people said; empty cells have no label.
        verdict: column of what the judge said; empty cells have no verdict.
        probability: column of the probability with which a row was labelled.
        score: both are numbers; otherwise words, and yes or no where they are such.

    Raises:
        ValueError: a column is not there, or a cell of it cannot be read.
    """
    rows = table(path, delimiter="\t" if path.suffix == ".tsv" else ",")
    for name in filter(None, (label, verdict, probability)):
        if not rows or name not in rows[0]:
            there = ", ".join(rows[0]) if rows else "none, it has no rows"
            raise ValueError(f"{path} has no column {name!r}; it has {there}")
    judged = [row for row in rows if row[verdict].strip()]
    labelled = [row for row in judged if row[label].strip()]
    yield f"{path}: {len(rows)} rows, {len(judged)} with a verdict, {len(labelled)} of these with a label"
    said = [(row[label].strip(), row[verdict].strip()) for row in labelled]
    yield from _agreement(said, score=score)
    numbers = _numbers([*said, *(("", row[verdict].strip()) for row in judged)], score=score)
    if numbers is None:
        yield "no corrected rate: the words are not yes and no, and not numbers (--score)"
        return
    y, f = (np.array([numbers(pair[side]) for pair in said]) for side in (0, 1))
    rest = np.array([numbers(row[verdict].strip()) for row in judged if not row[label].strip()])
    chances = None
    if probability is not None:
        chances = [_number(row[probability], probability) for row in labelled]
    yield from _rates(y, f, rest, chances)


def _agreement(said: Sequence[tuple[str, str]], *, score: bool) -> Iterator[str]:
    people, judge = [one for one, _ in said], [one for _, one in said]
    if score:
        y, f = ([_number(one, "score") for one in side] for side in (people, judge))
        yield f"{'Pearson':<24} {_figure(correlation(y, f))}"
        yield f"{'Spearman':<24} {_figure(spearman(y, f))}"
        yield f"{'kappa, quadratic':<24} {_figure(cohen_kappa(y, f, weights='quadratic'))}"
        return
    yield f"{'agreement':<24} {_rate(agreement(people, judge))}"
    yield f"{'kappa':<24} {_figure(cohen_kappa(people, judge))}"
    yield f"{'AC1':<24} {_figure(gwet_ac1(people, judge))}"


def _rates(
    y: np.ndarray, f: np.ndarray, rest: np.ndarray, chances: Sequence[float] | None
) -> Iterator[str]:
    everything = np.concatenate([f, rest])
    yield f"{'judge alone':<24} {everything.mean():.6f} (judge units)" if len(everything) else ""
    if len(y) < MIN_LABELS:
        yield f"no corrected rate: {len(y)} labels, and {MIN_LABELS} are the least"
        return
    yield f"{'labels alone':<24} {_rate(human_only(y))}"
    yield f"{'corrected, as shown':<24} {_rate(corrected(list(y), list(f), list(rest)))}"
    yield f"{'PPI++':<24} {_rate(ppi(y, f, rest))}"
    if ((y == 0) | (y == 1)).all():
        yield f"{'poststrat_ac':<24} {_rate(poststrat_ac(y, f, rest))}"
    equal = [len(y) / len(everything)] * len(y)
    yield f"{'AIPW':<24} {_rate(aipw(y, f, rest, chances or equal))}"


def _numbers(said: Sequence[tuple[str, str]], *, score: bool) -> Callable[[str], float] | None:
    """How a cell is a number; None where words are no yes and no."""
    words = {word.lower() for pair in said for word in pair if word}
    if score:
        return partial(_number, column="score")
    return (lambda word: float(word.lower() in YES)) if words <= YES | NO else None


def _number(word: str, column: str) -> float:
    try:
        return float(word)
    except ValueError as error:
        raise ValueError(f"column {column}: {word!r} is no number") from error


def _rate(rate: Rate | None) -> str:
    if rate is None:
        return "-"
    weight = f", lam {rate.weight:.4f}" if rate.weight else ""
    return f"{rate.value:.6f} [{rate.low:.6f}, {rate.high:.6f}], n = {rate.n}{weight}"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.6f}"
