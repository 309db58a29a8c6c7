"""What an opened call, trace or session reads of the store: cached for a moment, without a widget in sight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import streamlit as st

from dashboards.calls.pairing import ToolRun, ToolStep, paired, results_in, tool_uses
from dashboards.calls.turns import SessionCall
from dashboards.data import FRESH_S, LONGEST_TEXT, QUESTIONS, store
from dashboards.rows import Near, RawSpan, Span, StepTexts, TurnTexts
from monitor.exceptions import NotFoundError
from monitor.retrain.lineage import TraceLineage, trace_lineage
from monitor.retrain.state import Retrain, retrains

__all__ = [
    "Likeness",
    "Record",
    "failures",
    "lineage",
    "near_calls",
    "raw_records",
    "raw_span",
    "session",
    "step_texts",
    "tool_runs",
    "trained",
    "turn_texts",
]

TOOL_STEPS, TOOL_CALLS = 200, 5
"""Steps, and later calls, among which the results of tools are looked for."""
NEAR = 10
NEAR_WITHIN = timedelta(days=45)
MOST_TURNS = 1_000
"""Calls of a session that are read."""
RAW_LONGEST, RAW_RECORDS = 4_000, 50


@dataclass(frozen=True, slots=True)
class Record:
    """A log record that came with a span."""

    at: datetime
    name: str
    body: str
    attributes: dict[str, str]


@dataclass(frozen=True, slots=True)
class Likeness:
    """The calls whose text is nearest to one call's."""

    part: str
    """`input` or `output`."""
    model: str
    near: Sequence[Near]
    texts: dict[str, tuple[str, str]]
    """The beginnings of input and output, by span."""
    verdicts: dict[str, tuple[int, int]]
    """How many verdicts there are and how many fail, by trace."""


@st.cache_data(ttl=FRESH_S, max_entries=50, show_spinner=False)
def step_texts(url: str, trace_id: str, span: Span) -> StepTexts:
    """What went into a step and came out; nothing where it has gone meanwhile."""
    found = store(url).read(
        "step_texts", StepTexts, package=QUESTIONS, service=span.service, trace_id=trace_id,
        span_id=span.span_id, at=span.timestamp, longest=LONGEST_TEXT,
    )  # fmt: skip
    return found[0] if found else StepTexts("", "", 0, 0, "", "")


@st.cache_data(ttl=FRESH_S, max_entries=50, show_spinner=False)
def tool_runs(url: str, trace_id: str, after: datetime, output_messages: str) -> list[ToolRun]:
    """The tools that a call asked for, each with what it answered."""
    uses = tool_uses(output_messages)
    if not uses:
        return []
    told = store(url).rows(
        "tool_results", package=QUESTIONS, trace_id=trace_id, after=after,
        longest=50 * LONGEST_TEXT, how_many=TOOL_CALLS,
    )  # fmt: skip
    steps = store(url).read(
        "tool_steps", ToolStep, package=QUESTIONS, trace_id=trace_id, after=after,
        longest=LONGEST_TEXT, how_many=TOOL_STEPS,
    )  # fmt: skip
    return paired(uses, [one for row in told for one in results_in(row[0])], steps)


@st.cache_data(ttl=FRESH_S, max_entries=50, show_spinner="Reading the span…")
def raw_span(url: str, trace_id: str, span: Span) -> RawSpan | None:
    """The span as it arrived; None where it was not kept."""
    found = store(url).read(
        "raw_span", RawSpan, package=QUESTIONS, service=span.service, trace_id=trace_id,
        span_id=span.span_id, at=span.timestamp, longest=RAW_LONGEST,
    )  # fmt: skip
    return found[0] if found else None


@st.cache_data(ttl=FRESH_S, max_entries=50, show_spinner=False)
def raw_records(url: str, trace_id: str, span: Span) -> list[Record]:
    """The log records that came with a span."""
    until = span.timestamp + timedelta(milliseconds=span.duration_ms, seconds=60)
    return store(url).read(
        "raw_records", Record, package=QUESTIONS, trace_id=trace_id, span_id=span.span_id,
        since=span.timestamp - timedelta(seconds=1), until=until, longest=RAW_LONGEST,
        how_many=RAW_RECORDS,
    )  # fmt: skip


@st.cache_data(ttl=60, max_entries=20, show_spinner="Looking for similar calls…")
def near_calls(url: str, trace_id: str, span: Span) -> list[Likeness]:
    """The calls of the same service whose input, or output, is nearest; [] where there is no vector of this one."""
    place = {
        "service": span.service,
        "trace_id": trace_id,
        "span_id": span.span_id,
        "at": span.timestamp,
    }
    found = []
    for part, model, text_hash, vector in store(url).rows(
        "call_vectors", package=QUESTIONS, **place
    ):
        near = store(url).read(
            "calls_nearest", Near, package=QUESTIONS, service=span.service, part=part, model=model,
            vector=list(vector), text_hash=text_hash, how_many=NEAR,
            since=span.timestamp - NEAR_WITHIN, until=span.timestamp + NEAR_WITHIN,
        )  # fmt: skip
        found.append(_likeness(url, span.service, part, model, near))
    return found


def _likeness(url: str, service: str, part: str, model: str, near: Sequence[Near]) -> Likeness:
    traces = [one.trace_id for one in near]
    hours = sorted({int(one.timestamp.timestamp()) // 3600 * 3600 for one in near})
    calls = store(url).frame(
        "calls_named", package=QUESTIONS, hours=hours, services=[service], traces=traces,
        spans=[one.span_id for one in near],
    )  # fmt: skip
    texts = {str(row.span_id): (str(row.input), str(row.output)) for row in calls.itertuples()}
    return Likeness(part, model, near, texts, failures(url, tuple(traces)))


@st.cache_data(ttl=FRESH_S, max_entries=50, show_spinner=False)
def failures(url: str, traces: tuple[str, ...]) -> dict[str, tuple[int, int]]:
    """How many verdicts traces have, and how many of them fail; without those that have none."""
    rows = store(url).rows("failures_of", package=QUESTIONS, traces=list(traces))
    return {str(trace): (int(n), int(failed)) for trace, n, failed in rows}


@st.cache_data(ttl=FRESH_S, max_entries=50, show_spinner="Reading the lineage…")
def lineage(url: str, trace_id: str) -> TraceLineage | None:
    """Which datasets hold a trace and which releases were made of them."""
    try:
        return trace_lineage(store(url), trace_id)
    except NotFoundError:
        return None


@st.cache_data(ttl=FRESH_S, max_entries=10, show_spinner=False)
def trained(url: str) -> list[Retrain]:
    """Every retrain, for the way from a dataset to what was made of it."""
    return retrains(store(url))


@st.cache_data(ttl=FRESH_S, max_entries=20, show_spinner="Opening the session…")
def session(url: str, session_id: str) -> list[SessionCall]:
    """The calls of a session in order of time, without their texts."""
    return store(url).read(
        "session_calls", SessionCall, package=QUESTIONS, session_id=session_id, how_many=MOST_TURNS
    )


@st.cache_data(ttl=FRESH_S, max_entries=50, show_spinner="Reading what was said…")
def turn_texts(
    url: str, session_id: str, since: datetime, until: datetime, firsts: dict[str, int]
) -> dict[str, TurnTexts]:
    """What some calls of a session add to it, by span: the messages from an index on."""
    rows = store(url).read(
        "session_messages", TurnTexts, package=QUESTIONS, session_id=session_id,
        since=since.astimezone(UTC), until=until, spans=list(firsts),
        firsts=list(firsts.values()), longest=LONGEST_TEXT // 4,
    )  # fmt: skip
    return {row.span_id: row for row in rows}
