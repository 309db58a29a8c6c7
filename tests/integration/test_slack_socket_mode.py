"""Buttons by Socket Mode: slack-sdk's client over a real websocket, the press in the store, the message rewritten."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from collectors import eventually

from monitor.alerts import announce
from monitor.alerts.socket_mode import listening
from monitor.incidents import Example, Incident, IncidentDetails, act, incident, tell
from monitor.jobs.job import Window, run_job
from monitor.jobs.schedule import job_named
from monitor.records import RetrainEvent
from monitor.retrain.state import retrain
from monitor.settings import Settings
from monitor.standins.slack import APP_TOKEN, SlackStandin
from monitor.store import Store

pytestmark = pytest.mark.integration

NOW = datetime(2024, 3, 12, 3, tzinfo=UTC)


@pytest.fixture
def slack() -> Iterator[SlackStandin]:
    """A Slack stand-in on a free port."""
    with SlackStandin() as standin:
        yield standin


@pytest.fixture
def settings(slack: SlackStandin, store_url: str) -> Settings:
    """Settings with bot and app token for the stand-in."""
    return Settings(
        store_url=store_url, slack_token="xoxb-standin", slack_app_token=APP_TOKEN,
        slack_channel="#llm-alerts", slack_base_url=slack.base_url,
    )  # fmt: skip


@pytest.fixture
def opened(store: Store, settings: Settings) -> Incident:
    """An open incident that was announced."""
    example = Example(trace_id="a" * 32, span_id="b" * 16, timestamp=NOW, value="x", why="y")
    one = Incident(
        "inc-1", "svc", "wrong year", "page", "calendar", "due_date", "rollover", "svc/due_date",
        NOW, NOW, NOW, None, "open", "job", IncidentDetails(examples=[example]),
    )  # fmt: skip
    one = tell(store, one, "opened", now=NOW, actor="job", via="job")
    details = one.details.model_copy(update={"announcements": announce(one, settings, now=NOW)})
    return tell(store, one, "announced", now=NOW, actor="alert job", via="job", details=details)


def until(true: Callable[[], bool]) -> None:
    """Wait for something that another thread does."""
    eventually(true)


def state(store: Store) -> tuple[str, str]:
    """State and actor of the incident."""
    one = incident(store, "inc-1")
    assert one is not None
    return one.state, one.actor


def test_a_press_moves_the_incident_and_its_message(
    slack: SlackStandin, store: Store, settings: Settings, opened: Incident
) -> None:
    """Acknowledged over the websocket: in the store with the person's name, and in the message at once."""
    buttons = [one["action_id"] for one in slack.messages[0]["blocks"][-2]["elements"]]
    assert buttons == ["open", "label", "acknowledge", "snooze", "resolve"]
    with listening(settings):
        assert slack.press("acknowledge", "inc-1")
        until(lambda: state(store) == ("acknowledged", "ada"))
        until(lambda: len(slack.updates) == 1)
        assert slack.messages[0]["blocks"][0]["text"]["text"].startswith("👀")
        assert slack.press("acknowledge", "inc-1", user="bob")
        assert slack.press("resolve", "inc-1", user="bob")
        until(lambda: state(store) == ("resolved", "bob"))


def test_a_press_that_cannot_be_followed_is_answered(
    slack: SlackStandin, store: Store, settings: Settings, opened: Incident
) -> None:
    """An old message's button on an incident that has ended: the person alone is told why nothing happens."""
    act(store, "inc-1", "resolved", now=NOW, actor="ada", via="cli")
    with listening(settings):
        assert slack.press("acknowledge", "inc-1")
        assert slack.press("approve", "rt-gone")
        until(lambda: len(slack.workspace.answers) == 2)
    said = [str(one["text"]) for one in slack.workspace.answers]
    assert any("is resolved and cannot be acknowledged" in one for one in said)
    assert {one["response_type"] for one in slack.workspace.answers} == {"ephemeral"}


def test_a_connection_that_ends_is_made_again(
    slack: SlackStandin, store: Store, settings: Settings, opened: Incident
) -> None:
    """Slack refreshes connections now and then; the next press arrives by the new one."""
    with listening(settings):
        until(slack.workspace.sockets.connected.is_set)
        slack.workspace.sockets.disconnect()
        until(lambda: not slack.workspace.sockets.open)
        until(lambda: bool(slack.workspace.sockets.open))
        assert slack.press("snooze", "inc-1")
        until(lambda: state(store)[0] == "snoozed")


def test_without_an_app_token_nobody_listens(slack: SlackStandin, settings: Settings) -> None:
    """No token, no connection; a wrong one is refused and tried again without an end to the process."""
    with listening(settings.model_copy(update={"slack_app_token": None})):
        assert not slack.workspace.sockets.open
    wrong = Settings(slack_app_token="xapp-other", slack_base_url=slack.base_url)
    with listening(wrong):
        assert not slack.workspace.sockets.connected.wait(0.5)


def test_a_retrain_is_approved_where_its_incident_is_told(
    slack: SlackStandin, store: Store, settings: Settings, opened: Incident
) -> None:
    """A compared candidate adds a button to the incident's message; pressing it is the approval, with the name."""
    store.append("retrains", [
        RetrainEvent(
            NOW + timedelta(minutes=number), "rt-1", event, "job", "job", "", "inc-1", "svc", "r1", "r2", "ds-1",
            json.dumps({"comparison": {"advice": "promote", "n": 60, "difference": 0.04, "low": 0.01, "high": 0.07}}),
        )
        for number, event in enumerate(["proposed", "requested", "started", "finished", "compared"])
    ])  # fmt: skip
    job = job_named("alert")
    assert job is not None
    later = NOW + timedelta(minutes=10)
    assert run_job(job, store, settings, Window(NOW, later)).outcome == "ok"
    [message] = slack.messages
    carried = {one["action_id"]: one["value"] for one in message["blocks"][-2]["elements"]}
    assert carried["approve"].startswith("rt-1@")
    with listening(settings):
        assert slack.press("approve", carried["approve"], user="cy")
        until(lambda: len(slack.updates) == 2)
    one = retrain(store, "rt-1")
    assert (one.state, one.history[-1].actor, one.history[-1].via) == ("approved", "cy", "slack")
    assert "approve" not in [
        one["action_id"] for one in slack.messages[0]["blocks"][-2]["elements"]
    ]
