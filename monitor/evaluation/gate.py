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

__all__ = ["Gate", "problems", "read_gate"]

WRITTEN = re.compile(
    r"(?:(?P<judge>[\w./-]+?)(?P<low>\.low)?\s*>=\s*)?(?P<bar>[-+]?\d+(?:\.\d+)?)(?P<percent>\s*%)?"
)


@dataclass(frozen=True, slots=True)
class Gate:
    """A judge's mean, or the lower end of its interval, has to reach a bar."""

    judge: str
    """'' for every judge."""
    at_least: float
    low: bool = False


def read_gate(text: str) -> Gate:
    """A gate as it is written on the command line.

    Raises:
        ConfigurationError: it cannot be read; shows how it is written.

    >>> read_gate("faithful.low >= 85%")
    Gate(judge='faithful', at_least=0.85, low=True)
    >>> read_gate("0.9")
    Gate(judge='', at_least=0.9, low=False)
    """
    found = WRITTEN.fullmatch(text.strip())
    if found is None:
        raise ConfigurationError(
            f"--gate {text!r} cannot be read; write NAME>=0.9 for the mean, NAME.low>=0.85 for the"
            " lower end of its interval"
        )
    bar = float(found["bar"]) / (100 if found["percent"] else 1)
    return Gate(found["judge"] or "", bar, bool(found["low"]))


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
    names = {one.judge for one in aggregates}
    found = [_nothing(one) for one in aggregates if not one.n and one.failed]
    for gate in gates:
        if gate.judge and gate.judge not in names:
            raise ConfigurationError(
                f"there is no judge {gate.judge!r} in this run to hold to {gate.at_least:g};"
                f" there is {', '.join(sorted(names))}"
            )
        found += [
            said
            for one in aggregates
            if one.n and gate.judge in ("", one.judge) and (said := _below(one, gate))
        ]
    return found + [_worse(one) for one in comparisons if one.verdict == "worse"]


def _nothing(one: Aggregate) -> str:
    why = ", ".join(f"{count} {status}" for status, count in one.failures.items())
    return f"{one.judge}: nothing could be judged ({why})"


def _below(one: Aggregate, gate: Gate) -> str:
    if one.kind == "label":
        return "" if not gate.judge else f"{one.judge}: gives labels, which have no mean to hold to"
    figure, word = (one.low, "lower bound") if gate.low else (one.value, "mean")
    if not math.isnan(figure) and figure >= gate.at_least:
        return ""
    return f"{one.judge}: its {word} {figure:.3f} is under {gate.at_least:g} (n = {one.n})"


def _worse(one: Comparison) -> str:
    return (
        f"{one.judge}: worse than the baseline by {-one.difference:.3f}"
        f" (95 %: {-one.high:.3f} to {-one.low:.3f}, p = {one.p_value:.3g}, {one.test})"
    )
