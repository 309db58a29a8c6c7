"""The jobs on a real store: what is known, what changed, what is done about it, each idempotent for its window."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from traffic import SERVICE, START, TURN, CallRow, extractions, send

from monitor.incidents import incidents, tell
from monitor.jobs.job import Window, run_job
from monitor.jobs.schedule import SCHEDULE, job_named
from monitor.records import CheckRow, IncidentEvent, JobRun, ScoreRow
from monitor.settings import Settings, load_settings
from monitor.store import Store

pytestmark = pytest.mark.integration
WEEK = timedelta(days=7)
SCORES = (
    "SELECT source, name, count() FROM scores FINAL GROUP BY source, name ORDER BY source, name"
)


@pytest.fixture
def settings(store_url: str, tmp_path: Path) -> Settings:
    """Settings of the fresh database, with nobody outside to tell."""
    return load_settings(store_url=store_url, data_dir=tmp_path / "data")


def run(
    store: Store, settings: Settings, name: str, until: datetime, since: datetime = START
) -> JobRun:
    """One run of a job, which must not fail."""
    job = job_named(name)
    assert job is not None
    done = run_job(job, store, settings, Window(since, until))
    assert done.outcome == "ok", done.error
    return done


def watch(
    store: Store, settings: Settings, until: datetime, *, step: timedelta, since: datetime
) -> None:
    """Run the watching jobs as the schedule would."""
    now = since
    while now < until:
        now = min(now + step, until)
        for name in ("checks", "outcomes", "temporal", "rates", "incident"):
            run(store, settings, name, now)


def outcome(call: CallRow, *, right: bool, told: datetime, target: str = "trace") -> ScoreRow:
    """What turned out to be true of a call, told later."""
    return ScoreRow(
        told, f"o-{call.trace_id}", target, call.trace_id if target == "trace" else "", "", call.session_id,
        SERVICE, "matched", "outcome", float(right), "", "", "", "app", told,
    )  # fmt: skip


def test_a_slipping_year_becomes_one_incident_that_names_the_field(
    store: Store, settings: Settings
) -> None:
    """Quiet until the turn; within a day of it one incident names field, start and cause, without a label."""
    send(store, extractions(days=36, per_day=300, wrong_year=0.05, seed=1))
    watch(store, settings, TURN, step=WEEK, since=START)
    assert incidents(store) == []
    watch(store, settings, TURN + timedelta(days=1), step=timedelta(hours=6), since=TURN)
    [one] = incidents(store)
    assert (one.service, one.field, one.cause, one.state) == (
        SERVICE,
        "due_date",
        "calendar",
        "open",
    )
    assert TURN <= one.started_at < one.opened_at
    assert not one.details.needed_labels
    assert 1 <= len(one.details.examples) <= 5
    assert one.details.low <= 0.05 <= one.details.high
    assert "due_date" in one.details.summary


def test_a_healthy_turn_of_the_year_raises_nothing(store: Store, settings: Settings) -> None:
    """The same traffic without the fault: no incident, and the series say how sure they are of it."""
    send(store, extractions(days=41, per_day=250, wrong_year=0.0, seed=2))
    watch(store, settings, START + timedelta(days=41), step=timedelta(days=2), since=START)
    assert incidents(store) == []
    rows = store.read("latest_checks", CheckRow, service=SERVICE)
    assert {row.detector for row in rows} >= {"date_profile", "year_slip", "rollover", "rate"}
    assert all(row.e_value < row.threshold for row in rows if row.threshold)


def test_running_a_job_again_adds_nothing(store: Store, settings: Settings) -> None:
    """Two runs for the same window leave the same series, scores and incidents as one."""
    send(store, extractions(days=33, per_day=300, wrong_year=0.06, seed=3))
    watch(store, settings, TURN + timedelta(days=2), step=timedelta(days=3), since=START)
    before = [
        store.rows("latest_checks", service=SERVICE),
        len(incidents(store)),
        store.client.query(SCORES).result_rows,
    ]
    for name in ("checks", "outcomes", "temporal", "rates", "incident"):
        run(store, settings, name, TURN + timedelta(days=2))
    assert [
        store.rows("latest_checks", service=SERVICE),
        len(incidents(store)),
        store.client.query(SCORES).result_rows,
    ] == before


def test_too_little_traffic_is_said_to_be_too_little(store: Store, settings: Settings) -> None:
    """Below the least baseline nothing is watched, and the rate series say `insufficient_data`."""
    send(store, extractions(days=10, per_day=20, wrong_year=0.0, seed=4))
    done = run(store, settings, "temporal", START + timedelta(days=10))
    assert done.counts["profiles"] == 0
    run(store, settings, "rates", START + timedelta(days=10))
    assert {row.status for row in store.read("latest_checks", CheckRow, service=SERVICE)} == {
        "insufficient_data"
    }


@pytest.mark.parametrize(
    "output",
    ["", "not JSON", "[]", "null", '{"due_date": null}', '{"due_date": "soon"}', '{"due_date": "9999-99-99"}',
     '{"a": ' * 200, '{"due_date": 5}', "\u202e{}", json.dumps({"x": "y" * 100_000})],
)  # fmt: skip
def test_odd_answers_are_survived(store: Store, settings: Settings, output: str) -> None:
    """Garbage in the answers is no crash and no alarm."""
    rows = extractions(days=10, per_day=250, wrong_year=0.0, seed=5)
    odd = [
        replace(row, trace_id=f"x{row.trace_id}", span_id=f"x{row.span_id}", output=output)
        for row in rows[::10]
    ]
    send(store, rows + odd)
    watch(store, settings, START + timedelta(days=10), step=timedelta(days=5), since=START)
    assert [one for one in incidents(store) if one.field] == []


@pytest.mark.parametrize("target", ["trace", "session"])
def test_an_outcome_finds_its_call(store: Store, settings: Settings, target: str) -> None:
    """An outcome told about a trace or session is joined to its call once, also when it came before the call."""
    [call] = extractions(days=1, per_day=1, wrong_year=0.0, seed=6)
    told = START + timedelta(days=3)
    store.append("scores", [outcome(call, right=False, told=told, target=target)])
    assert run(store, settings, "outcomes", told + timedelta(hours=1)).counts == {
        "joined": 0,
        "waiting": 1,
    }
    send(store, [call])
    assert run(store, settings, "outcomes", told + timedelta(hours=2)).counts == {
        "joined": 1,
        "waiting": 0,
    }
    assert run(store, settings, "outcomes", told + timedelta(hours=3)).counts == {
        "joined": 0,
        "waiting": 0,
    }


def test_an_error_rate_that_rises_is_an_incident(store: Store, settings: Settings) -> None:
    """Calls that begin to fail, 1 % to 8 %, are an incident about errors that needed no label."""
    calls = extractions(days=20, per_day=300, wrong_year=0.0, seed=7)
    worse = START + timedelta(days=17)
    failing = {n for n, one in enumerate(calls) if n % (12 if one.timestamp >= worse else 100) == 5}
    send(store, [
        CallRow(c.timestamp, c.trace_id, c.span_id, c.session_id, SERVICE, c.release, "m", "chat", "?", c.output,
                "error" if n in failing else "ok") for n, c in enumerate(calls)
    ])  # fmt: skip
    watch(store, settings, worse, step=WEEK, since=START)
    assert incidents(store) == []
    watch(store, settings, worse + timedelta(days=2), step=timedelta(hours=6), since=worse)
    [one] = incidents(store)
    assert (one.series, one.field, one.details.needed_labels) == ("call/error", "", False)
    assert one.started_at >= worse - timedelta(hours=6)


def test_outcomes_confirm_an_incident_only_with_evidence(store: Store, settings: Settings) -> None:
    """A single failed outcome confirms nothing; a rate that is clearly up does, and says by how much."""
    calls = extractions(days=36, per_day=300, wrong_year=0.06, seed=8)
    send(store, calls)
    before = [one for one in calls if one.timestamp < TURN][::3]
    store.append(
        "scores",
        [
            outcome(one, right=n % 100 != 7, told=one.timestamp + timedelta(hours=5))
            for n, one in enumerate(before)
        ],
    )
    watch(store, settings, TURN + timedelta(days=1), step=timedelta(days=2), since=START)
    [one] = incidents(store)
    assert not one.details.confirmations
    after = [one for one in calls if one.timestamp >= TURN][:200]
    store.append(
        "scores",
        [
            outcome(one, right=n % 12 != 1, told=TURN + timedelta(days=2))
            for n, one in enumerate(after)
        ],
    )
    watch(
        store,
        settings,
        TURN + timedelta(days=3),
        step=timedelta(days=1),
        since=TURN + timedelta(days=1),
    )
    [one] = incidents(store)
    [witness] = one.details.confirmations
    assert (witness.source, witness.name) == ("outcome", "matched")
    assert 190 <= witness.n <= 200  # counted from the first call that slipped
    assert witness.low < 17 / 200 < witness.high


def test_an_incident_closes_by_itself_when_the_rate_is_back(
    store: Store, settings: Settings
) -> None:
    """A cured release brings the rate down; the incident is resolved by the job, once, and stays closed."""
    send(store, extractions(days=34, per_day=300, wrong_year=0.06, seed=9))
    cured = START + timedelta(days=34)
    send(
        store,
        extractions(days=7, per_day=300, wrong_year=0.0, seed=10, release="2024-01", start=cured),
    )
    watch(store, settings, cured, step=timedelta(days=2), since=START)
    [one] = incidents(store)
    assert one.state == "open"
    watch(store, settings, cured + timedelta(days=7), step=timedelta(days=1), since=cured)
    [one] = incidents(store)
    assert (one.state, one.actor) == ("resolved", "incident job")
    assert one.resolved_at is not None
    assert one.resolved_at > cured


def test_a_fault_that_comes_with_a_release_is_the_releases(
    store: Store, settings: Settings
) -> None:
    """A new release that starts to slip is named as the cause, its rollback advised, and no retrain proposed."""
    deployed = START + timedelta(days=40)
    send(store, extractions(days=40, per_day=100, wrong_year=0.0, seed=13))
    send(
        store,
        extractions(days=4, per_day=300, wrong_year=0.08, seed=14, release="next", start=deployed),
    )
    calls = extractions(
        days=4, per_day=300, wrong_year=0.08, seed=14, release="next", start=deployed
    )
    store.append(
        "scores",
        [
            outcome(one, right=True, told=START + timedelta(days=5))
            for one in extractions(days=4, per_day=100, wrong_year=0.0, seed=13)
        ],
    )
    store.append(
        "scores",
        [
            outcome(one, right=n % 8 > 0, told=deployed + timedelta(days=1))
            for n, one in enumerate(calls[:250])
        ],
    )
    watch(store, settings, deployed + timedelta(days=4), step=timedelta(days=2), since=START)
    one = next(one for one in incidents(store) if one.field)
    assert one.cause == "model"
    assert "release next was first seen" in one.details.summary
    assert one.details.advice.startswith("Roll the release back first")
    assert run(store, settings, "retrain", deployed + timedelta(days=4)).counts == {}


def test_one_resolved_by_hand_returns_while_the_fault_goes_on(
    store: Store, settings: Settings
) -> None:
    """Resolving too early clears the old evidence; new evidence within days reopens the incident."""
    send(store, extractions(days=40, per_day=300, wrong_year=0.06, seed=11))
    watch(store, settings, TURN + timedelta(days=2), step=timedelta(days=2), since=START)
    [one] = incidents(store)
    tell(store, one, "resolved", now=TURN + timedelta(days=2, minutes=1), actor="ada", via="cli")
    watch(
        store,
        settings,
        TURN + timedelta(days=2, hours=1),
        step=timedelta(hours=1),
        since=TURN + timedelta(days=2),
    )
    assert [one.state for one in incidents(store)] == ["resolved"]
    watch(
        store,
        settings,
        TURN + timedelta(days=6),
        step=timedelta(days=1),
        since=TURN + timedelta(days=2, hours=1),
    )
    [back] = incidents(store)
    assert (back.incident_id, back.state, back.resolved_at) == (one.incident_id, "open", None)
    events = [row.event for row in store.read("incident_events", IncidentEvent)]
    assert events.index("resolved") < events.index("reopened")


def test_every_run_is_a_row_also_a_failed_and_a_skipped_one(
    store: Store, settings: Settings
) -> None:
    """A job that raises is a failed run with its error; one that lacks a setting is skipped and says what."""
    folder = settings.data_dir / "schemas"
    folder.mkdir(parents=True)
    (folder / f"{SERVICE}.json").write_text("{")
    send(store, extractions(days=1, per_day=5, wrong_year=0.0, seed=12))
    for job in SCHEDULE:
        run_job(job, store, settings, Window(START, START + timedelta(days=2)))
    runs = {row[0]: row for row in store.rows("last_runs")}
    assert set(runs) == {job.name for job in SCHEDULE}
    assert runs["checks"][2] == "failed"
    assert "no JSON Schema" in runs["checks"][5]
    assert runs["judge"][2] == "skipped"
    assert "OUTERLOOP_JUDGE_BASE_URL" in runs["judge"][5]
