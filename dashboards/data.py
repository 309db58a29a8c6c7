"""Reads of the store for the views: cached for a few seconds, without a widget in sight."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import streamlit as st

from dashboards.filters import Filters
from dashboards.rows import CallTotals, Extent, Score, Span
from monitor import incidents as life
from monitor.evaluation.rows import EvaluationRow
from monitor.incidents import Incident
from monitor.judging.production import labels_of
from monitor.judging.trust import JudgeHealth
from monitor.judging.trust import judge_health as health_of_judges
from monitor.records import IncidentEvent
from monitor.settings import Settings
from monitor.store import Store

if TYPE_CHECKING:
    import pandas as pd

QUESTIONS = "dashboards.questions"
FRESH_S = 5
"""Seconds that an answer may be old; a person does not notice, a store does."""
EVALUATIONS = 600
"""Rows of the list of evaluations; a run has one per judge."""
LISTED = 200
"""Rows of a list; the exact count stands above it."""
LONGEST_TEXT = 20_000
"""Characters of one text that a page shows; the whole is a download away."""


@st.cache_resource(max_entries=16)
def store(url: str) -> Store:
    """The connection, shared by all: without a session, questions do not wait for each other."""
    return Store(url)


def _frame(url: str, question: str, **parameters: object) -> pd.DataFrame:
    return store(url).frame(question, package=QUESTIONS, **parameters)


@st.cache_data(ttl=FRESH_S, max_entries=200, show_spinner="Reading calls…")
def asked(url: str, question: str, filters: Filters, bucket_s: int = 0) -> pd.DataFrame:
    """The answer to a question about the calls that the filters leave, as a frame."""
    more = {"bucket_s": bucket_s} if bucket_s else {}
    return _frame(url, question, **filters.parameters(), **more)


@st.cache_data(ttl=60, max_entries=20, show_spinner=False)
def facets(url: str) -> dict[str, list[str]]:
    """What each filter can be set to, commonest first."""
    frame = _frame(url, "facets")
    if frame.empty:
        return {}
    return {
        str(name): [str(value) for value in group["value"]]
        for name, group in frame.groupby("facet")
    }


@st.cache_data(ttl=FRESH_S, max_entries=20, show_spinner=False)
def extent(url: str) -> Extent:
    """From when to when there are calls, whatever the filters say."""
    return store(url).read("extent", Extent, package=QUESTIONS)[0]


@st.cache_data(ttl=FRESH_S, max_entries=100, show_spinner="Counting calls…")
def call_totals(url: str, filters: Filters, search: str, status: str, score: str) -> CallTotals:
    """The exact figures of the calls that match."""
    return store(url).read(
        "call_count",
        CallTotals,
        package=QUESTIONS,
        **filters.parameters(),
        search=search,
        status=status,
        score=score,
    )[0]


@st.cache_data(ttl=FRESH_S, max_entries=100, show_spinner="Reading calls…")
def call_list(url: str, filters: Filters, search: str, status: str, score: str) -> pd.DataFrame:
    """The newest calls that match."""
    return _frame(
        url,
        "call_list",
        **filters.parameters(),
        search=search,
        status=status,
        score=score,
        how_many=LISTED,
    )


@st.cache_data(ttl=60, max_entries=20, show_spinner=False)
def score_names(url: str) -> list[str]:
    """Scores that have ever failed, commonest first."""
    frame = _frame(url, "score_names")
    return [] if frame.empty else [str(name) for name in frame["name"]]


@st.cache_data(ttl=FRESH_S, max_entries=50, show_spinner="Opening the trace…")
def trace_spans(url: str, trace_id: str) -> list[Span]:
    """Every step of a trace, in order of time."""
    return store(url).read(
        "trace_spans", Span, package=QUESTIONS, trace_id=trace_id, longest=LONGEST_TEXT
    )


@st.cache_data(ttl=FRESH_S, max_entries=50, show_spinner=False)
def trace_scores(url: str, trace_id: str, session_id: str) -> list[Score]:
    """Every verdict on a trace."""
    return store(url).read(
        "trace_scores", Score, package=QUESTIONS, trace_id=trace_id, session_id=session_id
    )


def span_texts(url: str, trace_id: str, span_id: str) -> str:
    """The whole input and output of one step, for a download."""
    frame = _frame(url, "span_texts", trace_id=trace_id, span_id=span_id)
    if frame.empty:
        return ""
    return f"INPUT\n{frame['input'][0]}\n\nOUTPUT\n{frame['output'][0]}\n"


@st.cache_data(ttl=FRESH_S, max_entries=50, show_spinner=False)
def detectors(url: str, service: str, until: datetime) -> pd.DataFrame:
    """The latest word of every detector."""
    return _frame(url, "detectors", service=service, until=until)


@st.cache_data(ttl=FRESH_S, max_entries=50, show_spinner=False)
def series_history(url: str, detector: str, series: str) -> pd.DataFrame:
    """What one detector saw in one series, run by run."""
    return _frame(url, "series_history", detector=detector, series=series)


def incident_events(url: str) -> list[IncidentEvent]:
    """Every event of every incident: never cached, for people act on them."""
    return store(url).read("incident_events", IncidentEvent)


def incidents(url: str) -> list[Incident]:
    """Every incident as it stands, newest first: never cached."""
    return life.fold(incident_events(url))


@st.cache_data(ttl=FRESH_S, max_entries=50, show_spinner=False)
def dataset_composition(url: str, dataset_version: str) -> pd.DataFrame:
    """What a dataset version is made of."""
    return _frame(url, "dataset_composition", dataset_version=dataset_version)


@st.cache_data(ttl=FRESH_S, max_entries=50, show_spinner=False)
def kept(
    url: str, question: str, since: datetime, until: datetime, bucket_s: int = 0, how_many: int = 0
) -> pd.DataFrame:
    """The answer to a question about the sidecar itself (ledger, jobs) in a stretch of time."""
    more = {
        name: value for name, value in (("bucket_s", bucket_s), ("how_many", how_many)) if value
    }
    return _frame(url, question, since=since, until=until, **more)


@st.cache_data(ttl=FRESH_S, max_entries=10, show_spinner=False)
def evaluation_runs(url: str) -> pd.DataFrame:
    """The newest runs of evaluations, a row per judge."""
    return _frame(url, "evaluation_runs", how_many=EVALUATIONS)


@st.cache_data(ttl=FRESH_S, max_entries=10, show_spinner="Reading the run…")
def evaluation_rows(url: str, run_id: str) -> list[EvaluationRow]:
    """Every verdict of a run."""
    return store(url).read("evaluation_run", EvaluationRow, run_id=run_id)


@st.cache_data(ttl=60, max_entries=20, show_spinner="Comparing judges with people…")
def judge_health(url: str, _settings: Settings, filters: Filters) -> list[JudgeHealth]:
    """What each judge is worth on the calls of the time range and service; the slow question of the page."""
    return health_of_judges(
        store(url),
        since=filters.since,
        until=filters.until,
        service=filters.service,
        labels=labels_of(_settings),
    )


@st.cache_data(ttl=60, max_entries=10, show_spinner=False)
def store_size(url: str) -> pd.DataFrame:
    """How large each table is."""
    return _frame(url, "store_size")
