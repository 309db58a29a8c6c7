"""Why it happened: planted faults on a real store, and the cause that the incident names first or second."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from incident_seed import CHANGE, SERVICE, Traced, alarm, calls, judge, said, send

from monitor.incidents import Incident, incidents
from monitor.jobs.incident import run
from monitor.jobs.job import Window
from monitor.judging.rows import Bridge
from monitor.settings import Settings, load_settings
from monitor.store import Store

pytestmark = pytest.mark.integration

Make = Callable[[datetime, np.random.Generator, str], Traced]
NOW = CHANGE + timedelta(hours=30)


@pytest.fixture
def settings(store_url: str, tmp_path: Path) -> Settings:
    """Settings of the fresh database."""
    return load_settings(store_url=store_url, data_dir=tmp_path / "data")


def explain(store: Store, settings: Settings, now: datetime = NOW) -> Incident:
    """What the incident job makes of the alarms; there must be one incident."""
    run(store, settings, Window(now - timedelta(days=1), now))
    [one] = incidents(store)
    return one


def ranked(one: Incident) -> list[str]:
    """The causes, the likeliest first, without the confession that nothing fits."""
    return [cause.cause for cause in one.details.causes if cause.cause != "unknown"]


def plain(at: datetime, rng: np.random.Generator, name: str) -> Traced:
    """A call without anything new."""
    tenant = str(rng.choice(["acme", "bolt", "cora", "dune"]))
    return Traced(at, f"t{name}", f"s{name}", tags={"tenant": tenant}, input=said(rng))


def faults(rows: list[Traced], rate: Callable[[Traced], float], seed: int = 1) -> list[bool]:
    """Which calls are bad, each with its own chance."""
    rng = np.random.default_rng(seed)
    return [bool(rng.random() < rate(row)) for row in rows]


def test_a_prompt_that_breaks_one_tenant(store: Store, settings: Settings) -> None:
    """A new prompt version for everybody fails for one tenant: the prompt is named, and the tenant is the slice."""

    def make(at: datetime, rng: np.random.Generator, name: str) -> Traced:
        one = plain(at, rng, name)
        version = "p8" if at >= CHANGE else "p7"
        return Traced(
            at, one.trace_id, one.span_id, tags=one.tags, input=one.input, prompt_version=version
        )

    rows = calls(make, seed=1)
    bad = faults(
        rows,
        lambda row: 0.3 if row.prompt_version == "p8" and row.tags["tenant"] == "acme" else 0.01,
    )
    send(store, rows)
    judge(store, rows, bad)
    alarm(store, "check/valid", now=NOW)
    alarm(
        store,
        "check/valid [tag tenant=acme]",
        now=NOW,
        slice={"tag tenant": "acme"},
        metric="check/valid",
    )
    one = explain(store, settings)
    assert ranked(one)[0] == "prompt"
    first = one.details.slices[0]
    assert (first.attribute, first.value) == ("tag tenant", "acme")
    assert first.lift > 5
    assert first.share_of_faults > 0.7 > first.share_of_calls
    assert one.details.change is not None
    assert one.details.change.low <= CHANGE.replace(minute=0) <= one.details.change.high
    assert len(one.details.examples) == 10


def test_a_provider_that_exchanges_the_model(store: Store, settings: Settings) -> None:
    """Another model answers under the same name: neither release nor prompt, the provider."""

    def make(at: datetime, rng: np.random.Generator, name: str) -> Traced:
        one = plain(at, rng, name)
        answering = "gpt-x-0313" if at >= CHANGE else "gpt-x-0101"
        return Traced(
            at, one.trace_id, one.span_id, tags=one.tags, input=one.input, response_model=answering
        )

    rows = calls(make, seed=2)
    bad = faults(rows, lambda row: 0.06 if row.timestamp >= CHANGE else 0.01)
    send(store, rows)
    judge(store, rows, bad)
    alarm(store, "check/valid", now=NOW)
    one = explain(store, settings)
    assert ranked(one)[0] == "provider"
    assert "gpt-x-0313" in " ".join(one.details.causes[0].speaks_for)


@pytest.mark.parametrize("how", ["gone", "type", "dates"])
def test_a_schema_that_changes_upstream(store: Store, settings: Settings, how: str) -> None:
    """A key that is gone, comes as another type, or dates written the other way round: the inputs' structure."""
    new: dict[str, dict[str, object]] = {
        "gone": {"due": None}, "type": {"caller": "9-1234"}, "dates": {"due": "13/03/2024"},
    }  # fmt: skip

    def make(at: datetime, rng: np.random.Generator, name: str) -> Traced:
        more = new[how] if at >= CHANGE else {}
        return Traced(at, f"t{name}", f"s{name}", input=said(rng, **more))

    rows = calls(make, seed=3)
    bad = faults(rows, lambda row: 0.08 if row.timestamp >= CHANGE else 0.01)
    send(store, rows)
    judge(store, rows, bad)
    alarm(store, "check/valid", now=NOW)
    assert ranked(explain(store, settings))[0] == "schema"


@pytest.mark.parametrize("how", ["version", "shift"])
def test_a_judge_that_is_exchanged(store: Store, settings: Settings, how: str) -> None:
    """The judge says no more often and checks see nothing: the judge, whether its version or its anchors tell."""
    rows = calls(plain, seed=4)
    rng = np.random.default_rng(5)
    stricter = [bool(rng.random() < (0.07 if row.timestamp >= CHANGE else 0.02)) for row in rows]
    send(store, rows)
    judge(store, rows, faults(rows, lambda _: 0.01), series="check/valid")
    judge(
        store, rows, stricter, series="judge/right",
        author=lambda row: "v2" if how == "version" and row.timestamp >= CHANGE else "v1",
    )  # fmt: skip
    if how == "shift":
        store.append("bridges", [Bridge(
            CHANGE + timedelta(hours=12), "right", "v1", "v1", "shift", 100, -0.06, -0.11, -0.02, 6, 0,
        )])  # fmt: skip
    alarm(store, "judge/right", now=NOW, baseline=0.02)
    assert ranked(explain(store, settings))[0] == "judge"


def test_a_slow_decay(store: Store, settings: Settings) -> None:
    """0.1 % more faults each day, with nothing deployed: it is said to come little by little."""
    days = 25

    def rate(row: Traced) -> float:
        return 0.01 + 0.001 * max(0.0, (row.timestamp - CHANGE) / timedelta(days=1))

    rows = calls(plain, seed=6, hours_after=24 * days, per_day=500)
    now = CHANGE + timedelta(days=days)
    send(store, rows)
    judge(store, rows, faults(rows, rate))
    alarm(store, "check/valid", now=now, started=CHANGE + timedelta(days=8))
    one = explain(store, settings, now)
    assert "decay" in ranked(one)[:2]


def test_a_year_that_turns(store: Store, settings: Settings) -> None:
    """At the turn of the year answers carry last year's dates, and nothing was deployed: the calendar."""
    turn = datetime(2025, 1, 1, tzinfo=UTC)
    rows = calls(plain, seed=7, change=turn)
    bad = faults(rows, lambda row: 0.05 if row.timestamp >= turn else 0.0)
    send(store, rows)
    from monitor.records import ScoreRow

    store.append("scores", [
        ScoreRow(row.timestamp, f"rollover:due_date:{row.span_id}", "call", row.trace_id, row.span_id, "", SERVICE,
                 "rollover", "check", 0.0, "2024-01-15", "a year behind", "", "temporal", row.timestamp)
        for row, wrong in zip(rows, bad, strict=True) if wrong
    ])  # fmt: skip
    now = turn + timedelta(hours=30)
    alarm(store, "rollover/due_date", now=now, started=turn + timedelta(hours=1), detector="rollover",
          field="due_date", baseline=0.001)  # fmt: skip
    one = explain(store, settings, now)
    assert ranked(one)[0] == "calendar"
    assert one.severity == "page"


def test_new_callers(store: Store, settings: Settings) -> None:
    """A new tenant asks about something the model has never seen: the inputs, and the tenant is named."""

    def make(at: datetime, rng: np.random.Generator, name: str) -> Traced:
        one = plain(at, rng, name)
        if at >= CHANGE and rng.random() < 0.15:
            text = said(
                rng, text="reverse annuity " + " ".join(rng.choice(["pension", "heir", "will"], 8))
            )
            return Traced(at, one.trace_id, one.span_id, tags={"tenant": "nova"}, input=text)
        return one

    rows = calls(make, seed=8)
    send(store, rows)
    judge(store, rows, faults(rows, lambda row: 0.35 if row.tags.get("tenant") == "nova" else 0.01))
    alarm(store, "check/valid", now=NOW)
    one = explain(store, settings)
    assert ranked(one)[0] == "input"
    assert "nova" in " ".join(part.value for part in one.details.slices)


def test_when_nothing_fits_it_is_said(store: Store, settings: Settings) -> None:
    """Faults that rise for no reason that the store knows are of unknown cause, with what speaks against the others."""
    rows = calls(plain, seed=9)
    send(store, rows)
    judge(store, rows, faults(rows, lambda row: 0.06 if row.timestamp >= CHANGE else 0.01))
    alarm(store, "check/valid", now=NOW)
    one = explain(store, settings)
    assert one.cause == "unknown"
    against = {cause.cause: cause.speaks_against for cause in one.details.causes}
    assert "release and model have stayed the same" in against["model"]
    assert "no new prompt version was seen" in against["prompt"]
