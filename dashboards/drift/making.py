"""Evidently reports in the making: in a thread of the dashboard's, one at a time, so that a page need not wait."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import streamlit as st

from monitor.report import write_report
from monitor.store import Store

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from dashboards.drift.stretches import Stretches
    from monitor.report import ReportFile
    from monitor.settings import Settings

__all__ = ["Job", "begin", "forget", "job_of"]


@dataclass(frozen=True, slots=True)
class Job:
    """A report that was asked for."""

    asked_at: datetime
    done: Future[ReportFile]


@dataclass(frozen=True, slots=True)
class _Jobs:
    pool: ThreadPoolExecutor
    by_path: dict[Path, Job] = field(default_factory=dict)


@st.cache_resource(show_spinner=False)
def _jobs() -> _Jobs:
    """Shared by all sessions: a report of the same stretches is made once."""
    return _Jobs(ThreadPoolExecutor(1, thread_name_prefix="report"))


def job_of(path: Path) -> Job | None:
    """The report that is to lie there, while it is being made and after it has failed."""
    return _jobs().by_path.get(path)


def begin(
    path: Path, url: str, settings: Settings, service: str, stretches: Stretches, *, now: datetime
) -> None:
    """Ask for a report, unless somebody has."""
    jobs = _jobs()
    known = jobs.by_path.get(path)
    if known is None or known.done.done():
        done = jobs.pool.submit(_make, url, settings, service, stretches, now)
        jobs.by_path[path] = Job(now, done)


def forget(path: Path) -> None:
    """It is there, or its failure was shown."""
    _jobs().by_path.pop(path, None)


def _make(
    url: str, settings: Settings, service: str, stretches: Stretches, now: datetime
) -> ReportFile:
    store = Store(url)
    try:
        return write_report(store, settings, service, stretches.now, stretches.before, now=now)
    finally:
        store.close()
