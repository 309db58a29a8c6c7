"""What crosses a module line: frozen rows that mirror the store's tables.

A field is named as its column. Times are aware and UTC; `details`, `state` and `evidence` are JSON text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

__all__ = ["TICK", "CheckRow", "DatasetRow", "IncidentEvent", "JobRun", "RetrainEvent", "ScoreRow"]

TICK = timedelta(milliseconds=1)
"""Resolution of the times of events: those of one incident or retrain never share one, to keep their order."""


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One verdict, as `scores` keeps it."""

    timestamp: datetime
    """When it was told."""
    score_id: str
    """The same id told again replaces the earlier word."""
    target: str
    """`call`, `trace` or `session`."""
    trace_id: str
    span_id: str
    session_id: str
    service: str
    name: str
    source: str
    """`check`, `judge`, `human`, `user` or `outcome`."""
    value: float
    label: str
    explanation: str
    expected: str
    """The right answer when it is known, as JSON text; else ''."""
    author: str
    observed_at: datetime
    """When it became true, which may be long before it was told."""
    sampling_probability: float = 1.0
    cost_usd: float | None = None
    details: str = ""
    """Of a judge's verdict, as JSON: `order` and `mode`, and its parts under `details`; else ''."""


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One run of one detector on one series up to `window_end`."""

    timestamp: datetime
    check_id: str
    detector: str
    detector_version: int
    series: str
    service: str
    release: str
    field: str
    """The output field that is watched, or ''."""
    window_start: datetime
    window_end: datetime
    status: str
    """`drift`, `stable` or `insufficient_data`."""
    count: int
    """Events (errors, slips) in this window."""
    n: int
    """Calls looked at in this window."""
    effect: float
    """Rate in this window: count / n."""
    low: float
    high: float
    """95 % interval of the effect."""
    baseline: float
    baseline_n: int
    e_value: float
    threshold: float
    """The e-value at which it alarms: the average run length that is guaranteed."""
    state: str
    evidence: str


@dataclass(frozen=True, slots=True)
class IncidentEvent:
    """One event in an incident's life; the latest one of an id is its state."""

    timestamp: datetime
    incident_id: str
    event: str
    """opened, grown, announced, acknowledged, snoozed, resolved, reopened."""
    actor: str
    via: str
    """job, cli, dashboard or slack."""
    note: str
    service: str
    title: str
    severity: str
    """`page` or `ticket`."""
    cause: str
    """calendar, input, model, prompt, judge, silence, ingestion or unknown."""
    field: str
    detector: str
    series: str
    started_at: datetime
    """When it began to go wrong, by the change-point estimate."""
    details: str


@dataclass(frozen=True, slots=True)
class RetrainEvent:
    """One event in a retrain's life; the latest one of an id is its state."""

    timestamp: datetime
    retrain_id: str
    event: str
    """proposed, requested, started, progress, finished, failed, compared, approved, rejected, promoted, rolled_back."""
    actor: str
    via: str
    note: str
    incident_id: str
    service: str
    base_release: str
    candidate_release: str
    dataset_version: str
    details: str


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """One member of one dataset version."""

    created_at: datetime
    dataset_version: str
    service: str
    split: str
    """`train`, `validation` or `reserved`; a reserved row is never exported."""
    trace_id: str
    span_id: str
    call_timestamp: datetime
    input_messages: str
    output: str
    label: str
    """The right output; '' while nobody knows it."""
    label_author: str
    reason: str
    """The first of its reasons."""
    reasons: Sequence[str] = ()
    """Why it is in: failed_outcome, failed_review, thumbs_down, failed_check, low_judge, drifted, relabelled, random,
    replay or imported."""
    output_messages: str = ""
    tools: str = ""
    """The tools that the model was offered, as a JSON list in OpenAI's shape, or ''."""


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run of one job, also a failed one."""

    started_at: datetime
    finished_at: datetime
    run_id: str
    job: str
    window_start: datetime
    window_end: datetime
    outcome: str
    """`ok`, `failed` or `skipped`."""
    duration_ms: float
    counts: dict[str, int] = field(default_factory=dict)
    error: str = ""
