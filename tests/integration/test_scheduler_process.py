"""The scheduler as a process: killed, stopped, hanging, and beside a second one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.clock import utcnow
from monitor.jobs.due import CATCH_UP, window_of
from monitor.jobs.job import Job, Window, run_job
from monitor.jobs.lease import FOLDER, FileLease, StoreLease, holding
from monitor.scheduler import RUNNER
from monitor.settings import Settings, load_settings
from monitor.store import Store

pytestmark = pytest.mark.integration
PATIENCE_S = 30
JOBS = '''
import sys, time
from datetime import timedelta
from pathlib import Path
from monitor.jobs.job import Job
from monitor.records import ScoreRow
from monitor.scheduler import by_the_wall
from monitor.settings import load_settings

FOLDER = Path(sys.argv[1])


def slow(store, settings, window):
    """Writes half of its work, waits while `hold` is there, writes the other half."""
    work(store, window, "first")
    (FOLDER / "begun").touch()
    while (FOLDER / "hold").exists():
        time.sleep(0.05)
    work(store, window, "second")
    return {"rows": 2}


def work(store, window, part):
    at = window.until
    store.append("scores", [ScoreRow(at, f"once-{part}", "call", "t", "s", "", "svc", part, "check", 1.0, "", "", "",
                                     "test", at)])


def quick(store, settings, window):
    return {"ran": 1}


by_the_wall(load_settings(), (
    Job("slow", timedelta(hours=1), slow, deadline=timedelta(seconds=float(sys.argv[2]))),
    Job("quick", timedelta(hours=1), quick),
))
'''


@dataclass
class Runner:
    """Starts schedulers of two jobs on one data directory and one database."""

    folder: Path
    store: Store
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *, deadline_s: float = 60, **environment: str) -> subprocess.Popen[str]:
        """One more scheduler."""
        script = self.folder / "jobs.py"
        script.write_text(JOBS)
        with (self.folder / f"said{len(self.processes)}").open("w") as said:
            process = subprocess.Popen(
                [sys.executable, str(script), str(self.folder), str(deadline_s)],
                env={**os.environ, **environment},
                text=True,
                stdout=said,
            )
        self.processes.append(process)
        return process

    def said(self, number: int) -> str:
        """What a scheduler has printed."""
        return (self.folder / f"said{number}").read_text()

    def runs(self) -> list[tuple[str, str]]:
        """(job, outcome) of every run, in order."""
        text = "SELECT job, outcome FROM job_runs ORDER BY finished_at, job"
        return [tuple(row) for row in self.store.client.query(text).result_rows]

    def scores(self) -> list[str]:
        """Names of the scores that `slow` has written."""
        text = "SELECT name FROM scores FINAL ORDER BY name"
        return [row[0] for row in self.store.client.query(text).result_rows]


@pytest.fixture
def runner(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runner]:
    """Schedulers of an embedded store: its address is a port of this machine and a database."""
    base, _, database = store.url.rpartition("/")
    monkeypatch.setenv("OUTERLOOP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("OUTERLOOP_STORE_PORT", base.rpartition(":")[2])
    monkeypatch.setenv("OUTERLOOP_DATABASE", database)
    one = Runner(tmp_path, store)
    yield one
    for process in one.processes:
        if process.poll() is None:
            process.kill()
        process.wait()


def until(true: Callable[[], object]) -> None:
    """Wait until it is true."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.05)


def test_a_run_that_was_killed_is_repeated_and_nothing_is_doubled(runner: Runner) -> None:
    """A kill -9 in the middle of a run: the next scheduler runs it again at once, and what it wrote stays once."""
    (runner.folder / "hold").touch()
    first = runner.start()
    until((runner.folder / "begun").exists)
    first.kill()
    first.wait()
    assert runner.runs() == []
    (runner.folder / "hold").unlink()
    runner.start()
    until(lambda: len(runner.runs()) == 2)
    assert runner.runs() == [("slow", "ok"), ("quick", "ok")]
    assert runner.scores() == ["first", "second"]


def test_a_scheduler_that_starts_again_runs_nothing_twice(runner: Runner) -> None:
    """Jobs that ran within their period wait for their next time, whoever ran them."""
    first = runner.start()
    until(lambda: len(runner.runs()) == 2)
    first.terminate()
    assert first.wait(PATIENCE_S) == 0
    runner.start()
    until(lambda: "2 jobs" in runner.said(1))
    time.sleep(1.5)
    assert len(runner.runs()) == 2


def test_sigterm_lets_the_run_in_progress_end_and_begins_no_other(runner: Runner) -> None:
    """The run is written down as good, the job that waited behind it is left for the next start."""
    (runner.folder / "hold").touch()
    process = runner.start()
    until((runner.folder / "begun").exists)
    process.terminate()
    time.sleep(0.3)
    assert process.poll() is None
    (runner.folder / "hold").unlink()
    assert process.wait(PATIENCE_S) == 0
    assert runner.runs() == [("slow", "ok")]


def test_a_run_that_hangs_is_given_up_and_said_and_the_others_go_on(runner: Runner) -> None:
    """Past its deadline the run is a failed row with the reason; the same process id starts anew and runs the rest."""
    (runner.folder / "hold").touch()
    process = runner.start(deadline_s=1)
    until(lambda: len(runner.runs()) == 2)
    assert runner.runs() == [("slow", "failed"), ("quick", "ok")]
    text = "SELECT error FROM job_runs WHERE outcome = 'failed'"
    [[error]] = runner.store.client.query(text).result_rows
    assert "did not end within 0:00:01" in error
    assert process.poll() is None


def test_a_second_scheduler_waits_and_takes_over(runner: Runner) -> None:
    """While one runs the jobs another says who does, and goes on when the first is gone."""
    first = runner.start()
    until(lambda: len(runner.runs()) == 2)
    second = runner.start()
    until(lambda: f"process {first.pid} runs the jobs; waiting" in runner.said(1))
    first.kill()
    first.wait()
    folder = runner.folder / "data" / FOLDER
    until(lambda: FileLease(folder, RUNNER).holder() == f"process {second.pid}")
    assert len(runner.runs()) == 2


def test_a_job_is_not_run_by_hand_while_it_runs(runner: Runner) -> None:
    """`outerloop run` ends with 1 and names the process that is at it."""
    with holding(FileLease(runner.folder / "data" / FOLDER, "job-rates")) as free:
        assert free
        done = by_hand("run", "rates")
    assert done.returncode == 1
    assert f"process {os.getpid()} is running rates" in done.stderr
    assert by_hand("run", "rates").returncode == 0


@pytest.mark.parametrize(
    "arguments", [("--until", "2199-01-01"), ("--since", "2024-01-02", "--until", "2024-01-01")]
)
def test_a_window_that_cannot_be_is_refused(runner: Runner, arguments: tuple[str, ...]) -> None:
    """A window in the future, or one that ends before it begins, is wrong use."""
    done = by_hand("run", "rates", *arguments)
    assert done.returncode == 2
    assert arguments[0] in done.stderr


def by_hand(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line, ended."""
    return subprocess.run(
        [sys.executable, "-m", "monitor.cli", *arguments],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.fixture
def settings(store_url: str, tmp_path: Path) -> Settings:
    """Settings of a store that machines share."""
    return load_settings(store_url=store_url, data_dir=tmp_path / "data")


def test_a_shared_store_gives_a_lease_to_one(store: Store, store_url: str) -> None:
    """The first claim holds; a second gets it when the first is given back, a third when the second has lapsed."""
    one = StoreLease(store_url, "x", settle_s=0.1, ttl_s=60)
    two = StoreLease(store_url, "x", settle_s=0.1, ttl_s=60)
    assert one.take()
    assert one.held()
    assert not two.take()
    one.release()
    assert not one.held()
    assert two.take()
    assert two.holder().startswith(os.uname().nodename)
    lapsing = StoreLease(store_url, "x", settle_s=0, ttl_s=1)
    time.sleep(1.1)
    assert lapsing.take()
    two.release()
    lapsing.release()


def test_two_that_claim_at_once_leave_one_holder(store: Store, store_url: str) -> None:
    """Whoever comes second to the store, by the store's own clock, gives way."""
    import threading

    leases = [StoreLease(store_url, "y", settle_s=0.5, ttl_s=60) for _ in range(4)]
    taken: list[bool] = []
    threads = [threading.Thread(target=lambda one=one: taken.append(one.take())) for one in leases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 1
    assert sum(one.held() for one in leases) == 1
    for one in leases:
        one.release()


def test_missed_time_is_caught_up_in_one_bounded_window(store: Store, settings: Settings) -> None:
    """After months without a scheduler a job looks back `CATCH_UP`, not over everything."""
    job, now = Job("x", timedelta(hours=1), lambda *_: {}), utcnow()
    run_job(job, store, settings, Window(now - timedelta(days=91), now - timedelta(days=90)))
    assert window_of(store, job, now) == Window(now - CATCH_UP, now)


def test_a_run_for_the_past_looks_at_one_period(store: Store, settings: Settings) -> None:
    """A moment that later runs have passed gets a window before it, not one that ends before it begins."""
    job, now = Job("x", timedelta(hours=6), lambda *_: {}), utcnow()
    run_job(job, store, settings, Window(now - timedelta(days=1), now))
    past = now - timedelta(days=10)
    assert window_of(store, job, past) == Window(past - timedelta(hours=6), past)
