"""Two versions on the same samples: what changed, whether it can be chance, which samples moved.

Differences are the run's value minus the baseline's: above zero is better, below where less is better.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from judges.statistics.paired import gain_of
from monitor.evaluation.aggregates import by_judge
from monitor.exceptions import OuterloopError

if TYPE_CHECKING:
    from monitor.evaluation.rows import EvaluationRow

__all__ = ["Comparison", "ComparisonError", "Moved", "compare_rows"]

ALPHA = 0.05
SEED = 0
"""Of the permutations: the same runs always compare alike."""


class ComparisonError(OuterloopError):
    """The two runs cannot be compared; the message says why and what to do."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Moved:
    """A sample that the two versions did differently on."""

    sample_id: str
    before: float
    after: float
    reason: str
    """What the judge says of the worse of the two."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One judge on the samples that both versions have a verdict for."""

    judge: str
    kind: str
    direction: str
    """`lower` where less is better, else `higher`."""
    n: int
    before: float
    after: float
    difference: float
    low: float
    high: float
    """95 % interval of the difference."""
    p_value: float
    test: str
    better: tuple[Moved, ...]
    worse: tuple[Moved, ...]
    unpaired: int
    """Samples that only one of the two has a verdict for."""

    @property
    def verdict(self) -> str:
        """`better`, `worse`, `no difference shown`, or `too few` where nothing is paired."""
        if not self.n:
            return "too few"
        if self.p_value > ALPHA or self.difference == 0:
            return "no difference shown"
        return "better" if self.gain > 0 else "worse"

    @property
    def gain(self) -> float:
        """The difference, so that above zero is better."""
        return gain_of(self.difference, self.direction)


def compare_rows(
    rows: Sequence[EvaluationRow], baseline: Sequence[EvaluationRow]
) -> tuple[Comparison, ...]:
    """Compare every judge that both runs have, pairing samples by id.

    Raises:
        ComparisonError: no judge is in both, or one of them has changed in between.
    """
    ours = {judge: (version, found) for (judge, version), found in by_judge(rows).items()}
    theirs = {judge: (version, found) for (judge, version), found in by_judge(baseline).items()}
    both = [judge for judge in ours if judge in theirs]
    if not both:
        raise ComparisonError(
            f"no judge is in both runs: {', '.join(ours) or 'none'} here,"
            f" {', '.join(theirs) or 'none'} in the baseline; run the baseline again with the same"
        )
    for judge in both:
        if ours[judge][0] != theirs[judge][0]:
            raise ComparisonError(
                f"judge {judge} is version {ours[judge][0]} here and {theirs[judge][0]} in the"
                " baseline, and verdicts of two versions do not compare; run the baseline again"
            )
    compared = tuple(_compare(judge, ours[judge][1], theirs[judge][1]) for judge in both)
    if not any(one.n or one.unpaired < len(rows) for one in compared):
        raise ComparisonError(
            "no sample is in both runs; samples are paired by `id`, or by their input"
        )
    return compared


def _compare(
    judge: str, ours: Sequence[EvaluationRow], theirs: Sequence[EvaluationRow]
) -> Comparison:
    before, after = _values(theirs), _values(ours)
    common = [name for name in after if name in before]
    pairs = [(before[name].value, after[name].value) for name in common]
    kind = after[common[0]].kind if common else ""
    both = [(before[name], after[name]) for name in common]
    difference, low, high, p_value, test = _test(pairs, kind)
    return Comparison(
        judge=judge,
        kind=kind,
        direction=ours[0].direction,
        n=len(pairs),
        before=_mean([one for one, _ in pairs]),
        after=_mean([one for _, one in pairs]),
        difference=difference,
        low=low,
        high=high,
        p_value=p_value,
        test=test,
        better=_moved(pair for pair in both if pair[1].good > pair[0].good),
        worse=_moved(pair for pair in both if pair[1].good < pair[0].good),
        unpaired=len({*_ids(ours), *_ids(theirs)}) - len(common),
    )


def _values(rows: Sequence[EvaluationRow]) -> Mapping[str, EvaluationRow]:
    return {row.sample_id: row for row in rows if row.ok and not math.isnan(row.value)}


def _ids(rows: Sequence[EvaluationRow]) -> set[str]:
    return {row.sample_id for row in rows}


def _moved(pairs: Iterable[tuple[EvaluationRow, EvaluationRow]]) -> tuple[Moved, ...]:
    """The samples of these pairs, those that moved most first."""
    found = [
        Moved(after.sample_id, before.value, after.value, min(after, before, key=_good).reason)
        for before, after in pairs
    ]
    return tuple(sorted(found, key=lambda one: -abs(one.after - one.before)))


def _good(row: EvaluationRow) -> float:
    return row.good


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


def _test(
    pairs: Sequence[tuple[float, float]], kind: str
) -> tuple[float, float, float, float, str]:
    """Difference, interval, p-value and the name of the test."""
    if not pairs:
        return math.nan, math.nan, math.nan, 1.0, "nothing to test"
    from numpy.random import default_rng  # noqa: PLC0415 - with scipy a second, which a run without baseline saves

    from judges.statistics.paired import mcnemar, paired_difference, permutation  # noqa: PLC0415 - see above

    before, after = zip(*pairs, strict=True)
    if kind == "yes_no":
        change, test = mcnemar(before, after), "exact McNemar"
    else:
        change, test = permutation(before, after, rng=default_rng(SEED)), "paired permutation"
    interval = paired_difference(before, after)
    if interval is None:
        return after[0] - before[0], math.nan, math.nan, change.p_value, test
    return interval.value, interval.low, interval.high, change.p_value, test
