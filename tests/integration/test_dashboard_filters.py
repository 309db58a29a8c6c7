"""Filters, addresses and jumps on a real store: links restore them, nonsense is a sentence, ids lead to their pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from dashboard_seed import BAD_TRACE, INCIDENT, NOW, RETRAIN, SERVICE, seed
from databases import Databases
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

import dashboards
from dashboards.bar import LINE
from dashboards.jump import find, places
from monitor.store import Store

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("default"),  # Streamlit's own warnings are its affair
]
APP = Path(dashboards.__file__).with_name("app.py")


@pytest.fixture(scope="module")
def january(databases: Databases) -> Iterator[Store]:
    """A small seeded store that nobody changes."""
    with databases.lent() as url:
        store = Store(url)
        seed(store, calls=120)
        yield store
        store.close()


@pytest.fixture(autouse=True)
def _pointed(january: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The app under test reads the seeded store, in the seeded January."""
    clock = tmp_path / "clock"
    clock.write_text(NOW.isoformat())
    monkeypatch.setenv("OUTERLOOP_CLOCK_FILE", str(clock))
    monkeypatch.setenv("OUTERLOOP_STORE_URL", january.url)


def opened(page: str = "", **query: str) -> AppTest:
    """The app as it stands after opening an address."""
    st.cache_data.clear()
    app = AppTest.from_file(str(APP), default_timeout=120)
    if page:
        app._page_hash = calc_hash(page)
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def said(app: AppTest) -> str:
    """The captions, warnings and sentences of the page, escapes undone."""
    kinds = (app.caption, app.warning, app.info, app.markdown)
    return "\n".join(str(one.value) for kind in kinds for one in kind).replace("\\", "")


def address(app: AppTest) -> dict[str, str]:
    """What stands in the address."""
    return {name: "".join(value) for name, value in app.query_params.items()}


def test_line_boxes_and_address_are_one_thing(january: Store) -> None:
    """A link fills line and boxes; what is typed in the line stands in the address, and taking it away clears it."""
    app = opened(service=SERVICE, tag="tenant=acme")
    line = app.multiselect(key=LINE)
    assert line.value == [f"service:{SERVICE}", "tag.tenant:acme"]
    assert any(option.startswith(f"service:{SERVICE} (") for option in line.options)
    line.set_value([f"service:{SERVICE}", "prompt:3", "time:24h"]).run()
    assert not app.exception
    assert address(app) == {"service": SERVICE, "prompt_version": "3", "range": "24h"}
    assert app.selectbox(key="prompt_version").value == "3"
    app.selectbox(key="prompt_version").set_value("").run()
    assert app.multiselect(key=LINE).value == [f"service:{SERVICE}"]
    app.multiselect(key=LINE).set_value([]).run()
    assert address(app) == {"range": "24h"}


def test_a_second_service_takes_the_place_of_the_first() -> None:
    """A facet has one value: the newest that was typed."""
    app = opened(service=SERVICE)
    app.multiselect(key=LINE).set_value([f"service:{SERVICE}", "service:support-chat"]).run()
    assert app.multiselect(key=LINE).value == ["service:support-chat"]
    assert address(app)["service"] == "support-chat"


@pytest.mark.parametrize("typed", ["what is this", "time:fortnight", "since:yesterday"])
def test_what_the_line_cannot_read_is_a_sentence(typed: str) -> None:
    """It changes nothing and says what to write."""
    app = opened(service=SERVICE)
    line = app.multiselect(key=LINE)
    line.set_value([*line.value, typed]).run()
    assert not app.exception
    assert typed.partition(":")[2] in said(app)
    assert address(app) == {"service": SERVICE}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"range": "30x"}, "range=30x is no stretch of time"),
        ({"tag": "tenant"}, "tag=tenant has no value"),
        ({"tag": "=acme"}, "names no tag"),
        ({"service": "x" * 4000}, "is no value that a call can have"),
        ({"release": "a\x00b"}, "is no value that a call can have"),
        ({"since": "9999-12-31"}, "9999-12-31 is no time"),
        ({"range": "custom", "until": "9999-12-31"}, "9999-12-31 is no time"),
        ({"range": "custom", "since": "0001-01-01"}, "0001-01-01 is no time"),
        ({"service": "<script>alert(1)</script>"}, "No call matches"),
        ({"model": "'; DROP TABLE calls; --"}, "No call matches"),
    ],
)
def test_nonsense_in_the_address_is_one_sentence(query: dict[str, str], expected: str) -> None:
    """Neither an exception nor silence, and the store is not blamed."""
    app = opened(**query)
    assert not app.exception
    assert not app.error
    assert expected in said(app)


def test_times_alone_mean_a_stretch_of_ones_own() -> None:
    """A link with since and until needs no range."""
    app = opened(since="2024-01-01", until="2024-01-02")
    assert app.selectbox(key="range").value == "custom"
    assert "2024-01-01 00:00 UTC to 2024-01-03 00:00 UTC" in said(app)


def test_an_id_leads_to_its_page(january: Store) -> None:
    """Incident, retrain and trace by their own ids, a session by its newest trace; anything else to nothing."""
    trace = BAD_TRACE.replace("900", "100")
    session = january.client.query(
        "SELECT session_id FROM calls WHERE trace_id = {id:String}", parameters={"id": trace}
    ).result_rows[0][0]
    newest = january.client.query(
        "SELECT max(trace_id) FROM calls WHERE session_id = {id:String}",
        parameters={"id": session},
    ).result_rows[0][0]
    led = [find(january.url, f" {wanted} ") for wanted in (INCIDENT, RETRAIN, trace, session)]
    assert [(one.page, dict(one.query)) for one in led if one] == [
        ("incidents", {"incident": INCIDENT}),
        ("retrains", {"retrain": RETRAIN}),
        ("calls", {"trace_id": trace}),
        ("calls", {"trace_id": newest}),
    ]
    assert find(january.url, "no such id") is find(january.url, " ") is None


def test_the_palette_lists_what_is_open(january: Store) -> None:
    """Incidents come with their state, retrains with theirs."""
    listed = {one.kind: dict(one.query) for one in places(january.url)}
    assert {"incident": INCIDENT} in listed.values()
    assert {"retrain": RETRAIN} in listed.values()
    assert all(kind.endswith("incident") or kind.startswith("retrain") for kind in listed)
