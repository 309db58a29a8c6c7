"""The incidents page on a real store: what it says of the evidence, where links lead, and what people may do there."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
import streamlit as st
from dashboard_seed import BAD_TRACE, INCIDENT, NOW, SERVICE, TURN, seed
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

import dashboards
from dashboards.incident.reads import alike_before, call_beside
from dashboards.review.sitting import Place, begin
from monitor.alerts.message import incident_blocks
from monitor.alerts.webhook import facts
from monitor.deliveries import Delivery
from monitor.incidents import ChangePoint, IncidentDetails, fold, incident, tell
from monitor.records import CheckRow, IncidentEvent
from monitor.retrain.state import retrains
from monitor.settings import Settings
from monitor.store import Store, migrate

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("default")]

APP = Path(dashboards.__file__).with_name("app.py")
RATE, PIPES = "inc-rate", "inc-pipes"
URL = "http://127.0.0.1:8501"


def event(name: str, identity: str, details: IncidentDetails, **said: str) -> IncidentEvent:
    """The beginning of an incident that the seed has not."""
    told = {
        "service": SERVICE, "title": f"{identity} began", "severity": "watch", "cause": "model", "field": "",
        "detector": "rate", "series": "check/json_valid", **said,
    }  # fmt: skip
    return IncidentEvent(
        timestamp=NOW - timedelta(hours=9), incident_id=identity, event=name, actor="incident job", via="job", note="",
        started_at=NOW - timedelta(hours=10), details=details.model_dump_json(), **told,
    )  # fmt: skip


def furnish(store: Store) -> None:
    """What the seed has not: an interval of the change, other incidents, messages that did not arrive."""
    one = incident(store, INCIDENT)
    assert one is not None
    change = ChangePoint(best=TURN, low=TURN - timedelta(hours=4), high=TURN + timedelta(hours=2))
    details = one.details.model_copy(update={"change": change})
    tell(store, replace(one, updated_at=NOW - timedelta(hours=2)), "grown", now=NOW - timedelta(hours=1),
         actor="incident job", via="job", details=details)  # fmt: skip
    rated = IncidentDetails(
        rate=0.2, low=0.1, high=0.3, n=100, count=20, baseline=0.01, baseline_n=900
    )
    store.append(
        "incidents",
        [
            event("opened", RATE, rated),
            event("opened", PIPES, IncidentDetails(count=30), cause="delivery", severity="page", detector="delivery",
                  series="slack", service="slack"),
        ],
    )  # fmt: skip
    row = CheckRow(
        timestamp=NOW, check_id="r", detector="rate", detector_version=1, series="check/json_valid", service=SERVICE,
        release="", field="", window_start=NOW - timedelta(hours=1), window_end=NOW, status="drift", count=20, n=100,
        effect=0.2, low=0.1, high=0.3, baseline=0.01, baseline_n=900, e_value=1e6, threshold=1e5,
        state=json.dumps({"key": ["check/json_valid", ""]}),
        evidence=json.dumps({"started_at": NOW.isoformat(), "metric": "check/json_valid"}),
    )  # fmt: skip
    store.append("checks", [row])
    sent = Delivery(
        NOW - timedelta(hours=3), "slack", f"{INCIDENT}:m", INCIDENT, "grown", "sending"
    )
    due = NOW + timedelta(hours=1)
    store.append(
        "deliveries", [sent, replace(sent, state="failed", error="Slack answered 503", due_at=due)]
    )


@pytest.fixture(scope="module")
def january(store_server: str) -> Iterator[Store]:
    """The seeded store of all tests of this file."""
    url = f"{store_server}/incidents_{uuid.uuid4().hex[:12]}"
    migrate(url, retention_days=0)
    store = Store(url)
    seed(store, calls=1000)
    furnish(store)
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
    return january


def opened(page: str, actor: str = "", **query: str) -> AppTest:
    """The app as it stands after opening an address, by somebody who typed a name."""
    st.cache_data.clear()
    app = AppTest.from_file(str(APP), default_timeout=120)
    app._page_hash = calc_hash(page)
    for name, value in query.items():
        app.query_params[name] = value
    if actor:
        app.session_state["actor"] = actor
    return app.run()


def said(app: AppTest) -> str:
    """Every text on the page, escapes undone, and what stands in its tables."""
    assert not app.exception
    kinds = (
        app.title,
        app.markdown,
        app.caption,
        app.info,
        app.warning,
        app.error,
        app.success,
        app.code,
    )
    texts = [str(element.value) for kind in kinds for element in kind]
    return "\n".join([*texts, *(one.value.to_string() for one in app.dataframe)]).replace("\\", "")


def press(app: AppTest, label: str) -> AppTest:
    """Click the button with this label."""
    return next(one for one in app.button if one.label == label).click().run()


def test_an_incident_answers_what_since_when_how_sure_where_and_who_was_told(seeded: Store) -> None:
    """The interval of its beginning, the evidence in words, slices with n and interval, and every message."""
    text = said(opened("incidents", incident=INCIDENT))
    assert "95 %: 2023-12-31 20:00 UTC to 2024-01-01 02:00 UTC" in text
    assert "would come once in at least 40,000 calls looked at" in text
    assert "orange band: 95 % interval of its beginning" in text
    assert re.search(r"tag tenant = acme +1\.3 times", text)
    assert "3.2 % to 8.8 %" in text  # of 5.5 % of 261
    assert "1 message about this incident did not arrive" in text
    assert "tried again 2024-01-04 13:30 UTC; Slack answered 503" in text
    assert "Retrain proposed" in text


def test_a_call_stands_beside_one_of_the_same_slice_from_before(seeded: Store) -> None:
    """Same service and tags, from before the change may have begun; the field at fault is marked."""
    text = said(opened("incidents", incident=INCIDENT))
    assert "of the same service and slice (tenant = acme)" in text
    assert re.search(r"\*\*due_date\*\* \| \"202[34]-\d\d-\d\d\" \| :orange-background\[", text)
    one = call_beside(seeded.url, BAD_TRACE, f"{BAD_TRACE}-b")
    assert one is not None
    before = TURN - timedelta(hours=4)
    found = alike_before(
        seeded.url, SERVICE, one.input, (("tenant", "acme"),), "production", before=before
    )
    beside = [call_beside(seeded.url, trace) for trace in found]
    assert beside
    assert all(
        other and other.timestamp < before and other.tags["tenant"] == "acme" for other in beside
    )
    assert alike_before(seeded.url, "no such service", one.input, (), "", before=before) == []


def test_an_example_that_was_erased_is_a_sentence(seeded: Store) -> None:
    """A call that is gone is explained, and the rest of the page stays."""
    one = incident(seeded, INCIDENT)
    assert one is not None
    gone = one.details.examples[0].model_copy(update={"trace_id": "erased"})
    details = one.details.model_copy(update={"examples": (gone,)})
    seeded.append("incidents", [event("opened", "inc-gone", details, detector="nobody")])
    text = said(opened("incidents", incident="inc-gone"))
    assert "This call is not in the store any more" in text
    assert "No look of the detector nobody" in text


def test_an_incident_of_the_pipes_shows_no_rate_and_no_slices(seeded: Store) -> None:
    """Messages that do not arrive have no calls to look at and nothing to train against."""
    app = opened("incidents", "Ada", incident=PIPES)
    assert "Messages do not reach the people they are for" in said(app)
    assert "Where" not in [one.value for one in app.subheader]
    assert "Propose a retrain" not in [one.label for one in app.button]


def test_the_list_is_filtered_by_its_address(seeded: Store) -> None:
    """State, severity and words leave what matches; effect, interval and n stand in the rows."""
    app = opened("incidents")
    ids = set(app.dataframe[0].value["Id"])
    assert {INCIDENT, RATE, PIPES} <= ids
    row = app.dataframe[0].value.set_index("Id").loc[RATE]
    assert (row["Rate (%)"], row["95 % from (%)"], row["Calls (n)"]) == (20.0, 10.0, 100)
    assert np.isnan(app.dataframe[0].value.set_index("Id").loc[PIPES]["Rate (%)"])
    left = opened("incidents", state="unresolved", severity="page", find="DELIVERY")
    assert list(left.dataframe[0].value["Id"]) == [PIPES]
    assert "No incident matches" in said(
        opened("incidents", state="resolved", find="nothing like it")
    )


def test_nobody_acts_without_a_name(seeded: Store) -> None:
    """Until a name is typed every act is disabled, and the page says why."""
    app = opened("incidents", incident=INCIDENT)
    acts = (
        "Acknowledge",
        "Snooze for 1 day",
        "Resolve",
        "Propose a retrain",
        "Accept as the new normal",
    )
    found = {one.label: one.disabled for one in app.button}
    assert all(found[name] for name in acts if name in found)
    assert "Type your name in the side bar to act" in said(app)


def test_every_act_is_an_event_with_name_length_and_note(seeded: Store) -> None:
    """Acknowledge, snooze for a chosen time, resolve, open again: each is in the store, by that person."""
    app = opened("incidents", "Ada", incident=RATE)
    app.text_input(key=f"note_{RATE}").input("on it").run()
    press(app, "Acknowledge")
    app.selectbox(key="snooze_length").select("4 hours").run()
    press(app, "Snooze for 4 hours")
    standing = incident(seeded, RATE)
    assert standing is not None
    assert (standing.state, standing.actor) == ("snoozed", "Ada")
    assert standing.details.snoozed_until == NOW + timedelta(hours=4)
    press(press(app, "Resolve"), "Open again")
    events = [
        one for one in seeded.read("incident_events", IncidentEvent) if one.incident_id == RATE
    ]
    assert [one.event for one in events[-4:]] == ["acknowledged", "snoozed", "resolved", "reopened"]
    assert {(one.actor, one.via, one.note) for one in events[-4:]} == {
        ("Ada", "dashboard", "on it")
    }


def test_a_person_proposes_a_retrain_and_accepts_a_new_normal(seeded: Store) -> None:
    """The retrain carries the name; the acceptance is a record of the series and ends the incident."""
    identity = "inc-normal"
    seeded.append("incidents", [event("opened", identity, IncidentDetails(rate=0.2, n=9))])
    app = press(opened("incidents", "Grace", incident=identity), "Propose a retrain")
    [made] = [one for one in retrains(seeded) if one.incident_id == identity]
    assert (made.history[0].actor, made.history[0].via) == ("Grace", "dashboard")
    press(app, "Accept as the new normal")
    after = incident(seeded, identity)
    assert after is not None
    assert (after.state, after.actor) == ("resolved", "Grace")
    [[series, evidence]] = seeded.client.query(
        "SELECT series, evidence FROM checks FINAL WHERE detector = 'baseline'"
    ).result_rows
    assert (series, json.loads(evidence)["actor"]) == ("check/json_valid", "Grace")


def test_label_these_asks_about_the_examples(seeded: Store, tmp_path: Path) -> None:
    """The review queue of an incident is its example calls."""
    settings = Settings(data_dir=tmp_path)
    sitting = begin(seeded, settings, Place(seeded.url, SERVICE, "Ada", INCIDENT), now=NOW)
    assert [one.trace_id for one in sitting.waiting] == [BAD_TRACE]


def links(value: object) -> list[str]:
    """Every address of the dashboard in a payload."""
    text = json.dumps(value).replace("&amp;", "&")
    return sorted(set(re.findall(rf"{URL}/[^\s|>\"\\]+", text)))


def test_every_link_of_an_alert_lands_on_its_matter(seeded: Store) -> None:
    """Slack's message and the webhook's body: the incident, the very call, the queue of its examples."""
    [one] = fold(
        [
            own
            for own in seeded.read("incident_events", IncidentEvent)
            if own.incident_id == INCIDENT
        ]
    )
    told = links(
        [list(incident_blocks(one, dashboard_url=URL).blocks), facts(one, dashboard_url=URL)]
    )
    assert len(told) == 3
    shown = {
        "incidents": "due_date is a year off in 4.8 %",
        "calls": BAD_TRACE,
        "review": "What to label",
    }
    for address in told:
        parts = urlsplit(address)
        page = parts.path.strip("/")
        app = opened(page, "Ada", **dict(parse_qsl(parts.query)))
        text = said(app) + " ".join(box.label for box in app.selectbox)
        assert shown[page] in text
        assert "There is no" not in text
