"""Rows that the views read: frozen, one per question, fields named as the columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

__all__ = [
    "CallTotals",
    "Extent",
    "Found",
    "Near",
    "RawSpan",
    "Score",
    "Span",
    "StepTexts",
    "TurnTexts",
]


@dataclass(frozen=True, slots=True)
class Extent:
    """From when to when there are calls."""

    calls: int
    first_call: datetime
    last_call: datetime


@dataclass(frozen=True, slots=True)
class CallTotals:
    """The exact figures above a list of calls."""

    calls: int
    errors: int
    error_share: float | None
    """Of all calls made, where a sender keeps only a share of them."""
    cost_usd: float
    unpriced: int
    """Calls whose cost nobody knows; they are not in `cost_usd`."""
    p50_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a list of calls."""

    calls: pd.DataFrame
    searched_since: datetime
    """Every match from here on is in the list."""
    whole: bool
    """There is no older match in the stretch of time."""


@dataclass(frozen=True, slots=True)
class Span:
    """One step of a trace: an LLM call or anything around it."""

    timestamp: datetime
    span_id: str
    parent_span_id: str
    service: str
    release: str
    environment: str
    kind: str
    """`call` for an LLM call, else the step's own kind."""
    name: str
    request_model: str
    response_model: str
    provider: str
    prompt_name: str
    prompt_version: str
    session_id: str
    user_id: str
    tags: dict[str, str]
    input_tokens: int | None
    output_tokens: int | None
    usage_estimated: bool
    """The service told no counts: these are the sender's, from the text."""
    cost_usd: float | None
    duration_ms: float
    time_to_first_token_ms: float | None
    status: str
    error_type: str
    error_message: str
    finish_reason: str
    convention: str


@dataclass(frozen=True, slots=True)
class StepTexts:
    """What went into a step and came out."""

    input: str
    output: str
    input_length: int
    """Characters of the whole text, of which `input` may be the start."""
    output_length: int
    input_messages: str
    """JSON; '' where there are none, or far too much of them."""
    output_messages: str


@dataclass(frozen=True, slots=True)
class RawSpan:
    """A span as it arrived, before it was read."""

    started_at: datetime
    trace_state: str
    name: str
    kind: str
    scope: str
    """Of the instrumentation that sent it."""
    scope_version: str
    status_code: str
    status_message: str
    duration_ns: int
    attributes: Mapping[str, str]
    resource: Mapping[str, str]
    events: Sequence[Mapping[str, str]]
    links: Sequence[tuple[str, str]]
    """Ids of traces and spans."""


@dataclass(frozen=True, slots=True)
class Near:
    """A call whose text is like another's."""

    trace_id: str
    span_id: str
    timestamp: datetime
    """When this text was last said."""
    likeness: float
    """Cosine of the two vectors: 1 says the same."""
    times: int
    """How often exactly this text was embedded."""


@dataclass(frozen=True, slots=True)
class TurnTexts:
    """What a call of a session adds to it; each message is JSON."""

    trace_id: str
    span_id: str
    instructions: Sequence[str]
    said: Sequence[str]
    answered: Sequence[str]
    error_message: str
    error_type: str


@dataclass(frozen=True, slots=True)
class Score:
    """One verdict on a call, on its trace or on its session."""

    timestamp: datetime
    target: str
    span_id: str
    name: str
    source: str
    value: float
    label: str
    explanation: str
    expected: str
    """The right answer as JSON text, '' while nobody knows it."""
    author: str
    observed_at: datetime

    @property
    def failed(self) -> bool:
        """A value of 0 or less is a failure, on every two-valued scale of ours."""
        return self.value <= 0
