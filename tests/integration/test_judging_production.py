"""Judging in production: who is judged, at what price, and what is kept of it."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from judge_server import JudgeServer, material
from traffic import SERVICE, START, CallRow, extractions, send

from judges.asking.prices import price_of
from judges.statistics.sampling import hajek
from monitor.jobs.job import Window, run_job
from monitor.jobs.schedule import job_named
from monitor.judging.rows import FAILED, DrawRow
from monitor.judging.trust import judge_health
from monitor.records import JobRun, ScoreRow
from monitor.settings import Settings, load_settings
from monitor.store import Store

pytestmark = pytest.mark.integration
MODEL = "gpt-4o-mini"
DEFINITION = """
kind = "question"
question = "Is the due date right?"
services = ["extractor"]
"""
SCORES = """SELECT timestamp, score_id, target, trace_id, span_id, session_id, service, name, source, value, label,
    explanation, expected, author, observed_at, sampling_probability, cost_usd FROM scores FINAL"""


@pytest.fixture
def server() -> Iterator[JudgeServer]:
    """A judge that says no to every answer whose amount ends in 7, at the listed price of `MODEL`."""
    price = price_of(MODEL)
    assert price is not None
    with JudgeServer(models=(MODEL,), verdict=verdict) as one:
        one.usd_per_million = (price.input_usd, price.output_usd)
        yield one


def verdict(prompt: str, slot: str, options: list[str]) -> str:
    """By the answer alone."""
    return "no" if '7.0"' in material(prompt) or "7.0}" in material(prompt) else "yes"


@pytest.fixture
def settings(store_url: str, tmp_path: Path, server: JudgeServer) -> Settings:
    """Settings with one judge."""
    folder = tmp_path / "data" / "judges"
    folder.mkdir(parents=True)
    (folder / "right_date.toml").write_text(DEFINITION)
    return load_settings(
        store_url=store_url,
        data_dir=tmp_path / "data",
        judge_base_url=server.base_url,
        judge_models=[MODEL],
    )


def calls_of_a_day(number: int, *, seed: int) -> list[CallRow]:
    """Calls of the first day, each with a text of its own."""
    made = extractions(days=1, per_day=number, wrong_year=0, seed=seed)
    return [replace(one, input=f"{one.input}, asks {one.trace_id}") for one in made]


def judge(store: Store, settings: Settings, *, days: float) -> JobRun:
    """One run of the job up to so many days after the start."""
    job = job_named("judge")
    assert job is not None
    done = run_job(job, store, settings, Window(START, START + timedelta(days=days)))
    assert done.outcome == "ok", done.error
    return done


def scores(store: Store, source: str = "judge") -> list[ScoreRow]:
    """All scores of a source."""
    rows = store.client.query(SCORES).result_rows
    return [one for row in rows if (one := ScoreRow(*row)).source == source]


def draws(store: Store) -> list[DrawRow]:
    """All draws."""
    names = "timestamp, judge, service, release, prompt_version, trace_id, span_id, route, probability, drawn"
    return [DrawRow(*row) for row in store.client.query(f"SELECT {names} FROM draws").result_rows]


def check(call: CallRow, *, right: bool, told: timedelta = timedelta(0)) -> ScoreRow:
    """A structural check's word."""
    return ScoreRow(
        call.timestamp + told, f"check:{call.trace_id}", "call", call.trace_id, call.span_id, "", SERVICE,
        "json_schema", "check", float(right), "", "", "", "v1", call.timestamp,
    )  # fmt: skip


def test_every_drawn_call_gets_one_verdict_with_its_probability(
    store: Store, settings: Settings, server: JudgeServer
) -> None:
    """Draws cover all calls once, verdicts those that were drawn, and a second run adds and asks nothing."""
    send(store, calls_of_a_day(800, seed=1))
    done = judge(store, settings, days=1.1)
    drawn = {one.trace_id: one.probability for one in draws(store) if one.drawn}
    assert len(draws(store)) == 800
    assert 400 < len(drawn) < 700  # a day's worth, not the traffic
    assert {one.trace_id: one.sampling_probability for one in scores(store)} == drawn
    assert done.counts["judged"] == len(drawn) == server.account.billed
    asked = server.account.requests
    judge(store, settings, days=1.1)
    assert len(draws(store)) == 800
    assert server.account.requests == asked


def test_flagged_calls_are_seen_more_and_weigh_less(store: Store, settings: Settings) -> None:
    """Calls that failed a check are over-sampled; Hájek's mean of the verdicts is that of all calls."""
    calls = calls_of_a_day(3000, seed=2)
    send(store, calls)
    store.append("scores", [check(one, right="7.0}" not in one.output) for one in calls])
    judge(store, settings, days=1.1)
    rows = scores(store)
    truth = sum("7.0}" in one.output for one in calls) / len(calls)
    raw = sum(one.value == 0 for one in rows) / len(rows)
    found = hajek(
        [float(one.value == 0) for one in rows], [one.sampling_probability for one in rows]
    )
    assert found is not None
    assert Counter(one.route for one in draws(store))["failed_check"] > 0
    assert raw > 1.5 * truth
    assert found.low <= truth <= found.high


def test_a_signal_that_comes_late_changes_nothing(store: Store, settings: Settings) -> None:
    """What was drawn keeps its probability, and what was not is not drawn again."""
    calls = calls_of_a_day(2000, seed=3)
    send(store, calls)
    judge(store, settings, days=1.1)
    before = sorted((one.trace_id, one.probability, one.drawn) for one in draws(store))
    store.append("scores", [check(one, right=False, told=timedelta(hours=30)) for one in calls])
    judge(store, settings, days=1.5)
    assert sorted((one.trace_id, one.probability, one.drawn) for one in draws(store)) == before


def test_what_is_no_verdict_is_a_row_and_no_number(
    store: Store, settings: Settings, server: JudgeServer
) -> None:
    """Refused and unreadable replies are counted beside the rate and never enter it."""
    send(store, calls_of_a_day(120, seed=4))
    server.fault = lambda number, _: "refusal" if number % 10 == 0 else ""
    judge(store, settings, days=1.1)
    rows = scores(store)
    failed = [one for one in rows if one.label in FAILED]
    assert failed
    assert all(math.isnan(one.value) for one in failed)
    [health] = judge_health(store, since=START, until=START + timedelta(days=2))
    assert health.failures["refused"] == health.trust.failed == len(failed)
    assert health.trust.judged == len(rows) - len(failed)
    assert health.alarming
    assert health.trust.raw is not None
    assert not math.isnan(health.trust.raw.value)


def test_the_days_budget_is_never_passed(
    store: Store, settings: Settings, server: JudgeServer
) -> None:
    """When the money ends the rest is settled as over budget, and the server's own bill is below the limit."""
    send(store, calls_of_a_day(300, seed=5))
    poor = settings.model_copy(update={"judge_daily_budget_usd": 0.008})
    done = judge(store, poor, days=1.1)
    rows = scores(store)
    judged = [one for one in rows if one.label != "over_budget"]
    assert done.counts["over_budget"] > 0
    assert server.account.usd <= 0.008
    assert sum(one.cost_usd or 0 for one in judged) == pytest.approx(server.account.usd, abs=1e-9)
    [part] = {one.sampling_probability for one in judged}
    assert part == pytest.approx(len(judged) / len(rows))


def test_one_service_has_its_own_limit(
    store: Store, settings: Settings, server: JudgeServer
) -> None:
    """A service's budget stops its judges while the day still has money."""
    send(store, calls_of_a_day(200, seed=6))
    update = {"judge_daily_budget_usd": 5.0, "judge_service_budgets_usd": {SERVICE: 0.005}}
    judge(store, settings.model_copy(update=update), days=1.1)
    assert 0 < server.account.usd <= 0.005


def test_a_killed_run_goes_on_and_pays_nothing_twice(
    store: Store, settings: Settings, server: JudgeServer
) -> None:
    """After kill -9 in the middle, every call has one verdict; at most what was under way is asked again."""
    send(store, calls_of_a_day(150, seed=7))
    server.latency_s = 0.1
    script = textwrap.dedent(f"""
        from datetime import datetime, timedelta, UTC
        from pathlib import Path
        from monitor.jobs.job import Window, run_job
        from monitor.jobs.schedule import job_named
        from monitor.settings import load_settings
        from monitor.store import Store
        settings = load_settings(store_url={settings.store_url!r}, data_dir=Path({str(settings.data_dir)!r}),
            judge_base_url={settings.judge_base_url!r}, judge_models=[{MODEL!r}])
        start = datetime(2023, 12, 1, tzinfo=UTC)
        print("go", flush=True)
        run_job(job_named("judge"), Store(settings.store), settings, Window(start, start + timedelta(days=1.1)))
    """)
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while server.account.billed < 70 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(60)
    assert process.stdout is not None
    process.stdout.close()
    under_way = server.in_flight + 64
    assert scores(store) == []
    done = judge(store, settings, days=1.1)
    assert len(scores(store)) == done.counts["judged"] == 150
    assert server.account.billed <= 150 + under_way


def test_a_wrong_definition_is_said_before_anything_is_asked(
    store: Store, settings: Settings, server: JudgeServer
) -> None:
    """The run fails with the file's name and what is wrong; no model was asked."""
    (settings.data_dir / "judges" / "right_date.toml").write_text('kind = "question"\n')
    job = job_named("judge")
    assert job is not None
    done = run_job(job, store, settings, Window(START, START + timedelta(days=1)))
    assert done.outcome == "failed"
    assert "right_date.toml" in done.error
    assert server.account.requests == 0
