"""Jobs by hand: what there is and how it went, and one run now."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import click

from monitor.cli.root import Time, cli, document, json_option
from monitor.clock import rfc3339, utcnow
from monitor.exceptions import NotFoundError, OuterloopError
from monitor.settings import load_settings
from monitor.store import Store

if TYPE_CHECKING:
    from monitor.settings import Settings


@dataclass(frozen=True, slots=True)
class LastRun:
    """The latest run of one job."""

    job: str
    window_end: datetime
    outcome: str
    duration_ms: float
    counts: dict[str, int]
    error: str


@dataclass(frozen=True, slots=True)
class Planned:
    """One job of the schedule, as it stands."""

    job: str
    every_s: float
    deadline_s: float
    missing: str | None
    """What it lacks to run at all."""
    last: LastRun | None
    next_at: datetime
    """When a running scheduler starts it next; a time that is past when it is overdue."""


def planned(settings: Settings, now: datetime) -> list[Planned]:
    """Every job with its last run and its next one."""
    from monitor.jobs.due import next_run, trigger_of  # noqa: PLC0415 - a second of imports that other commands do not need
    from monitor.jobs.schedule import SCHEDULE  # noqa: PLC0415 - see above

    last = {run.job: run for run in Store(settings.store).read("last_runs", LastRun)}
    rows = []
    for place, job in enumerate(SCHEDULE):
        run = last.get(job.name)
        due = next_run(trigger_of(job, place), run.window_end if run else None, now, place=place)
        rows.append(
            Planned(
                job.name,
                job.every.total_seconds(),
                job.deadline.total_seconds(),
                job.missing(settings),
                run,
                due,
            )
        )
    return rows


@cli.command(epilog="Example: outerloop jobs")
@json_option
def jobs(as_json: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """List the jobs with their schedule, last run and next run, and who runs them."""
    from monitor.jobs.lease import lease  # noqa: PLC0415 - see above
    from monitor.scheduler import RUNNER  # noqa: PLC0415 - see above

    settings, now = load_settings(), utcnow()
    rows = planned(settings, now)
    if as_json:
        document(rows)
        return
    holder = lease(settings, RUNNER).holder()
    click.echo(f"run by {holder}" if holder else "no scheduler runs: outerloop scheduler")
    for row in rows:
        click.echo(_line(row, now))


def _line(row: Planned, now: datetime) -> str:
    run = row.last
    due = "now" if row.next_at <= now else f"{row.next_at:%H:%M:%S}"
    every = f"{row.every_s / 60:.0f} min" if row.every_s < 3600 else f"{row.every_s / 3600:g} h"
    if run is None:
        return (
            f"{row.job:<11} every {every:<7} next {due:<9} never run {row.missing or ''}".rstrip()
        )
    counts = " ".join(f"{name}={count}" for name, count in run.counts.items())
    told = f"{run.outcome} at {rfc3339(run.window_end)} in {run.duration_ms:.0f} ms"
    return f"{row.job:<11} every {every:<7} next {due:<9} {told} {counts} {run.error}".rstrip()


@cli.command(epilog="Example: outerloop run temporal --since 2024-01-01 --until 2024-01-02")
@click.argument("job")
@click.option("--since", type=Time(), help="default: where the last good run ended")
@click.option("--until", type=Time(), help="default: now")
@json_option
def run(job: str, since: datetime | None, until: datetime | None, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """Run one job now and print what it counted; refused while another process runs it."""
    from monitor.jobs.due import window_of  # noqa: PLC0415 - see above
    from monitor.jobs.job import Window, run_job  # noqa: PLC0415 - see above
    from monitor.jobs.lease import holding, lease  # noqa: PLC0415 - see above
    from monitor.jobs.schedule import SCHEDULE, job_named  # noqa: PLC0415 - see above

    settings, now = load_settings(), utcnow()
    found = job_named(job)
    if found is None:
        raise NotFoundError(
            f"there is no job {job!r}; there are {', '.join(one.name for one in SCHEDULE)}"
        )
    if until is not None and until > now:
        raise click.BadParameter("lies in the future; leave it out for now", param_hint="--until")
    if since is not None and since >= (until or now):
        raise click.BadParameter("must lie before --until", param_hint="--since")
    store, mine = Store(settings.store), lease(settings, f"job-{found.name}")
    with holding(mine) as free:
        if not free:
            raise OuterloopError(
                f"{mine.holder() or 'another process'} is running {job}; try again when it has ended"
            )
        window = window_of(store, found, until or now)
        row = run_job(
            found, store, settings, window if since is None else Window(since, window.until)
        )
    if as_json:
        document(row)
    else:
        counts = " ".join(f"{name}={count}" for name, count in row.counts.items())
        click.echo(f"{row.job}: {row.outcome} in {row.duration_ms:.0f} ms {counts}{row.error}")
    if row.outcome == "failed":
        sys.exit(1)
