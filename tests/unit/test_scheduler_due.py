"""When a job is due: on its grid, at once when it missed a time, never more than once for all that it missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.schedulers.background import BackgroundScheduler

from monitor.jobs.due import StoredRuns, next_run, trigger_of
from monitor.jobs.job import Job
from monitor.jobs.schedule import SCHEDULE

NOW = datetime(2024, 5, 1, 12, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOURLY = Job("hourly", HOUR, lambda *_: {})


@pytest.mark.parametrize(
    ("last", "due"),
    [
        (None, NOW),
        (NOW - timedelta(minutes=5), NOW.replace(hour=13, minute=0)),
        (NOW.replace(minute=0), NOW.replace(hour=13, minute=0)),
        (NOW - timedelta(minutes=15), NOW),
        (NOW - timedelta(days=40), NOW),
        (NOW + timedelta(days=3), NOW.replace(hour=13, minute=0)),
    ],
    ids=[
        "never ran",
        "ran since",
        "ran on the dot",
        "missed one",
        "missed many",
        "ran in the future",
    ],
)
def test_the_next_run_follows_from_the_last(last: datetime | None, due: datetime) -> None:
    """A missed time is made up for at once and once; a run from the future (a clock set back) blocks nothing."""
    assert next_run(trigger_of(HOURLY), last, NOW) == due


def test_jobs_that_are_due_together_keep_the_order_of_the_schedule() -> None:
    """APScheduler hands them out in the order of the tuple, at the first moment and at each later one."""
    for last in ({}, {job.name: NOW - timedelta(seconds=1) for job in SCHEDULE}):
        scheduler = BackgroundScheduler(
            timezone="UTC", jobstores={"default": StoredRuns(SCHEDULE, last, NOW)}
        )
        for place, job in enumerate(SCHEDULE):
            scheduler.add_job(print, trigger_of(job, place), id=job.name)
        scheduler.start(paused=True)
        try:
            hourly = [job.name for job in SCHEDULE if job.every == HOUR]
            planned = [job.id for job in scheduler.get_jobs() if job.id in hourly]
            assert planned == hourly
        finally:
            scheduler.shutdown()


def test_every_job_has_a_deadline_and_a_name_of_its_own() -> None:
    """The schedule names each job once, and none may hang for ever."""
    assert len({job.name for job in SCHEDULE}) == len(SCHEDULE)
    assert all(timedelta(0) < job.deadline <= timedelta(hours=6) for job in SCHEDULE)
