"""The advice on a real store: labels, the reserved share left out, the model's owner, the costs, the cool-down."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from incident_seed import CHANGE, SERVICE, Traced, alarm, calls, judge, said, send

from monitor.advice import advise
from monitor.advice.reading import situation_of
from monitor.cli.commands import cli
from monitor.curation.reserve import load_key, reserved
from monitor.incidents import Confirmation, Incident, incidents, tell
from monitor.jobs import incident as job
from monitor.jobs import retrain as retrain_job
from monitor.jobs.job import Window
from monitor.records import RetrainEvent, ScoreRow
from monitor.retrain.state import retrains
from monitor.retrain.watch import WATCHED_FOR
from monitor.settings import Settings, load_settings
from monitor.store import Store

pytestmark = pytest.mark.integration
NOW = CHANGE + timedelta(hours=30)


@pytest.fixture
def settings(store_url: str, tmp_path: Path) -> Settings:
    """A sidecar with a fine-tune job, whose training has a price."""
    return load_settings(
        store_url=store_url,
        data_dir=tmp_path / "data",
        retrain_webhook_url="http://127.0.0.1:9/retrain",
        retrain_webhook_secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        retrain_usd_per_million_tokens=2.0,
    )


def traffic(
    store: Store,
    *,
    model: str = "small-1",
    wrong: Callable[[int, Traced], bool],
    text: str = "",
    series: str = "check/valid",
) -> tuple[list[Traced], list[bool]]:
    """Calls of which 1 % fail a check before the change, and those that `wrong` says after it."""
    rows = calls(
        lambda at, rng, name: Traced(
            at, f"t{name}", f"s{name}", request_model=model,
            input=said(rng, topic=str(rng.choice(["probate", "rate"])) if text else "loan"),
        ),
        seed=21, days_before=4, per_day=400,
    )  # fmt: skip
    send(store, rows)
    bad = [wrong(n, row) if row.timestamp >= CHANGE else n % 100 == 5 for n, row in enumerate(rows)]
    judge(store, rows, bad, series=series)
    return rows, bad


def label(store: Store, rows: list[Traced], bad: list[bool], *, source: str = "outcome") -> None:
    """The right answer of each, told a minute apart by one source."""
    store.append("scores", [
        ScoreRow(
            NOW - timedelta(hours=10) + timedelta(seconds=20 * n), f"{source}-{row.span_id}", "call", row.trace_id,
            row.span_id, "", SERVICE, "correct", source, float(not wrong), "", "", '{"a": 1}', "ada", row.timestamp,
        )
        for n, (row, wrong) in enumerate(zip(rows, bad, strict=True))
    ])  # fmt: skip


def opened(store: Store, settings: Settings, series: str = "check/valid") -> Incident:
    """The incident that the job opens."""
    alarm(store, series, now=NOW)
    job.run(store, settings, Window(NOW - timedelta(hours=1), NOW))
    return incidents(store)[0]


def confirmed(one: Incident) -> Incident:
    """The same with a witness."""
    witness = Confirmation(
        source="outcome", name="correct", rate=0.1, low=0.07, high=0.13, n=500, baseline=0.01
    )
    return replace(one, details=one.details.model_copy(update={"confirmations": (witness,)}))


def unexplained(one: Incident) -> Incident:
    """The same, of which nothing deployed is suspected."""
    return replace(one, cause="unknown", details=one.details.model_copy(update={"causes": ()}))


def test_labels_are_counted_and_the_reserved_share_is_kept_apart(
    store: Store, settings: Settings
) -> None:
    """Failing ones since the change that may be trained on, reserved ones, right ones, and those from before."""
    rows, bad = traffic(store, wrong=lambda n, _: n % 8 == 5)
    label(store, rows, bad)
    one = opened(store, settings)
    labels = situation_of(store, settings, one, NOW).labels
    key = load_key(settings.data_dir)
    since = [(row, wrong) for row, wrong in zip(rows, bad, strict=True) if row.timestamp >= CHANGE]
    failing = [row.trace_id for row, wrong in since if wrong]
    assert labels.failing_reserved == sum(reserved(trace, key) for trace in failing)
    assert labels.failing + labels.failing_reserved == len(failing)
    assert labels.passing == len(since) - len(failing)
    assert labels.before == len(rows) - len(since)
    assert labels.unlabelled == 0


def test_a_slice_that_shows_in_the_inputs_is_learnable(store: Store, settings: Settings) -> None:
    """Two of three `probate` calls fail: the inputs tell it."""
    traffic(store, wrong=lambda n, row: "probate" in row.input and n % 3 > 0, text="topic")
    one = opened(store, settings)
    [found] = situation_of(store, settings, one, NOW).learnable
    assert found.found
    assert found.low > found.null
    speaks = next(cure for cure in one.details.cures if cure.name == "retrain").speaks_for
    assert any("can be told from" in said_ for said_ in speaks)


def test_noise_is_told_as_noise(store: Store, settings: Settings) -> None:
    """A third of the calls fails whatever they say."""
    traffic(store, wrong=lambda n, _: n % 3 == 1)
    one = opened(store, settings)
    [found] = situation_of(store, settings, one, NOW).learnable
    assert found.refuted


@pytest.mark.parametrize(
    ("model", "kind", "cure"),
    [("gpt-4o-mini", "provider", "prompt examples"), ("small-1", "own", "retrain")],
)
def test_whose_model_it_is_decides(
    store: Store, settings: Settings, model: str, kind: str, cure: str
) -> None:
    """A model with a list price is its provider's; one that a fine-tune job is set for is one's own."""
    rows, bad = traffic(store, model=model, wrong=lambda n, _: n % 8 == 5)
    label(store, rows, bad)
    one = unexplained(confirmed(opened(store, settings)))
    situation = situation_of(store, settings, one, NOW)
    assert situation.owner.kind == kind
    assert advise(situation).cure in cure.split()


def test_costs_come_from_this_services_own_rows(store: Store, settings: Settings) -> None:
    """Tokens by its calls, the pace by its people, the price by the setting."""
    rows, bad = traffic(store, wrong=lambda n, _: n % 8 == 5)
    label(store, rows[:200], bad[:200], source="human")
    costs = situation_of(store, settings, opened(store, settings), NOW).costs
    assert costs.label_pace_measured
    assert costs.seconds_per_label == pytest.approx(20)
    assert costs.training_tokens > 0
    assert costs.training_usd == pytest.approx(costs.training_tokens * 2e-6)
    assert costs.test_calls > 50


def event(one: Incident, name: str, at: datetime, *, retrain_id: str = "rt-1") -> RetrainEvent:
    """An event of an earlier retrain of the service."""
    comparison = {"production": {"value": 0.1}, "difference": -0.08, "low": -0.1, "high": -0.06}
    details = json.dumps({"comparison": comparison} if name == "compared" else {})
    return RetrainEvent(
        at,
        retrain_id,
        name,
        "job",
        "job",
        "",
        "inc-before",
        one.service,
        "r0",
        "r1",
        "ds-aa",
        details,
    )


def test_cool_down_limit_and_earlier_effect_are_read_from_the_retrains(
    store: Store, settings: Settings
) -> None:
    """One promoted two days ago: seven days' pause, and its effect is what is expected; after it, a retrain again."""
    rows, bad = traffic(store, wrong=lambda n, _: n % 8 == 5)
    label(store, rows, bad)
    one = unexplained(confirmed(opened(store, settings)))
    start = NOW - timedelta(days=2)
    names = ("proposed", "requested", "finished", "compared", "approved", "promoted")
    store.append(
        "retrains", [event(one, name, start + timedelta(minutes=n)) for n, name in enumerate(names)]
    )
    situation = situation_of(store, settings, one, NOW)
    assert situation.cooling.until is not None
    assert not advise(situation).retrain
    assert situation.past.best == pytest.approx(0.8)
    assert (situation.past.low, situation.past.high) == pytest.approx((0.6, 1.0))
    later = situation_of(store, settings, one, NOW + timedelta(days=6))
    assert later.cooling.until is None
    few = settings.model_copy(update={"retrain_limit_per_month": 1})
    assert situation_of(store, few, one, NOW + timedelta(days=6)).cooling.until is not None


def test_a_release_that_is_being_watched_is_not_replaced(store: Store, settings: Settings) -> None:
    """No cool-down: neither its own incident nor another one of the service asks for a retrain until it is over."""
    rows, bad = traffic(store, wrong=lambda n, _: n % 8 == 5)
    label(store, rows, bad)
    free = settings.model_copy(update={"retrain_cooldown_days": 0})
    one = unexplained(confirmed(opened(store, free)))
    other = replace(one, incident_id="inc-other")
    assert advise(situation_of(store, free, other, NOW)).retrain
    names = ("proposed", "requested", "finished", "compared", "approved", "promoted")
    store.append(
        "retrains",
        [
            replace(
                event(one, name, NOW - timedelta(hours=9 - n)),
                incident_id=one.incident_id,
                candidate_release="r2",
            )
            for n, name in enumerate(names)
        ],
    )
    for waiting in (one, other):
        tell(store, waiting, "grown", now=NOW, actor="test", via="job", note="")
        assert not advise(situation_of(store, free, waiting, NOW)).retrain
    assert "proposed" not in retrain_job.run(store, free, Window(CHANGE, NOW))
    late = NOW + WATCHED_FOR
    assert advise(situation_of(store, free, other, late)).retrain
    tell(store, one, "resolved", now=NOW, actor="test", via="job", note="")
    assert advise(situation_of(store, free, other, NOW)).retrain


def test_an_incident_without_labels_is_shown_with_what_it_waits_for(
    store: Store, settings: Settings, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No label anywhere: the job opens it, the retrain job proposes nothing, the command shows every cure."""
    traffic(store, wrong=lambda n, _: n % 8 == 5, series="judge/right")
    one = opened(store, settings, "judge/right")
    assert one.details.advice.startswith("Look at the examples.")
    assert retrain_job.run(store, settings, Window(CHANGE, NOW)) == {}
    assert retrains(store) == []
    monkeypatch.setenv("OUTERLOOP_STORE_URL", store_url)
    shown = CliRunner().invoke(cli, ["incidents", "show", one.incident_id]).output
    assert "What to do: Look at the examples." in shown
    assert "Cure retrain (not now)" in shown
    assert "! no judge, outcome or person has confirmed it yet" in shown


def test_new_labels_change_the_advice_once(store: Store, settings: Settings) -> None:
    """When outcomes come in they confirm it and another cure fits: told, and not told again an hour later."""
    rows, bad = traffic(store, wrong=lambda n, _: n % 8 == 5, series="judge/right")
    one = opened(store, settings, "judge/right")
    assert one.details.cures[0].name == "wait"
    label(store, rows, bad)
    later = NOW + timedelta(hours=1)
    job.run(store, settings, Window(NOW, later))
    told = incidents(store)[0]
    assert told.details.cures[0].name != "wait"
    assert "Confirmed by outcome correct" in told.details.advice
    job.run(store, settings, Window(later, later + timedelta(hours=1)))
    assert incidents(store)[0].updated_at == told.updated_at


def test_two_services_do_not_advise_each_other(store: Store, settings: Settings) -> None:
    """The other service's retrain neither cools this one down nor owns its model."""
    rows, bad = traffic(store, wrong=lambda n, _: n % 8 == 5)
    label(store, rows, bad)
    one = unexplained(confirmed(opened(store, settings)))
    other = replace(one, service="other")
    names = ("proposed", "requested", "finished", "compared", "approved", "promoted")
    store.append(
        "retrains",
        [event(other, name, NOW - timedelta(hours=9 - n)) for n, name in enumerate(names)],
    )
    situation = situation_of(store, settings, one, NOW)
    assert situation.cooling.until is None
    assert situation.past.retrains == 0
    assert advise(situation).retrain
    quiet = situation_of(store, settings, other, NOW)
    assert quiet.labels.total == 0
    assert quiet.learnable == ()
    assert quiet.owner.kind == "unknown"
