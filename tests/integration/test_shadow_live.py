"""Shadow mode: the candidate answers live calls too, and production's figures never know of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from candidate_seed import CANDIDATE, FINISHED, NOW, Candidate, candidate_endpoint, put_calls, ready
from conftest import free_port

from monitor.jobs import shadow
from monitor.jobs.job import Window
from monitor.retrain.state import append, retrain
from monitor.settings import Settings
from monitor.store import Store

pytestmark = pytest.mark.integration
LIVE = Window(FINISHED, NOW)


@pytest.fixture
def settings(store_url: str, tmp_path: Path) -> Settings:
    """A sidecar that shadows a fifth of the calls."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "reserve.key").write_text("5e" * 32, "ascii")
    return Settings(store_url=store_url, data_dir=tmp_path / "data", shadow_share=0.2)


@pytest.fixture
def candidate() -> Iterator[Candidate]:
    """The candidate's endpoint."""
    with candidate_endpoint() as running:
        yield running


def test_a_share_of_the_live_calls_is_answered_once(
    store: Store, settings: Settings, candidate: Candidate
) -> None:
    """Drawn by hash, from after the training, never twice; what is counted of production stays as it was."""
    put_calls(store, 100, start=FINISHED - timedelta(days=2), prefix="older")
    put_calls(store, 280, start=FINISHED, wrong_every=3, prefix="live")
    put_calls(store, 50, start=FINISHED, release=CANDIDATE, prefix="canary")
    ready(store, candidate.base_url, state="compared")
    before = store.client.query("SELECT count(), sum(cost_usd) FROM calls FINAL").result_rows
    counts = shadow.run(store, settings, LIVE)
    assert 30 < counts["asked"] < 90
    assert counts["asked"] == len(candidate.requests)
    assert all("live" in question for question in candidate.requests)
    assert (
        store.client.query("SELECT count(), sum(cost_usd) FROM calls FINAL").result_rows == before
    )
    one = retrain(store, "rt-1")
    assert (one.state, one.history[-1].event) == ("compared", "shadowed")
    told = one.details["shadow"]
    assert told["asked"] == told["n"] == counts["asked"]
    assert told["candidate"]["value"] < told["production"]["value"]
    assert told["same"] == round(told["n"] * (1 - told["production"]["value"]))
    again = shadow.run(store, settings, LIVE)
    assert (again["asked"], again["told"]) == (0, 0)
    assert one.details["comparison"]["advice"] == "better"


def test_a_late_label_joins_the_answers_that_there_are(
    store: Store, settings: Settings, candidate: Candidate
) -> None:
    """Without labels it says how often both agree; when outcomes come the same answers are compared."""
    put_calls(store, 280, start=FINISHED, wrong_every=3, prefix="live", labelled=False)
    ready(store, candidate.base_url, state="compared")
    shadow.run(store, settings, LIVE)
    first = retrain(store, "rt-1")
    assert first.details["shadow"]["n"] == 0
    assert "says the same on" in first.history[-1].note
    asked = len(candidate.requests)
    put_calls(store, 280, start=FINISHED, wrong_every=3, prefix="live")
    shadow.run(store, settings, LIVE)
    assert retrain(store, "rt-1").details["shadow"]["n"] == asked == len(candidate.requests)


def test_the_limit_of_an_hour_holds(store: Store, settings: Settings, candidate: Candidate) -> None:
    """However many are drawn, no more than the limit are put to the candidate."""
    put_calls(store, 280, start=FINISHED, step=timedelta(seconds=10))
    ready(store, candidate.base_url, state="compared")
    few = settings.model_copy(update={"shadow_share": 1.0, "shadow_calls_per_hour": 7})
    hour = Window(FINISHED, FINISHED + timedelta(hours=1))
    assert shadow.run(store, few, hour)["asked"] == 7


def test_a_dead_candidate_is_said_once(store: Store, settings: Settings) -> None:
    """The job ends, the retrain says why, and the next runs do not repeat it."""
    put_calls(store, 200, start=FINISHED)
    ready(store, f"http://127.0.0.1:{free_port()}/v1", state="compared")
    for _ in range(2):
        assert shadow.run(store, settings, LIVE)["failed"] == 1
    told = [step for step in retrain(store, "rt-1").history if step.event == "shadow_failed"]
    assert len(told) == 1
    assert "Connection error" in told[0].note


def test_requests_that_fail_half_way_are_kept_and_counted(
    store: Store, settings: Settings, candidate: Candidate
) -> None:
    """What was answered before the endpoint went down stays; the rest is failed, with its reason."""
    put_calls(store, 280, start=FINISHED)
    ready(store, candidate.base_url, "down-20", state="compared")
    shadow.run(store, settings, LIVE)
    told = retrain(store, "rt-1").details["shadow"]
    assert told["request_failures"] == told["asked"] - 20
    rows = store.client.query(
        "SELECT status, any(error) FROM shadows FINAL GROUP BY status"
    ).result_rows
    assert {row[0] for row in rows} == {"ok", "failed"}
    assert any("503" in row[1] or "gone" in row[1] for row in rows)


def test_only_open_candidates_are_asked(
    store: Store, settings: Settings, candidate: Candidate
) -> None:
    """Before it was compared and after somebody said no, nothing is asked; off is off."""
    put_calls(store, 200, start=FINISHED)
    ready(store, candidate.base_url, state="finished")
    assert not shadow.run(store, settings, LIVE)
    append(store, retrain(store, "rt-1"), "rejected", now=NOW, actor="ann", via="cli")
    assert not shadow.run(store, settings, LIVE)
    assert candidate.requests == []
    assert "OUTERLOOP_SHADOW_SHARE" in str(
        shadow.missing(settings.model_copy(update={"shadow_share": 0.0}))
    )
    assert shadow.missing(settings) is None
