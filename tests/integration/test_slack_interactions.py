"""Buttons in Slack: signed requests move the incident, all others are refused."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlencode

import httpx
import pytest
from slack_sdk.signature import SignatureVerifier
from starlette.applications import Starlette

from monitor.alerts.interactions import routes
from monitor.incidents import Incident, IncidentDetails, incident, tell
from monitor.settings import load_settings
from monitor.standins.loopback import LoopbackServer
from monitor.store import Store

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
NOW = datetime(2024, 1, 2, tzinfo=UTC)

pytestmark = pytest.mark.integration


@pytest.fixture
def address(store_url: str) -> Iterator[str]:
    """The endpoint behind a real socket."""
    settings = load_settings(store_url=store_url, slack_signing_secret=SECRET)
    with LoopbackServer(Starlette(routes=routes(settings))) as server:
        yield f"{server.url}/slack/interactions"


@pytest.fixture
def opened(store: Store) -> Incident:
    """An open incident in the store."""
    one = Incident(
        "inc-1", "svc", "wrong year", "page", "calendar", "due_date", "rollover", "svc/due_date",
        NOW, NOW, NOW, None, "open", "job", IncidentDetails(),
    )  # fmt: skip
    return tell(store, one, "opened", now=NOW, actor="job", via="job")


def press(address: str, action: str, *, secret: str = SECRET, at: float | None = None) -> int:
    """Press a button as Slack would tell it; returns the status."""
    payload = {"type": "block_actions", "user": {"id": "U1", "username": "ada"},
               "actions": [{"action_id": action, "value": "inc-1", "type": "button"}]}  # fmt: skip
    body = urlencode({"payload": json.dumps(payload)})
    stamp = str(int(at or time.time()))
    signature = SignatureVerifier(secret).generate_signature(timestamp=stamp, body=body)
    headers = {
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": signature or "",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    return httpx.post(address, content=body, headers=headers).status_code


@pytest.mark.parametrize(
    ("action", "state"),
    [("acknowledge", "acknowledged"), ("snooze", "snoozed"), ("resolve", "resolved")],
)
def test_a_button_moves_the_incident(
    address: str, store: Store, opened: Incident, action: str, state: str
) -> None:
    """A signed press becomes an event with the person's name."""
    assert press(address, action) == 200
    after = incident(store, opened.incident_id)
    assert after is not None
    assert (after.state, after.actor) == (state, "ada")


def test_a_foreign_signature_is_refused(address: str, store: Store, opened: Incident) -> None:
    """A request signed with another secret, or an old one played again, changes nothing."""
    assert press(address, "resolve", secret="somebody-else") == 401
    assert press(address, "resolve", at=time.time() - 600) == 401
    after = incident(store, opened.incident_id)
    assert after is not None
    assert after.state == "open"


def test_another_button_is_harmless(address: str, store: Store, opened: Incident) -> None:
    """The link button is acknowledged to Slack and is no event."""
    assert press(address, "open") == 200
    after = incident(store, opened.incident_id)
    assert after is not None
    assert after.state == "open"


def test_without_a_secret_there_is_no_endpoint() -> None:
    """Nobody can press anything where nobody can be believed."""
    assert routes(load_settings()) == []
