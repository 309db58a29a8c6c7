"""What the health page reads: the store, cached for a while, and the machine, in a thread of its own."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st
from clickhouse_connect.driver.exceptions import ClickHouseError

from dashboards.data import FRESH_S, QUESTIONS, store
from monitor.clock import wall_now
from monitor.deliveries import REMEMBERED
from monitor.examination import Finding, examine
from monitor.figures import Figures, ask_collector
from monitor.jobs.accounts import imbalances

if TYPE_CHECKING:
    from monitor.settings import Settings

__all__ = [
    "Examined",
    "JobStanding",
    "Owed",
    "arrivals",
    "examined",
    "job_lengths",
    "job_standings",
    "off_balance",
    "owed",
    "room",
    "stored_by_day",
]

AGAIN = timedelta(minutes=1)
"""How long an examination is good for."""
MOST_OWED = 200


@dataclass(frozen=True, slots=True)
class Owed:
    """A message that was not taken."""

    sink: str
    key: str
    incident_id: str
    kind: str
    first_at: datetime
    last_at: datetime
    last_state: str
    """`failed`, `dead`, or `sending`: begun and not confirmed."""
    failures: int
    due_at: datetime
    error: str


@dataclass(frozen=True, slots=True)
class JobStanding:
    """How one job did in a stretch of time."""

    job: str
    runs: int
    failed: int
    skipped: int
    p50_ms: float
    """Of runs that were not skipped; NaN where all were."""
    p95_ms: float
    longest_ms: float
    last_started: datetime
    last_window_end: datetime
    last_outcome: str
    last_error: str
    """Of the latest failed run, '' where none failed."""
    last_error_at: datetime


@dataclass(frozen=True, slots=True)
class Examined:
    """What `outerloop doctor` says, and what the collector says of itself."""

    findings: list[Finding]
    figures: Figures | None
    """None where it does not answer."""


@dataclass(slots=True)
class _Asked:
    began: datetime
    answer: Future[Examined]


@st.cache_resource
def _examinations() -> tuple[ThreadPoolExecutor, dict[str, _Asked]]:
    """One thread for all that look at the page, and its latest answer by store."""
    return ThreadPoolExecutor(1, thread_name_prefix="doctor"), {}


def examined(settings: Settings, now: datetime, *, again: bool = False) -> Future[Examined]:
    """The examination, which takes seconds where something does not answer: done in a thread, once a minute at most."""
    pool, known = _examinations()
    before, moment = known.get(settings.store), wall_now()
    if before is not None and (
        not before.answer.done() or (not again and moment - before.began < AGAIN)
    ):
        return before.answer
    known[settings.store] = _Asked(moment, pool.submit(_examine, settings, now))
    return known[settings.store].answer


def _examine(settings: Settings, now: datetime) -> Examined:
    figures = ask_collector(settings)
    return Examined(examine(settings, now), figures if isinstance(figures, Figures) else None)


@st.cache_data(ttl=FRESH_S, max_entries=20, show_spinner=False)
def job_standings(url: str, since: datetime, until: datetime) -> list[JobStanding]:
    """Every job that ran, those that failed first."""
    return store(url).read("job_summary", JobStanding, package=QUESTIONS, since=since, until=until)


@st.cache_data(ttl=FRESH_S, max_entries=20, show_spinner=False)
def job_lengths(
    url: str, job: str, since: datetime, until: datetime, bucket_s: int
) -> pd.DataFrame:
    """How long one job takes over time."""
    return store(url).frame(
        "job_lengths", package=QUESTIONS, job=job, since=since, until=until, bucket_s=bucket_s
    )


@st.cache_data(ttl=FRESH_S, max_entries=10, show_spinner=False)
def owed(url: str, now: datetime) -> list[Owed]:
    """Messages that nobody has taken, of the days in which they are still tried."""
    return store(url).read(
        "messages_owed", Owed, package=QUESTIONS, since=now - REMEMBERED, how_many=MOST_OWED
    )


@st.cache_data(ttl=60, max_entries=10, show_spinner=False)
def stored_by_day(url: str, since: datetime, until: datetime) -> pd.DataFrame:
    """Records that were stored, by day."""
    return store(url).frame("stored_by_day", package=QUESTIONS, since=since, until=until)


@st.cache_data(ttl=60, max_entries=10, show_spinner=False)
def arrivals(url: str, since: datetime) -> pd.DataFrame:
    """When the collector last took something."""
    return store(url).frame("arrivals", package=QUESTIONS, since=since)


@st.cache_data(ttl=60, max_entries=10, show_spinner=False)
def off_balance(url: str, now: datetime) -> tuple[int, int]:
    """Minutes of the last day that should balance by now and do not, and by how many records."""
    found = imbalances(store(url), now)
    return len(found), sum(one.difference for one in found)


@st.cache_data(ttl=60, max_entries=10, show_spinner=False)
def room(url: str) -> tuple[float, float] | None:
    """Bytes free and in all on the store's local disk; None where the store does not tell."""
    try:
        disks = store(url).frame("disk_room", package=QUESTIONS)
    except ClickHouseError:
        return None  # a managed server hides its disks: the page says that it does not know
    if disks.empty:
        return None
    return float(disks["free_bytes"].min()), float(disks["total_bytes"].max())
