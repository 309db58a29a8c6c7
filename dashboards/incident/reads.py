"""What the incident page reads of the store: bounded, cached for a few seconds, without a widget in sight."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboards.data import FRESH_S, QUESTIONS, store

if TYPE_CHECKING:
    from monitor.incidents import Incident

__all__ = [
    "LOOKS",
    "CallBeside",
    "Told",
    "alike_before",
    "call_beside",
    "deliveries",
    "history",
    "stretch",
]

LOOKS = 5000
"""Looks of one series that are drawn, the latest."""
AMONG, ENOUGH = 200, 20
"""Calls whose wording is compared, and how many make it needless to look further back."""
STRETCHES = (timedelta(hours=6), timedelta(days=1), timedelta(days=7))
"""How far before a change a call like an example is looked for."""
LONGEST_LIKE, LONGEST_SHOWN = 4000, 20_000
"""Characters of the text that is compared, and of one that is shown."""
SHORTEST, LONGEST = timedelta(days=3), timedelta(days=28)
"""How much of the time before it began is drawn."""


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one message about an incident."""

    sink: str
    kind: str
    first_at: datetime
    last_at: datetime
    state: str
    """`sending`, `failed`, `delivered` or `dead`."""
    failures: int
    error: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class CallBeside:
    """One LLM call as it stands beside another."""

    timestamp: datetime
    trace_id: str
    span_id: str
    release: str
    environment: str
    tags: dict[str, str]
    input: str
    output: str
    expected: str
    """The right answer, '' while nobody has told it."""


def stretch(one: Incident, now: datetime) -> tuple[datetime, datetime]:
    """The time that an incident's charts show: as long before it began as it lasted, within bounds."""
    began = min(one.started_at, one.details.change.low) if one.details.change else one.started_at
    ended = one.resolved_at or max(now, one.updated_at)
    before = min(max(ended - began, SHORTEST), LONGEST)
    return began - before, ended + timedelta(days=1)


@st.cache_data(ttl=FRESH_S, max_entries=50, show_spinner=False)
def history(
    url: str, service: str, detector: str, series: str, *, since: datetime, until: datetime
) -> pd.DataFrame:
    """What one detector saw in one series, look by look, in order of time."""
    frame = store(url).frame(
        "series_history", package=QUESTIONS, service=service, detector=detector, series=series,
        since=since, until=until, how_many=LOOKS,
    )  # fmt: skip
    return frame.iloc[::-1].reset_index(drop=True)


def deliveries(url: str, incident_id: str) -> list[Told]:
    """What became of every message about an incident: never cached, for people act on it."""
    return store(url).read("incident_deliveries", Told, package=QUESTIONS, incident_id=incident_id)


@st.cache_data(ttl=60, max_entries=100, show_spinner=False)
def call_beside(url: str, trace_id: str, span_id: str = "") -> CallBeside | None:
    """One call of a trace: the one named, else its first; None where there is none (any more)."""
    found = store(url).read(
        "call_beside", CallBeside, package=QUESTIONS,
        trace_id=trace_id, span_id=span_id, longest=LONGEST_SHOWN,
    )  # fmt: skip
    return found[0] if found else None


@st.cache_data(ttl=300, max_entries=100, show_spinner="Looking for a call like it from before…")
def alike_before(
    url: str,
    service: str,
    text: str,
    tags: tuple[tuple[str, str], ...],
    environment: str,
    *,
    before: datetime,
) -> list[str]:
    """Traces of calls from before a moment whose input is worded most like a text, the nearest first."""
    for back in STRETCHES:
        frame = store(url).frame(
            "calls_before", package=QUESTIONS, service=service, since=before - back, until=before,
            tag_keys=[key for key, _ in tags], tag_values=[value for _, value in tags],
            environment=environment, text=text[:LONGEST_LIKE], among=AMONG, how_many=ENOUGH,
        )  # fmt: skip
        if len(frame) >= ENOUGH or back == STRETCHES[-1]:
            return [] if frame.empty else [str(one) for one in frame["trace_id"]]
    return []
