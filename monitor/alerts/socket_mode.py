"""Buttons by Socket Mode: we call Slack and keep a websocket open, so nothing of ours has to be reachable from outside.

With OUTERLOOP_SLACK_APP_TOKEN set (an app token with `connections:write`) the scheduler listens as long as it runs. A
connection that breaks is made again by itself; what was pressed meanwhile Slack tells to the next connection or shows
as failed. See api.slack.com/apis/socket-mode.
"""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydantic import ValidationError
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse

from monitor.alerts.presses import Payload, take

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slack_sdk.socket_mode.client import BaseSocketModeClient
    from slack_sdk.socket_mode.request import SocketModeRequest

    from monitor.settings import Settings

__all__ = ["listening"]

log = logging.getLogger(__name__)

RETRY_S = 10.0
WORKERS = 2


@contextmanager
def listening(settings: Settings) -> Iterator[None]:
    """Listen to buttons for as long as the context is open; without an app token it is nothing."""
    if settings.slack_app_token is None:
        yield
        return
    client = _client(settings, settings.slack_app_token.get_secret_value())
    ended = threading.Event()
    thread = threading.Thread(
        target=_connect, args=(client, ended), name="slack-socket-mode", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        ended.set()
        client.close()
        thread.join(RETRY_S)


def _client(settings: Settings, app_token: str) -> SocketModeClient:
    address = settings.slack_base_url
    web = WebClient(base_url=f"{address}/" if address else WebClient.BASE_URL)
    client = SocketModeClient(app_token=app_token, web_client=web, concurrency=WORKERS)

    def pressed(sender: BaseSocketModeClient, request: SocketModeRequest) -> None:
        # Slack wants a word within three seconds; that the press is done shows in the message
        sender.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))
        if request.type != "interactive":
            return
        try:
            take(settings, Payload.model_validate(request.payload))
        except ValidationError as error:
            log.warning("no interaction of ours", extra={"reason": str(error)})
        except Exception:  # one press that fails must not end the listening
            log.exception("a press was not kept")

    client.socket_mode_request_listeners.append(pressed)
    return client


def _connect(client: SocketModeClient, ended: threading.Event) -> None:
    """Connect for the first time, however long that takes; from then on the client reconnects by itself."""
    while not ended.is_set():
        try:
            client.connect()
        except (SlackApiError, SlackClientError, OSError) as error:
            log.warning(
                "Slack's Socket Mode is not to be had; trying again", extra={"reason": str(error)}
            )
        else:
            if client.is_connected():
                return
        ended.wait(RETRY_S)
