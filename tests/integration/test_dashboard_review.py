"""The review page on a real store: labels, corrections, blindness, undo, two people, datasets."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import streamlit as st
from conftest import free_port
from dashboard_seed import DATASET, NOW, SERVICE, seed
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

import dashboards
from dashboards.review.sitting import Place, begin
from dashboards.review.table import HELD_FOR, Table
from monitor.curation.queue import LabelError, agreement
from monitor.records import DatasetRow
from monitor.settings import Settings
from monitor.store import Store, migrate

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("default")]

APP = Path(dashboards.__file__).with_name("app.py")
MEMBERS = "ds-relabel"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The sidecar lives in the seeded January, with a data directory of its own."""
    file = tmp_path / "clock"
    file.write_text(NOW.isoformat())
    monkeypatch.setenv("OUTERLOOP_CLOCK_FILE", str(file))
    monkeypatch.setenv("OUTERLOOP_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture(scope="module")
def january(store_server: str) -> Iterator[Store]:
    """The seeded store of all tests; each labels under a name of its own."""
    url = f"{store_server}/review_{uuid.uuid4().hex[:12]}"
    migrate(url, retention_days=0)
    store = Store(url)
    seed(store, calls=300)
    yield store
    store.close()


@pytest.fixture
def seeded(january: Store, clock: None, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The seeded store, with the app under test pointed at it."""
    monkeypatch.setenv("OUTERLOOP_STORE_URL", january.url)
    return january


@pytest.fixture
def settings(seeded: Store, tmp_path: Path) -> Settings:
    """Where the reserve key is."""
    return Settings(store_url=seeded.url, data_dir=tmp_path / "data")


def opened(reviewer: str = "", **query: str) -> AppTest:
    """The page as a person sees it after typing their name."""
    st.cache_data.clear()
    app = AppTest.from_file(str(APP), default_timeout=60)
    app._page_hash = calc_hash("review")
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    if reviewer:
        app.text_input(key="actor").input(reviewer).run()
    return app


def said(app: AppTest) -> str:
    """Every text on the page, escapes undone."""
    kinds = (app.title, app.markdown, app.caption, app.info, app.success, app.error)
    return "\n".join(str(one.value) for kind in kinds for one in kind).replace("\\", "")


def labels(store: Store, reviewer: str) -> list[tuple[object, ...]]:
    """Label, value, right answer, note, service and probability of what a person said, the oldest first."""
    return [
        tuple(row)
        for row in store.client.query(
            "SELECT label, value, expected, explanation, service, sampling_probability FROM scores FINAL"
            " WHERE source = 'human' AND name = 'review' AND author = {who:String} AND label != 'withdrawn'"
            " ORDER BY observed_at",
            parameters={"who": reviewer},
        ).result_rows
    ]


def press(app: AppTest, key: str) -> AppTest:
    """Click the button that a key stands for."""
    return app.button(key=key).click().run()


def test_nobody_labels_without_a_name(seeded: Store) -> None:
    """Without a name the page says what it is for, and has no button that labels."""
    app = opened(service=SERVICE)
    assert not app.exception
    assert "Type your name" in app.info[0].value
    assert not [one for one in app.button if one.key == "say_right"]


def test_an_answer_lands_in_the_scores(seeded: Store) -> None:
    """One click: a row of source human, by that person, with its note and the probability it was drawn with."""
    app = opened("ada", service=SERVICE)
    note = next(one for one in app.text_input if str(one.key).startswith("note_"))
    note.input("said so twice")
    press(app, "say_right")
    press(app, "say_wrong")
    press(app, "say_unclear")
    assert not app.exception
    assert "3 calls answered now" in app.get("progress")[0].proto.text
    first, second, third = labels(seeded, "ada")
    assert first[:2] == ("right", 1.0)
    assert first[3:5] == ("said so twice", SERVICE)
    assert 0 < first[5] <= 1
    assert second[:4] == ("wrong", 0.0, "", "")
    assert third[0] == "unclear"


def test_the_page_is_blind_until_the_answer(seeded: Store) -> None:
    """No verdict of judge, check or outcome stands on the page before; they do after."""
    app = opened("blind", service=SERVICE)
    for word in (
        "faithful",
        "extraction_right",
        "year_slip",
        "json_valid",
        "failed",
        "asked about because",
    ):
        assert word not in said(app)
    press(app, "say_right")
    assert "asked about because" in said(app)
    assert "json_valid" in said(app)


def test_undo_brings_the_call_back(seeded: Store) -> None:
    """The withdrawn label counts no more, and the same call is asked about again."""
    app = opened("grace", service=SERVICE)
    before = [one.value for one in app.code]
    press(app, "say_wrong")
    assert len(labels(seeded, "grace")) == 1
    press(app, "undo")
    assert labels(seeded, "grace") == []
    assert [one.value for one in app.code] == before
    press(app, "undo")
    assert "no answer that could be taken back" in said(app)


def test_later_keeps_the_call_for_later(seeded: Store) -> None:
    """Nothing is written; another call is shown."""
    app = opened("later", service=SERVICE)
    before = [one.value for one in app.code]
    press(app, "skip")
    assert [one.value for one in app.code] != before
    assert labels(seeded, "later") == []


def test_a_corrected_field_makes_the_right_answer(seeded: Store) -> None:
    """The form holds the answer's fields; what was typed is the right answer, types kept."""
    app = opened("edith", service=SERVICE)
    press(app, "correct")
    forms = app.text_input
    fields = {
        one.label.replace("\\", ""): one for one in forms if str(one.key).startswith("correction_")
    }
    fields["due_date"].input("2024-03-09")
    fields["amount_usd"].input("999")
    fields["Note (optional)"].input("the caller said March")
    next(one for one in app.button if "Keep as the right answer" in one.label).click().run()
    assert not app.exception
    [row] = labels(seeded, "edith")
    right = json.loads(str(row[2]))
    assert row[:2] == ("wrong", 0.0)
    assert (right["due_date"], right["amount_usd"]) == ("2024-03-09", 999)
    assert row[3] == "the caller said March"


def test_a_correction_without_a_change_is_refused_in_words(seeded: Store) -> None:
    """The form stays open and says what to do; nothing is written."""
    app = opened("idle", service=SERVICE)
    press(app, "correct")
    next(one for one in app.button if "Keep as the right answer" in one.label).click().run()
    assert "Nothing was changed" in said(app)
    assert labels(seeded, "idle") == []
    press(app, "back")
    assert [one for one in app.button if one.key == "say_right"]


def test_two_people_are_compared(seeded: Store, settings: Settings) -> None:
    """Kappa stands on the page with its interval once two have answered the same calls."""
    one, other = (
        begin(seeded, settings, Place(seeded.url, SERVICE, name), now=NOW)
        for name in ("kim", "lee")
    )
    other.waiting = type(other.waiting)(one.waiting)
    for number in range(24):
        verdict = "right" if number % 3 else "wrong"
        one.say(seeded, verdict, now=NOW)
        other.say(seeded, "right" if number == 3 else verdict, now=NOW)
    told = agreement(seeded, service=SERVICE, now=NOW + timedelta(minutes=1))
    assert ("kim", "lee") in {each.people for each in told}
    file = Path(settings.data_dir).parent / "clock"
    file.write_text((NOW + timedelta(minutes=1)).isoformat())
    app = opened(service=SERVICE)
    frame = next(one.value for one in app.dataframe if "People" in one.value)
    row = frame[frame["People"] == "kim and lee"].iloc[0]
    assert row["Calls both answered"] == 24
    assert "0.90 (" in row["Cohen's kappa"]
    assert "n = 24" in row["Same answer"]


def test_no_two_people_are_shown_the_same_call_at_once(seeded: Store, settings: Settings) -> None:
    """Whom the table gives a call has it alone; what somebody has answered since leaves the others' hands."""
    table = Table()
    one, other = (
        begin(seeded, settings, Place(seeded.url, SERVICE, name), now=NOW, table=table)
        for name in ("una", "ute")
    )
    other.waiting = type(other.waiting)(one.waiting)
    seen = set()
    for _ in range(10):
        one.settle(seeded, now=NOW)
        other.settle(seeded, now=NOW)
        assert one.item is not None
        assert other.item is not None
        shown = [(each.trace_id, each.span_id) for each in (one.item, other.item)]
        assert shown[0] != shown[1]
        assert not seen & set(shown)
        seen |= set(shown)
        one.say(seeded, "right", now=NOW)
        other.say(seeded, "right", now=NOW)
    other.settle(seeded, now=NOW)
    assert other.item is not None
    assert table.take(("s", "t", "u"), "una", NOW)
    assert not table.take(("s", "t", "u"), "ute", NOW)
    assert table.take(("s", "t", "u"), "ute", NOW + HELD_FOR)


def test_a_reloaded_page_goes_on_with_the_sitting(seeded: Store) -> None:
    """The same call is asked about, and the count goes on; under another name another sitting begins."""
    app = opened("vera", service=SERVICE)
    press(app, "say_right")
    before = [one.value for one in app.code]
    again = opened("vera", service=SERVICE)
    assert [one.value for one in again.code] == before
    assert "1 call answered now" in again.get("progress")[0].proto.text


def test_members_of_a_dataset_are_labelled_again(seeded: Store, settings: Settings) -> None:
    """Those without a label come first; an answer is a label of the call, and the member does not come again."""
    members = [
        DatasetRow(
            created_at=NOW, dataset_version=MEMBERS, service=SERVICE, split="train",
            trace_id=f"t-0000{place}", span_id=f"t-0000{place}-b", call_timestamp=NOW,
            input_messages='[{"role": "user", "content": "When?"}]', output='{"due_date": "2023-01-05"}',
            label='{"due_date": "2024-01-05"}' if place < 3 else "", label_author="outcome", reason="random",
        )
        for place in range(5)
    ]  # fmt: skip
    seeded.append("datasets", [replace(one) for one in members])
    place = Place(seeded.url, SERVICE, "rosa", MEMBERS)
    sitting = begin(seeded, settings, place, now=NOW)
    assert len(sitting.waiting) == 5
    assert {one.trace_id for one in list(sitting.waiting)[:2]} == {"t-00003", "t-00004"}
    sitting.say(seeded, "wrong", now=NOW, right='{"due_date": "2024-01-05"}')
    assert len(begin(seeded, settings, place, now=NOW).waiting) == 4
    app = opened("rosa", service=SERVICE, label=MEMBERS)
    assert not app.exception


def test_what_is_no_label_leaves_the_call_where_it_is(seeded: Store, settings: Settings) -> None:
    """A refused answer is not written, and the call is still asked about."""
    sitting = begin(seeded, settings, Place(seeded.url, SERVICE, "mia"), now=NOW)
    item = sitting.item
    with pytest.raises(LabelError):
        sitting.say(seeded, "right", now=NOW, right='{"a": 1}')
    assert sitting.item is item
    assert labels(seeded, "mia") == []


def test_an_empty_store_is_explained_in_words(
    store_url: str, clock: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fresh store shows a sentence that says what to do."""
    monkeypatch.setenv("OUTERLOOP_STORE_URL", store_url)
    app = opened()
    assert not app.exception
    assert app.info
    assert not app.error


def test_a_store_that_is_down_is_a_sentence(clock: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """No exception text reaches the page."""
    monkeypatch.setenv("OUTERLOOP_STORE_URL", f"http://127.0.0.1:{free_port()}/outerloop")
    app = opened()
    assert not app.exception
    assert "The store does not answer" in app.error[0].value


def test_the_seeded_dataset_can_be_chosen(seeded: Store) -> None:
    """Its versions stand beside the queue."""
    app = opened("ada", service=SERVICE)
    assert DATASET in app.selectbox(key="label").options
