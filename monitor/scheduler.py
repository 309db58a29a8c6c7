"""The scheduler process: runs every job of the schedule when it is due, and writes each run down.

    outerloop scheduler            # jobs by the clock on the wall, on APScheduler
    outerloop scheduler --replay   # jobs by a clock that is told: one RFC 3339 time a line on standard input

In a replay every line moves the clock; the jobs that fell due meanwhile run once each, in the order of the
schedule, for the whole time that has passed (as APScheduler coalesces runs that were missed), and a line of JSON on
standard output says that they are done. The demo and simulations use it: same process, same jobs, same triggers.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.interval import IntervalTrigger

from monitor.clock import parse_time, utcnow
from monitor.exceptions import StoreUnavailableError
from monitor.jobs.job import Job, Window, run_job
from monitor.jobs.schedule import SCHEDULE
from monitor.settings import load_settings
from monitor.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from monitor.records import JobRun
    from monitor.settings import Settings

__all__ = ["by_the_wall", "main", "replay", "window_of"]

log = logging.getLogger(__name__)

OVERLAP = timedelta(hours=1)
"""A window begins this long before the last one ended, for rows that came late; jobs skip what they have done."""
EPOCH_DAYS = timedelta(days=400)
"""How far back the very first window of a job reaches."""
STORE_PATIENCE_S = 60


def window_of(store: Store, job: Job, until: datetime) -> Window:
    """What a job has not seen yet: from its last good run (a little before its end) to `until`."""
    last = store.rows("last_good_run", job=job.name)
    return Window(last[0][0] - OVERLAP if last else until - EPOCH_DAYS, until)


def by_the_wall(settings: Settings) -> None:
    """Run the schedule until the process is asked to stop; a run in progress is finished first."""
    scheduler = BlockingScheduler(
        timezone="UTC",
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        executors={"default": {"type": "threadpool", "max_workers": 1}},
    )
    store = Store(settings.store)
    for job in SCHEDULE:
        scheduler.add_job(
            _tick,
            IntervalTrigger(seconds=int(job.every.total_seconds()), timezone="UTC"),
            args=[job, store, settings],
            id=job.name,
            next_run_time=utcnow(),
        )
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: scheduler.shutdown(wait=False))
    sys.stdout.write(f"scheduler: {len(SCHEDULE)} jobs\n")
    sys.stdout.flush()
    scheduler.start()


def _tick(job: Job, store: Store, settings: Settings) -> JobRun | None:
    """One run by the wall clock; a store that is away is logged, and the next tick tries again."""
    try:
        return run_job(job, store, settings, window_of(store, job, utcnow()))
    except Exception:
        log.exception("run could not be written down", extra={"job": job.name})
        return None


def replay(settings: Settings, times: Iterable[str]) -> None:
    """Move the clock from line to line and run what fell due; see the module's docstring."""
    store = Store(settings.store)
    triggers = {
        job.name: IntervalTrigger(seconds=int(job.every.total_seconds()), timezone="UTC")
        for job in SCHEDULE
    }
    next_run: dict[str, datetime] = {}
    for line in times:
        now = parse_time(line.strip())
        runs = []
        for job in SCHEDULE:
            if next_run.get(job.name, now) <= now:
                runs.append(run_job(job, store, settings, window_of(store, job, now)))
                next_run[job.name] = triggers[job.name].get_next_fire_time(now, now)
        done = {
            run.job: {"outcome": run.outcome, "counts": run.counts, "error": run.error}
            for run in runs
        }
        sys.stdout.write(json.dumps({"now": line.strip(), "runs": done}) + "\n")
        sys.stdout.flush()


def wait_for_store(settings: Settings) -> None:
    """Wait until the store answers.

    Raises:
        StoreUnavailableError: it does not within a minute.
    """
    deadline = time.monotonic() + STORE_PATIENCE_S
    while True:
        try:
            Store(settings.store).rows("services")
        except StoreUnavailableError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def main(*, replayed: bool = False) -> None:
    """Entry point of the process."""
    settings = load_settings()
    wait_for_store(settings)
    if replayed:
        replay(settings, sys.stdin)
    else:
        by_the_wall(settings)
