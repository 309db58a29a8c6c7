"""What a comparison of candidate and production found: rates, differences, measures, gates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from judges.statistics.paired import gain_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

__all__ = [
    "Comparison",
    "Gate",
    "JudgeDifference",
    "Limits",
    "Measure",
    "Rate",
    "SliceDifference",
    "TestCall",
]


@dataclass(frozen=True, slots=True)
class TestCall:
    """One reserved call, answered by both."""

    __test__ = False  # not a test class, whatever pytest makes of the name

    timestamp: datetime
    label: str
    """The right answer; '' where nobody knows it, and then the call says nothing of right or wrong."""
    production: str
    candidate: str | None
    """None: the request failed."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """What slices it: `prompt version`, `tag tenant`, …"""
    production_usage: Usage | None = None
    candidate_usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer took; None is unknown."""

    duration_ms: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What a candidate must keep to; the settings of the same names."""

    margin: float = 0.02
    """Non-inferiority: a part is not worse when its interval excludes a rise of the error rate above
    this."""
    min_calls: int = 30
    latency_ratio: float = 2.0
    cost_ratio: float = 2.0


@dataclass(frozen=True, slots=True)
class Rate:
    """An error rate with its exact 95 % interval."""

    value: float
    low: float
    high: float
    count: int
    n: int


@dataclass(frozen=True, slots=True)
class SliceDifference:
    """One part of the calls, or one field of the answers."""

    attribute: str
    """`period`, `failing slice`, `field`, `prompt version`, `tag …`, `answers`."""
    value: str
    candidate: Rate
    production: Rate
    difference: float
    low: float
    high: float
    p_value: float
    n: int
    smallest: float | None = None
    """Smallest difference that these calls could have shown (4 times in 5, at 5 %); None: none at all."""
    adjusted_p: float | None = None
    """Holm's p-value, of slices that are only searched for harm; None of those that decide."""


@dataclass(frozen=True, slots=True)
class Measure:
    """Duration, tokens or cost of an answer, side by side on the same calls."""

    name: str
    unit: str
    production: float
    candidate: float
    ratio: float
    """Candidate's over production's."""
    low: float
    high: float
    """95 % interval of the ratio, by bootstrap over calls."""
    n: int


@dataclass(frozen=True, slots=True)
class JudgeDifference:
    """A check's or judge's word on both answers of the same calls."""

    judge: str
    kind: str
    """`yes_no`, `score` or `pairwise`."""
    direction: str
    """`lower` where less is better, else `higher`."""
    n: int
    production: float
    candidate: float
    difference: float
    """Candidate minus production; of a pair, the candidate's share of wins minus production's."""
    low: float
    high: float
    p_value: float
    test: str
    smallest: float | None = None
    adjusted_p: float = 1.0
    refused: str = ""
    """Why it was not asked; then there are no numbers."""

    @property
    def gain(self) -> float:
        """The difference, so that above zero is better."""
        return gain_of(self.difference, self.direction)


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition that a candidate has to meet."""

    name: str
    state: Literal["passed", "failed", "undecided"]
    sentence: str
    """The numbers behind it."""
    decides: bool = True
    """Whether an undecided one keeps the advice open; measures that nobody took do not."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the reserved calls say about a candidate."""

    n: int
    candidate: Rate
    production: Rate
    difference: float
    """Candidate's error rate minus production's; below zero is better."""
    low: float
    high: float
    p_value: float
    """Exact McNemar test, two-sided."""
    slices: Sequence[SliceDifference]
    advice: str
    """`better`, `not_worse`, `worse`, `blocked` (by answers that are invalid, slow or dear) or `too_few`."""
    sentence: str
    margin: float
    request_failures: int
    unlabelled: int
    """Reserved calls whose right answer nobody knows yet; they are not in n."""
    seen_in_training: int
    """Reserved calls left out because a training example has the same input."""
    asked: int = 0
    """Calls put to the candidate, with and without a label."""
    other_releases: int = 0
    """Labelled reserved calls left out because another release than the base answered them."""
    smallest: float | None = None
    measures: Sequence[Measure] = ()
    judges: Sequence[JudgeDifference] = ()
    judges_refused: str = ""
    """Why no judge was asked, where one could have been."""
    gates: Sequence[Gate] = ()
