"""The rate series on a real store: they make themselves, know their normal, tell worse from better, and remember."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from monitor.exceptions import ConfigurationError
from monitor.jobs import rates
from monitor.jobs.job import Window
from monitor.jobs.series import begin_again, latest, read_budget
from monitor.records import CheckRow, ScoreRow
from monitor.settings import Settings, load_settings
from monitor.store import Store
from monitor.watching.baselines import Word, accept, pin

pytestmark = pytest.mark.integration
START = datetime(2024, 3, 4, tzinfo=UTC)
SERVICE = "desk"


@dataclass(frozen=True, slots=True)
class Made:
    """A call as these tests write it."""

    timestamp: datetime
    trace_id: str
    span_id: str
    service: str
    release: str
    request_model: str
    status: str
    error_type: str
    duration_ms: float
    tags: dict[str, str]


@pytest.fixture
def settings(store_url: str, tmp_path: Path) -> Settings:
    """Settings of the fresh database."""
    return load_settings(store_url=store_url, data_dir=tmp_path / "data")


def calls(
    first: float,
    last: float,
    *,
    per_day: int = 300,
    error: float = 0.02,
    slow: float = 0.0,
    release: str = "v1",
    service: str = SERVICE,
    tenants: int = 2,
    seed: int = 1,
) -> list[Made]:
    """Calls of the days [first, last), evenly spaced."""
    rng = np.random.default_rng(seed)
    made = []
    for k in range(int((last - first) * per_day)):
        at = START + timedelta(days=first + k / per_day)
        failed = rng.random() < error
        late = 8_000.0 if rng.random() < slow else 0.0
        made.append(
            Made(
                at, f"{service}-{release}-{seed}-{first}-{k}", f"s{k}", service, release, "m",
                "error" if failed else "ok", "timeout" if failed else "",
                float(rng.gamma(4, 200)) + late, {"tenant": f"t{k % tenants}"},
            )
        )  # fmt: skip
    return made


def told(
    made: list[Made], name: str, source: str, rate: float, *, after: timedelta
) -> list[ScoreRow]:
    """A word on every call, told some time after it; a share of them says no."""
    rng = np.random.default_rng(9)
    return [
        ScoreRow(
            one.timestamp + after, f"{name}-{one.trace_id}", "call", one.trace_id, one.span_id, "",
            one.service, name, source, float(rng.random() >= rate), "", "", "", "app",
            one.timestamp + after,
        )
        for one in made
    ]  # fmt: skip


def run(store: Store, settings: Settings, day: float) -> None:
    """One run of the job, some days after the start."""
    now = START + timedelta(days=day, minutes=10)
    rates.run(store, settings, Window(now - timedelta(hours=1), now))


def series(store: Store, name: str, service: str = SERVICE) -> CheckRow:
    """The last row of a rate series."""
    return latest(store, service)["rate", name]


def test_series_make_themselves_and_a_fault_is_seen_where_it_is(
    store: Store, settings: Settings
) -> None:
    """A tenant that begins to fail pages in its own series, the healthy one stays quiet, and the row says why."""
    store.append("calls", calls(0, 21))
    run(store, settings, 21)
    names = {name for detector, name in latest(store, SERVICE) if detector == "rate"}
    assert {
        "call/error",
        "error/timeout",
        "call/duration_ms>q50",
        "call/duration_ms>q90",
        "call/duration_ms>q99",
        "call/error [tag tenant=t0]",
        "call/error [tag tenant=t1]",
    } <= names
    assert "call/duration_ms>q50 [tag tenant=t0]" not in names
    bad = calls(21, 24, error=0.15, seed=2)
    good = calls(21, 24, error=0.02, seed=3)
    mixed = [a if a.tags["tenant"] == "t0" else b for a, b in zip(bad, good, strict=True)]
    store.append("calls", mixed)
    run(store, settings, 24)
    worse = series(store, "call/error [tag tenant=t0]")
    evidence = json.loads(worse.evidence)
    assert worse.status == "drift"
    assert (evidence["tier"], evidence["direction"]) == ("page", "worse")
    assert evidence["slice"] == {"tag tenant": "t0"}
    started = datetime.fromisoformat(evidence["started_at"])
    assert abs(started - (START + timedelta(days=21))) <= timedelta(hours=12)
    calm = series(store, "call/error [tag tenant=t1]")
    assert calm.status == "stable"
    assert json.loads(calm.evidence)["needed"] > 0
    assert series(store, "call/duration_ms>q90").status == "stable"


def test_better_is_noted_and_never_pages(store: Store, settings: Settings) -> None:
    """A rate that falls to nothing is `watch` and `better`; the slower calls of the same days page."""
    store.append("calls", calls(0, 21, error=0.08))
    run(store, settings, 21)
    store.append("calls", calls(21, 28, error=0.0, slow=0.3, seed=2))
    run(store, settings, 28)
    better = series(store, "call/error")
    assert better.status == "watch"
    assert json.loads(better.evidence)["direction"] == "better"
    assert json.loads(better.evidence)["tier"] == "watch"
    assert series(store, "call/duration_ms>q99").status == "drift"
    since, until = START + timedelta(days=21), START + timedelta(days=28)
    for name, least in (("call/duration_ms>q99", 500), ("call/error [tag tenant=t0]", 0)):
        shown = store.rows(
            "flagged_by_rate", service=SERVICE, series=name, since=since, until=until
        )
        assert (len(shown) > least) == (least > 0)


def test_a_second_run_and_a_split_run_say_the_same(store: Store, settings: Settings) -> None:
    """Hour by hour or a day at once: the same evidence; the same window twice adds nothing."""
    store.append("calls", calls(0, 24) + calls(0, 24, service="other"))
    for day in (21, 22, 22.5, 23, 24):
        run(store, settings, day)
    before = {service: latest(store, service) for service in (SERVICE, "other")}
    run(store, settings, 24)
    assert {service: latest(store, service) for service in before} == before
    one, other = series(store, "call/error"), series(store, "call/error", "other")
    assert one.n > 0
    assert other.n > 0  # two services have a series of the same name
    store.append("calls", calls(0, 21, service="late") + calls(21, 24, service="late", seed=5))
    run(store, settings, 21)
    store.append("calls", calls(0, 24, service="whole"))
    run(store, settings, 24)
    assert json.loads(series(store, "call/error").state)["detector"]["updates"] > 24


def test_outcomes_wait_for_their_window(store: Store, settings: Settings) -> None:
    """Words that come two days late are counted in the hour of their call; the last days are shown as immature."""
    made = calls(0, 28)
    words = told(made, "resolved", "outcome", 0.1, after=timedelta(days=2))
    until = START + timedelta(days=24)
    store.append("calls", [one for one in made if one.timestamp < until])
    store.append("scores", [one for one in words if one.timestamp < until])
    run(store, settings, 21)
    run(store, settings, 24)
    row = series(store, "outcome/resolved")
    assert row.window_end == START + timedelta(days=21)
    assert row.status == "stable"
    assert json.loads(row.evidence)["immature_hours"] > 0
    assert series(store, "call/error").window_end == until


def test_a_new_release_is_held_against_its_predecessor_in_the_same_hours(
    store: Store, settings: Settings
) -> None:
    """Worse together, and the new one is not blamed; once it alone is worse, it pages without a baseline of its own."""
    store.append("calls", calls(0, 21))
    run(store, settings, 21)
    both = [
        calls(21, 22, release=name, error=0.08, seed=4 + k) for k, name in enumerate(("v1", "v2"))
    ]
    store.append("calls", both[0] + both[1])
    run(store, settings, 22)
    name = "call/error [release=v2]"
    assert series(store, name).status == "stable"
    assert json.loads(series(store, name).evidence)["baseline"] == "predecessor"
    store.append(
        "calls",
        calls(22, 24, release="v1", seed=6) + calls(22, 24, release="v2", error=0.2, seed=7),
    )
    run(store, settings, 24)
    assert series(store, name).status == "drift"


def test_what_is_accepted_is_the_new_normal_with_a_record(store: Store, settings: Settings) -> None:
    """After `accept` the series is learnt from the change on; `pin` holds it against a span; both are on record."""
    store.append("calls", calls(0, 21))
    run(store, settings, 21)
    store.append("calls", calls(21, 30, error=0.12, seed=2))
    run(store, settings, 30)
    assert series(store, "call/error").status == "drift"
    word = Word("ann", START + timedelta(days=30), "stricter limits upstream")
    accept(store, SERVICE, "call/error", START + timedelta(days=21), word)
    run(store, settings, 30.1)
    row = series(store, "call/error")
    assert row.status == "stable"
    assert row.baseline == pytest.approx(0.12, abs=0.02)
    assert json.loads(row.evidence)["baseline"] == "accepted"
    store.append("calls", calls(30, 32, error=0.12, seed=3))
    run(store, settings, 32)
    assert series(store, "call/error").status == "stable"
    span = (START, START + timedelta(days=20))
    pin(
        store, SERVICE, "call/error", span, replace(word, at=START + timedelta(days=32, minutes=30))
    )
    run(store, settings, 32.1)
    assert series(store, "call/error").baseline == pytest.approx(0.02, abs=0.01)
    record = latest(store, SERVICE)["baseline", "call/error"]
    assert record.status == "pinned"
    assert json.loads(record.evidence)["actor"] == "ann"
    with pytest.raises(ConfigurationError, match="no series"):
        pin(store, SERVICE, "call/none", span, word)


def test_resolved_evidence_begins_anew(store: Store, settings: Settings) -> None:
    """`begin_again` keeps the baseline and forgets the evidence in both directions."""
    store.append("calls", calls(0, 21))
    run(store, settings, 21)
    store.append("calls", calls(21, 23, error=0.2, seed=2))
    run(store, settings, 23)
    row = series(store, "call/error")
    assert row.status == "drift"
    store.append("checks", [begin_again(row, now=START + timedelta(days=23, hours=1))])
    store.append("calls", calls(23.1, 25, seed=3))
    run(store, settings, 25)
    after = series(store, "call/error")
    assert after.status == "stable"
    assert after.baseline == row.baseline


def test_too_little_says_what_is_missing(store: Store, settings: Settings) -> None:
    """A young service has no verdict, and its rows say how far it is from one."""
    store.append("calls", calls(0, 2, per_day=50))
    run(store, settings, 2)
    row = series(store, "call/error")
    assert row.status == "insufficient_data"
    assert "of 2,000 looks" in json.loads(row.evidence)["missing"]
    assert "of 7 days" in json.loads(row.evidence)["missing"]


def test_the_budget_is_one_for_the_deployment(store: Store, settings: Settings) -> None:
    """Every watched series of every service takes its share, and a looser setting gives lower thresholds."""
    store.append("calls", calls(0, 21) + calls(0, 21, service="other"))
    run(store, settings, 21)
    now = START + timedelta(days=21)
    budget = read_budget(store, settings, now=now)
    mine = [row for row in latest(store, SERVICE).values() if row.threshold > 0]
    assert budget.overall + budget.slices == 2 * len(mine)
    assert budget.arl("page", 168) == 10 * budget.arl("watch", 168)
    loose = load_settings(store_url=store.url, false_alerts_per_week=5.0)
    assert read_budget(store, loose, now=now).arl("page", 168) < budget.arl("page", 168)


def test_scores_of_their_own_scale_are_watched_from_below(store: Store, settings: Settings) -> None:
    """A graded judge's low marks make series against its own baseline's quantiles, and a fall is seen."""
    rng = np.random.default_rng(3)
    made = calls(0, 25)
    turn = START + timedelta(days=21)
    words = [
        replace(
            one,
            value=float(np.clip(rng.normal(4.2 if one.timestamp < turn else 3.2, 0.6), 1, 5)),
        )
        for one in told(made, "style", "judge", 0.0, after=timedelta(0))
    ]
    store.append("calls", made)
    store.append("scores", [one for one in words if one.timestamp < turn])
    run(store, settings, 21)
    store.append("scores", [one for one in words if one.timestamp >= turn])
    run(store, settings, 25)
    assert series(store, "judge/style<q10").status == "drift"
    assert ("rate", "judge/style") not in latest(store, SERVICE)


def test_an_alarm_of_a_judge_says_what_people_would_have_found(
    store: Store, settings: Settings
) -> None:
    """The raw rate is watched; its row tells the rate that people's labels correct it to, now and before."""
    made = calls(0, 26)
    turn = START + timedelta(days=21)
    before = told(
        [one for one in made if one.timestamp < turn], "right", "judge", 0.1, after=timedelta(0)
    )
    after = told(
        [one for one in made if one.timestamp >= turn], "right", "judge", 0.3, after=timedelta(0)
    )
    rng = np.random.default_rng(11)
    people = [
        replace(
            one, score_id=f"person-{one.score_id}", source="human",
            value=one.value if rng.random() < 0.9 else 1 - one.value,
        )
        for one in before[-2_000::4]
    ]  # fmt: skip
    store.append("calls", made)
    store.append("scores", [replace(one, author="m/v1") for one in before])
    store.append("scores", people)
    run(store, settings, 21)
    store.append("scores", [replace(one, author="m/v1") for one in after])
    run(store, settings, 26)
    row = series(store, "judge/right")
    evidence = json.loads(row.evidence)
    assert row.status == "drift"
    now, usual = evidence["corrected"], evidence["corrected_before"]
    assert now["labels"] == len(people)
    assert usual["low"] <= usual["rate"] <= usual["high"] < now["low"] < now["rate"]
    assert "labels of people" in evidence["sentence"]
