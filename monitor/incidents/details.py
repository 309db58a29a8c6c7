"""The evidence that an incident carries, as the JSON text that the store keeps of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

__all__ = [
    "Alarm",
    "Announcement",
    "ChangePoint",
    "Confirmation",
    "CureAdvice",
    "Example",
    "Hypothesis",
    "IncidentDetails",
    "SliceShare",
]


class _Text(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Example(_Text):
    """One call that shows the fault."""

    trace_id: str
    span_id: str
    timestamp: datetime
    value: str
    """What the model wrote in the field, e.g. `2023-01-15`."""
    why: str
    """One sentence: what is wrong with it."""


class SliceShare(_Text):
    """One slice of the traffic in which the fault sits."""

    attribute: str
    value: str
    rate: float
    """Fault rate inside the slice."""
    rate_elsewhere: float
    share_of_faults: float
    """Share of all faults since the change that sit in this slice, 0 to 1."""
    n: int
    lift: float = 0.0
    """Rate inside over the rate elsewhere; 0 when there is no fault elsewhere to compare with."""
    share_of_calls: float = 0.0
    """Share of all calls since the change that are in this slice, 0 to 1."""


class Confirmation(_Text):
    """A second, independent witness: a judge, an outcome, a user."""

    source: str
    name: str
    rate: float
    low: float
    high: float
    n: int
    baseline: float


class Alarm(_Text):
    """One series that alarmed, with how sure it is."""

    detector: str
    series: str
    detected_at: datetime
    e_value: float
    threshold: float
    tier: str = "page"
    """`page` or `watch`."""


class ChangePoint(_Text):
    """When it began, as far as the counts can tell."""

    best: datetime
    """The likeliest first bad window's beginning."""
    low: datetime
    high: datetime
    """95 % likelihood-ratio interval of that beginning."""
    gradual: bool = False
    """It rose little by little, as far as the counts can tell, and has no one moment."""


class Hypothesis(_Text):
    """One possible cause, with what speaks for it and what against."""

    cause: str
    score: float
    """Share of belief among the causes that were weighed, 0 to 1."""
    speaks_for: Sequence[str] = ()
    speaks_against: Sequence[str] = ()


class CureAdvice(_Text):
    """One thing that could be done about it, with what speaks for it, what against, and what it would do."""

    name: str
    """`rollback`, `prompt`, `examples`, `retrain`, `data`, `judge` or `wait`."""
    points: float = 0.0
    """They rank and are no probabilities."""
    speaks_for: Sequence[str] = ()
    speaks_against: Sequence[str] = ()
    forbidden: Sequence[str] = ()
    """Why it cannot be done now; empty when it can."""
    effect: str = ""
    """Expected change of the error rate, with its interval."""
    cost: str = ""


class Announcement(_Text):
    """Where people were told, so that the message is updated and not repeated."""

    sink: str
    channel: str = ""
    message_id: str = ""
    shown: str = ""
    """State and fingerprint of what it says; another one means that there is something new to tell."""


class IncidentDetails(_Text):
    """The evidence, as it stood at the event."""

    summary: str = ""
    """What a person needs in one sentence: what, since when, how bad, why."""
    release: str = ""
    rate: float = 0.0
    low: float = 0.0
    high: float = 1.0
    n: int = 0
    count: int = 0
    baseline: float = 0.0
    baseline_n: int = 0
    e_value: float = 0.0
    threshold: float = 0.0
    needed_labels: bool = False
    root: Sequence[tuple[str, str]] = ()
    """(attribute, value) of the slice that the incident is about; empty for all calls of the service."""
    change: ChangePoint | None = None
    causes: Sequence[Hypothesis] = ()
    """Every cause that was weighed, the likeliest first."""
    slices: Sequence[SliceShare] = ()
    examples: Sequence[Example] = ()
    confirmations: Sequence[Confirmation] = ()
    alarms: Sequence[Alarm] = ()
    announcements: Sequence[Announcement] = ()
    advice: str = ""
    """What kind of cure fits, and why."""
    cures: Sequence[CureAdvice] = ()
    """Every cure that was weighed, the one that fits first."""
    snoozed_until: datetime | None = None
