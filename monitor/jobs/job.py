"""What a job is, and how one run of it becomes a row."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from monitor.records import JobRun

if TYPE_CHECKING:
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = ["Job", "Window", "give_up", "run_job"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open span of time that one run looks at: `since` <= t < `until`."""

    since: datetime
    until: datetime


def _nothing(_: Settings) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Job:
    """A function with a name and a period."""

    name: str
    every: timedelta
    run: Callable[[Store, Settings, Window], Mapping[str, int]]
    """Does the work for a window and says what it counted."""
    missing: Callable[[Settings], str | None] = _nothing
    """A sentence that says what the job lacks to run at all, or None."""
    reach: timedelta = timedelta(days=400)
    """How far back one window looks at most, when nobody says where it begins."""
    deadline: timedelta = timedelta(minutes=30)
    """A run that takes longer hangs: it becomes a failed run, and the scheduler starts anew without it."""


def run_job(job: Job, store: Store, settings: Settings, window: Window) -> JobRun:
    """Run a job once and append the run to `job_runs`, whatever comes of it.

    A job that raises is a failed run with its error in the row, never an exception here: one job's trouble
    does not stop the others.
    """
    began = time.perf_counter()
    counts: Mapping[str, int] = {}
    error, outcome = job.missing(settings) or "", "skipped"
    if not error:
        try:
            counts, outcome = job.run(store, settings, window), "ok"
        except Exception as problem:
            error, outcome = f"{type(problem).__name__}: {problem}", "failed"
            log.exception("job failed", extra={"job": job.name})
    elapsed = timedelta(seconds=time.perf_counter() - began)
    row = _row(job, window, elapsed, outcome=outcome, counts=counts, error=error)
    store.append("job_runs", [row])
    return row


def give_up(job: Job, store: Store, window: Window) -> JobRun:
    """Write down that a run passed its deadline; whoever calls this also ends it."""
    error = f"did not end within {job.deadline}; the scheduler started anew without it"
    row = _row(job, window, job.deadline, outcome="failed", counts={}, error=error)
    store.append("job_runs", [row])
    return row


def _row(
    job: Job,
    window: Window,
    elapsed: timedelta,
    *,
    outcome: str,
    counts: Mapping[str, int],
    error: str,
) -> JobRun:
    return JobRun(
        started_at=window.until,
        finished_at=window.until + elapsed,
        run_id=uuid.uuid4().hex,
        job=job.name,
        window_start=window.since,
        window_end=window.until,
        outcome=outcome,
        duration_ms=elapsed.total_seconds() * 1000,
        counts=dict(counts),
        error=error,
    )
