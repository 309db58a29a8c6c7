"""A run as a gate for CI: thresholds for means or lower bounds, and not being worse than a baseline."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from monitor.evaluation.aggregates import Aggregate
    from monitor.evaluation.comparison import Comparison
    from monitor.evaluation.result import Evaluation

__all__ = ["Gate", "problems", "read_gate", "unfinished"]

WRITTEN = re.compile(
    r"(?:(?P<judge>[\w./-]+?)(?:(?P<low>\.low)?\s*>=|(?P<high>\.high)?\s*(?P<most><=))\s*)?"
    r"(?P<bar>[-+]?\d+(?:\.\d+)?)(?P<percent>\s*%)?"
)


@dataclass(frozen=True, slots=True)
class Gate:
    """A judge's mean, or the worse end of its interval, has to reach a bar."""

    judge: str
    """'' for every judge of which more is better."""
    bar: float
    bound: bool = False
    """The worse end of the interval is held to it: the lower one, of `<=` the upper one."""
    at_most: bool = False
    """Less is better: the bar is a ceiling."""

    def missed(self, one: Aggregate) -> str | None:
        """How an aggregate misses the bar; None when it reaches it."""
        end = one.high if self.at_most else one.low
        figure = end if self.bound else one.value
        if not math.isnan(figure) and (figure <= self.bar if self.at_most else figure >= self.bar):
            return None
        word = ("upper bound" if self.at_most else "lower bound") if self.bound else "mean"
        return f"its {word} {figure:.3f} is {'over' if self.at_most else 'under'} {self.bar:g}"


def read_gate(text: str) -> Gate:
    """A gate as it is written on the command line.

    Raises:
        ConfigurationError: it cannot be read; shows how it is written.

    >>> read_gate("faithful.low >= 85%")
    Gate(judge='faithful', bar=0.85, bound=True, at_most=False)
    >>> read_gate("toxicity<=0.1")
    Gate(judge='toxicity', bar=0.1, bound=False, at_most=True)
    >>> read_gate("0.9")
    Gate(judge='', bar=0.9, bound=False, at_most=False)
    """
    found = WRITTEN.fullmatch(text.strip())
    if found is None:
        raise ConfigurationError(
            f"--gate {text!r} cannot be read; write NAME>=0.9 for the mean, NAME.low>=0.85 for the"
            " lower end of its interval, and where less is better NAME<=0.1 or NAME.high<=0.15"
        )
    bar = float(found["bar"]) / (100 if found["percent"] else 1)
    bound = bool(found["low"] or found["high"])
    return Gate(found["judge"] or "", bar, bound, at_most=bool(found["most"]))


def problems(
    aggregates: Sequence[Aggregate],
    *,
    gates: Iterable[Gate] = (),
    comparisons: Iterable[Comparison] = (),
) -> list[str]:
    """Why the run does not pass, a sentence each; empty when it does.

    A judge that has no verdict at all passes nothing, with or without a gate.

    Raises:
        ConfigurationError: a gate names a judge that is not in the run.
    """
    found = [_nothing(one) for one in aggregates if not one.n and one.failed]
    for gate in gates:
        _refuse_unfit(gate, aggregates)
        found += [
            said
            for one in aggregates
            if one.n and _is_for(gate, one) and (said := _missed(one, gate))
        ]
    return found + [_worse(one) for one in comparisons if one.verdict == "worse"]


def unfinished(evaluation: Evaluation, gates: Sequence[Gate]) -> list[str]:
    """A bar is for all samples: a run that was cut short reaches none."""
    if not gates or not evaluation.unjudged:
        return []
    told = f"stopped by {evaluation.stopped}: {len(evaluation.rows)} of {evaluation.due} judged"
    return [f"{told}, and a gate is for all of them"]


def _nothing(one: Aggregate) -> str:
    why = ", ".join(f"{count} {status}" for status, count in one.failures.items())
    return f"{one.judge}: nothing could be judged ({why})"


def _is_for(gate: Gate, one: Aggregate) -> bool:
    return gate.judge == one.judge or (not gate.judge and one.direction != "lower")


def _refuse_unfit(gate: Gate, aggregates: Sequence[Aggregate]) -> None:
    """A bar for nobody, or from the wrong side, would hold nothing."""
    if not gate.judge:
        return
    directions = {one.judge: one.direction for one in aggregates}
    if gate.judge not in directions:
        raise ConfigurationError(
            f"there is no judge {gate.judge!r} in this run to hold to {gate.bar:g};"
            f" there is {', '.join(sorted(directions))}"
        )
    if gate.at_most != (directions[gate.judge] == "lower"):
        better, other = ("more", ">=") if gate.at_most else ("less", "<=")
        raise ConfigurationError(
            f"of judge {gate.judge} {better} is better; write {gate.judge}{other}{gate.bar:g}, or say"
            " `direction` in its definition"
        )


def _missed(one: Aggregate, gate: Gate) -> str:
    if one.kind == "label":
        return "" if not gate.judge else f"{one.judge}: gives labels, which have no mean to hold to"
    said = gate.missed(one)
    return f"{one.judge}: {said} (n = {one.n})" if said else ""


def _worse(one: Comparison) -> str:
    low, high = (
        sorted((abs(one.low), abs(one.high))) if one.low * one.high > 0 else (one.low, one.high)
    )
    return (
        f"{one.judge}: worse than the baseline by {-one.gain:.3f}"
        f" (95 %: {low:.3f} to {high:.3f}, p = {one.p_value:.3g}, {one.test})"
    )
