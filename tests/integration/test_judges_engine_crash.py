"""The engine in processes of its own: killed in the middle, side by side, on a disk that is full."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from judged_process import CENT, MOST, begin, calls, cost_of, ended

from judges.asking.replies import StoredReply
from judges.running.books import Asked
from judges.running.budget import Account, Claim, Limits, Spend
from judges.running.journal import Journal, JournalError, RunningError
from judges.running.money import nano
from judges.statistics.sampling import uniform

pytestmark = pytest.mark.integration

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Place:
    """A folder with a journal, and the service's own books."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = folder / "judging.sqlite"
        self.books = folder / "account"
        self.started: list[subprocess.Popen[str]] = []

    def start(self, run_id: str = "r", **told: Any) -> subprocess.Popen[str]:
        """Begin a run in a process of its own."""
        settings = {
            "journal": f"{self.journal}",
            "account": f"{self.books}",
            "run_id": run_id,
            **told,
        }
        process = begin(self.folder, settings)
        self.started.append(process)
        return process

    def run(self, run_id: str = "r", **told: Any) -> dict[str, Any]:
        """A run from beginning to end."""
        return ended(self.start(run_id, **told))

    def charged(self) -> list[str]:
        """Every sample that the service was asked about, as often as it was."""
        if not self.books.exists():
            return []
        return [line.split()[0] for line in self.books.read_text("ascii").splitlines()]

    def bill(self) -> int:
        """What the service wants to be paid, in nano-USD."""
        return sum(cost_of(one) for one in self.charged())

    def spent(self, run_id: str = "r") -> Spend:
        """What our books say of the run."""
        with Journal(self.journal) as journal:
            return Account(journal, run_id).spent()

    def spent_on(self, day: str = "2026-03-01", service: str | None = None) -> Spend:
        """And of a day."""
        with Journal(self.journal) as journal:
            return Account(journal, "r").spent_on(day, service)

    def wait_for(self, requests: int) -> None:
        """Until the service has had so many requests."""
        until = time.monotonic() + 60
        while len(self.charged()) < requests:
            assert time.monotonic() < until, "the run does not get on"
            time.sleep(0.002)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """An empty folder; no process stays behind."""
    made = Place(tmp_path)
    yield made
    for process in made.started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def in_order(number: int) -> list[str]:
    """Samples in the order of work."""
    ordered = sorted(calls(number), key=lambda one: uniform(one.key, "outerloop"))
    return [one.trace_id for one in ordered]


def test_a_killed_run_goes_on_and_pays_nothing_twice_but_what_was_under_way(place: Place):
    """Killed again and again in the middle; the service's own bill lies within our books to the cent."""
    concurrency, number, kills = 8, 300, 3
    for kill in range(1, kills + 1):
        process = place.start(number=number, concurrency=concurrency)
        place.wait_for(60 * kill)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        spent = place.spent()
        assert spent.held_usd == 0.0
        assert nano(spent.settled_usd) <= place.bill() <= nano(spent.settled_usd + spent.lost_usd)
        assert spent.lost_usd <= kill * concurrency * MOST
    result = place.run(number=number, concurrency=concurrency)
    assert result["judged"] == in_order(number)
    assert result["resumed"] >= 60 * kills - kills * concurrency
    asked = Counter(place.charged())
    assert sorted(asked, key=int) == [f"{n}" for n in range(number)]
    twice = sum(asked.values()) - number
    assert twice <= kills * concurrency
    spent = place.spent()
    assert nano(spent.settled_usd) == sum(cost_of(one) for one in asked)
    again = sum(cost_of(one) * (times - 1) for one, times in asked.items())
    assert place.bill() == nano(spent.settled_usd) + again
    assert again <= nano(spent.lost_usd) <= kills * concurrency * nano(MOST)
    assert place.run(number=number)["resumed"] == number
    assert len(place.charged()) == number + twice


@pytest.mark.parametrize("kill_after", [1, 9, 40])
def test_a_killed_run_keeps_within_its_budget(place: Place, kill_after: int):
    """What the kill took stays booked: the service is never owed more than the limit."""
    process = place.start(number=300, run_usd=1.5)
    place.wait_for(kill_after)
    process.kill()
    process.communicate()
    result = place.run(number=300, run_usd=1.5)
    assert result["stopped"] == "budget"
    assert 1.5 - MOST < place.spent().booked_usd <= 1.5
    assert place.bill() <= nano(1.5)
    judged = len(result["judged"])
    assert result["judged"] == in_order(300)[:judged]
    more = place.run(number=300, run_usd=99)
    assert (len(more["judged"]), more["stopped"]) == (300, "")


@pytest.mark.parametrize("limit", ["day_usd", "service_day_usd"])
def test_processes_share_the_budget_of_a_day(place: Place, limit: str):
    """Four at once, one of them killed: together they spend what is allowed, and not a cent more."""
    allowed = {"day_usd": 3.0} if limit == "day_usd" else {"service_day_usd": {"shop": 3.0}}
    running = [place.start(f"run {n}", first=1000 * n, number=400, **allowed) for n in range(4)]
    place.wait_for(20)
    running[0].kill()
    running[0].communicate()
    results = [ended(process) for process in running[1:]]
    assert [one["stopped"] for one in results] == ["budget"] * 3
    spent = place.spent_on()
    assert 3.0 - MOST < spent.booked_usd <= 3.0
    assert place.spent_on(service="shop") == spent
    assert nano(spent.settled_usd) <= place.bill() <= nano(spent.booked_usd) <= nano(3.0)
    tomorrow = place.run("run 5", first=9000, number=20, now="2026-03-02T00:00:00+00:00", **allowed)
    assert len(tomorrow["judged"]) == 20


def test_a_run_of_a_living_process_is_refused_and_of_a_dead_one_taken_over(place: Place):
    """The kernel knows who lives; a process id that is used again does not matter."""
    process = place.start(latency_s=20)
    place.wait_for(8)
    with Journal(place.journal) as journal:
        account = Account(journal, "r")
        with pytest.raises(RunningError, match=f"in process {process.pid}"):
            journal.open_run("r", account.holder, "")
        assert account.spent() == Spend(0.0, 0.0, 8 * MOST)
        process.kill()
        process.communicate()
        assert account.spent() == Spend(0.0, 8 * MOST, 0.0)
        journal.open_run("r", account.holder, "")
        account.close()


def test_an_interrupted_process_keeps_what_is_finished(place: Place):
    """Ctrl-C: what was answered is settled, what was under way is lost, nobody hangs."""
    process = place.start(number=300)
    place.wait_for(50)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in errors
    spent = place.spent()
    assert spent.held_usd == 0.0
    assert 0 < spent.lost_usd <= 8 * MOST
    assert nano(spent.settled_usd) <= place.bill() <= nano(spent.booked_usd)
    assert len(place.run(number=300)["judged"]) == 300


def test_a_full_disk_ends_the_run_and_loses_no_verdict(place: Place):
    """Nothing is asked whose books cannot be kept; with room again the run goes on."""
    process = place.start(number=2000, latency_s=0, concurrency=8, file_bytes=150_000)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "JournalError" in errors.strip().splitlines()[-1]
    assert "make room on the disk" in errors
    spent = place.spent()
    assert 10 < len(place.charged()) < 2000
    assert nano(spent.settled_usd) <= place.bill() <= nano(spent.booked_usd)
    assert len(place.run(number=2000, latency_s=0)["judged"]) == 2000


def test_a_journal_that_may_not_be_written_is_refused_before_anything_is_asked():
    """Read only, for this user: one line that says so."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        Journal(place.journal).close()
        place.books.touch()
        for path, mode in ((place.journal, 0o444), (place.books, 0o666), (place.folder, 0o555)):
            path.chmod(mode)
        process = place.start(**({"user": 65534} if os.getuid() == 0 else {}))
        _, errors = process.communicate(timeout=60)
        place.folder.chmod(0o755)
        assert process.returncode == 1
        assert "JournalError: the judging journal" in errors.strip().splitlines()[-1]
        assert place.charged() == []


def in_child(journal: Journal, account: Account, answers: Any) -> None:
    """What a forked process does with what it inherited."""
    try:
        journal.put("child", StoredReply("text"))
        [hold] = account.turn((), [Claim(Asked("j", "v", "child"), CENT)]).holds
        answers.put((hold.holder, account.spent().held_usd))
        time.sleep(60)
    except JournalError as error:
        answers.put(str(error))


def test_a_forked_process_uses_a_connection_of_its_own(place: Place):
    """It shares the budget, its death is not its parent's, and the file stays whole."""
    fork = multiprocessing.get_context("fork")
    answers = fork.Queue()
    with Journal(place.journal) as journal:
        account = Account(journal, "r", Limits(1.0))
        [mine] = account.turn((), [Claim(Asked("j", "v", "parent"), CENT)]).holds
        child = fork.Process(target=in_child, args=(journal, account, answers))
        child.start()
        holder, held_usd = answers.get(timeout=60)
        assert holder != mine.holder
        assert held_usd == 0.02
        assert account.spent() == Spend(0.0, 0.0, 0.02)
        child.kill()
        child.join()
        assert account.spent() == Spend(0.0, 0.01, 0.01)
        account.settle(mine, CENT)
        assert journal.get("child") == StoredReply("text")
        account.close()
    with Journal(place.journal) as journal:
        assert Account(journal, "r").spent() == Spend(0.01, 0.01, 0.0)


def test_a_journal_in_memory_is_not_shared_by_a_fork():
    """Two copies of one budget would be two budgets."""
    fork = multiprocessing.get_context("fork")
    answers = fork.Queue()
    with Journal(None) as journal:
        account = Account(limits=Limits(1.0))
        child = fork.Process(target=in_child, args=(journal, account, answers))
        child.start()
        assert "in the memory of the process that forked" in answers.get(timeout=60)
        child.join()
