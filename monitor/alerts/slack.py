"""Slack, through slack-sdk: one message per incident, rewritten in place as the incident goes on.

With a bot token the message is posted once (`chat.postMessage`) and then updated (`chat.update`); what has to make a
noise later (escalation, the end) goes into its thread. With an incoming webhook alone nothing can be updated: the
beginning and the end are two messages.

Every post carries its key as metadata. A post whose answer was lost (a crash, a timeout) is looked for by that key
before it is told again, which needs the scopes `channels:history`, `channels:read` (and `groups:…` for a private
channel); an app without them may tell such a message twice, and never loses one.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.webhook import WebhookClient

from monitor.alerts.message import incident_blocks
from monitor.exceptions import ConfigurationError, DeliveryError
from monitor.incidents import Announcement

if TYPE_CHECKING:
    from slack_sdk.http_retry.handler import RetryHandler

    from monitor.alerts.decision import Decision
    from monitor.alerts.message import SlackMessage
    from monitor.alerts.policy import Telling
    from monitor.incidents import Incident
    from monitor.settings import Settings

__all__ = ["Place", "interactive", "message_key", "say", "say_webhook", "tell_bot", "tell_webhook"]

log = logging.getLogger(__name__)

TIMEOUT_S = 10
PAGES = 5
"""Pages of 200 messages that are looked through for one that may have arrived."""
EVENT = "outerloop_alert"
CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{8,}")
GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
"""The message was deleted or may not be changed any more: a new one takes its place."""
BLIND = frozenset({"missing_scope", "not_in_channel", "channel_not_found", "unknown_method"})
"""Reasons for which nothing can be looked up; the message is then told, if need be twice."""
CURES = {
    "channel_not_found": "set OUTERLOOP_SLACK_CHANNEL to a channel that exists, e.g. #llm-alerts",
    "invalid_auth": "set OUTERLOOP_SLACK_TOKEN to the bot token of the installed app (xoxb-…)",
    "is_archived": "set OUTERLOOP_SLACK_CHANNEL to a channel that is in use",
    "missing_scope": "give the Slack app the scope chat:write and install it again",
    "not_in_channel": "invite the app into the channel: /invite @your-app",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is said."""

    channel: str
    """Id or name."""
    thread: str = ""
    """The message it answers to, or ''."""
    broadcast: bool = False
    """An answer that the channel sees too."""


def message_key(incident_id: str) -> str:
    """The key of an incident's message."""
    return f"{incident_id}:message"


def interactive(settings: Settings) -> bool:
    """Whether somebody listens to buttons: by Socket Mode or the signed endpoint."""
    return settings.slack_signing_secret is not None or settings.slack_app_token is not None


def tell_bot(
    incident: Incident,
    settings: Settings,
    telling: Telling,
    *,
    unsure: bool = False,
    decision: Decision | None = None,
) -> Announcement:
    """Post the incident's message with the bot token, or rewrite the one that is there.

    Args:
        incident: as it stands.
        settings: token and channel.
        telling: what was told before.
        unsure: an earlier post may have arrived although nobody heard so; it is looked for first.
        decision: what there is to say about its retrain, and to decide.

    Raises:
        DeliveryError: Slack was not reached or refused; says why and what to do.
        ConfigurationError: there is a token but no channel.
    """
    client, channel = _client(settings), _channel(settings)
    message = _message(incident, settings, decision)
    key = message_key(incident.incident_id)
    before = telling.before
    if before is None and unsure:
        before = _find(client, Place(channel), key, sink=telling.sink)
    answer = _rewrite(client, message, before) if before else None
    if answer is None:
        answer = _post(client, message, Place(channel), key)
    return Announcement(sink=telling.sink, channel=answer["channel"], message_id=answer["ts"])


def say(
    message: SlackMessage, settings: Settings, place: Place | None, key: str, *, unsure: bool
) -> Announcement:
    """Say something once with the bot token: an answer in a thread, a digest.

    Raises:
        DeliveryError: Slack was not reached or refused.
        ConfigurationError: there is a token but no channel.
    """
    client = _client(settings)
    where = place or Place(_channel(settings))
    told = _find(client, where, key, sink="slack") if unsure else None
    if told is not None:
        return told
    answer = _post(client, message, where, key)
    return Announcement(sink="slack", channel=answer["channel"], message_id=answer["ts"])


def tell_webhook(
    incident: Incident, settings: Settings, telling: Telling, *, decision: Decision | None = None
) -> Announcement:
    """Post the incident's message to the incoming webhook.

    Raises:
        DeliveryError: Slack was not reached or refused.
    """
    say_webhook(_message(incident, settings, decision), settings)
    return Announcement(sink=telling.sink)


def say_webhook(message: SlackMessage, settings: Settings) -> None:
    """Post anything to the incoming webhook.

    Raises:
        DeliveryError: Slack was not reached or refused.
    """
    client = WebhookClient(
        str(settings.slack_webhook_url), timeout=TIMEOUT_S, retry_handlers=_retries()
    )
    try:
        answer = client.send(text=message.text, blocks=list(message.blocks))
    except (URLError, OSError) as error:
        raise DeliveryError(f"Slack's incoming webhook was not reached: {error}") from error
    if answer.status_code != 200:
        raise DeliveryError(
            f"Slack's incoming webhook answered {answer.status_code} {answer.body[:200]};"
            " check OUTERLOOP_SLACK_WEBHOOK_URL"
        )


def _message(incident: Incident, settings: Settings, decision: Decision | None) -> SlackMessage:
    return incident_blocks(
        incident,
        dashboard_url=settings.dashboard_url,
        interactive=interactive(settings),
        decision=decision,
    )


def _client(settings: Settings) -> WebClient:
    address = settings.slack_base_url
    token = settings.slack_token
    return WebClient(
        token.get_secret_value() if token else None,
        timeout=TIMEOUT_S,
        retry_handlers=_retries(),
        base_url=f"{address}/" if address else WebClient.BASE_URL,
    )


def _channel(settings: Settings) -> str:
    if not settings.slack_channel:
        raise ConfigurationError(
            "OUTERLOOP_SLACK_CHANNEL is missing; name the channel for alerts, e.g. #llm-alerts"
        )
    return settings.slack_channel


def _retries() -> list[RetryHandler]:
    # Waits as long as Slack's Retry-After says. A lost connection is not retried here: the post may have arrived, and
    # the next attempt looks for it first.
    return [RateLimitErrorRetryHandler(max_retry_count=2)]


def _post(client: WebClient, message: SlackMessage, place: Place, key: str) -> Any:
    body: dict[str, Any] = {
        "channel": place.channel,
        "text": message.text,
        "blocks": list(message.blocks),
        "metadata": {"event_type": EVENT, "event_payload": {"key": key}},
        "unfurl_links": False,
    }
    if place.thread:
        body |= {"thread_ts": place.thread, "reply_broadcast": place.broadcast}
    return _ask(client, "chat.postMessage", body)


def _rewrite(client: WebClient, message: SlackMessage, before: Announcement) -> Any | None:
    body = {
        "channel": before.channel,
        "ts": before.message_id,
        "text": message.text,
        "blocks": list(message.blocks),
    }
    try:
        return _ask(client, "chat.update", body)
    except DeliveryError as error:
        if _refusal(error) in GONE:
            return None
        raise


def _find(client: WebClient, place: Place, key: str, *, sink: str) -> Announcement | None:
    """The message with that key, when it has arrived after all."""
    try:
        channel = _channel_id(client, place.channel)
        method = "conversations.replies" if place.thread else "conversations.history"
        body: dict[str, Any] = {"channel": channel, "limit": 200, "include_all_metadata": True}
        body |= {"ts": place.thread} if place.thread else {}
        for _ in range(PAGES):
            answer = _ask(client, method, body)
            for one in answer.get("messages", ()):
                told = (one.get("metadata") or {}).get("event_payload") or {}
                if told.get("key") == key:
                    return Announcement(sink=sink, channel=channel, message_id=one["ts"])
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                break
            body["cursor"] = cursor
    except DeliveryError as error:
        if _refusal(error) not in BLIND:
            raise
        log.warning("an unconfirmed message cannot be looked for", extra={"reason": str(error)})
    return None


def _channel_id(client: WebClient, channel: str) -> str:
    """The id behind a channel's name, which reading its history asks for."""
    if CHANNEL_ID.fullmatch(channel):
        return channel
    name = channel.removeprefix("#")
    body: dict[str, Any] = {"limit": 1000, "types": "public_channel,private_channel"}
    for _ in range(PAGES):
        answer = _ask(client, "conversations.list", body)
        for one in answer.get("channels", ()):
            if one.get("name") == name:
                return str(one["id"])
        cursor = (answer.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            break
        body["cursor"] = cursor
    return channel


def _refusal(error: DeliveryError) -> str:
    cause = error.__cause__
    return str(cause.response.get("error", "")) if isinstance(cause, SlackApiError) else ""


def _ask(client: WebClient, method: str, body: dict[str, Any]) -> Any:
    reading = method.startswith("conversations.")
    try:
        return (
            client.api_call(method, params=body) if reading else client.api_call(method, json=body)
        )
    except SlackApiError as error:
        refusal = str(error.response.get("error", error.response.status_code))
        notes = (error.response.get("response_metadata") or {}).get("messages") or []
        cure = CURES.get(refusal, "; ".join(notes) or "see api.slack.com/methods/" + method)
        raise DeliveryError(f"Slack refused {method}: {refusal}; {cure}") from error
    except (URLError, OSError) as error:
        raise DeliveryError(f"Slack was not reached for {method}: {error}") from error
