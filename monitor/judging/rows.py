"""Rows of the tables that judging keeps beside `scores`; a field is named as its column."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["FAILED", "NOT_APPLICABLE", "AnchorRow", "AnchorVerdictRow", "Bridge", "DrawRow"]

FAILED = ("invalid_output", "refused", "error", "over_budget")
"""Labels of a score that stands for a judge's failure; its value is NaN, which no mean and no count takes in."""
NOT_APPLICABLE = "not_applicable"
"""Label of a score that says that the question did not arise; its value is NaN too."""


@dataclass(frozen=True, slots=True)
class DrawRow:
    """One call that a judge might have been asked about."""

    timestamp: datetime
    """Of the call."""
    judge: str
    service: str
    release: str
    prompt_version: str
    trace_id: str
    span_id: str
    route: str
    """`floor`, or the signal that raised the probability."""
    probability: float
    drawn: int


@dataclass(frozen=True, slots=True)
class AnchorRow:
    """One call with a person's label that a judge is tested with again and again."""

    chosen_at: datetime
    judge: str
    service: str
    trace_id: str
    span_id: str
    session_id: str
    user_id: str
    """Whose call it is: for erasure, which finds nobody in a call that is gone."""
    interaction: str
    """The call as a judge sees it, as JSON."""
    label: float
    """What people said, on the judge's own scale."""
    label_author: str
    verdict: str
    """What the judge had said when it was drawn; its stratum."""
    probability: float
    """With which it was drawn from the labelled calls of its stratum."""


@dataclass(frozen=True, slots=True)
class AnchorVerdictRow:
    """What a judge said of an anchor in one run."""

    judged_at: datetime
    judge: str
    version: str
    endpoint: str
    purpose: str
    """`baseline` or `check`."""
    repeat: int
    trace_id: str
    span_id: str
    value: float
    label: str
    cost_usd: float | None


@dataclass(frozen=True, slots=True)
class Bridge:
    """Where a judge's values before and after are not the same measure: a chart shows a break here."""

    crossed_at: datetime
    judge: str
    from_version: str
    to_version: str
    reason: str
    """`version`: somebody changed the judge; `shift`: it changed behind the same name."""
    n: int
    """Anchors that both judged."""
    difference: float
    """New minus old on the same calls; add it to old values to read them in the new measure."""
    low: float
    high: float
    lost: int
    """Anchors on which only the old one agreed with people."""
    gained: int
    """Anchors on which only the new one does."""
