"""Alerts over real sockets: slack-sdk and httpx against stand-ins that check as Slack does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from monitor.alerts import UndeliveredError, announce, due, sinks
from monitor.clock import wall_now
from monitor.exceptions import PortInUseError
from monitor.incidents import Announcement, Example, Incident, IncidentDetails, incident, tell
from monitor.settings import Settings
from monitor.standins.loopback import LoopbackServer
from monitor.standins.slack import SlackStandin
from monitor.store import Store
from monitor.webhooks import verify

pytestmark = pytest.mark.integration

NOW = datetime(2024, 1, 1, 3, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def opened(*announcements: Announcement) -> Incident:
    """A fresh incident."""
    example = Example(
        trace_id="a" * 32, span_id="b" * 16, timestamp=NOW, value="2023-01-15", why="past"
    )
    details = IncidentDetails(
        rate=0.05, low=0.04, high=0.06, n=100, count=5, baseline=0.01, baseline_n=9000,
        examples=[example], announcements=announcements,
    )  # fmt: skip
    return Incident(
        incident_id="inc-1", service="loan-extractor", title="due_date slips", severity="page",
        cause="calendar", field="due_date", detector="slip", series="s", started_at=NOW,
        opened_at=NOW,
        updated_at=NOW, resolved_at=None, state="open", actor="job", details=details,
    )  # fmt: skip


def told(one: Incident, announcements: list[Announcement], **changes: Any) -> Incident:
    """The incident as it stands once the announcements were kept."""
    details = one.details.model_copy(update={"announcements": announcements})
    return replace(one, details=details, **changes)


@pytest.fixture
def slack() -> Iterator[SlackStandin]:
    """A Slack stand-in on a free port."""
    with SlackStandin() as standin:
        yield standin


@pytest.fixture
def bot(slack: SlackStandin) -> Settings:
    """Settings with a bot token for the stand-in."""
    return Settings(
        slack_token="xoxb-standin", slack_channel="#llm-alerts", slack_base_url=slack.base_url
    )


class Receiver(LoopbackServer):
    """A webhook receiver that verifies each request and keeps it; `status` is what it answers."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, Any]]] = []
        self.status = 204
        super().__init__(Starlette(routes=[Route("/alerts", self._take, methods=["POST"])]))

    async def _take(self, request: Any) -> Response:
        body = await request.body()
        message_id = verify(SECRET, request.headers, body, now=wall_now())
        if self.status == 204:
            self.got.append((message_id, await request.json()))
        return Response(status_code=self.status)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A webhook receiver on a free port."""
    with Receiver() as server:
        yield server


def test_one_incident_is_one_message_that_changes_in_place(slack: SlackStandin, bot: Settings):
    """Opened, grown and resolved: one post and two updates; running again tells nothing."""
    one = told(opened(), announce(opened(), bot, now=NOW))
    assert announce(one, bot, now=NOW) == list(one.details.announcements)
    grown = replace(one, details=one.details.model_copy(update={"n": 900}))
    one = told(grown, announce(grown, bot, now=NOW))
    ended = replace(one, state="resolved", resolved_at=NOW + timedelta(days=2))
    announce(ended, bot, now=NOW)
    assert (len(slack.messages), len(slack.updates)) == (1, 2)
    message = slack.messages[0]
    assert message["blocks"][0]["text"]["text"].startswith("✅")
    assert "after 2 days" in message["blocks"][1]["text"]["text"]


def test_the_message_survives_the_store(slack: SlackStandin, bot: Settings, store: Store):
    """Told, kept as an event, read back: the next run updates the same message and no other."""
    start = tell(store, opened(), "opened", now=NOW, actor="job", via="job")
    for event, at in (("grown", NOW + timedelta(hours=1)), ("resolved", NOW + timedelta(hours=2))):
        [one] = due([start], bot, now=NOW)
        details = one.details.model_copy(update={"announcements": announce(one, bot, now=NOW)})
        kept = tell(
            store,
            one,
            "announced",
            now=at - timedelta(minutes=9),
            actor="alert",
            via="job",
            details=details,
        )
        assert due([kept], bot, now=NOW) == []
        more = kept.details.model_copy(update={"n": kept.details.n + 50})
        start = tell(store, kept, event, now=at, actor="ada", via="cli", details=more)
    announce(start, bot, now=NOW)
    assert (len(slack.messages), len(slack.updates)) == (1, 2)
    assert "*Resolved* by ada" in slack.messages[0]["blocks"][1]["text"]["text"]
    read = incident(store, "inc-1")
    assert read is not None
    assert read.actor == "ada"


def test_a_deleted_message_is_posted_anew(slack: SlackStandin, bot: Settings):
    """When somebody removed the message, the next change makes another one."""
    first = announce(opened(), bot, now=NOW)
    slack.messages.clear()
    grown = told(opened(), first)
    grown = replace(grown, details=grown.details.model_copy(update={"n": 900}))
    announce(grown, bot, now=NOW)
    assert len(slack.messages) == 1


def test_a_busy_slack_is_waited_for(slack: SlackStandin, bot: Settings):
    """429 with Retry-After is honoured: the message arrives, once."""
    slack.workspace.busy = 1
    announce(opened(), bot, now=NOW)
    assert len(slack.messages) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"slack_token": "xoxb-other"}, "invalid_auth; set OUTERLOOP_SLACK_TOKEN"),
        ({"slack_channel": None}, "OUTERLOOP_SLACK_CHANNEL is missing"),
        ({"slack_base_url": "http://127.0.0.1:9/api"}, "Slack was not reached"),
    ],
)
def test_a_refusal_says_what_to_do(bot: Settings, change: dict[str, Any], said: str):
    """A wrong token, no channel, nobody there: the error names the cure."""
    with pytest.raises(UndeliveredError, match=said):
        announce(
            opened(),
            bot.model_copy(update=Settings(**change).model_dump(include=set(change))),
            now=NOW,
        )


def test_a_broken_answer_is_undelivered(slack: SlackStandin, bot: Settings):
    """A 500 without JSON is an error of delivery, not a crash."""
    slack.workspace.broken = 9
    with pytest.raises(UndeliveredError, match="slack: "):
        announce(opened(), bot, now=NOW)


def test_one_sinks_failure_does_not_keep_the_others(
    slack: SlackStandin, bot: Settings, receiver: Receiver
):
    """Slack is told while the webhook is down; the next run tells the webhook alone."""
    both = Settings(
        slack_token="xoxb-standin", slack_channel="#llm-alerts", slack_base_url=slack.base_url,
        alert_webhook_url=f"{receiver.url}/alerts", alert_webhook_secret=SECRET,
    )  # fmt: skip
    assert sinks(both) == ("slack", "webhook")
    receiver.status = 503
    with pytest.raises(UndeliveredError, match=r"webhook: .* answered 503") as caught:
        announce(opened(), both, now=NOW)
    receiver.status = 204
    after = announce(told(opened(), caught.value.announcements), both, now=NOW)
    assert len(slack.messages) == len(receiver.got) == 1
    assert [one.sink for one in after] == ["slack", "webhook"]


def test_the_generic_alert_is_signed_and_idempotent(receiver: Receiver):
    """The receiver verifies the signature; the same fact carries the same id, no other does."""
    settings = Settings(alert_webhook_url=f"{receiver.url}/alerts", alert_webhook_secret=SECRET)
    first = announce(opened(), settings, now=NOW)
    announce(opened(), settings, now=NOW)
    ended = told(opened(), first, state="resolved", resolved_at=NOW)
    announce(ended, settings, now=NOW)
    (id_1, opened_1), (id_2, _), (id_3, resolved) = receiver.got
    assert id_1 == id_2 != id_3
    assert (opened_1["type"], resolved["type"]) == ("incident.opened", "incident.resolved")
    assert opened_1["timestamp"] == "2024-01-01T03:00:00Z"
    data = opened_1["data"]
    assert (data["field"], data["cause"], data["rate"], data["n"]) == (
        "due_date",
        "calendar",
        0.05,
        100,
    )
    assert data["examples"][0]["url"].endswith(f"/calls?trace_id={'a' * 32}&span_id={'b' * 16}")


def test_an_address_without_a_secret_is_refused():
    """An alert is never sent unsigned."""
    settings = Settings(alert_webhook_url="http://127.0.0.1:9/alerts")
    with pytest.raises(UndeliveredError, match="OUTERLOOP_ALERT_WEBHOOK_SECRET"):
        announce(opened(), settings, now=NOW)


def test_an_incoming_webhook_alone_is_enough(slack: SlackStandin):
    """Without a bot token the beginning and the end are posted, and nothing between."""
    settings = Settings(slack_webhook_url=slack.webhook_url)
    one = told(opened(), announce(opened(), settings, now=NOW))
    grown = replace(one, details=one.details.model_copy(update={"n": 900}))
    announce(grown, settings, now=NOW)
    announce(replace(grown, state="resolved", resolved_at=NOW), settings, now=NOW)
    assert len(slack.messages) == 2
    with pytest.raises(UndeliveredError, match="answered 404"):
        announce(opened(), Settings(slack_webhook_url=f"{slack.url}/services/T0/B0/old"), now=NOW)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"channel": "#a"}, "no_text"),
        ({"channel": "", "text": "x"}, "channel_not_found"),
        ({"channel": "#a", "text": "x", "blocks": [{"type": "header"}]}, "invalid_blocks"),
        ({"channel": "#a", "text": "x" * 40_001}, "msg_too_long"),
        ({"channel": "#old", "text": "x"}, "is_archived"),
    ],
)
def test_the_stand_in_refuses_what_slack_refuses(
    slack: SlackStandin, body: dict[str, Any], error: str
):
    """`ok: false` with Slack's own error code."""
    slack.workspace.archived.add("old")
    client = WebClient("xoxb-standin", base_url=f"{slack.base_url}/")
    with pytest.raises(SlackApiError) as caught:
        client.api_call("chat.postMessage", json=body)
    assert caught.value.response["error"] == error


def test_the_stand_in_takes_forms_as_slack_does(slack: SlackStandin):
    """Form-encoded calls, token in the body, blocks as JSON text: all valid Slack."""
    form = {
        "token": "xoxb-standin",
        "channel": "general",
        "text": "hi",
        "blocks": '[{"type":"divider"}]',
    }
    answer = httpx.post(f"{slack.base_url}/chat.postMessage", data=form).json()
    assert (answer["ok"], answer["message"]["blocks"]) == (True, [{"type": "divider"}])
    assert httpx.post(f"{slack.base_url}/auth.test").json() == {"ok": False, "error": "not_authed"}
    assert httpx.get(f"{slack.url}/messages").json()["messages"][0]["text"] == "hi"


def test_a_taken_port_is_told(slack: SlackStandin):
    """Two stand-ins on one port: the second says so."""
    with pytest.raises(PortInUseError, match=str(slack.port)):
        SlackStandin(port=slack.port)


def test_the_stand_in_runs_as_a_process_and_ends_on_sigterm():
    """`python -m monitor.standins.slack --port P` answers auth.test and stops cleanly."""
    from conftest import free_port, wait_for

    port = free_port()
    command = [sys.executable, "-m", "monitor.standins.slack", "--port", str(port)]
    process = subprocess.Popen(command, env=dict(os.environ))
    try:
        wait_for(f"http://127.0.0.1:{port}/messages", process)
        client = WebClient("xoxb-standin", base_url=f"http://127.0.0.1:{port}/api/")
        assert client.auth_test()["ok"] is True
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) in {0, -signal.SIGTERM}
