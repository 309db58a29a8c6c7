"""The drift page on a real store: seeded, empty, down, filtered, and asked for what does not exist."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from concurrent.futures import wait
from datetime import timedelta
from pathlib import Path

import pandas as pd
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
from dashboards.drift.looks import field_looks
from dashboards.drift.making import _jobs
from dashboards.drift.series import STATES, chosen, ranked, series_table
from dashboards.drift.story import story_of, years_written
from dashboards.drift.stretches import choose_stretches
from dashboards.filters import ALL_TIME, Filters
from dashboards.rows import Extent
from monitor.clock import parse_time
from monitor.jobs.series import Series
from monitor.jobs.structured import Answer
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
        app.get("download_button"),
    )
    texts = [
        str(getattr(one, "value", "") or getattr(one, "label", ""))
        for kind in kinds
        for one in kind
    ]
    return "\n".join(texts).replace("\\", "")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, "A series alarms when its evidence"),
        ({"part": "Texts"}, "Grew by"),
        ({"part": "Fields"}, "moved by more than chance"),
        ({"range": "all"}, "Choose a row to open its history"),
        ({"order": "change", "named": "error"}, "Download 2 rows as CSV"),
        ({"part": "Fields"}, "Missing fields and types"),
        ({"part": "Dates"}, "usually 2 to 27 days"),
        ({"part": "Dates"}, "may go on writing last year's number"),
        ({"part": "Dates"}, "Which year they say"),
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


def test_a_series_that_moved_is_accepted_by_name_and_reason(seeded: Store) -> None:
    """Nameless or without a reason nothing happens; then it is on record, on the page and for `outerloop baselines`."""
    row = Series("rate", "score/refund", SERVICE, baseline=0.01, baseline_n=5000).row(
        start=NOW - timedelta(hours=1), end=NOW - timedelta(minutes=1), release="v2", count=60, n=400, status="drift",
        e_value=9e6, threshold=21_504, state={"key": ["score/refund", ""]},
        evidence={"metric": "score/refund", "tier": "page", "started_at": TURN.isoformat()},
    )  # fmt: skip
    seeded.append("checks", [row])
    app = opened(series="score/refund", detector="rate")
    assert "Is this the new normal?" in [one.label for one in app.expander]
    press = "Accept as the new normal"
    assert next(one for one in app.button if one.label == press).disabled
    app.text_input(key="actor").input("Ada").run()
    next(one for one in app.button if one.label == press).click().run()
    assert "write the reason first" in app.error[0].value
    assert not reads.said_of_series(seeded.url, SERVICE, "score/refund")
    app.text_input(key=f"reason_rate_{SERVICE}_score/refund").input("stricter limits").run()
    next(one for one in app.button if one.label == press).click().run()
    assert not app.exception
    st.cache_data.clear()
    [word] = reads.said_of_series(seeded.url, SERVICE, "score/refund")
    assert (word.actor, word.status, word.note) == ("Ada", "accepted", "stricter limits")
    assert word.since == TURN
    assert "Ada accepted what it does since" in said(app)


def test_the_download_has_every_series_with_its_figures(seeded: Store) -> None:
    """Also those that are not drawn: numbers as numbers, and what a learning one lacks."""
    known = reads.latest_series(seeded.url, SERVICE, NOW)
    table = series_table(known)
    assert len(table) == len(known)
    assert table.set_index("series").loc["score/thumbs", "lacks"].startswith("a baseline needs 500")
    assert table["effect"].dtype == float
    by_change = [one.change for one in ranked(known, "change")]
    assert by_change == sorted(by_change, reverse=True)


def test_a_field_that_goes_missing_or_turns_to_text_is_seen() -> None:
    """Missing rate and types are compared stretch by stretch; a field that stays is not said to move."""
    old = [_answer(n, {"due": "2024-01-05", "sum": 12.5, "name": "Ada"}) for n in range(200)]
    new = [
        _answer(
            n,
            {
                "due": "soon" if n % 2 else "2024-01-05",
                "name": "Ada",
                **({"sum": 3} if n % 3 else {}),
            },
        )
        for n in range(200)
    ]
    found = {one.path: one for one in field_looks(old, new)}
    assert found["sum"].now.missing == 67
    assert found["sum"].missing.low > 0.2
    assert found["due"].turned == ("date", "text")
    assert (found["due"].before.missing, found["due"].now.missing) == (0, 0)
    assert not found["name"].moved
    assert field_looks([], []) == []


def _answer(number: int, told: dict[str, object]) -> Answer:
    return Answer(NOW, f"{number:032x}", "s", "", SERVICE, "v1", "ok", "", json.dumps(told), "")


def test_the_story_of_january_needs_no_foreknowledge(seeded: Store) -> None:
    """Since when, how often before and since with n, an example in days, and what it means, in whole sentences."""
    [row] = reads.date_fields(seeded.url, SERVICE, NOW)
    sample = lags_of(
        reads.answers(seeded.url, SERVICE, Period(FIRST, NOW)), "due_date", learnt(row)
    )
    told = " ".join(story_of(sample, sample, learnt(row)))
    found = re.match(r"Since (\S+ \S+) UTC \(.*the year turned\) more dates slip than usual", told)
    assert found is not None
    assert abs(parse_time(found[1]) - TURN) < timedelta(days=2)
    assert re.search(r"random [\d.]+ % \(.* n = \d+\) slipped before that, and \d", told)
    quiet = sample[sample["slip"] == ""]
    assert story_of(quiet, quiet, learnt(row)) == ["None of the dates looked at slipped."]
    stray = pd.concat([quiet, sample[sample["slip"] != ""].head(1)])
    assert "do not come thicker from any day on" in story_of(stray, stray, learnt(row))[0]
    assert "days before it; usual is 2 days after to 27 days after" in told
    years = years_written(sample)
    slipped = years[years["year"] == "the year before"]
    assert int(slipped["dates"].sum()) >= SLIPS
    assert {"the call's year", "the year after"} <= set(years["year"])


def test_a_report_is_made_behind_the_page(seeded: Store) -> None:
    """The click returns at once; one that could not be made says why, and one that lies there is opened."""
    query = {
        "part": "Report",
        "service": "nobody",
        "range": "custom",
        "since": "2024-01-02",
        "until": "2024-01-03",
    }
    app = opened(**query)
    [make] = [one for one in app.button if one.label == "Make the report"]
    make.click().run()
    assert not app.exception
    [(path, job)] = _jobs().by_path.items()
    wait([job.done], timeout=60)
    app.run()
    assert "nobody has 0 calls from" in app.warning[0].value.replace("\\", "")
    path.parent.mkdir(parents=True)
    path.write_text("<p>a report</p>")
    app.run()
    assert "Open the report of nobody" in [one.label for one in app.get("download_button")]
    assert not _jobs().by_path


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
    assert states == sorted(states, key=list(STATES).index)
    assert states[0] == "drift"
    assert "watch" in states
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
