"""Every view on a real store: seeded, empty, down, and asked for what does not exist."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import streamlit as st
from conftest import free_port, start, stop
from dashboard_seed import (
    BAD_TRACE,
    DEEP_TRACE,
    HOSTILE_TRACE,
    INCIDENT,
    NOW,
    RETRAIN,
    SERVICE,
    seed,
)
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

import dashboards
from dashboards import data
from dashboards.filters import ALL_TIME, Filters
from monitor.incidents import incident
from monitor.retrain.state import retrain
from monitor.store import Store, migrate

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("default"),
]  # Streamlit's own warnings are its affair

APP = Path(dashboards.__file__).with_name("app.py")
EVERYTHING = Filters(*ALL_TIME)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The sidecar lives in the seeded January."""
    file = tmp_path / "clock"
    file.write_text(NOW.isoformat())
    monkeypatch.setenv("OUTERLOOP_CLOCK_FILE", str(file))


def fresh(server: str) -> Store:
    """A new migrated database with the seeded January in it."""
    url = f"{server}/d_{uuid.uuid4().hex[:12]}"
    migrate(url, retention_days=0)
    store = Store(url)
    seed(store, calls=600)
    return store


@pytest.fixture(scope="module")
def january(store_server: str) -> Iterator[Store]:
    """The seeded store of all tests that only look."""
    store = fresh(store_server)
    yield store
    store.close()


@pytest.fixture
def seeded(january: Store, clock: None, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The seeded store, with the app under test pointed at it."""
    monkeypatch.setenv("OUTERLOOP_STORE_URL", january.url)
    return january


@pytest.fixture(scope="module")
def nothing(store_server: str) -> str:
    """URL of a migrated database without a row."""
    url = f"{store_server}/d_{uuid.uuid4().hex[:12]}"
    migrate(url, retention_days=0)
    return url


@pytest.fixture
def acted_on(store_server: str, clock: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A seeded store of its own for a test that changes it."""
    store = fresh(store_server)
    monkeypatch.setenv("OUTERLOOP_STORE_URL", store.url)
    yield store
    store.close()


def opened(page: str = "", **query: str) -> AppTest:
    """The app as it stands after opening an address."""
    st.cache_data.clear()
    app = AppTest.from_file(str(APP), default_timeout=60)
    if page:
        app._page_hash = calc_hash(page)
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
        app.error,
        app.success,
        app.code,
    )
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


@pytest.mark.parametrize(
    ("page", "query", "expected"),
    [
        ("", {}, "loan-extractor"),
        ("calls", {}, "723 calls"),
        ("calls", {"trace_id": DEEP_TRACE}, "TimeoutError"),
        ("calls", {"trace_id": BAD_TRACE.replace("900", "500")}, "Step"),
        ("incidents", {}, "1 incident not resolved"),
        ("incidents", {"incident": INCIDENT}, "The calendar turned"),
        ("retrains", {}, RETRAIN),
        ("retrains", {"retrain": RETRAIN}, "The candidate is better"),
        ("health", {}, "the account balances"),
    ],
)
def test_every_view_shows_its_matter(
    seeded: Store, page: str, query: dict[str, str], expected: str
) -> None:
    """Each page opens by its address alone, without an exception, and says what it is about."""
    app = opened(page, **query)
    assert not app.exception
    assert expected in said(app)


@pytest.mark.parametrize("page", ["", "calls", "incidents", "retrains", "health"])
def test_an_empty_store_is_explained_in_words(
    nothing: str, clock: None, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    """A fresh store shows a sentence that says what to do, and no empty chart."""
    monkeypatch.setenv("OUTERLOOP_STORE_URL", nothing)
    app = opened(page)
    assert not app.exception
    assert app.info
    assert not app.error


@pytest.mark.parametrize("page", ["", "calls", "incidents", "retrains", "health"])
def test_a_store_that_is_down_is_a_sentence(
    clock: None, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    """No exception text reaches the page; it says that the store does not answer and what to do."""
    monkeypatch.setenv("OUTERLOOP_STORE_URL", f"http://127.0.0.1:{free_port()}/outerloop")
    app = opened(page)
    assert not app.exception
    assert "The store does not answer" in app.error[0].value


def test_a_store_without_schema_says_migrate(
    store_server: str, clock: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that does not exist yet leads to `outerloop migrate`."""
    monkeypatch.setenv("OUTERLOOP_STORE_URL", f"{store_server}/never_made")
    app = opened()
    assert not app.exception
    assert "outerloop migrate" in app.error[0].value


@pytest.mark.parametrize(
    ("page", "name"), [("calls", "trace_id"), ("incidents", "incident"), ("retrains", "retrain")]
)
def test_an_unknown_id_is_a_sentence(seeded: Store, page: str, name: str) -> None:
    """A deleted trace or a wrong link is explained; the id is shown harmlessly."""
    app = opened(page, **{name: "<script>nope</script>"})
    assert not app.exception
    assert "There is no" in app.warning[0].value
    assert "\\<script" in app.warning[0].value


def test_hostile_texts_are_never_markup(seeded: Store) -> None:
    """What strangers wrote is escaped in Markdown, and raw only inside code blocks."""
    app = opened("calls", trace_id=HOSTILE_TRACE)
    assert not app.exception
    for element in [*app.markdown, *app.caption, *app.title, *app.warning, *app.error]:
        assert not element.allow_html if hasattr(element, "allow_html") else True
        assert "<script" not in str(element.value).replace("\\<script", "")
        assert "![x](" not in str(element.value)
    assert "first 20,000 of 1,000," in said(app)


def test_figures_agree_with_the_counting_rule(seeded: Store) -> None:
    """Every figure equals `SELECT count(), sum(cost_usd) FROM calls FINAL`, though spans came twice."""
    count, cost = seeded.client.query("SELECT count(), sum(cost_usd) FROM calls FINAL").result_rows[
        0
    ]
    services = data.asked(seeded.url, "services", EVERYTHING)
    traffic = data.asked(seeded.url, "traffic", EVERYTHING, 3600)
    totals = data.call_totals(seeded.url, EVERYTHING)
    assert (
        count
        == services["calls"].sum()
        == traffic["calls"].sum()
        == totals.calls
        == data.extent(seeded.url).calls
    )
    assert (
        cost
        == pytest.approx(services["cost_usd"].sum())
        == pytest.approx(traffic["cost_usd"].sum())
        == pytest.approx(totals.cost_usd)
    )


def test_an_outcome_joined_to_its_call_counts_once(seeded: Store) -> None:
    """The outcome told about a trace and its copy on the call are one verdict."""
    told = seeded.client.query(
        "SELECT uniqExact(trace_id), uniqExactIf(trace_id, value <= 0) FROM scores FINAL WHERE"
        " name = 'extraction_right'"
    ).result_rows[0]
    quality = data.asked(seeded.url, "quality", EVERYTHING)
    row = quality[quality["name"] == "extraction_right"].iloc[0]
    assert (row["n"], row["failures"]) == told
    assert "year_slip" not in set(quality["name"])


def test_the_address_filters(seeded: Store) -> None:
    """A service and a tag in the address narrow the figures."""
    app = opened("calls", service=SERVICE, tag="tenant=acme", range="all")
    assert not app.exception
    assert "300 calls" in said(app)


def test_acknowledging_is_an_event_with_a_name(acted_on: Store) -> None:
    """The button appends an event by the person who typed their name, and the store agrees."""
    app = opened("incidents", incident=INCIDENT)
    app.text_input(key="actor").input("Ada").run()
    next(button for button in app.button if button.label == "Acknowledge").click().run()
    assert not app.exception
    after = incident(acted_on, INCIDENT)
    assert after is not None
    assert (after.state, after.actor) == ("acknowledged", "Ada")


def test_a_decision_waits_for_a_name(acted_on: Store) -> None:
    """Nobody approves anonymously; with a name the approval moves the retrain and keeps the reason."""
    app = opened("retrains", retrain=RETRAIN)
    assert next(button for button in app.button if button.label == "Approve").disabled
    app.text_input(key="actor").input("Grace").run()
    app.text_input(key=f"reason_{RETRAIN}").input("better since the turn").run()
    next(button for button in app.button if button.label == "Approve").click().run()
    assert not app.exception
    after = retrain(acted_on, RETRAIN)
    assert after.state == "approved"
    assert after.approval is not None
    assert (after.approval.actor, after.approval.via, after.approval.note) == (
        "Grace",
        "dashboard",
        "better since the turn",
    )


def test_beyond_loopback_the_token_is_asked_first(
    seeded: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is shown before the right token is given; a wrong one is refused."""
    monkeypatch.setenv("OUTERLOOP_HOST", "0.0.0.0")
    monkeypatch.setenv("OUTERLOOP_TOKEN", "open-sesame")
    app = opened()
    assert SERVICE not in said(app)
    app.text_input[0].input("guess")
    app.button[0].click().run()
    assert "That is not the token" in app.error[0].value
    app.text_input[0].input("open-sesame")
    app.button[0].click().run()
    assert SERVICE in said(app)


def test_a_taken_port_is_one_line_and_exit_2(nothing: str) -> None:
    """The refusal names the setting to change."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        environment = {
            **os.environ,
            "OUTERLOOP_STORE_URL": nothing,
            "OUTERLOOP_DASHBOARD_PORT": str(holder.getsockname()[1]),
        }
        done = subprocess.run(
            [sys.executable, "-m", "dashboards"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "OUTERLOOP_DASHBOARD_PORT" in done.stderr


def test_it_serves_and_ends_on_sigterm(nothing: str) -> None:
    """`python -m dashboards` answers its health check and ends by itself when asked to."""
    port = free_port()
    process = start(
        "dashboards",
        ready=f"http://127.0.0.1:{port}/_stcore/health",
        OUTERLOOP_STORE_URL=nothing,
        OUTERLOOP_DASHBOARD_PORT=str(port),
    )
    assert stop(process) in {0, -signal.SIGTERM}


def test_times_are_aware(seeded: Store) -> None:
    """Rows come back with their zone, so that no page shows a local time as UTC."""
    moments = [
        data.extent(seeded.url).last_call,
        *(span.timestamp for span in data.trace_spans(seeded.url, DEEP_TRACE)),
    ]
    assert all(isinstance(moment, datetime) and moment.tzinfo is not None for moment in moments)
