"""One hour's cycle of all drift and quality jobs on eight weeks of history, in seconds and MiB.

    python -m benchmarks.cycle                       # 100,000 calls a day for 56 days: some minutes to fill
    python -m benchmarks.cycle --days 14 --calls-per-day 20000

Fills an embedded store of its own by `INSERT … SELECT`; lets the jobs learn their baselines by running every
`--warm-hours` over the last days, their windows as if a scheduler had run all the time; then runs one hour's cycle of
the schedule, job by job, and prints what each took. Memory is that of the store's process and of this one (which runs
the jobs), at their peak within the cycle. Jobs that need a model (embed, judge, anchors) are left out. Exits 1 above
60 s or 1.5 GiB.
"""

from __future__ import annotations

import argparse
import logging
import sys
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from benchmarks.embedded import embedded
from monitor.jobs.due import window_of
from monitor.jobs.job import run_job
from monitor.jobs.schedule import SCHEDULE
from monitor.records import JobRun
from monitor.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from monitor.store import Store

START = datetime(2024, 3, 4, tzinfo=UTC)
LEFT_OUT = ("embed", "judge", "anchors", "descriptors")
TARGET_S, TARGET_MIB = 60.0, 1536.0
HERE = Path(__file__).parent / "cycle_sql"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one job took."""

    run: JobRun
    seconds: float
    jobs_mib: float
    store_mib: float


def main() -> None:
    """Fill, warm up, run one hour, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--days", type=int, default=56)
    parser.add_argument("--calls-per-day", type=int, default=100_000)
    parser.add_argument("--warm-hours", type=int, default=24, help="between warming runs")
    parser.add_argument("--warm-days", type=int, default=2)
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    end = START + timedelta(days=given.days)
    with embedded() as server:
        store = server.database("cycle")
        settings = load_settings(store_url=store.url, data_dir=server.folder / "data")
        began = time.perf_counter()
        for day in range(given.days):
            _fill(store, START + timedelta(days=day), given.calls_per_day)
            sys.stderr.write(f"\rfilling: day {day + 1} of {given.days} ")
        calls, scores = (
            store.client.query(f"SELECT count() FROM {table}").result_rows[0][0]
            for table in ("calls", "scores")
        )
        sys.stderr.write("\n")
        print(
            f"{calls:,} calls and {scores:,} scores of {given.days} days, filled in {time.perf_counter() - began:.0f} s"
        )
        now = end - timedelta(days=given.warm_days)
        _pretend(store, now - timedelta(hours=1))
        while now < end - timedelta(hours=1):
            costs = list(_cycle(store, settings, server.pid, now))
            _tell(f"warming at {now:%d %b %H:%M}", costs)
            now += timedelta(hours=given.warm_hours)
        for at in (end - timedelta(hours=1), end):
            costs = list(_cycle(store, settings, server.pid, at))
            _tell(f"cycle of the hour before {at:%d %b %H:%M}", costs)
    seconds = sum(one.seconds for one in costs)
    peak = max(one.jobs_mib + one.store_mib for one in costs)
    failed = [one.run.job for one in costs if one.run.outcome == "failed"]
    print(
        f"hour's cycle {seconds:.1f} s (target {TARGET_S:.0f}), peak {peak:.0f} MiB (target {TARGET_MIB:.0f})"
    )
    sys.exit(1 if seconds > TARGET_S or peak > TARGET_MIB or failed else 0)


def _fill(store: Store, day: datetime, calls: int) -> None:
    """One day of two services, and what a judge and users said of them."""
    for name in ("calls", "scores"):
        store.client.raw_query(
            (HERE / f"{name}.sql").read_text("utf-8"),
            parameters={"day": day.strftime("%Y-%m-%d %H:%M:%S"), "calls": calls},
        )


def _pretend(store: Store, until: datetime) -> None:
    """The history was looked at as it came: every job has a good run, so that its next window is an hour's."""
    rows = [
        JobRun(until, until, f"before-{job.name}", job.name, START, until, "ok", 0.0)
        for job in SCHEDULE
    ]
    store.append("job_runs", rows)


def _cycle(store: Store, settings: object, server: int, now: datetime) -> Iterator[Cost]:
    for job in SCHEDULE:
        if job.name not in LEFT_OUT:
            with _Peak(server) as peak:
                began = time.perf_counter()
                done = run_job(job, store, settings, window_of(store, job, now))  # type: ignore[arg-type]
                took = time.perf_counter() - began
            yield Cost(done, took, peak.jobs_mib, peak.store_mib)


class _Peak:
    """Highest resident memory of this process and of the store within a block."""

    def __init__(self, server: int) -> None:
        self._watched = (psutil.Process(), psutil.Process(server))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.jobs_mib = self.store_mib = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            jobs, store = (one.memory_info().rss / 2**20 for one in self._watched)
            self.jobs_mib, self.store_mib = max(self.jobs_mib, jobs), max(self.store_mib, store)
            if self._over.wait(0.02):
                return


def _tell(title: str, costs: list[Cost]) -> None:
    print(f"\n{title}: {sum(one.seconds for one in costs):.1f} s")
    for one in costs:
        counts = " ".join(f"{name}={count}" for name, count in one.run.counts.items())
        memory = f"jobs {one.jobs_mib:>5.0f} MiB  store {one.store_mib:>5.0f} MiB"
        told = f"{one.run.outcome:<7} {counts}{one.run.error[:150]}"
        print(f"  {one.run.job:<11} {one.seconds:>7.2f} s  {memory}  {told}")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
