"""The life of an incident on a real store: opened, grown, taken on, snoozed, resolved and reopened, by whom and how."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from incident_seed import CHANGE, Traced, alarm, calls, judge, said, send

from monitor.cli.commands import cli
from monitor.exceptions import NotFoundError, TransitionError
from monitor.incidents import Incident, act, incident, incidents
from monitor.jobs import retrain
from monitor.jobs.incident import run
from monitor.jobs.job import Window
from monitor.records import IncidentEvent
from monitor.settings import Settings, load_settings
from monitor.store import Store

pytestmark = pytest.mark.integration
NOW = CHANGE + timedelta(hours=30)


@pytest.fixture
def settings(store_url: str, tmp_path: Path) -> Settings:
    """Settings of the fresh database."""
    return load_settings(store_url=store_url, data_dir=tmp_path / "data")


@pytest.fixture
def traffic(store: Store) -> list[Traced]:
    """Calls of which 8 % fail a check since the change, in half of the traffic's tenants."""
    rows = calls(
        lambda at, rng, name: Traced(
            at, f"t{name}", f"s{name}", tags={"tenant": str(rng.choice(["a", "b"]))}, input=said(rng)
        ),
        seed=11, days_before=4, per_day=300,
    )  # fmt: skip
    send(store, rows)
    judge(
        store,
        rows,
        [n % (12 if row.timestamp >= CHANGE else 100) == 5 for n, row in enumerate(rows)],
    )
    return rows


def look(store: Store, settings: Settings, hours: float = 30) -> list[Incident]:
    """One run of the incident job; what there is after it."""
    now = CHANGE + timedelta(hours=hours)
    run(store, settings, Window(now - timedelta(hours=1), now))
    return incidents(store)


def events(store: Store) -> list[str]:
    """What happened, in order."""
    return [row.event for row in store.read("incident_events", IncidentEvent)]


def test_slices_and_measures_grow_one_incident(
    store: Store, settings: Settings, traffic: list[Traced]
) -> None:
    """The tenant first, then the service, then the judge: one incident that says when it grew and by what."""
    alarm(
        store,
        "check/valid [tag tenant=a]",
        now=NOW,
        metric="check/valid",
        slice={"tag tenant": "a"},
    )
    [one] = look(store, settings)
    assert list(one.details.root) == [("tag tenant", "a")]
    alarm(store, "check/valid", now=NOW + timedelta(hours=1))
    alarm(store, "judge/right", now=NOW + timedelta(hours=1))
    [one] = look(store, settings, 31)
    assert events(store) == ["opened", "grown"]
    assert len(one.details.alarms) == 3
    look(store, settings, 32)
    assert events(store) == ["opened", "grown"]


def test_embedding_drift_alone_is_watched_and_never_retrained(
    store: Store, settings: Settings, traffic: list[Traced]
) -> None:
    """It opens a watch incident that proposes nothing; a page of the same time raises it; a week of silence ends it."""
    alarm(store, "input/embedding", now=NOW, detector="embedding", tier="page")
    [one] = look(store, settings)
    assert (one.severity, list(one.details.confirmations)) == ("watch", [])
    assert "No retrain" in one.details.advice
    assert retrain.run(store, settings, Window(CHANGE, NOW)) == {}
    alarm(store, "check/valid", now=NOW + timedelta(hours=1))
    [one] = look(store, settings, 31)
    assert (one.severity, one.series) == ("page", "check/valid")
    assert events(store) == ["opened", "grown"]


def test_a_watch_ends_by_itself(store: Store, settings: Settings, traffic: list[Traced]) -> None:
    """Nothing was added in a week: it is over, and says why."""
    alarm(store, "input/terms", now=NOW, detector="terms", tier="watch", status="watch")
    look(store, settings)
    [one] = look(store, settings, 30 + 24 * 7)
    assert (one.state, one.actor) == ("resolved", "incident job")


def test_what_returns_within_days_is_reopened(
    store: Store, settings: Settings, traffic: list[Traced]
) -> None:
    """Resolved by hand, the series forgets; alarming again it is the same incident, later a new one."""
    alarm(store, "check/valid", now=NOW)
    [one] = look(store, settings)
    act(store, one.incident_id, "resolved", now=NOW + timedelta(minutes=5), actor="ada", via="cli")
    assert [one.state for one in look(store, settings, 31)] == ["resolved"]
    alarm(store, "check/valid", now=NOW + timedelta(hours=20), since=NOW + timedelta(hours=1))
    [back] = look(store, settings, 51)
    assert (back.incident_id, back.state) == (one.incident_id, "open")
    act(store, one.incident_id, "resolved", now=NOW + timedelta(hours=22), actor="ada", via="cli")
    look(store, settings, 53)
    late = NOW + timedelta(days=5)
    alarm(store, "check/valid", now=NOW + timedelta(days=6), started=late, since=late)
    assert [one.state for one in look(store, settings, 30 + 24 * 6 + 1)] == ["open", "resolved"]


def test_who_when_and_how_are_kept(store: Store, settings: Settings, traffic: list[Traced]) -> None:
    """Each step is an event with its person and way; twice the same is one; what cannot follow is refused."""
    alarm(store, "check/valid", now=NOW)
    [one] = look(store, settings)
    name, at = one.incident_id, NOW + timedelta(minutes=1)
    for event, actor, via in (("acknowledged", "ada", "slack"), ("acknowledged", "bob", "slack"),
                              ("snoozed", "bob", "dashboard"), ("resolved", "cy", "cli")):  # fmt: skip
        act(store, name, event, now=at, actor=actor, via=via, note="n")
    rows = store.read("incident_events", IncidentEvent)[1:]
    assert [(row.event, row.actor, row.via) for row in rows] == [
        ("acknowledged", "ada", "slack"), ("snoozed", "bob", "dashboard"), ("resolved", "cy", "cli"),
    ]  # fmt: skip
    with pytest.raises(TransitionError, match="reopen"):
        act(store, name, "acknowledged", now=at, actor="ada", via="cli")
    act(store, name, "reopened", now=at, actor="ada", via="cli")
    with pytest.raises(TransitionError, match="over already"):
        act(store, name, "snoozed", now=at, actor="ada", via="cli", until=at)
    with pytest.raises(NotFoundError, match="lists them"):
        act(store, "inc-none", "resolved", now=at, actor="ada", via="cli")


def test_by_command_line(
    store: Store,
    settings: Settings,
    store_url: str,
    traffic: list[Traced],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """List (exit 1 while one is open), show, ack, snooze, resolve and reopen."""
    alarm(store, "check/valid", now=NOW)
    [one] = look(store, settings)
    monkeypatch.setenv("OUTERLOOP_STORE_URL", store_url)
    runner = CliRunner()
    assert runner.invoke(cli, ["incidents"]).exit_code == 1
    shown = runner.invoke(cli, ["incidents", "show", one.incident_id]).output
    assert re.search(r"Began between 2024-03-1\dT\d\d:00:00Z and 2024-03-1\d", shown)
    assert "Cause provider" in shown
    assert shown.count("\nCall ") == 10
    for verb, state in (
        ("ack", "acknowledged"),
        ("snooze", "snoozed"),
        ("resolve", "resolved"),
        ("reopen", "open"),
    ):
        assert (
            runner.invoke(cli, ["incidents", verb, one.incident_id, "--note", "x"]).exit_code == 0
        )
        after = incident(store, one.incident_id)
        assert after is not None
        assert after.state == state
    assert runner.invoke(cli, ["incidents", "ack", "inc-none"]).exit_code != 0
