"""A canary, read from traces of two releases that answer in the same hours."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from candidate_seed import BASE, CANDIDATE, FINISHED, NOW, SERVICE, put_calls, ready
from click.testing import CliRunner

from monitor.cli.commands import cli
from monitor.jobs import canary
from monitor.jobs.job import Window
from monitor.retrain.canary import CanaryHour
from monitor.retrain.state import retrain
from monitor.settings import Settings
from monitor.store import Store

pytestmark = pytest.mark.integration
MINUTE = timedelta(minutes=1)


@pytest.fixture
def settings(store_url: str, tmp_path: Path) -> Settings:
    """A sidecar."""
    return Settings(store_url=store_url, data_dir=tmp_path / "data")


def look(store: Store, settings: Settings, hours: int) -> str:
    """Run the job so many hours after the candidate was ready; says the verdict on record."""
    until = FINISHED + timedelta(hours=hours)
    canary.run(store, settings, Window(until - timedelta(hours=1), until))
    return str(retrain(store, "rt-1").details.get("canary", {}).get("verdict", ""))


def test_a_canary_that_fails_more_often_is_worse(store: Store, settings: Settings) -> None:
    """It is undecided at first, then worse, and told when the verdict changes, not every hour."""
    put_calls(store, 2000, start=FINISHED, step=MINUTE, failed_every=50, prefix="p")
    put_calls(
        store, 400, start=FINISHED, step=5 * MINUTE, release=CANDIDATE, failed_every=4, prefix="c"
    )
    ready(store, "http://127.0.0.1:9/v1", state="compared")
    assert look(store, settings, 1) == ""
    assert look(store, settings, 3) == "undecided"
    for hours in range(4, 20):
        said = look(store, settings, hours)
    assert said == "worse"
    one = retrain(store, "rt-1")
    told = [step for step in one.history if step.event == "canaried"]
    assert len(told) <= 8
    errors = next(s for s in one.details["canary"]["series"] if s["series"] == "call/error")
    assert errors["low"] > 0
    assert "Take it back" in told[-1].note
    assert one.state == "compared"
    shown = CliRunner().invoke(
        cli, ["retrain", "show", "rt-1"], env={"OUTERLOOP_STORE_URL": settings.store_url}
    )
    assert "Canary on live calls: WORSE" in shown.output


def test_a_canary_that_does_as_well_is_safe(store: Store, settings: Settings) -> None:
    """Calls and outcomes both have to show it, and outcomes count only when they have had their time."""
    put_calls(store, 4000, start=FINISHED, step=MINUTE / 2, wrong_every=100, prefix="p")
    put_calls(store, 2000, start=FINISHED, step=MINUTE, release=CANDIDATE, prefix="c")
    ready(store, "http://127.0.0.1:9/v1", state="compared")
    assert look(store, settings, 20) == "safe"
    series = {s["series"] for s in retrain(store, "rt-1").details["canary"]["series"]}
    assert series == {"call/error"}
    assert look(store, settings, 60) == "safe"
    told = {s["series"]: s for s in retrain(store, "rt-1").details["canary"]["series"]}
    assert told["outcome/correct"]["high"] < settings.candidate_margin
    assert told["outcome/correct"]["difference"] < 0


def test_hours_with_one_release_only_are_left_out(store: Store, settings: Settings) -> None:
    """A switch from one release to the other is no canary, and a third release is none of it."""
    put_calls(store, 300, start=FINISHED, step=MINUTE, prefix="p")
    put_calls(
        store, 300, start=FINISHED + timedelta(hours=6), step=MINUTE, release=CANDIDATE, prefix="c"
    )
    put_calls(store, 300, start=FINISHED, step=MINUTE, release="other", prefix="o")
    ready(store, "http://127.0.0.1:9/v1", state="compared")
    assert look(store, settings, 40) == ""
    rows = store.read(
        "canary_by_hour", CanaryHour, service=SERVICE, since=FINISHED, until=NOW,
        candidate="other", production=BASE,
    )  # fmt: skip
    errors = [row for row in rows if row.series == "call/error"]
    assert sum(row.n for row in errors) == sum(row.others_n for row in errors) == 300
    assert len(errors) == 5
