"""The overview on a real store: a line per service, both sides of quality, and nothing young that looks like a drop."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import streamlit as st
from dashboard_seed import NOW, OTHER, SERVICE, seed
from databases import Databases
from streamlit.testing.v1 import AppTest

import dashboards
from dashboards import data
from dashboards.filters import ALL_TIME, Filters
from monitor.records import ScoreRow
from monitor.store import Store

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("default"),  # Streamlit's own warnings are its affair
]
APP = Path(dashboards.__file__).with_name("app.py")


def opinions(store: Store) -> list[ScoreRow]:
    """Three users who said something about calls of the service."""
    traces = store.client.query(
        "SELECT trace_id, timestamp FROM calls FINAL WHERE service = {service:String} AND status = 'ok'"
        " ORDER BY timestamp LIMIT 3",
        parameters={"service": SERVICE},
    ).result_rows
    moments = [told.replace(tzinfo=NOW.tzinfo) + timedelta(minutes=1) for _, told in traces]
    return [
        ScoreRow(
            timestamp=moment,
            score_id=f"helpful-{trace}",
            target="trace",
            trace_id=trace,
            span_id="",
            session_id="",
            service=SERVICE,
            name="helpful",
            source="user",
            value=float(place - 1),
            label="",
            explanation="",
            expected="",
            author="app",
            observed_at=moment,
        )
        for place, ((trace, _), moment) in enumerate(zip(traces, moments, strict=True))
    ]


@pytest.fixture(scope="module")
def january(databases: Databases) -> Iterator[Store]:
    """A small seeded store that nobody changes."""
    with databases.lent() as url:
        store = Store(url)
        seed(store, calls=300)
        store.append("scores", opinions(store))
        yield store
        store.close()


@pytest.fixture
def overview(january: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AppTest:
    """The page on the seeded store, in the seeded January."""
    clock = tmp_path / "clock"
    clock.write_text(NOW.isoformat())
    monkeypatch.setenv("OUTERLOOP_CLOCK_FILE", str(clock))
    monkeypatch.setenv("OUTERLOOP_STORE_URL", january.url)
    st.cache_data.clear()
    app = AppTest.from_file(str(APP), default_timeout=120).run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    """Every text of the page, escapes undone."""
    kinds = (app.subheader, app.markdown, app.caption, app.info)
    return "\n".join(str(one.value) for kind in kinds for one in kind).replace("\\", "")


def test_a_line_per_service_says_how_good_it_is(overview: AppTest) -> None:
    """The outcome with its interval and n comes first, then volume, errors, latency, tokens, cost, drift, incidents."""
    text = said(overview)
    for wanted in (
        "Quality: extraction_right",
        "Errors",
        "Latency p50 / p95",
        "Tokens in / out",
        "Cost",
        "1 open incident",
        OTHER,
    ):
        assert wanted in text
    assert "n = " in text


def test_business_and_model_stand_side_by_side(overview: AppTest) -> None:
    """Outcomes and users on one side; judges, checks and people on the other; on the cards and over time."""
    text = said(overview)
    assert text.count("Business: outcomes and users") >= 2
    assert text.count("Model: judges, checks and people") >= 2


def test_what_only_the_willing_say_is_a_number(overview: AppTest) -> None:
    """Two of three people who spoke were unhappy: that is no failing share of the calls."""
    text = said(overview)
    assert "2 of 3 bad" in text
    assert "user: helpful (3 said something)" in text


def test_the_first_token_has_both_quantiles(january: Store) -> None:
    """The median and the 95 % quantile come with every service, or nothing where nobody streams."""
    services = data.asked(january.url, "services", Filters(*ALL_TIME))
    streams = services.dropna(subset=["ttft_p50_ms"])
    assert set(services["ttft_p95_ms"].isna()) >= set(services["ttft_p50_ms"].isna())
    assert (streams["ttft_p95_ms"] >= streams["ttft_p50_ms"]).all()
