"""What an evaluation found: a row per sample and judge, an aggregate per judge, and what a test may demand."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from monitor.evaluation.aggregates import Aggregate, aggregate, by_judge
from monitor.evaluation.comparison import Comparison, compare_rows
from monitor.evaluation.gate import Gate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from monitor.evaluation.rows import EvaluationRow

__all__ = ["Evaluation"]

EXAMPLES = 5
"""Failures that an error message quotes."""


@dataclass(frozen=True)
class Evaluation:
    """One run of judges over a dataset."""

    run_id: str
    dataset: str
    dataset_hash: str
    candidate: str
    started_at: datetime
    duration_s: float
    samples: int
    rows: tuple[EvaluationRow, ...]
    due: int = 0
    """Verdicts that were asked for: samples times judges."""
    stopped: str = ""
    """`budget`, `deadline`, or ''."""

    @property
    def unjudged(self) -> int:
        """Verdicts that are missing because money or time ended."""
        return max(0, self.due - len(self.rows))

    @cached_property
    def aggregates(self) -> tuple[Aggregate, ...]:
        """One per judge, in the order in which they were given."""
        return tuple(aggregate(rows) for rows in by_judge(self.rows).values())

    @property
    def cost_usd(self) -> float | None:
        """What it cost; None where one verdict's cost is not known."""
        costs = [row.cost_usd for row in self.rows]
        return None if None in costs else math.fsum(filter(None, costs))

    @property
    def cache_hits(self) -> int:
        """Replies that were known already and cost nothing."""
        return sum(row.cache_hits for row in self.rows)

    @property
    def failures(self) -> tuple[EvaluationRow, ...]:
        """Rows that a person looks at first: a no, a score of 0, a missing verdict."""
        return tuple(row for row in self.rows if row.failed)

    def aggregate(self, judge: str | None = None) -> Aggregate:
        """One judge's; it may be left out where there is only one.

        Raises:
            LookupError: there is no such judge, or more than one.
        """
        found = [one for one in self.aggregates if judge in (None, one.judge)]
        if len(found) != 1:
            names = ", ".join(one.judge for one in self.aggregates)
            raise LookupError(f"which judge is meant by {judge!r}? This run has {names}")
        return found[0]

    def compare(self, other: Evaluation | Sequence[EvaluationRow]) -> tuple[Comparison, ...]:
        """This run against an earlier one on the same samples, judge by judge."""
        rows = other.rows if isinstance(other, Evaluation) else other
        return compare_rows(self.rows, rows)

    def assert_pass_rate(
        self, at_least: float, *, judge: str | None = None, lower_bound: bool = False
    ) -> None:
        """Demand a share of yes.

        Args:
            at_least: 0 to 1.
            judge: whose; it may be left out where there is only one.
            lower_bound: hold the lower end of the 95 % interval to it, not the share.

        Raises:
            AssertionError: it is missed; quotes what failed.
        """
        one = self.aggregate(judge)
        if one.kind not in ("yes_no", ""):
            raise AssertionError(f"{one.judge} gives a {one.kind}, not yes or no: use assert_mean")
        self._hold(one, Gate("", at_least, lower_bound))

    def assert_mean(
        self,
        at_least: float | None = None,
        *,
        at_most: float | None = None,
        judge: str | None = None,
        lower_bound: bool = False,
    ) -> None:
        """Demand a mean score; arguments and errors as of `assert_pass_rate`.

        Args:
            at_least: the bar, where more is better.
            at_most: the bar, where less is better.
            judge: see above.
            lower_bound: hold the worse end of the interval to it: of `at_most` the upper one.

        Raises:
            TypeError: neither bar is given, or both.
        """
        if at_least is not None and at_most is None:
            bar = Gate("", at_least, lower_bound)
        elif at_most is not None and at_least is None:
            bar = Gate("", at_most, lower_bound, at_most=True)
        else:
            raise TypeError("assert_mean takes at_least or at_most, one of the two")
        self._hold(self.aggregate(judge), bar)

    def assert_not_worse(self, than: Evaluation | Sequence[EvaluationRow]) -> None:
        """Demand that no judge finds this run significantly worse than another.

        Raises:
            AssertionError: one does; names the samples that got worse.
        """
        for one in self.compare(than):
            if one.verdict == "worse":
                lost = ", ".join(moved.sample_id for moved in one.worse[:EXAMPLES])
                raise AssertionError(
                    f"{one.judge} is worse by {-one.gain:.3f} (p = {one.p_value:.3g},"
                    f" {one.test}, n = {one.n}); worse are {lost}"
                )

    def _hold(self, one: Aggregate, gate: Gate) -> None:
        if one.n and gate.missed(one) is None:
            return
        lines = [
            f"  {row.sample_id}: {row.label or row.status} {row.reason}".rstrip()
            for row in self.failures
            if row.judge == one.judge
        ]
        more = [f"  … and {len(lines) - EXAMPLES} more"] if len(lines) > EXAMPLES else []
        head = (
            f"{one.judge}: {gate.missed(one) if one.n else 'no verdict at all'} (n = {one.n}, {one.failed} without"
            f" verdict, 95 %: {one.low:.3f} to {one.high:.3f}), dataset {self.dataset}"
        )
        raise AssertionError("\n".join([head, *lines[:EXAMPLES], *more]))
