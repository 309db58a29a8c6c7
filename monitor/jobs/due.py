"""When a job is due, and what it then looks at.

Jobs are code; what has to outlive a crash is when each ran last, and `job_runs` says that. So `StoredRuns`, the job
store that the scheduler gives to APScheduler, reads it from there: a job that fell due while nobody ran it, or whose
run was killed, is due at once, once, for the whole time that it missed.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.triggers.interval import IntervalTrigger

from monitor.jobs.job import Window

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apscheduler.job import Job as Planned

    from monitor.jobs.job import Job
    from monitor.store import Store

__all__ = ["CATCH_UP", "StoredRuns", "last_ends", "next_run", "trigger_of", "window_of"]

log = logging.getLogger(__name__)
OVERLAP = timedelta(hours=1)
"""A window begins this long before the last one ended, for rows that came late; jobs skip what they have done."""
CATCH_UP = timedelta(days=30)
"""How far back a window reaches at most that is not a job's first, however long nobody ran the job."""
GRID = datetime(2024, 1, 1, tzinfo=UTC)
"""Jobs are due at whole multiples of their period since this Monday, whenever the scheduler was started."""
APART = timedelta(milliseconds=1)
"""Jobs that are due together stand this far apart, in the order of the schedule."""


def window_of(store: Store, job: Job, until: datetime) -> Window:
    """What a job has not seen yet: from its last good run (a little before its end) to `until`.

    A run of the past, by hand, for a moment that later runs have passed, looks at one period.
    """
    last = store.rows("last_good_run", job=job.name)
    if not last:
        return Window(until - job.reach, until)
    since = last[0][0] - OVERLAP
    if since >= until:
        return Window(until - max(job.every, OVERLAP), until)
    earliest = until - min(CATCH_UP, job.reach)
    if since < earliest:
        log.warning(
            "job catches up with a part of what it missed; run it by hand with --since for more",
            extra={"job": job.name, "missed_since": since.isoformat()},
        )
    return Window(max(since, earliest), until)


def last_ends(store: Store) -> dict[str, datetime]:
    """When each job ran last, well or not."""
    return {str(row[0]): row[1] for row in store.rows("last_runs")}


def trigger_of(job: Job, place: int = 0) -> IntervalTrigger:
    """The trigger of the job at that place of the schedule."""
    return IntervalTrigger(
        seconds=int(job.every.total_seconds()), start_date=GRID + place * APART, timezone="UTC"
    )


def next_run(
    trigger: IntervalTrigger, last: datetime | None, now: datetime, *, place: int = 0
) -> datetime:
    """When a job is due that ran `last`: now, when a time of its grid has passed since.

    >>> from monitor.jobs.job import Job
    >>> hourly = trigger_of(Job("x", timedelta(hours=1), lambda *_: {}))
    >>> noon = datetime(2024, 5, 1, 12, 10, tzinfo=UTC)
    >>> f"{next_run(hourly, noon - timedelta(minutes=5), noon):%H:%M}"
    '13:00'
    >>> f"{next_run(hourly, noon - timedelta(minutes=15), noon):%H:%M}"
    '12:10'
    """
    if last is None:
        return now + place * APART
    after = min(last, now) + timedelta(microseconds=1)
    due: datetime = trigger.get_next_fire_time(None, after)
    return due if due > now else now + place * APART


class StoredRuns(MemoryJobStore):  # type: ignore[misc, unused-ignore] # APScheduler has no types
    """APScheduler's job store over `job_runs`: every job's next run follows from its last one."""

    def __init__(
        self, schedule: Sequence[Job], last: Mapping[str, datetime], now: datetime
    ) -> None:
        super().__init__()
        self._place = {job.name: place for place, job in enumerate(schedule)}
        self._last, self._now = last, now

    def add_job(self, job: Planned) -> None:
        """Take a job in, with its next run."""
        place = self._place[job.id]
        job.next_run_time = next_run(job.trigger, self._last.get(job.id), self._now, place=place)
        super().add_job(job)
