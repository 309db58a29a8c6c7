"""Reads of the store for the views: cached for a few seconds, without a widget in sight."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import pandas as pd
import streamlit as st

from dashboards.filters import Filters
from dashboards.rows import CallTotals, Extent, Found, Score, Span
from dashboards.search import Search
from monitor import incidents as life
from monitor.evaluation.rows import EvaluationRow
from monitor.incidents import Incident
from monitor.judging.production import labels_of
from monitor.judging.trust import JudgeHealth
from monitor.judging.trust import judge_health as health_of_judges
from monitor.records import IncidentEvent
from monitor.settings import Settings
from monitor.store import Store

QUESTIONS = "dashboards.questions"
FRESH_S = 5
"""Seconds that an answer may be old; a person does not notice, a store does."""
EVALUATIONS = 600
"""Rows of the list of evaluations; a run has one per judge."""
PATIENCE_S = 0.6
"""Seconds that a list looks further back before it says how far it came."""
FIRST_STEP = timedelta(hours=1)
MOST_STEPS = 20_000
"""Steps of a trace that are read."""
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


@st.cache_data(ttl=60, max_entries=50, show_spinner=False)
def facets(url: str, since: datetime, until: datetime, service: str) -> dict[str, dict[str, int]]:
    """What each filter can be set to in a stretch of time, commonest first, with how many calls it leaves."""
    frame = _frame(url, "facets", since=since, until=until, service=service)
    found: dict[str, dict[str, int]] = {}
    for facet, value, calls in frame.itertuples(index=False):
        found.setdefault(str(facet), {})[str(value)] = int(calls)
    return found


@st.cache_data(ttl=FRESH_S, max_entries=20, show_spinner=False)
def extent(url: str) -> Extent:
    """From when to when there are calls, whatever the filters say."""
    return store(url).read("extent", Extent, package=QUESTIONS)[0]


@st.cache_data(ttl=FRESH_S, max_entries=100, show_spinner="Counting calls…")
def call_totals(url: str, filters: Filters, search: Search | None = None) -> CallTotals:
    """The exact figures of the calls that the filters leave; with a search, of those that match it too.

    A search reads the calls themselves: ask for a stretch that `call_list` has searched.
    """
    if search is None or not search.asks:
        return store(url).read("call_count", CallTotals, package=QUESTIONS, **filters.parameters())[
            0
        ]
    given = {**filters.parameters(), **search.parameters()}
    return store(url).read("call_search", CallTotals, package=QUESTIONS, **given)[0]


@st.cache_data(ttl=FRESH_S, max_entries=100, show_spinner="Looking for calls…")
def call_list(
    url: str,
    filters: Filters,
    search: Search,
    *,
    before: datetime | None = None,
    patience_s: float = PATIENCE_S,
) -> Found:
    """The newest calls that match, before a time; goes back in time in longer and longer steps.

    It stops when the list is full, or when it has looked for long: then it says how far it came.
    """
    began, known = time.perf_counter(), extent(url)
    since = max(filters.since, known.first_call)
    upper = min(filters.until, known.last_call + timedelta(milliseconds=1), before or filters.until)
    pieces: list[pd.DataFrame] = []
    step, given = FIRST_STEP, {**filters.parameters(), **search.parameters()}
    if search.trace_id or search.session_id or search.user_id:
        step = upper - since  # an index finds these
    many = 0
    while (
        upper > since
        and many <= LISTED
        and (not pieces or time.perf_counter() - began < patience_s)
    ):
        lower = max(since, upper - step)
        piece = _frame(
            url,
            "call_list",
            **{**given, "since": lower, "until": upper},
            how_many=LISTED + 1 - many,
        )
        pieces.append(piece)
        many, upper, step = many + len(piece), lower, 4 * step
    calls = pd.concat(
        [piece for piece in pieces if len(piece)] or pieces or [pd.DataFrame()], ignore_index=True
    )
    if many <= LISTED:
        return Found(calls, searched_since=max(upper, since), whole=upper <= since)
    # calls of one moment stand on one page: what came in the last row's microsecond begins the next
    moments = calls["timestamp"].dt.floor("us")
    kept = moments > moments.iloc[-1]
    last = moments.iloc[-1] + pd.Timedelta(microseconds=1)
    return Found(
        calls[kept] if kept.any() else calls, searched_since=last.to_pydatetime(), whole=False
    )


@st.cache_data(ttl=60, max_entries=20, show_spinner=False)
def score_names(url: str) -> list[str]:
    """Scores that have ever failed, commonest first."""
    frame = _frame(url, "score_names")
    return [] if frame.empty else [str(name) for name in frame["name"]]


@st.cache_data(ttl=FRESH_S, max_entries=50, show_spinner="Opening the trace…")
def trace_spans(url: str, trace_id: str) -> list[Span]:
    """Every step of a trace, in order of time, without its texts."""
    return store(url).read(
        "trace_spans", Span, package=QUESTIONS, trace_id=trace_id, how_many=MOST_STEPS
    )


@st.cache_data(ttl=FRESH_S, max_entries=50, show_spinner=False)
def trace_scores(url: str, trace_id: str, session_id: str) -> list[Score]:
    """Every verdict on a trace."""
    return store(url).read(
        "trace_scores", Score, package=QUESTIONS, trace_id=trace_id, session_id=session_id
    )


def whereabouts(url: str, wanted: str) -> str:
    """The trace that an id is, or that a session with this id had last; '' where there is neither."""
    frame = _frame(url, "whereabouts", id=wanted)
    return "" if frame.empty else str(frame["trace_id"][0])


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


@st.cache_data(ttl=60, max_entries=50, show_spinner=False)
def of_judge(url: str, question: str, filters: Filters, **parameters: object) -> pd.DataFrame:
    """The answer to a question about one judge's verdicts on calls of the time range."""
    return _frame(url, question, since=filters.since, until=filters.until, **parameters)
