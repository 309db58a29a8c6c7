"""`outerloop baselines`: what is normal for each series and why; pinned, held to a dataset, accepted, given back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from test_series_rates import SERVICE, START, calls, run, series, told

from monitor.cli.commands import cli
from monitor.clock import CLOCK_FILE
from monitor.incidents import Incident, IncidentDetails, incident, tell
from monitor.settings import Settings, load_settings
from monitor.store import Store

pytestmark = pytest.mark.integration


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a dataset, as far as a baseline looks at it."""

    dataset_version: str
    service: str
    split: str
    trace_id: str
    span_id: str


@pytest.fixture
def settings(store_url: str, tmp_path: Path) -> Settings:
    """Settings of the fresh database."""
    return load_settings(store_url=store_url, data_dir=tmp_path / "data")


@pytest.fixture
def command(store_url: str, tmp_path: Path) -> Any:
    """Runs `outerloop baselines` at a day of the story; returns its document."""
    clock = tmp_path / "clock"

    def call(day: float, *words: str, fails: int = 0) -> Any:
        clock.write_text((START + timedelta(days=day)).isoformat())
        environment = {"OUTERLOOP_STORE_URL": store_url, CLOCK_FILE: str(clock)}
        done = CliRunner().invoke(cli, ["baselines", *words], env=environment)
        assert done.exit_code == fails, done.output
        if fails:
            return done.stderr
        return json.loads(done.stdout) if "--json" in words else done.stdout

    return call


def of(listed: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """One series of the list."""
    [one] = [one for one in listed if one["series"] == name]
    return one


def test_every_series_says_what_is_normal_and_what_it_could_see(
    store: Store, settings: Settings, command: Any
) -> None:
    """Rate, interval, n, span, how it was chosen, state, looks for a doubling; one without says what it lacks."""
    store.append("calls", calls(0, 21) + calls(19, 21, service="young", per_day=50))
    run(store, settings, 21)
    listed = command(21, "--json")
    one = of([row for row in listed if row["service"] == SERVICE], "call/error")
    assert (one["status"], one["tier"], one["chosen"]) == ("stable", "page", "own")
    assert one["low"] < one["rate"] < one["high"]
    assert one["n"] == 14 * 300
    assert one["needed"] > 0
    assert datetime.fromisoformat(one["since"]) == START
    young = command(21, "--json", "--service", "young")
    assert {row["service"] for row in young} == {"young"}
    assert "of 2,000 looks" in of(young, "call/error")["missing"]
    assert "more looks to see a doubling" in command(21)
    assert "no series of service 'nobody'" in command(21, "--service", "nobody", fails=2)


def test_a_baseline_is_pinned_by_hand_and_given_back(
    store: Store, settings: Settings, command: Any
) -> None:
    """It says who pinned it and why; wrong words are refused with what to write."""
    store.append("calls", calls(0, 10, error=0.05) + calls(10, 21, error=0.02, seed=2))
    run(store, settings, 21)
    span = ("--since", "2024-03-04", "--until", "2024-03-14")
    command(21.1, "pin", "call/error", *span, "--note", "before the fix")
    run(store, settings, 21.2)
    one = of(command(21.2, "--json"), "call/error")
    assert one["chosen"] == "pinned"
    assert one["rate"] == pytest.approx(0.05, abs=0.01)
    assert one["by"]
    assert one["note"] == "before the fix"
    command(21.3, "unpin", "call/error")
    run(store, settings, 21.4)
    assert of(command(21.4, "--json"), "call/error")["chosen"] == "own"
    run(store, settings, 21.5)
    assert "nobody has set" in command(21.5, "unpin", "call/error", fails=2)
    assert "a span" in command(21.5, "pin", "call/error", fails=2)
    assert "that is over" in command(
        21.5, "pin", "call/error", "--since", "2024-03-04", "--until", "2024-12-01", fails=2
    )
    assert "no service has" in command(21.5, "unpin", "call/none", fails=2)


def test_an_incident_is_accepted_as_the_new_normal(
    store: Store, settings: Settings, command: Any
) -> None:
    """All series that alarm with it learn anew from its begin, and it is resolved with the note."""
    store.append("calls", calls(0, 21))
    run(store, settings, 21)
    store.append("calls", calls(21, 30, error=0.12, seed=2))
    run(store, settings, 30)
    assert series(store, "call/error").status == "drift"
    began = START + timedelta(days=21)
    one = Incident(
        "inc-1", SERVICE, "more errors", "page", "unknown", "", "rate", "call/error", began, began,
        began, None, "open", "job", IncidentDetails(summary="12 %"),
    )  # fmt: skip
    tell(store, one, "opened", now=began, actor="job", via="job")
    document = command(30.1, "accept", "inc-1", "--note", "stricter limits", "--json")
    assert document["status"] == "accepted"
    assert "call/error [tag tenant=t0]" in document["series"]
    run(store, settings, 30.2)
    listed = command(30.2, "--json")
    for name in ("call/error", "call/error [tag tenant=t0]"):
        assert (of(listed, name)["chosen"], of(listed, name)["status"]) == ("accepted", "stable")
    closed = incident(store, "inc-1")
    assert closed is not None
    assert closed.state == "resolved"
    assert "shows no change" in command(30.3, "accept", "call/error", fails=2)


def test_a_dataset_says_what_is_normal_of_scores(
    store: Store, settings: Settings, command: Any
) -> None:
    """The failures among its reserved split, which is a random share, and not among its hard examples."""
    made = calls(0, 21)
    words = told(made, "right", "judge", 0.05, after=timedelta(0))
    store.append("calls", made)
    store.append("scores", words)
    run(store, settings, 21)
    members = [
        Member("ds-1", SERVICE, "reserved" if number % 2 else "train", one.trace_id, one.span_id)
        for number, one in enumerate(made[:5000])
    ]
    store.append("datasets", members)
    command(21.1, "pin", "judge/right", "--dataset", "ds-1")
    run(store, settings, 21.2)
    one = of(command(21.2, "--json"), "judge/right")
    assert (one["chosen"], one["dataset"], one["n"], one["since"]) == (
        "dataset",
        "ds-1",
        2500,
        None,
    )
    reserved = {member.trace_id for member in members if member.split == "reserved"}
    failed = sum(word.value == 0 for word in words if word.trace_id in reserved)
    assert one["rate"] == pytest.approx(failed / 2500)
    assert "says nothing of" in command(21.3, "pin", "call/error", "--dataset", "ds-1", fails=2)
    assert "no call in the reserved split" in command(
        21.3, "pin", "judge/right", "--dataset", "none", fails=2
    )
