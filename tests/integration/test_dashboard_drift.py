"""The drift page on a real store: seeded, empty, down, filtered, and asked for what does not exist."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import streamlit as st
from conftest import free_port
from dashboard_seed import FIRST, NOW, SERVICE, TURN, seed
from drift_seed import ERROR_SERIES, HOSTILE_SERIES, MODEL, NEW_TEXTS, SLIPS, seed_drift
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

import dashboards
from dashboards.drift import reads
from dashboards.drift.dates import SLIP_WORDS, lags_of, learnt
from dashboards.drift.series import chosen, ranked
from dashboards.drift.stretches import choose_stretches
from dashboards.filters import ALL_TIME, Filters
from dashboards.rows import Extent
from monitor.report import Period
from monitor.store import Store, migrate

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("default")]

APP = Path(dashboards.__file__).with_name("app.py")
BEFORE, SINCE = Period(FIRST, TURN), Period(TURN, NOW)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The sidecar lives in the seeded January, with a data directory of its own."""
    file = tmp_path / "clock"
    file.write_text(NOW.isoformat())
    monkeypatch.setenv("OUTERLOOP_CLOCK_FILE", str(file))
    monkeypatch.setenv("OUTERLOOP_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture(scope="module")
def january(store_server: str) -> Iterator[Store]:
    """The seeded store of all tests."""
    url = f"{store_server}/drift_{uuid.uuid4().hex[:12]}"
    migrate(url, retention_days=0)
    store = Store(url)
    seed(store, calls=600)
    seed_drift(store)
    yield store
    store.close()


@pytest.fixture
def seeded(january: Store, clock: None, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The seeded store, with the app under test pointed at it."""
    monkeypatch.setenv("OUTERLOOP_STORE_URL", january.url)
    return january


@pytest.fixture
def nothing(store_url: str, clock: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The app pointed at a migrated database without a row."""
    monkeypatch.setenv("OUTERLOOP_STORE_URL", store_url)


def opened(**query: str) -> AppTest:
    """The page as it stands after opening an address."""
    st.cache_data.clear()
    app = AppTest.from_file(str(APP), default_timeout=60)
    app._page_hash = calc_hash("drift")
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def said(app: AppTest) -> str:
    """Every text on the page, escapes undone."""
    kinds = (
        app.title,
        app.subheader,
        app.markdown,
        app.caption,
        app.info,
        app.warning,
        app.success,
    )
    return "\n".join(str(one.value) for kind in kinds for one in kind).replace("\\", "")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, "A series alarms when its evidence"),
        ({"part": "Texts"}, "Grew by"),
        ({"part": "Fields"}, "moved by more than chance"),
        ({"part": "Dates"}, "usually 2 to 27 days"),
        ({"part": "Report"}, "Evidently"),
        ({"series": ERROR_SERIES, "detector": "rate"}, "needs 4,321 more samples"),
        ({"series": "input text"}, "hardship"),
        ({"series": f"{SERVICE}/due_date"}, "Several detectors watch this series"),
        ({"series": "score/thumbs"}, "a baseline needs 500 scores"),
        ({"series": f"{SERVICE}/input/characters"}, "it has no threshold and never alarms"),
    ],
)
def test_every_part_shows_its_matter(seeded: Store, query: dict[str, str], expected: str) -> None:
    """Each part and each kind of series opens by its address alone, without an exception."""
    app = opened(**query)
    assert not app.exception
    assert not app.error
    assert expected in said(app)


@pytest.mark.parametrize("query", [{}, {"part": "Texts"}, {"part": "Dates"}, {"part": "Fields"}])
def test_an_empty_store_is_explained_in_words(nothing: None, query: dict[str, str]) -> None:
    """A fresh store shows a sentence that says what to do, and no empty chart."""
    app = opened(**query)
    assert not app.exception
    assert app.info
    assert not app.error


def test_a_store_that_is_down_is_a_sentence(clock: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """No exception text reaches the page."""
    monkeypatch.setenv("OUTERLOOP_STORE_URL", f"http://127.0.0.1:{free_port()}/outerloop")
    app = opened()
    assert not app.exception
    assert "The store does not answer" in app.error[0].value


def test_an_unknown_series_is_a_sentence(seeded: Store) -> None:
    """A wrong link is explained; the name is shown harmlessly."""
    app = opened(series="<script>nope</script>")
    assert not app.exception
    assert "There is no series" in app.warning[0].value
    assert "\\<script" in app.warning[0].value


def test_a_hostile_series_is_never_markup(seeded: Store) -> None:
    """A slice named by a stranger is escaped wherever it is shown."""
    app = opened(series=HOSTILE_SERIES)
    assert not app.exception
    for one in [*app.markdown, *app.caption, *app.title]:
        assert "<b>" not in str(one.value).replace("\\<b", "")


def test_what_needs_a_person_is_listed_first(seeded: Store) -> None:
    """Drift, then what is worth a look, then the healthy ones by how near they are to an alarm."""
    known = reads.latest_series(seeded.url, "", NOW)
    states = [one.status for one in ranked(known)]
    assert states[:3] == ["drift", "drift", "watch"]
    assert states[-1] == "insufficient_data"
    assert {one.kind for one in chosen(known, kind="dates")} == {"dates"}
    assert {one.series for one in chosen(known, text="hour error")} == set()
    assert not any(one.detector.endswith("_profile") for one in known)


def test_a_series_is_the_latest_word_of_its_own_service(seeded: Store) -> None:
    """The list tells each series once, and its course only what that service's detector saw."""
    known = reads.latest_series(seeded.url, SERVICE, NOW)
    assert len({one.key for one in known}) == len(known)
    course = reads.course(seeded.url, (SERVICE, "rate", ERROR_SERIES), NOW)
    assert len(course) == int((NOW - FIRST) / timedelta(hours=1))
    assert course["window_end"].is_monotonic_increasing
    assert reads.course(seeded.url, ("another", "rate", ERROR_SERIES), NOW).empty


def test_the_cluster_that_came_with_the_turn_is_found(seeded: Store) -> None:
    """The map names the new kind of call by its words and finds its texts, nothing else."""
    [kept] = [one for one in reads.vectors_kept(seeded.url, SERVICE) if one.part == "input"]
    assert kept.model == MODEL
    read = reads.text_map(seeded.url, kept, BEFORE, SINCE)
    assert read.drawn is not None
    grown = [one for one in read.drawn.clusters if one.moved and one.difference > 0]
    assert len(grown) == 1
    assert (grown[0].before, grown[0].now) == (0, NEW_TEXTS)
    assert any("hardship" in word or "relief" in word for word in grown[0].words)
    assert all("hardship" in read.texts.iloc[row]["text"] for row in grown[0].examples)


def test_every_marked_slip_is_on_the_picture(seeded: Store) -> None:
    """The envelope is the learnt one; what the detectors marked is there, about a year off."""
    [row] = reads.date_fields(seeded.url, SERVICE, NOW)
    of = learnt(row)
    assert of.profile.low < 5
    assert of.profile.high > 24
    marked = reads.slipped_dates(seeded.url, SERVICE, "due_date", SINCE, tuple(SLIP_WORDS))
    assert len(marked) == SLIPS
    lags = lags_of(reads.answers(seeded.url, SERVICE, SINCE), "due_date", of)
    slipped = lags[lags["slip"] == "a year off"]
    assert len(slipped) >= SLIPS
    assert slipped["lag"].between(-362, -339).all()
    assert lags[lags["slip"] == ""]["lag"].between(5, 24).all()


def test_the_field_that_changed_is_ranked_first(seeded: Store) -> None:
    """A new prompt version and the new loans' amounts stand above what stayed as it was."""
    found = reads.distribution_list(seeded.url, SERVICE, BEFORE, SINCE)
    names = [one.name for one in found]
    assert {"field amount_usd", "prompt_version"} <= {one.name for one in found if one.moved}
    assert names.index("field amount_usd") < names.index("status")
    for one in found:
        shares = one.bars.groupby("stretch")["share"].sum()
        assert shares.to_dict() == pytest.approx({"before": 1.0, "now": 1.0})


@pytest.mark.parametrize(
    ("first_day", "days_back", "why"),
    [(-30, 7, "whole weeks"), (-9, 7, "all that came before"), (-7, 7, "earlier half")],
)
def test_the_stretches_fit_what_there_is(first_day: int, days_back: int, why: str) -> None:
    """Whole weeks earlier where there are calls so early, else all before, else half against half."""
    extent = Extent(9, NOW + timedelta(days=first_day), NOW)
    found = choose_stretches(Filters(NOW - timedelta(days=days_back), NOW), extent)
    assert why in found.why
    assert found.before.until <= found.now.since < found.now.until
    assert found.before.since >= extent.first_call


def test_all_time_is_as_long_as_there_are_calls() -> None:
    """No stretch begins in 1970."""
    found = choose_stretches(Filters(*ALL_TIME), Extent(9, FIRST, NOW))
    assert (found.before.since, found.now.until) == (FIRST, NOW)
