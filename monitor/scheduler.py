"""The scheduler process: runs every job of the schedule when it is due, and writes each run down.

    outerloop scheduler            # jobs by the clock on the wall, on APScheduler
    outerloop scheduler --replay   # jobs by a clock that is told: one RFC 3339 time a line on standard input

One scheduler runs at a time; a second one waits and takes over when the first ends. SIGTERM lets the run in progress
end. A run that passes its job's deadline is written down as failed, and the process replaces itself by a fresh one,
because a thread that hangs cannot be ended.

In a replay every line moves the clock; the jobs that fell due meanwhile run once each, in the order of the
schedule, for the whole time that has passed (as APScheduler coalesces runs that were missed), and a line of JSON on
standard output says that they are done. The demo and simulations use it: same process, same jobs, same triggers.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from apscheduler.schedulers.background import BackgroundScheduler

from monitor.alerts.socket_mode import listening
from monitor.clock import parse_time, utcnow
from monitor.exceptions import StoreUnavailableError
from monitor.jobs.due import StoredRuns, last_ends, trigger_of, window_of
from monitor.jobs.job import Job, give_up, run_job
from monitor.jobs.lease import holding, lease
from monitor.jobs.schedule import SCHEDULE
from monitor.settings import load_settings
from monitor.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from monitor.jobs.job import Window
    from monitor.jobs.lease import Lease
    from monitor.settings import Settings

__all__ = ["RUNNER", "by_the_wall", "main", "replay"]

log = logging.getLogger(__name__)

RUNNER = "runner"
"""The lease of whoever runs the schedule; a job's own is `job-<name>`."""
STORE_PATIENCE_S = 60
RETRY = timedelta(minutes=1)
"""A run that could not even be written down is tried again after this."""
LOOK_S = 5.0
"""How often the lease is looked at, by its holder and by who waits for it."""


def by_the_wall(settings: Settings, schedule: Sequence[Job] = SCHEDULE) -> None:
    """Run the schedule until the process is asked to stop; a run in progress is finished first."""
    stopping = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stopping.set())
    runner = lease(settings, RUNNER)
    _say(f"{len(schedule)} jobs")
    while not stopping.is_set():
        if not _wait_for(runner, stopping):
            break
        try:
            with listening(settings):
                _serve(settings, schedule, runner, stopping)
        finally:
            runner.release()


def _wait_for(runner: Lease, stopping: threading.Event) -> bool:
    """Wait until this process is the one that runs the jobs; False when it is to stop."""
    told = False
    while not stopping.is_set():
        try:
            if runner.take():
                return True
            if not told:
                _say(f"{runner.holder() or 'another process'} runs the jobs; waiting")
                told = True
        except StoreUnavailableError:
            log.warning("no store to hold the lease in")
        stopping.wait(LOOK_S)
    return False


def _serve(
    settings: Settings, schedule: Sequence[Job], runner: Lease, stopping: threading.Event
) -> None:
    """Run the jobs as they fall due, while this process is the one to do so."""
    store = Store(settings.store)
    scheduler = BackgroundScheduler(
        timezone="UTC",
        jobstores={"default": StoredRuns(schedule, last_ends(store), utcnow())},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        executors={"default": {"type": "threadpool", "max_workers": 1}},
    )
    over = threading.Event()
    ticks = _Ticks(settings, store, scheduler, over)
    for place, job in enumerate(schedule):
        scheduler.add_job(partial(ticks.run, job), trigger_of(job, place), id=job.name)
    scheduler.start()
    try:
        while not stopping.wait(LOOK_S):
            if not _still(runner):
                _say("another process runs the jobs now")
                break
    finally:
        over.set()
        scheduler.shutdown(wait=True)
        store.close()


def _still(runner: Lease) -> bool:
    """Whether the lease is ours; a store that does not say keeps it, until the claim lapses there."""
    try:
        return runner.held()
    except Exception:
        log.exception("lease could not be looked at")
        return True


class _Ticks:
    """What happens when a job is due."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        scheduler: BackgroundScheduler,
        over: threading.Event,
    ) -> None:
        self._settings, self._store, self._scheduler, self._over = settings, store, scheduler, over

    def run(self, job: Job) -> None:
        """One run by the wall clock; a store that is away is logged, and tried again soon."""
        if self._over.is_set():  # it was queued behind the last one
            return
        try:
            with holding(lease(self._settings, f"job-{job.name}", settle_s=0)) as free:
                if not free:
                    raise RuntimeError("another process is running it")  # noqa: TRY301 - as any other hindrance
                window = window_of(self._store, job, utcnow())
                watch = threading.Timer(
                    job.deadline.total_seconds(), _start_anew, (job, self._settings, window)
                )
                watch.daemon = True
                watch.start()
                try:
                    run_job(job, self._store, self._settings, window)
                finally:
                    watch.cancel()
        except Exception:
            log.exception("run did not begin, or could not be written down; tried again soon",
                          extra={"job": job.name})  # fmt: skip
            soon = utcnow() + min(RETRY, job.every)
            self._scheduler.modify_job(job.name, next_run_time=soon)


def _start_anew(job: Job, settings: Settings, window: Window) -> NoReturn:
    """Leave a run that hangs behind: write it down, and become a fresh process with the same arguments."""
    _say(f"{job.name} did not end within {job.deadline}; starting anew")
    try:
        give_up(job, Store(settings.store, timeout_s=10), window)
    except Exception:
        log.exception("run could not be written down", extra={"job": job.name})
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - this very program


def replay(settings: Settings, times: Iterable[str], schedule: Sequence[Job] = SCHEDULE) -> None:
    """Move the clock from line to line and run what fell due; see the module's docstring."""
    store = Store(settings.store)
    triggers = {job.name: trigger_of(job) for job in schedule}
    next_run: dict[str, datetime] = {}
    for line in times:
        now = parse_time(line.strip())
        runs = []
        for job in schedule:
            if next_run.get(job.name, now) <= now:
                runs.append(run_job(job, store, settings, window_of(store, job, now)))
                next_run[job.name] = triggers[job.name].get_next_fire_time(now, now)
        done = {
            run.job: {
                "outcome": run.outcome,
                "counts": run.counts,
                "error": run.error,
                "duration_ms": run.duration_ms,
            }
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


def _say(words: str) -> None:
    sys.stdout.write(f"scheduler: {words}\n")
    sys.stdout.flush()


def main(*, replayed: bool = False) -> None:
    """Entry point of the process."""
    settings = load_settings()
    wait_for_store(settings)
    if replayed:
        replay(settings, sys.stdin)
    else:
        by_the_wall(settings)
