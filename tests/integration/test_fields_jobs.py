"""The watches of answers' fields on a real store: dates, values, numbers, and what must not alarm them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from traffic import SERVICE, START, TURN, CallRow, extractions, send

from monitor.drift.readings import MOST_PATHS, read_answer
from monitor.jobs.job import Window, run_job
from monitor.jobs.schedule import job_named
from monitor.jobs.structured import stretch_to_learn
from monitor.records import CheckRow, IncidentEvent, JobRun
from monitor.settings import Settings, load_settings
from monitor.store import Store

pytestmark = pytest.mark.integration
DAY = timedelta(days=1)


@pytest.fixture
def settings(store_url: str, tmp_path: Path) -> Settings:
    """Settings of the fresh database."""
    return load_settings(store_url=store_url, data_dir=tmp_path / "data")


def run(store: Store, settings: Settings, name: str, until: datetime) -> JobRun:
    """One run of a job up to a moment, which must not fail."""
    job = job_named(name)
    assert job is not None
    done = run_job(job, store, settings, Window(START, until))
    assert done.outcome == "ok", done.error
    return done


def rows(store: Store, service: str = SERVICE) -> dict[tuple[str, str], CheckRow]:
    """The last row of every series, by detector and field."""
    return {
        (row.detector, row.field): row
        for row in store.read("latest_checks", CheckRow, service=service)
    }


def test_the_baseline_grows_while_it_is_quiet(store: Store, settings: Settings) -> None:
    """Learnt after a week, again when twice as much has gone by; the detectors go on across it."""
    send(store, extractions(days=33, per_day=260, wrong_year=0.0, seed=1))
    learnt = [
        day
        for day in (1, 7, 8, 9, 15, 16, 17, 31, 32)
        if run(store, settings, "temporal", START + day * DAY).counts["profiles"]
    ]
    assert learnt == [8, 16, 32]
    assert rows(store)["date_profile", "due_date"].baseline_n > 8_000
    assert rows(store)["rollover", "due_date"].status == "stable"


def test_only_dates_that_lie_ahead_page(store: Store, settings: Settings) -> None:
    """A rollover of a due date pages; the year slip of the same dates is a ticket, and both say since when."""
    send(store, extractions(days=33, per_day=300, wrong_year=0.06, seed=2))
    run(store, settings, "temporal", START + 15 * DAY)
    run(store, settings, "temporal", TURN)
    run(store, settings, "temporal", TURN + DAY)
    found = rows(store)
    tiers = {}
    for kind in ("rollover", "year_slip", "year_slip_unsaid"):
        row = found[kind, "due_date"]
        said = json.loads(row.evidence)
        assert row.status == "drift"
        assert said["started_at"] >= TURN.isoformat()
        assert said["examples"][0]["why"].startswith("due_date is 2023-01-")
        tiers[kind] = said["tier"]
    assert tiers == {"rollover": "page", "year_slip": "watch", "year_slip_unsaid": "watch"}


INTENTS = ("payment", "autopay", "escrow", "hardship")


def structured(seed: int, days: int, per_day: int, **wrong: float) -> list[CallRow]:
    """Extractions with more fields; from `TURN` on the named share of them is wrong."""
    rng = np.random.default_rng([seed, 9])
    rows = []
    for row in extractions(days=days, per_day=per_day, wrong_year=0.0, seed=seed):
        answer = json.loads(row.output)
        answer |= {
            "intent": str(rng.choice(INTENTS, p=[0.5, 0.3, 0.15, 0.05])),
            "rent": int(rng.integers(700, 2_100)),
            "name": f"caller {int(rng.integers(10**6))}",
            "items": [{"price": int(rng.integers(5, 50))} for _ in range(int(rng.integers(1, 4)))],
        }
        if row.timestamp >= TURN:
            for name, share in wrong.items():
                if rng.random() < share:
                    answer |= BROKEN[name]
                    answer = {key: value for key, value in answer.items() if value != "gone"}
        rows.append(replace(row, output=json.dumps(answer)))
    return rows


BROKEN = {
    "new_intent": {"intent": "pay_off"},
    "missing": {"amount": "gone"},
    "kind": {"rent": "1200 USD"},
    "constant": {"name": "caller John Doe"},
    "cents": {"rent": 150_000},
    "renamed": {"items": "gone", "lines": []},
}


def test_healthy_answers_leave_every_series_quiet(store: Store, settings: Settings) -> None:
    """Fields are found by themselves, inside arrays too, and the turn of the year raise nothing."""
    send(store, structured(3, days=34, per_day=250))
    for day in (9, 24, 32, 33, 34):
        run(store, settings, "fields", START + day * DAY)
    found = rows(store)
    profiled = {field for kind, field in found if kind == "field_profile"}
    assert {"intent", "rent", "amount", "items[]", "items[].price", "@paths", "@shape"} <= profiled
    assert [(row.detector, row.field) for row in found.values() if row.status != "stable"] == []
    assert found["values", "intent"].threshold > 100


def test_a_broken_field_is_named(store: Store, settings: Settings) -> None:
    """Six faults at once: each field's own series alarms, as a ticket, and says what moved and since when."""
    shares = {
        "new_intent": 0.08,
        "missing": 0.08,
        "kind": 0.08,
        "constant": 0.15,
        "cents": 0.03,
        "renamed": 0.5,
    }
    send(store, structured(4, days=35, per_day=250, **shares))
    for day in (9, 31, 32, 33, 34, 35):
        run(store, settings, "fields", START + day * DAY)
    found = rows(store)
    says = {
        ("values", "intent"): "never seen before, most often 'pay_off'",
        ("values", "amount"): "amount is missing or null in",
        ("values", "rent"): "are of the kind text",
        ("values", "name"): "one and the same value, 'caller John Doe'",
        ("unit_slip", "rent"): "a unit's factor",
        ("values", "@paths"): "have the field",
    }
    for series, words in says.items():
        row = found[series]
        said = json.loads(row.evidence)
        assert (row.status, said["tier"]) == ("drift", "watch"), series
        assert words in said["sentence"]
        assert said["examples"]
        assert said["started_at"] >= (TURN - DAY).isoformat()
    assert found["values", "due_date"].status == "stable"


@pytest.mark.parametrize(
    "output",
    ["", "[" * 3_000, '{"a":' * 3_000, "NaN", '{"rent": NaN, "due_date": 20240105}',
     '{"rent": [[[[]]]], "items": {"a": {}}}',
     '{"intent": "' + "x" * 100_000 + '"}', "\u202e{}", '{"rent": ' + "9" * 4_000 + "}"],
)  # fmt: skip
def test_hostile_answers_are_read(output: str) -> None:
    """Deep, huge, of changing type, not a number: an answer is read, within bounds, whatever it is."""
    reading = read_answer(output)
    assert len(reading.values) <= MOST_PATHS
    assert all(
        len(one) <= 200 for many in reading.values.values() for one in many if isinstance(one, str)
    )


def test_odd_streams_are_no_crash_and_no_alarm(store: Store, settings: Settings) -> None:
    """Constants, NaN, types that change from call to call, garbage, skewed clocks: said plainly, no alarm."""
    odd = [
        '{"x": NaN}',
        '{"x": 1}',
        '{"x": "a"}',
        '{"x": null}',
        '{"x": [1, "b"]}',
        "no JSON",
        "",
        '{"x": {"y": 1e999}}',
    ]
    plain = extractions(days=12, per_day=250, wrong_year=0.0, seed=5)
    send(
        store,
        [
            replace(row, output=odd[number % len(odd)], service="odd")
            for number, row in enumerate(plain)
        ],
    )
    send(store, [replace(row, output='{"x": 7}', service="constant") for row in plain])
    send(store, [replace(row, service="few") for row in plain[:2]])
    ahead = [
        replace(row, service="skewed", timestamp=row.timestamp + 300 * DAY) for row in plain[::10]
    ]
    send(store, [replace(row, service="skewed") for row in plain] + ahead)
    for day in (9, 12):
        for name in ("temporal", "fields"):
            run(store, settings, name, START + day * DAY)
    for service in ("odd", "constant", "skewed"):
        assert {row.status for row in rows(store, service).values()} == {"stable"}
    [few] = rows(store, "few").values()
    assert few.status == "insufficient_data"
    assert (
        "a baseline needs 2,000 calls over 7 days; there are 2"
        in json.loads(few.evidence)["sentence"]
    )


def test_a_new_release_is_compared_with_its_predecessor_then_learns_its_own(
    store: Store, settings: Settings
) -> None:
    """A release that writes other values alarms against the old baseline; a quiet one learns its own after a week."""
    send(store, extractions(days=10, per_day=260, wrong_year=0.0, seed=6))
    later = extractions(
        days=10, per_day=260, wrong_year=0.0, seed=7, release="next", start=START + 10 * DAY
    )
    send(store, later)
    for day in (10, 14, 17, 19, 20):
        run(store, settings, "fields", START + day * DAY)
        learnt = rows(store)["field_profile", ""]
        assert learnt.release == ("2023-11" if day < 19 else "next")


def test_an_incidents_time_is_never_learnt(store: Store, settings: Settings) -> None:
    """A baseline leaves out what lies between an incident's start and its end."""
    send(store, extractions(days=24, per_day=260, wrong_year=0.0, seed=8))
    from_day, to_day = START + 9 * DAY, START + 11 * DAY
    incident = IncidentEvent(to_day, "inc-1", "opened", "t", "job", "", SERVICE, "", "ticket", "unknown", "due_date",
                             "rollover", "s", from_day, "{}")  # fmt: skip
    store.append("incidents", [incident, replace(incident, timestamp=to_day, event="resolved")])
    stretch = stretch_to_learn(store, SERVICE, START + 24 * DAY, None)
    assert stretch is not None
    assert [one.since for one in stretch.windows] == [START, to_day]
    assert stretch.windows[0].until == from_day
    assert stretch.days == pytest.approx(22, abs=0.1)


def test_running_again_adds_nothing(store: Store, settings: Settings) -> None:
    """A second run for the same window changes no series."""
    send(store, extractions(days=10, per_day=260, wrong_year=0.0, seed=9))
    for day in (9, 10):
        for name in ("temporal", "fields"):
            run(store, settings, name, START + day * DAY)
    before = rows(store)
    for name in ("temporal", "fields"):
        run(store, settings, name, START + 10 * DAY)
    assert rows(store) == before
