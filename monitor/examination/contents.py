"""What the store holds: schema, the ledger's balance, parts, senders' clocks, habits, incidents, jobs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import TYPE_CHECKING

from monitor.cli.jobs import LastRun
from monitor.clock import rfc3339
from monitor.examination.finding import fine, problem, warning
from monitor.figures import Figures, ask_collector
from monitor.incidents import incidents as all_incidents
from monitor.jobs.accounts import LOOK_BACK, Entry, imbalances
from monitor.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.examination.finding import Finding
    from monitor.settings import Settings

__all__ = ["clocks", "incidents", "jobs", "ledger", "parts", "prices", "schema", "silence"]

MANY_PARTS, TOO_MANY_PARTS = 300, 1_000
"""In one partition; ClickHouse slows inserts down at 1,000 and refuses them at 3,000."""
PRICED = timedelta(days=30)
AHEAD_S = 120
"""Clocks may differ by so much."""
LATE = 3
"""Periods after which a job that has not run is late."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A table's parts."""

    table_name: str
    parts: int
    most: int


@dataclass(frozen=True, slots=True)
class Ahead:
    """A sender whose clock is ahead."""

    service: str
    ahead_s: int
    count: int


def schema(settings: Settings, now: datetime) -> Iterator[Finding]:
    """The database has this version's schema."""
    del now
    applied = {row[0] for row in Store(settings.store).rows("migrations_applied")}
    folder = files("monitor.store.migrations")
    known = {file.name for file in folder.iterdir() if file.name.endswith(".sql")}
    if missing := sorted(known - applied):
        yield problem("schema", f"{', '.join(missing)} not applied", "outerloop migrate")
    elif newer := sorted(applied - known):
        told = f"the database has {', '.join(newer)}, which this version does not know"
        yield warning("schema", told, "upgrade Outerloop here; another part of it is newer")
    else:
        yield fine("schema", f"up to date ({len(known)} files)")


def ledger(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Accepted is stored and waiting and refused, and what else befell in the last day."""
    store = Store(settings.store)
    figures = ask_collector(settings)
    waiting = figures.value("waiting") if isinstance(figures, Figures) else None
    totals = {entry: int(count) for entry, count in store.rows("ledger_totals")}
    if not totals:
        yield fine("ledger", "nothing received yet by a collector of ours")
        return
    shown = [f"{totals.get(name, 0):,} {name}" for name in ("accepted", "stored", "refused")]
    told = f"{', '.join(shown)}, {'an unknown number' if waiting is None else f'{waiting:,.0f}'} waiting"
    off = imbalances(store, now)
    difference = sum(one.difference for one in off)
    if off and not waiting:
        minutes = f"{len(off):,} minutes of the last day do not balance, by {difference:+,} rows"
        mend = (
            "keep the data directory and report it"
            if waiting is not None
            else "start the collector: rows may wait in its log"
        )
        yield problem("ledger", f"{told}; {minutes}, the first at {rfc3339(off[0].minute)}", mend)
    else:
        yield fine("ledger", told if off else f"{told}: balanced")
    yield from _losses(store, now)


def _losses(store: Store, now: datetime) -> Iterator[Finding]:
    lost: dict[str, int] = {}
    for one in store.read("ledger_entries", Entry, since=now - LOOK_BACK, until=now + LOOK_BACK):
        what = f"{one.entry} ({one.reason})" if one.reason else one.entry
        lost[what] = lost.get(what, 0) + one.count
    if lost:
        told = ", ".join(f"{count:,} {what}" for what, count in sorted(lost.items()))
        yield warning(
            "losses", f"in the last day {told}", "see `outerloop incidents` for whom and why"
        )


def parts(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Inserts are large enough, and merges keep up."""
    del now
    found = Store(settings.store).read("parts_by_table", Parts)
    worst = max(found, key=lambda one: one.most, default=Parts("no table", 0, 0))
    told = f"{sum(one.parts for one in found):,} in all, at most {worst.most:,} in a partition ({worst.table_name})"
    mend = "write in larger batches (a stock Collector needs its batch processor), or give the store more CPU"
    if worst.most >= TOO_MANY_PARTS:
        yield problem("parts", told, mend)
    elif worst.most >= MANY_PARTS:
        yield warning("parts", told, mend)
    else:
        yield fine("parts", told)


def prices(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Every model that was used in the last month has a price, so that no cost is left out."""
    found = Store(settings.store).rows("models_without_price", since=now - PRICED)
    if not found:
        yield fine("prices", "every model that was used in the last 30 days has one")
        return
    names = ", ".join(
        f"{model or 'a model without a name'} ({calls:,} calls)" for model, calls, _ in found[:5]
    )
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    yield warning(
        "prices",
        f"none is known for {names}{more}; their cost is unknown, not 0",
        "add their prices (see docs), or let the sender tell the cost",
    )


def clocks(settings: Settings, now: datetime) -> Iterator[Finding]:
    """No sender writes times of the future."""
    found = Store(settings.store).read("rows_ahead", Ahead, now=now + timedelta(seconds=AHEAD_S))
    for one in found:
        ahead = timedelta(seconds=one.ahead_s + AHEAD_S)
        told = f"{one.count:,} rows of {one.service or 'a service without a name'} are up to {ahead} ahead of our time"
        yield warning("clocks", told, "let NTP set the clock of its machine, or of this one")
    if not found:
        yield fine("clocks", "no sender is ahead of our time")


def silence(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Of which services the habit of the week is known, so that their silence would be told."""
    from monitor.jobs.traffic import read_traffic  # noqa: PLC0415 - scipy takes a second that a broken store need not wait for

    traffic = read_traffic(Store(settings.store), now)
    new = [one.service for one in traffic if one.habit(now).status == "insufficient_data"]
    watched = f"{len(traffic) - len(new)} of {len(traffic)} services are watched"
    names = ", ".join(new[:5]) + (" …" if len(new) > 5 else "")
    yield fine(
        "silence",
        f"{watched}; two weeks of traffic are still to come of {names}" if new else watched,
    )


def incidents(settings: Settings, now: datetime) -> Iterator[Finding]:
    """What is wrong with the answers or the plumbing by the jobs' own finding."""
    del now
    standing = [one for one in all_incidents(Store(settings.store)) if one.state == "open"]
    if standing:
        titles = "; ".join(one.title for one in standing[:3])
        yield warning("incidents", f"{len(standing)} open: {titles}", "outerloop incidents")
    else:
        yield fine("incidents", "none open")


def jobs(settings: Settings, now: datetime) -> Iterator[Finding]:
    """The scheduler runs, and its jobs end well."""
    from monitor.jobs.schedule import SCHEDULE  # noqa: PLC0415 - see above

    last = {run.job: run for run in Store(settings.store).read("last_runs", LastRun)}
    failed = [
        last[job.name]
        for job in SCHEDULE
        if job.name in last and last[job.name].outcome == "failed"
    ]
    for run in failed:
        yield problem("jobs", f"{run.job} failed: {run.error[:200]}", f"outerloop run {run.job}")
    times = {name: run.window_end.replace(tzinfo=UTC) for name, run in last.items()}
    late = [
        job.name
        for job in SCHEDULE
        if job.name in times and now - times[job.name] > LATE * job.every
    ]
    never = [job.name for job in SCHEDULE if job.name not in last]
    if len(never) == len(SCHEDULE):
        yield warning("jobs", "none has ever run", "outerloop scheduler, or outerloop up")
    elif late or never:
        told = f"late: {', '.join(late) or 'none'}; never run: {', '.join(never) or 'none'}"
        yield warning("jobs", told, "start the scheduler: outerloop scheduler, or outerloop up")
    elif not failed:
        skipped = [job.name for job in SCHEDULE if last[job.name].outcome == "skipped"]
        off = f"; off: {', '.join(skipped)}" if skipped else ""
        yield fine(
            "jobs", f"all {len(SCHEDULE)} ran, the last at {rfc3339(max(times.values()))}{off}"
        )
