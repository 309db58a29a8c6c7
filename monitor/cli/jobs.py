"""Jobs by hand: what there is and how it went, and one run now."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import datetime

import click

from monitor.cli.root import Time, cli, document, json_option
from monitor.clock import rfc3339, utcnow
from monitor.exceptions import NotFoundError
from monitor.settings import load_settings
from monitor.store import Store


@dataclass(frozen=True, slots=True)
class LastRun:
    """The latest run of one job."""

    job: str
    window_end: datetime
    outcome: str
    duration_ms: float
    counts: dict[str, int]
    error: str


@cli.command(epilog="Example: outerloop jobs")
@json_option
def jobs(as_json: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """List the jobs with their schedule and last run."""
    from monitor.jobs.schedule import SCHEDULE  # noqa: PLC0415 - a second of imports that other commands do not need

    settings = load_settings()
    last = {run.job: run for run in Store(settings.store).read("last_runs", LastRun)}
    rows = [
        {
            "job": job.name,
            "every_s": job.every.total_seconds(),
            "missing": job.missing(settings),
            "last": last.get(job.name),
        }
        for job in SCHEDULE
    ]
    if as_json:
        document(rows)
        return
    for job in SCHEDULE:
        run = last.get(job.name)
        told = (
            f"{run.outcome} at {rfc3339(run.window_end)} in {run.duration_ms:.0f} ms"
            if run
            else "never run"
        )
        counts = " ".join(f"{name}={count}" for name, count in run.counts.items()) if run else ""
        click.echo(
            f"{job.name:<10} every {job.every!s:<8} {told} {counts} {run.error if run else job.missing(settings) or ''}"
        )


@cli.command(epilog="Example: outerloop run temporal --since 2024-01-01 --until 2024-01-02")
@click.argument("job")
@click.option("--since", type=Time(), help="default: where the last good run ended")
@click.option("--until", type=Time(), help="default: now")
@json_option
def run(job: str, since: datetime | None, until: datetime | None, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """Run one job now and print what it counted."""
    from monitor.jobs.job import Window, run_job  # noqa: PLC0415 - see above
    from monitor.jobs.schedule import SCHEDULE, job_named  # noqa: PLC0415 - see above
    from monitor.scheduler import window_of  # noqa: PLC0415 - see above

    settings = load_settings()
    found = job_named(job)
    if found is None:
        raise NotFoundError(
            f"there is no job {job!r}; there are {', '.join(one.name for one in SCHEDULE)}"
        )
    store = Store(settings.store)
    window = window_of(store, found, until or utcnow())
    if since is not None:
        window = Window(since, window.until)
    row = run_job(found, store, settings, window)
    if as_json:
        document(row)
    else:
        counts = " ".join(f"{name}={count}" for name, count in row.counts.items())
        click.echo(f"{row.job}: {row.outcome} in {row.duration_ms:.0f} ms {counts}{row.error}")
    if row.outcome == "failed":
        sys.exit(1)
