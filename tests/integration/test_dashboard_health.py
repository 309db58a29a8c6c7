"""The health page on a real store: the doctor's own words, the account, what did not arrive, errors, growth."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import streamlit as st
from conftest import free_port
from dashboard_seed import INCIDENT, NOW, RETRAIN, seed
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

import dashboards
from dashboards.health.reads import owed
from monitor.deliveries import Delivery
from monitor.examination import examine
from monitor.settings import load_settings
from monitor.store import Store, migrate

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("default")]

APP = Path(dashboards.__file__).with_name("app.py")
PATIENCE_S = 60.0


def attempts() -> list[Delivery]:
    """A message that waits, one that was given up, one that arrived in the end."""
    waits = Delivery(NOW - timedelta(hours=3), "slack", "a", INCIDENT, "grown", "sending")
    due = NOW + timedelta(hours=1)
    lost = replace(waits, sink="retrain_webhook", key=RETRAIN, kind="retrain.requested")
    came = replace(waits, key="b")
    return [
        waits,
        replace(waits, state="failed", error="Slack answered 503", due_at=due),
        lost,
        replace(lost, timestamp=NOW - timedelta(hours=2), state="failed", error="refused"),
        replace(lost, timestamp=NOW - timedelta(hours=2), state="dead", error="refused"),
        came,
        replace(came, state="failed", error="Slack answered 500"),
        replace(came, timestamp=NOW - timedelta(hours=1), state="delivered"),
    ]


@pytest.fixture(scope="module")
def january(store_server: str) -> Iterator[Store]:
    """The seeded store of all tests of this file."""
    url = f"{store_server}/health_{uuid.uuid4().hex[:12]}"
    migrate(url, retention_days=0)
    store = Store(url)
    seed(store, calls=600)
    store.append("deliveries", attempts())
    yield store
    store.close()


@pytest.fixture
def seeded(january: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Store:
    """The seeded store, with the app under test pointed at it, in the seeded January."""
    clock = tmp_path / "clock"
    clock.write_text(NOW.isoformat())
    monkeypatch.setenv("OUTERLOOP_CLOCK_FILE", str(clock))
    monkeypatch.setenv("OUTERLOOP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("OUTERLOOP_STORE_URL", january.url)
    monkeypatch.setenv("OUTERLOOP_OTLP_HTTP_PORT", str(free_port()))
    monkeypatch.setenv("OUTERLOOP_OTLP_GRPC_PORT", str(free_port()))
    return january


def opened(**query: str) -> AppTest:
    """The page as it stands after opening its address."""
    st.cache_data.clear()
    app = AppTest.from_file(str(APP), default_timeout=120)
    app._page_hash = calc_hash("health")
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def said(app: AppTest) -> str:
    """Every text on the page, escapes undone, and what stands in its tables."""
    assert not app.exception
    kinds = (app.markdown, app.caption, app.info, app.warning, app.error, app.success, app.code)
    texts = [str(element.value) for kind in kinds for element in kind]
    labels = [one.label for one in app.expander]
    return "\n".join([*texts, *labels, *(one.value.to_string() for one in app.dataframe)]).replace(
        "\\", ""
    )


def examined(app: AppTest) -> AppTest:
    """The page once the doctor has looked; until then it is there and says that it looks."""
    until = time.monotonic() + PATIENCE_S
    while "Looking at settings" in said(app) and time.monotonic() < until:
        time.sleep(0.2)
        app.run()
    return app


def test_the_doctors_findings_are_the_commands(seeded: Store) -> None:
    """Every problem and warning stands on the page in the command's words, with what to do."""
    text = said(examined(opened()))
    findings = examine(load_settings(), NOW)
    for one in findings:
        if one.what in ("collector", "gRPC", "schema", "incidents"):
            assert one.told in text
            assert one.mend in text
    assert f"{sum(one.state == 'ok' for one in findings)} ok" in text


def test_the_account_agrees_with_the_ledger_and_the_counting_rule(seeded: Store) -> None:
    """Accepted, stored and rejected are the ledger's sums; calls are counted once, however often they came."""
    text = said(opened(range="all"))
    sums = dict(
        seeded.client.query("SELECT entry, sum(count) FROM ledger GROUP BY entry").result_rows
    )
    [[calls]] = seeded.client.query("SELECT count() FROM calls FINAL").result_rows
    assert f"{sums['accepted']:,} records accepted, {sums['stored']:,} stored" in text
    assert f"{sums['rejected']:,} rejected, each with its reason below; 0 dropped by apps" in text
    assert f"{calls:,} LLM calls by the counting rule" in text
    assert "traces last stored" in text


def test_messages_that_did_not_arrive_are_named_with_their_next_try(seeded: Store) -> None:
    """What was given up stands first; what arrived in the end is no news."""
    text = said(opened())
    assert "2 messages did not arrive: 1 waiting, 1 given up" in text
    found = owed(seeded.url, NOW)
    assert [(one.sink, one.last_state, one.failures) for one in found] == [
        ("retrain_webhook", "dead", 1),
        ("slack", "failed", 1),
    ]
    assert "2024-01-04 13:30 UTC" in text
    assert "Slack answered 503" in text


def test_a_jobs_error_can_be_read(seeded: Store) -> None:
    """A job that failed and has run well since is no alarm; its error is there in full, and how late each job is."""
    text = said(opened(range="all"))
    assert "The last run of each of 5 jobs went well" in text
    assert "alert: 1 failed run of 30" in text
    assert "it has run well since" in text
    assert "DeliveryError: Slack answered 503" in text
    assert "Run lengths of" in text


def test_the_store_says_how_it_grows_and_when_the_disk_is_full(seeded: Store) -> None:
    """Bytes a day from what was stored on whole days; the disk is the store's own."""
    text = said(opened())
    assert "are free on the store's disk" in text
    assert "It grows by about" in text
    assert "mean of the last 7 whole days" in text


def test_an_empty_store_says_what_to_do(
    store_url: str, seeded: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No figure without a number: each part of the page says what is missing."""
    monkeypatch.setenv("OUTERLOOP_STORE_URL", store_url)
    text = said(examined(opened()))
    for part in (
        "has counted nothing",
        "No job ran",
        "No series is watched",
        "no pace to tell",
        "none has ever run",
    ):
        assert part in text
