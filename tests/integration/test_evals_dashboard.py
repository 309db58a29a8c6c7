"""The pages *Evals* and *Judges* on a real store: seeded, empty, and asked for what does not exist."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from dashboard_seed import NOW, SERVICE, seed
from evals_seed import LABEL_RUN, NEW_RUN, OLD_RUN, seed_evaluations, seed_verdicts
from streamlit.testing.v1 import AppTest
from test_dashboard_views import opened, said

from monitor.store import Store, migrate

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("default"),
]  # Streamlit's own warnings are its affair


@pytest.fixture(scope="module")
def judged(store_server: str) -> Iterator[Store]:
    """The seeded January with judges and evaluations."""
    url = f"{store_server}/d_{uuid.uuid4().hex[:12]}"
    migrate(url, retention_days=0)
    store = Store(url)
    seed(store, calls=600)
    seed_evaluations(store, NOW)
    seed_verdicts(store, SERVICE)
    yield store
    store.close()


@pytest.fixture
def page(judged: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The app, pointed at it, in the seeded moment."""
    (tmp_path / "clock").write_text(NOW.isoformat())
    monkeypatch.setenv("OUTERLOOP_CLOCK_FILE", str(tmp_path / "clock"))
    monkeypatch.setenv("OUTERLOOP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("OUTERLOOP_STORE_URL", judged.url)
    return judged


@pytest.fixture
def empty_page(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The app on a store without a row."""
    monkeypatch.setenv("OUTERLOOP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("OUTERLOOP_STORE_URL", store_url)


def tables(app: AppTest) -> str:
    """Every table of the page as text."""
    return "\n".join(one.value.to_string() for one in app.dataframe)


def test_runs_are_listed_with_their_means(page: Store) -> None:
    """The newest first; each judge's rate with its interval and n, labels and scores by their own kind."""
    app = opened("evals")
    assert not app.exception
    text = said(app)
    assert "3 runs, newest first" in text
    assert "**right_date** 88 % (" in text or "**right_date** 9" in text
    assert "n = 57)" in text
    assert "**kind** labels, n = 30" in text
    assert "2 verdicts missing" in text


def test_a_judge_of_pairs_shows_what_the_place_decides(page: Store) -> None:
    """The pull of the first place, the audit of both orders, and verdicts on the judge's own family."""
    text = said(opened("judges"))
    assert "the answer shown first wins 6" in text
    assert "n = 120; half is fair)" in text
    assert "n = 40)" in text
    assert "12 verdicts on answers of the judging model" in text


def test_a_run_is_opened_down_to_its_samples(page: Store) -> None:
    """Judges with bounds, a warning for missing verdicts, the worst sample first with input, answer and reason."""
    app = opened("evals", run=OLD_RUN)
    assert not app.exception
    text = said(app)
    assert "content 0123456789ab" in text
    assert "gave no verdict on 3.4 %" in text
    assert "the year is 2023, the call is of 2024" in tables(app)
    assert "If all of these were bad, or good" in tables(app)
    assert any("Payment" in str(code.value) for code in app.code)


def test_two_runs_are_compared(page: Store) -> None:
    """With the exact test, and who moved."""
    app = opened("evals", run=NEW_RUN, against=OLD_RUN)
    assert not app.exception
    text = said(app)
    assert "exact McNemar" in text
    assert "paired permutation" in text
    assert "no → yes" in text or "0.0 %" in tables(app)


def test_runs_of_other_judges_are_not_compared(page: Store) -> None:
    """A comparison that makes no sense is said, not shown."""
    app = opened("evals", run=NEW_RUN, against=LABEL_RUN)
    assert not app.exception
    assert "no judge is in both runs" in said(app)


def test_a_run_that_is_not_there_is_said(page: Store) -> None:
    """A link can be old."""
    app = opened("evals", run="ev-gone")
    assert "There is no run ev-gone" in said(app)


def test_judges_are_shown_beside_people(page: Store) -> None:
    """Raw and corrected rate, agreement with kappa, confusion, failures with bounds, versions, spend."""
    app = opened("judges")
    assert not app.exception, app.exception
    text, told = said(app), tables(app)
    assert "**right_date** on loan-extractor" in text
    assert "Corrected" in text
    assert "kappa" in text
    assert "invalid output" in text
    assert "people: 0" in told
    assert "aaaaaaaaaaaa" in told
    assert "No daily budget is set" in text


def test_a_judge_says_what_more_would_buy_and_what_to_look_at(page: Store) -> None:
    """The interval with more labels and verdicts stands on the page; calls where people differ are a click away."""
    app = opened("judges")
    assert not app.exception
    text = said(app)
    for word in ("What more would buy", "+50 labels", "+500 labels", "Twice the verdicts"):
        assert word in text
    assert "Mean verdict over time" in text
    [looked] = [one.label for one in app.expander if "judge and people differ" in one.label]
    many = int(looked.split(" ")[0])
    frame = next(one.value for one in app.dataframe if "The judge's reason" in one.value)
    assert len(frame) == many > 0
    assert (frame["Judge"] != frame["People"]).all()
    assert frame["Call"].str.startswith("/calls?trace_id=t-0").all()


def test_spend_stands_against_the_budget(page: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Production and evals of today, in one sum."""
    monkeypatch.setenv("OUTERLOOP_JUDGE_DAILY_BUDGET_USD", "0.5")
    app = opened("judges")
    [bar] = app.get("progress")
    assert "of $0.5000 spent today" in bar.proto.text.replace("\\", "")


@pytest.mark.parametrize("name", ["judges", "evals"])
def test_an_empty_store_says_what_to_do(empty_page: None, name: str) -> None:
    """No chart of nothing."""
    app = opened(name)
    assert not app.exception
    assert "outerloop eval" in said(app)


def test_a_shorter_stretch_has_fewer_verdicts(page: Store) -> None:
    """The judges' page follows the time filter; the list of evals does not."""
    app = opened("judges", range="24h")
    assert not app.exception
    assert "calls of 2023-12-29" in said(opened("judges"))
    assert "calls of 2024-01-03" in said(app)
    assert "calls of 2023-12-29" not in said(app)
