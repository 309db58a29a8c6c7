"""After a promotion: closed when the new release's own rate is back, reopened for a rollback when it regresses."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from incident_seed import CHANGE, SERVICE, Traced, alarm, calls, judge, said, send

from monitor.alerts.message import incident_blocks
from monitor.exceptions import TransitionError
from monitor.incidents import Incident, incidents
from monitor.jobs import incident as job
from monitor.jobs import retrain as retrain_job
from monitor.jobs.job import Window
from monitor.records import RetrainEvent
from monitor.retrain.promotion import rollback
from monitor.retrain.state import retrain
from monitor.settings import Settings, load_settings
from monitor.store import Store

pytestmark = pytest.mark.integration
OPENED = CHANGE + timedelta(hours=30)
PROMOTED = CHANGE + timedelta(hours=40)
SERIES = "check/valid"


@pytest.fixture
def settings(store_url: str, tmp_path: Path) -> Settings:
    """Settings of the fresh database."""
    return load_settings(store_url=store_url, data_dir=tmp_path / "data")


def traffic(
    store: Store,
    since: datetime,
    hours: float,
    bad: Callable[[int, Traced], bool],
    *,
    release: str = "r1",
    per_day: int = 1200,
    seed: int = 1,
    series: tuple[str, ...] = (SERIES,),
) -> None:
    """Calls of one release from a moment on, and which of them fail each series' check."""
    rows = calls(
        lambda at, rng, name: Traced(at, f"t{name}", f"s{name}", release=release, input=said(rng)),
        seed=seed, days_before=0, hours_after=hours, per_day=per_day, change=since,
    )  # fmt: skip
    send(store, rows)
    for one in series:
        judge(store, rows, [bad(n, row) for n, row in enumerate(rows)], series=one)


@pytest.fixture
def opened(store: Store, settings: Settings) -> Incident:
    """An incident: 1 % of the calls failed a check before, 10 % since; then its retrain is promoted."""
    traffic(store, CHANGE - timedelta(days=5), 120, lambda n, _: n % 100 == 5, per_day=600)
    traffic(store, CHANGE, 40, lambda n, _: n % 10 == 5, seed=2)
    alarm(store, SERIES, now=OPENED)
    look(store, settings, OPENED)
    [one] = incidents(store)
    return one


def promote(store: Store, one: Incident, at: datetime = PROMOTED) -> str:
    """The retrain's events, up to its promotion."""
    pointer = {
        "service": SERVICE, "release": "r2", "retrain_id": "rt-1", "promoted_at": at.isoformat(),
        "previous": {"service": SERVICE, "release": "r1", "promoted_at": CHANGE.isoformat()},
    }  # fmt: skip
    told = json.dumps({"pointer": pointer})
    event = RetrainEvent(
        at - timedelta(hours=3), "rt-1", "proposed", "job", "job", "", one.incident_id, SERVICE,
        "r1", "", "", "{}",
    )  # fmt: skip
    life = [event]
    for hour, name in enumerate(("requested", "finished", "compared", "approved", "promoted")):
        details = told if name == "promoted" else "{}"
        life.append(
            replace(
                event, event=name, candidate_release="r2", dataset_version="ds-aa", details=details,
                timestamp=at - timedelta(minutes=30 * (4 - hour)),
            )
        )  # fmt: skip
    store.append("retrains", life)
    return "rt-1"


def look(store: Store, settings: Settings, now: datetime) -> Incident:
    """One run of the incident job."""
    job.run(store, settings, Window(now - timedelta(hours=1), now))
    return incidents(store)[0]


def quiet(store: Store, now: datetime) -> None:
    """The watching job has looked this far, and says nothing new."""
    alarm(store, SERIES, now=now, status="stable")


def test_it_closes_on_the_promoted_releases_own_calls(
    store: Store, settings: Settings, opened: Incident
) -> None:
    """The old release goes on beside it and fails; the new one does not, and its calls decide."""
    promote(store, opened)
    traffic(store, PROMOTED, 30, lambda n, _: n % 100 == 5, release="r2", seed=3)
    traffic(store, PROMOTED, 30, lambda n, _: n % 10 == 5, per_day=600, seed=4)
    now = PROMOTED + timedelta(hours=30)
    quiet(store, now)
    one = look(store, settings, now)
    assert one.state == "resolved"
    assert retrain(store, "rt-1").state == "promoted"


def test_a_good_old_release_closes_nothing(
    store: Store, settings: Settings, opened: Incident
) -> None:
    """Only the new release's calls count: none of them yet, and the incident stays open and says so."""
    promote(store, opened)
    traffic(store, PROMOTED, 30, lambda *_: False, seed=3)
    now = PROMOTED + timedelta(hours=30)
    quiet(store, now)
    one = look(store, settings, now)
    assert one.state == "open"
    assert "no call of r2 has come since it was promoted 30 h ago" in one.details.advice
    assert one.details.cures[0].name == "wait"


def test_a_little_luck_closes_nothing(store: Store, settings: Settings, opened: Incident) -> None:
    """Twenty good calls are no evidence, and neither are calls on which the detector has not looked yet."""
    promote(store, opened)
    traffic(store, PROMOTED, 30, lambda *_: False, release="r2", seed=3)
    quiet(store, PROMOTED + timedelta(minutes=25))
    assert look(store, settings, PROMOTED + timedelta(hours=30)).state == "open"


def test_a_regression_reopens_it_and_proposes_the_rollback_once(
    store: Store, settings: Settings, opened: Incident
) -> None:
    """Closed, then the new release fails more than the old one did: reopened, with the rollback as advice."""
    promote(store, opened)
    turn = PROMOTED + timedelta(hours=30)
    traffic(store, PROMOTED, 30, lambda n, _: n % 100 == 5, release="r2", seed=3)
    quiet(store, turn)
    assert look(store, settings, turn).state == "resolved"
    traffic(store, turn, 20, lambda n, _: n % 3 == 1, release="r2", seed=5)
    now = turn + timedelta(hours=20)
    quiet(store, now)
    one = look(store, settings, now)
    assert (one.state, one.cause) == ("open", "model")
    assert one.details.cures[0].name == "rollback"
    assert "outerloop retrain rollback rt-1" in one.details.advice
    message = incident_blocks(one, dashboard_url="http://127.0.0.1:8501")
    assert "outerloop retrain rollback rt-1" in str(message.blocks)
    proposed = [
        step for step in retrain(store, "rt-1").history if step.event == "rollback_proposed"
    ]
    assert len(proposed) == 1
    assert "check/valid fails" in proposed[0].note
    after = look(store, settings, now + timedelta(hours=1))
    assert after.state == "open"
    assert after.updated_at == one.updated_at
    assert [step.event for step in retrain(store, "rt-1").history].count("rollback_proposed") == 1


def test_a_rollback_is_proposed_once_done_once_and_ends_the_watch(
    store: Store, settings: Settings, opened: Incident
) -> None:
    """After the rollback nothing is proposed again, a second one is refused, and no cool-down is forgotten."""
    promote(store, opened)
    traffic(store, PROMOTED, 20, lambda n, _: n % 3 == 1, release="r2", seed=3)
    now = PROMOTED + timedelta(hours=20)
    quiet(store, now)
    one = look(store, settings, now)
    assert (one.state, one.details.cures[0].name) == ("open", "rollback")
    by = {"actor": "ann", "via": "cli"}
    rollback(store, settings, "rt-1", now=now + timedelta(minutes=5), **by)
    with pytest.raises(TransitionError):
        rollback(store, settings, "rt-1", now=now + timedelta(minutes=6), **by)
    later = now + timedelta(hours=2)
    traffic(store, now + timedelta(minutes=5), 2, lambda n, _: n % 10 == 5, seed=6)
    one = look(store, settings, later)
    assert one.state == "open"
    [cure] = [cure for cure in one.details.cures if cure.name == "retrain"]
    assert retrain_job.run(store, settings, Window(now, later)).get("proposed", 0) == 0
    assert cure.forbidden
    assert [step.event for step in retrain(store, "rt-1").history].count("rollback_proposed") == 1


def test_another_series_that_gets_worse_keeps_it_open(
    store: Store, settings: Settings, opened: Incident
) -> None:
    """What it was about is cured, and another check fails that never failed: not over, roll back."""
    traffic(
        store, CHANGE - timedelta(days=5), 150, lambda *_: False, per_day=600, seed=7, series=("check/polite",)
    )  # fmt: skip
    promote(store, opened)
    traffic(store, PROMOTED, 30, lambda n, _: n % 100 == 5, release="r2", seed=3)
    traffic(
        store, PROMOTED, 30, lambda n, _: n % 5 == 1, release="r2", seed=8, series=("check/polite",)
    )
    now = PROMOTED + timedelta(hours=30)
    quiet(store, now)
    one = look(store, settings, now)
    assert (one.state, one.details.cures[0].name) == ("open", "rollback")
    assert "check/polite fails" in one.details.advice
