"""How calls are found: in any order, by facets with counts, and from one that failed to the next."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd
import streamlit as st

from dashboards.data import FIRST_STEP, FRESH_S, PATIENCE_S, QUESTIONS, extent, store
from dashboards.filters import Filters
from dashboards.search import Search

__all__ = [
    "ORDERS",
    "Opened",
    "Ranked",
    "endings",
    "error_types",
    "failed_scores",
    "failing_neighbour",
    "ranked",
]

ORDERS = {
    "": "Newest first",
    "oldest": "Oldest first",
    "slowest": "Slowest first",
    "fastest": "Fastest first",
    "dearest": "Most expensive first",
    "longest": "Most tokens first",
}
RANKED = 50
"""Rows of a list in another order than that of time."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A trace that is looked at."""

    trace_id: str
    first: datetime
    """When its first step began."""
    last: datetime


@dataclass(frozen=True, slots=True)
class Ranked:
    """The first calls in an order that is not that of time."""

    calls: pd.DataFrame
    searched_since: datetime
    """All later calls of the stretch were compared."""
    searched_until: datetime
    whole: bool


@st.cache_data(ttl=FRESH_S, max_entries=50, show_spinner="Putting calls in order…")
def ranked(
    url: str, filters: Filters, search: Search, by: str, *, patience_s: float = PATIENCE_S
) -> Ranked:
    """The first calls in an order; the store sorts all that match, stretch by stretch, as far as patience goes."""
    began, known = time.perf_counter(), extent(url)
    since = max(filters.since, known.first_call)
    until = min(filters.until, known.last_call + timedelta(milliseconds=1))
    given = {**filters.parameters(), **search.parameters(), "by": by, "how_many": RANKED}
    step = FIRST_STEP if search.text or search.field else max(until - since, FIRST_STEP)
    lower, upper, best = since, until, pd.DataFrame()
    while upper > lower and (best.empty or time.perf_counter() - began < patience_s):
        near, far = (max(lower, upper - step), upper) if by != "oldest" else (
            lower, min(upper, lower + step))  # fmt: skip
        piece = store(url).frame(
            "call_ranks", package=QUESTIONS, **{**given, "since": near, "until": far}
        )
        best = pd.concat([one for one in (best, piece) if len(one)] or [best], ignore_index=True)
        if len(best):
            best = best.sort_values(["rank", "timestamp"], ascending=False).head(RANKED)
        lower, upper = (far, upper) if by == "oldest" else (lower, near)
        step *= 4
        if by == "oldest" and len(best) >= RANKED:
            break
    whole = upper <= lower
    looked = (since, lower) if by == "oldest" else (upper, until)
    return Ranked(_named(url, best), looked[0], looked[1], whole)


def _named(url: str, keys: pd.DataFrame) -> pd.DataFrame:
    """The calls of some keys, in the keys' order."""
    if keys.empty:
        return pd.DataFrame()
    hours = sorted({int(at.timestamp()) // 3600 * 3600 for at in keys["timestamp"]})
    calls = store(url).frame(
        "calls_named", package=QUESTIONS, hours=hours, services=sorted(set(keys["service"])),
        traces=list(keys["trace_id"]), spans=list(keys["span_id"]),
    )  # fmt: skip
    if calls.empty:
        return calls
    return keys[["trace_id", "span_id"]].merge(calls, on=["trace_id", "span_id"])


@st.cache_data(ttl=FRESH_S, max_entries=50, show_spinner=False)
def endings(url: str, filters: Filters) -> dict[str, int]:
    """How many calls ended in which way."""
    counts = store(url).rows("call_endings", package=QUESTIONS, **filters.parameters())[0]
    return dict(zip(("ok", "error", "abandoned"), map(int, counts), strict=True))


@st.cache_data(ttl=FRESH_S, max_entries=50, show_spinner=False)
def error_types(url: str, filters: Filters) -> dict[str, int]:
    """Which errors calls ended in, commonest first."""
    rows = store(url).rows("error_types", package=QUESTIONS, **filters.parameters())
    return {str(name): int(calls) for name, calls in rows}


@st.cache_data(ttl=FRESH_S, max_entries=50, show_spinner=False)
def failed_scores(url: str, filters: Filters) -> dict[str, int]:
    """Which scores failed on how many calls, the commonest first."""
    rows = store(url).rows("scores_failed", package=QUESTIONS, **filters.parameters())
    return {str(name): int(failures) for name, failures in rows}


def failing_neighbour(
    url: str, filters: Filters, search: Search, *, of: Opened, later: bool
) -> str:
    """The next or the previous trace that went wrong within the filters; '' where there is none.

    Goes away from the trace in longer and longer steps, so that a near one is found at once.
    """
    known = extent(url)
    lower = max(filters.since, of.last if later else known.first_call)
    upper = min(filters.until, known.last_call + timedelta(milliseconds=1) if later else of.first)
    given = {**filters.parameters(), **search.parameters(), "later": later, "not_of": of.trace_id}
    step = FIRST_STEP
    while lower < upper:
        near = (lower, min(upper, lower + step)) if later else (max(lower, upper - step), upper)
        found = store(url).rows(
            "calls_failing", package=QUESTIONS, **{**given, "since": near[0], "until": near[1]}
        )
        if found:
            return str(found[0][0])
        lower, upper = (near[1], upper) if later else (lower, near[0])
        step *= 4
    return ""
