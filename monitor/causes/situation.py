"""What the causes are weighed on: plain facts about one change, without the store they came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

__all__ = ["JudgeWitness", "SampledCall", "Sighting", "Situation", "Witness"]


@dataclass(frozen=True, slots=True)
class SampledCall:
    """One call that was looked at, and whether it shows the fault."""

    timestamp: datetime
    attributes: Mapping[str, str]
    """Release, model, prompt version, tags and so on, by the names that slices use."""
    keys: frozenset[str]
    """`name kind` of the input's structure: `amount number`, `Caller line`, `9999-99-99 date`."""
    words: frozenset[str]
    """Distinct words of the input's beginning, without numbers and names of months and days."""
    size: int
    """Characters of the input."""
    fault: bool
    key: tuple[str, str] = ("", "")
    """Trace and span."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A watched series of the inputs that moved near the change: embedding drift, new terms, languages."""

    series: str
    at: datetime
    sentence: str


@dataclass(frozen=True, slots=True)
class JudgeWitness:
    """What is known of the judge whose verdicts alarmed."""

    judge: str
    new_versions: Sequence[tuple[str, datetime]] = ()
    """Versions that gave their first verdict near the change."""
    shifts: Sequence[tuple[datetime, float, float, float]] = ()
    """Bridges near the change whose interval leaves out 0: when, difference, low, high."""
    tested_since: datetime | None = None
    """Last test on anchors after the change that found nothing."""


@dataclass(frozen=True, slots=True)
class Witness:
    """Failures of one score series on calls made before and after a change."""

    source: str
    name: str
    before: int
    before_n: int
    after: int
    after_n: int


@dataclass(frozen=True, slots=True)
class Situation:
    """One change, and what was seen around it."""

    calls: Sequence[SampledCall]
    """Looked-at calls from before and after the change, in order of time."""
    low: datetime
    best: datetime
    high: datetime
    """When it began, with its interval."""
    baseline: float
    """Fault rate before."""
    ramp: float = 0.0
    """By how much a steady rise explains the counts better than a step; below 0 the step is better."""
    field: str = ""
    written: Sequence[tuple[str, datetime]] = ()
    """What the model wrote in the field in examples of the fault, and when."""
    metrics: Sequence[str] = ()
    """Series that alarmed, without their slices."""
    judges: Sequence[JudgeWitness] = ()
    witnesses: Sequence[Witness] = ()
    sightings: Sequence[Sighting] = ()
    inputs_watched: bool = False
    """Whether a detector of input drift looked at the time of the change at all."""

    @property
    def before(self) -> list[SampledCall]:
        """Calls from before the change's earliest moment."""
        return [call for call in self.calls if call.timestamp < self.low]

    @property
    def after(self) -> list[SampledCall]:
        """Calls from the change on."""
        return [call for call in self.calls if call.timestamp >= self.best]
