"""The page of a retrain: a real comparison, shadow and canary on it; decisions rest on what was shown."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import streamlit as st
from candidate_seed import BASE, CANDIDATE, NOW, candidate_endpoint
from retrain_page_seed import PAGE_INCIDENT, seed_retrain, seed_traffic
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

import dashboards
from dashboards.retraining.sayings import CURES, STATES
from dashboards.retraining.tables import parts_of
from monitor.deliveries import Delivery
from monitor.retrain.delivery import REQUESTS
from monitor.retrain.lineage import dataset_lineage
from monitor.retrain.machine import TROUBLE
from monitor.retrain.state import Retrain, append, retrain
from monitor.settings import Settings
from monitor.store import Store, migrate

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("default"),  # Streamlit's own warnings are its affair
]

APP = Path(dashboards.__file__).with_name("app.py")


@dataclass(frozen=True, slots=True)
class Compared:
    """A store with a retrain that waits for a person."""

    store: Store
    settings: Settings
    one: Retrain


@pytest.fixture(scope="module")
def compared(store_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compared]:
    """A candidate that gets dates right and every tenth payer wrong; the tests act on it in their order."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "reserve.key").write_text("5e" * 32, "ascii")
    url = f"{store_server}/d_{uuid.uuid4().hex[:12]}"
    migrate(url, retention_days=0)
    store = Store(url)
    settings = Settings(store_url=url, data_dir=folder, shadow_share=0.2)
    seed_traffic(store, calls=900)
    with candidate_endpoint() as candidate:
        one = seed_retrain(store, settings, candidate, "shaky")
    yield Compared(store, settings, one)
    store.close()


@pytest.fixture(autouse=True)
def _desk(compared: Compared, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The app under test looks at that store, in its January."""
    clock = tmp_path / "clock"
    clock.write_text(NOW.isoformat())
    monkeypatch.setenv("OUTERLOOP_CLOCK_FILE", str(clock))
    monkeypatch.setenv("OUTERLOOP_STORE_URL", compared.store.url)
    monkeypatch.setenv("OUTERLOOP_DATA_DIR", str(compared.settings.data_dir))


def opened(one: Retrain | None, **query: str) -> AppTest:
    """Its page; the list where none is given."""
    st.cache_data.clear()
    app = AppTest.from_file(str(APP), default_timeout=60)
    app._page_hash = calc_hash("retrains")
    if one is not None:
        query["retrain"] = one.retrain_id
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    """Every text on the page, escapes undone."""
    kinds = (
        app.title, app.subheader, app.markdown, app.caption, app.info, app.warning, app.error, app.code,
        app.expander, app.tabs, app.text,
    )  # fmt: skip
    texts = [str(getattr(each, "value", "") or each.label) for kind in kinds for each in kind]
    return "\n".join(texts).replace("\\", "")


def press(app: AppTest, label: str) -> AppTest:
    """Click a button by its words."""
    next(button for button in app.button if button.label == label).click().run()
    return app


def test_the_page_shows_what_the_reserved_calls_say(compared: Compared) -> None:
    """Gates by name with their figures, what got worse and better side by side, measures, what was left out."""
    page = said(opened(compared.one))
    for gate in compared.one.details["comparison"]["gates"]:
        assert gate["name"] in page
        assert gate["sentence"] in page
    assert "failed" in page
    assert "It is more often wrong" in page
    assert "Got worse (12)" in page
    assert '"payer": "Zoe 日本"' in page
    assert "Latency and cost" in page
    assert "answered by another release" in page


def test_the_page_shows_live_traffic_the_dataset_and_the_lineage(compared: Compared) -> None:
    """Shadow, canary, whose labels, what was kept out, shares, base, candidate and its incident."""
    page = said(opened(compared.one))
    for expected in (
        "In the shadow", "As a canary", "Not worse by the margin", "Whose labels", "Kept out",
        "Share of the training set against share of the traffic", compared.one.dataset_version,
        f"Release {CANDIDATE}", "s3://models/extractor-2024-01", "It has answered no call of production",
    ):  # fmt: skip
        assert expected in page, expected


def test_invalid_answers_are_no_row_among_rates_of_wrong_ones(compared: Compared) -> None:
    """The forest holds comparable rates alone, all calls first."""
    parts = parts_of(compared.one.details["comparison"])
    kinds = [str(part["attribute"]) for part in parts]
    assert kinds[0] == "all"
    assert "answers" not in kinds
    assert any(
        part["attribute"] == "answers" for part in compared.one.details["comparison"]["slices"]
    )


def test_changed_answers_are_kept_so_that_an_erasure_finds_them(compared: Compared) -> None:
    """Each names its call, in the shape that erasing looks for."""
    changed = compared.one.details["changed"]
    assert {one["change"] for one in changed} == {"better", "worse"}
    assert all(len(one["trace_id"]) == 32 and one["span_id"] for one in changed)
    assert all(one["candidate"] != one["production"] for one in changed)


def test_every_standing_and_every_trouble_has_its_words(compared: Compared) -> None:
    """Nothing that the machine knows is shown without a colour, and no trouble without what to do."""
    del compared
    assert set(CURES) == set(TROUBLE)
    assert {"compared", "promoted", "lapsed", "failed", "rolled_back"} <= set(STATES)


def test_a_trouble_is_shown_with_what_to_do(compared: Compared) -> None:
    """A comparison that failed says why and how it goes on."""
    append(
        compared.store, retrain(compared.store, compared.one.retrain_id), "comparison_failed", now=NOW,
        actor="retrain job", via="job", note="the candidate at 127.0.0.1 is down",
    )  # fmt: skip
    page = said(opened(compared.one))
    assert "What went wrong: the candidate at 127.0.0.1 is down" in page
    assert "What to do: See that the candidate's endpoint answers" in page


def test_what_has_changed_since_it_was_shown_is_not_decided(compared: Compared) -> None:
    """An approval pressed on an older comparison is refused in words, and then possible on the new one."""
    app = opened(compared.one)
    app.text_input(key="actor").input("Grace").run()
    before = retrain(compared.store, compared.one.retrain_id)
    fresh = {**before.details["comparison"], "advice": "blocked", "sentence": "held up: slow"}
    append(
        compared.store, before, "compared", now=NOW, actor="retrain job", via="job",
        details={"comparison": fresh},
    )  # fmt: skip
    press(app, "Approve")
    assert "write the reason first" in app.error[0].value
    app.text_input(key=f"reason_{compared.one.retrain_id}").input("the ten look right").run()
    before = retrain(compared.store, compared.one.retrain_id)
    append(
        compared.store, before, "compared", now=NOW, actor="retrain job", via="job",
        details={"comparison": {**fresh, "sentence": "held up: too slow"}},
    )  # fmt: skip
    press(app, "Approve")
    assert "has changed since you saw this page" in app.error[0].value
    assert retrain(compared.store, compared.one.retrain_id).state == "compared"
    assert "held up: too slow" in said(app)
    press(app, "Approve")
    after = retrain(compared.store, compared.one.retrain_id)
    assert after.approval is not None
    assert (after.approval.actor, after.approval.note) == ("Grace", "the ten look right")
    assert after.approval.details["approved_on"]["advice"] == "blocked"


def test_every_stage_says_who_and_every_message_how_often_it_was_tried(compared: Compared) -> None:
    """The fine-tune job is told at the second try; the page says so, and who brought each stage about."""
    asked = NOW - timedelta(hours=9)
    tries = [
        Delivery(asked + timedelta(minutes=number), REQUESTS, compared.one.retrain_id, "", "retrain.requested", state,
                 error="HTTP 503" if state == "failed" else "")
        for number, state in enumerate(("sending", "failed", "sending", "delivered"))
    ]  # fmt: skip
    compared.store.append("deliveries", tries)
    page = said(opened(compared.one))
    assert "taken" in page
    assert "retrain.requested, 2 tries, the last" in page
    assert "by fine-tune job (http)" in page


def test_a_retrain_is_found_by_a_call_that_it_was_trained_on(compared: Compared) -> None:
    """Lineage the other way: from a call to its dataset, and to the retrain and the release that came of it."""
    lineage = dataset_lineage(compared.store, compared.one.dataset_version)
    for text in (
        lineage.traces[0],
        compared.one.dataset_version,
        CANDIDATE,
        compared.one.retrain_id,
    ):
        page = said(opened(None, find=text))
        assert compared.one.retrain_id in page, text
    found = said(opened(None, find=lineage.traces[0]))
    assert f"In dataset {compared.one.dataset_version}" in found
    assert "trained on; label by" in found
    for text in ("f" * 32, "<b>no</b>"):
        page = said(opened(None, find=text))
        assert "No retrain here has to do with" in page


def test_a_promotion_and_a_rollback_keep_their_reasons(compared: Compared) -> None:
    """Both by a named person, from the page; the incident and the base are linked."""
    app = opened(compared.one)
    app.text_input(key="actor").input("Ada").run()
    app.text_input(key=f"reason_{compared.one.retrain_id}").input("live looks fine").run()
    told = {"canary": {**compared.one.details["canary"], "verdict": "worse"}}
    append(
        compared.store, retrain(compared.store, compared.one.retrain_id), "canaried", now=NOW, actor="canary job",
        via="job", details=told,
    )  # fmt: skip
    press(app, "Promote")
    assert "has changed since you saw" in app.error[0].value
    assert retrain(compared.store, compared.one.retrain_id).state == "approved"
    press(app, "Promote")
    assert retrain(compared.store, compared.one.retrain_id).state == "promoted"
    press(app, "Roll back")
    after = retrain(compared.store, compared.one.retrain_id)
    assert after.state == "rolled_back"
    promoted = after.last("promoted")
    assert promoted is not None
    assert (promoted.actor, promoted.note) == ("Ada", "live looks fine")
    assert (after.incident_id, after.base_release) == (PAGE_INCIDENT, BASE)
