"""Engine, journal and account with a real judge, the real client and an endpoint that keeps its own books."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from judge_server import JudgeServer
from judged_process import begin, ended

from judges.running.budget import Account, Spend
from judges.running.journal import Journal
from judges.running.money import nano

pytestmark = pytest.mark.integration

STARTED: list[subprocess.Popen[str]] = []
COUNTED = ("429", "500", "badjson", "fenced", "truncated", "empty", "refusal", "prose", "nochoice")
"""Faults after which everybody knows what was billed."""


def faulty(names: tuple[str, ...]) -> Callable[[int, Any], str]:
    """Every seventh request goes wrong, in one way after the other."""
    return lambda number, _: names[number // 7 % len(names)] if number % 7 == 3 else ""


@pytest.fixture
def server() -> Iterator[JudgeServer]:
    """An endpoint that takes a moment."""
    with JudgeServer(latency_s=0.02, retry_after_s=0.05) as made:
        yield made


@pytest.fixture(autouse=True)
def _none_stays() -> Iterator[None]:
    """A test that fails leaves no process behind."""
    yield
    for process in STARTED:
        if process.poll() is None:
            process.kill()
            process.communicate()
    STARTED.clear()


def start(folder: Path, server: JudgeServer, **told: Any) -> subprocess.Popen[str]:
    """A run in a process of its own."""
    settings = {
        "journal": f"{folder / 'judging.sqlite'}", "account": f"{folder / 'unused'}", "run_id": "r",
        "base_url": server.base_url, "concurrency": 8, **told,
    }  # fmt: skip
    process = begin(folder, settings)
    STARTED.append(process)
    return process


def wait_for(server: JudgeServer, billed: int) -> None:
    """Until the endpoint has billed so many requests."""
    until = time.monotonic() + 60
    while server.account.billed < billed:
        assert time.monotonic() < until, "the run does not get on"
        time.sleep(0.005)


def booked(folder: Path) -> Spend:
    """What our books say."""
    with Journal(folder / "judging.sqlite") as journal:
        return Account(journal, "r").spent()


def test_our_books_are_the_endpoints_books(server: JudgeServer, tmp_path: Path):
    """Whatever goes wrong: every sample ends with one verdict or failure, and every cent is in both books."""
    server.fault = faulty(COUNTED)
    told = ended(start(tmp_path, server, number=90))
    assert len(set(told["judged"])) == len(told["judged"]) == 90
    assert 0 < told["failed"] < 30
    assert nano(told["settled_usd"]) == nano(server.account.usd) > 0
    assert booked(tmp_path) == Spend(told["settled_usd"], 0.0, 0.0)
    before = server.account.requests
    again = ended(start(tmp_path, server, number=90))
    assert (again["resumed"], again["judged"]) == (90, told["judged"])
    assert server.account.requests == before


def test_answers_that_never_came_are_booked_as_the_most(server: JudgeServer, tmp_path: Path):
    """A connection that breaks and a reply without usage may have cost something: never less than the bill."""
    server.fault = faulty(("drop", "nousage"))
    told = ended(start(tmp_path, server, number=60))
    assert len(told["judged"]) == 60
    assert told["settled_usd"] >= server.account.usd > 0


def test_killed_in_the_middle_the_bill_lies_within_our_books(server: JudgeServer, tmp_path: Path):
    """Twice killed: what it is resumed with is not asked again, and no reply that had come is paid twice."""
    server.fault = faulty(COUNTED)
    for kill in (1, 2):
        process = start(tmp_path, server, number=100)
        wait_for(server, 30 * kill)
        process.kill()
        process.communicate()
        spent = booked(tmp_path)
        assert spent.held_usd == 0.0
        bill = nano(server.account.usd)
        assert nano(spent.settled_usd) <= bill <= nano(spent.booked_usd)
    told = ended(start(tmp_path, server, number=100))
    assert len(set(told["judged"])) == len(told["judged"]) == 100
    assert told["resumed"] >= 30
    spent = booked(tmp_path)
    assert nano(spent.settled_usd) <= nano(server.account.usd) <= nano(spent.booked_usd)


def test_a_budget_holds_against_the_endpoints_books(server: JudgeServer, tmp_path: Path):
    """A kill, faults and a limit: the endpoint never takes more than was allowed."""
    server.fault = faulty((*COUNTED, "drop", "nousage"))
    process = start(tmp_path, server, number=400, run_usd=0.08)
    wait_for(server, 25)
    process.kill()
    process.communicate()
    told = ended(start(tmp_path, server, number=400, run_usd=0.08))
    assert told["stopped"] == "budget"
    assert server.account.usd <= booked(tmp_path).booked_usd <= 0.08


def test_a_deadline_ends_the_waiting_for_an_endpoint_that_only_refuses(
    server: JudgeServer, tmp_path: Path
):
    """An endpoint may refuse for ten minutes; a run that has half a second asks no longer than that."""
    server.fault = lambda *_: "429"
    told = ended(start(tmp_path, server, number=20, deadline_s=0.5))
    assert told["stopped"] == "deadline"
    assert told["failed"] == len(told["judged"]) < 20
    assert told["settled_usd"] == server.account.usd == 0
