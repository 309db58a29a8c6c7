"""Slack, through slack-sdk: one message per incident, rewritten in place as the incident goes on.

With a bot token the message is posted once (`chat.postMessage`) and then updated (`chat.update`).
With an incoming webhook alone nothing can be updated: the beginning and the end are two messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.error import URLError

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import (
    ConnectionErrorRetryHandler,
    RateLimitErrorRetryHandler,
)
from slack_sdk.webhook import WebhookClient

from monitor.alerts.message import incident_blocks
from monitor.exceptions import ConfigurationError, DeliveryError
from monitor.incidents import Announcement

if TYPE_CHECKING:
    from slack_sdk.http_retry.handler import RetryHandler

    from monitor.alerts.message import SlackMessage
    from monitor.alerts.policy import Telling
    from monitor.incidents import Incident
    from monitor.settings import Settings

__all__ = ["tell_bot", "tell_webhook"]

TIMEOUT_S = 10
GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
"""The message was deleted or may not be changed any more: a new one takes its place."""
CURES = {
    "channel_not_found": "set OUTERLOOP_SLACK_CHANNEL to a channel that exists, e.g. #llm-alerts",
    "invalid_auth": "set OUTERLOOP_SLACK_TOKEN to the bot token of the installed app (xoxb-…)",
    "is_archived": "set OUTERLOOP_SLACK_CHANNEL to a channel that is in use",
    "missing_scope": "give the Slack app the scope chat:write and install it again",
    "not_in_channel": "invite the app into the channel: /invite @your-app",
}


def tell_bot(incident: Incident, settings: Settings, telling: Telling) -> Announcement:
    """Post the incident's message with the bot token, or rewrite the one that is there.

    Raises:
        DeliveryError: Slack was not reached or refused; says why and what to do.
        ConfigurationError: there is a token but no channel.
    """
    if settings.slack_token is None or not settings.slack_channel:
        raise ConfigurationError(
            "OUTERLOOP_SLACK_CHANNEL is missing; name the channel for alerts, e.g. #llm-alerts"
        )
    address = settings.slack_base_url
    client = WebClient(
        settings.slack_token.get_secret_value(),
        timeout=TIMEOUT_S,
        retry_handlers=_retries(),
        base_url=f"{address}/" if address else WebClient.BASE_URL,
    )
    message = incident_blocks(
        incident,
        dashboard_url=settings.dashboard_url,
        interactive=settings.slack_signing_secret is not None,
    )
    answer = _rewrite(client, message, telling.before) if telling.before else None
    if answer is None:
        answer = _ask(client, "chat.postMessage", message, channel=settings.slack_channel)
    return Announcement(sink=telling.sink, channel=answer["channel"], message_id=answer["ts"])


def tell_webhook(incident: Incident, settings: Settings, telling: Telling) -> Announcement:
    """Post the incident's message to the incoming webhook.

    Raises:
        DeliveryError: Slack was not reached or refused.
    """
    client = WebhookClient(
        str(settings.slack_webhook_url), timeout=TIMEOUT_S, retry_handlers=_retries()
    )
    message = incident_blocks(
        incident,
        dashboard_url=settings.dashboard_url,
        interactive=settings.slack_signing_secret is not None,
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
    return Announcement(sink=telling.sink)


def _retries() -> list[RetryHandler]:
    # The first waits as long as Slack's Retry-After says; the second covers a connection reset.
    return [RateLimitErrorRetryHandler(max_retry_count=2), ConnectionErrorRetryHandler()]


def _rewrite(client: WebClient, message: SlackMessage, before: Announcement) -> Any | None:
    try:
        return _ask(client, "chat.update", message, channel=before.channel, ts=before.message_id)
    except DeliveryError as error:
        cause = error.__cause__
        if isinstance(cause, SlackApiError) and cause.response.get("error") in GONE:
            return None
        raise


def _ask(client: WebClient, method: str, message: SlackMessage, **where: str) -> Any:
    body = {**where, "text": message.text, "blocks": list(message.blocks)}
    try:
        return client.api_call(method, json=body)
    except SlackApiError as error:
        refusal = str(error.response.get("error", error.response.status_code))
        notes = (error.response.get("response_metadata") or {}).get("messages") or []
        cure = CURES.get(refusal, "; ".join(notes) or "see api.slack.com/methods/" + method)
        raise DeliveryError(f"Slack refused {method}: {refusal}; {cure}") from error
    except (URLError, OSError) as error:
        raise DeliveryError(f"Slack was not reached for {method}: {error}") from error
