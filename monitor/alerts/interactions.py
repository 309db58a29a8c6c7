"""What people press in Slack: acknowledge, snooze and resolve come in here and go into the incident's life.

The collector, our one listener, mounts `POST /slack/interactions`; set it as the Slack app's interactivity URL.
Requests carry Slack's signature, made with OUTERLOOP_SLACK_SIGNING_SECRET; without that setting the route is not there
and messages carry no such buttons. See api.slack.com/authentication/verifying-requests-from-slack.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from pydantic import BaseModel, ConfigDict, ValidationError
from slack_sdk.signature import SignatureVerifier
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from monitor.clock import utcnow
from monitor.incidents import incident, tell
from monitor.store import Store

if TYPE_CHECKING:
    from starlette.requests import Request

    from monitor.settings import Settings

__all__ = ["routes"]

MAX_BODY_BYTES = 256 * 1024
SNOOZE = timedelta(days=1)
EVENTS = {"acknowledge": "acknowledged", "snooze": "snoozed", "resolve": "resolved"}
"""What each button says about the incident that it carries as its value."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Person(_Body):
    id: str
    username: str = ""


class _Press(_Body):
    action_id: str
    value: str = ""


class _Payload(_Body):
    user: _Person
    actions: list[_Press]


def routes(settings: Settings) -> list[Route]:
    """The interactivity endpoint, where a signing secret is set."""
    if settings.slack_signing_secret is None:
        return []
    verifier = SignatureVerifier(settings.slack_signing_secret.get_secret_value())

    async def pressed(request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                return _refusal(413, "the body is larger than 256 KiB")
        if not verifier.is_valid_request(body, dict(request.headers)):
            return _refusal(401, "Slack's signature does not match, or is older than five minutes")
        try:
            [text] = parse_qs(body.decode(), strict_parsing=True)["payload"]
            payload = _Payload.model_validate_json(text)
        except (ValueError, KeyError, ValidationError) as error:
            return _refusal(400, f"no interaction of ours: {error}")
        await run_in_threadpool(_record, settings, payload)
        return Response(status_code=200)

    return [Route("/slack/interactions", pressed, methods=["POST"])]


def _record(settings: Settings, payload: _Payload) -> None:
    """Append what was pressed; the alert job's next run rewrites the message."""
    store = Store(settings.store)
    try:
        for press in payload.actions:
            one = incident(store, press.value) if press.action_id in EVENTS else None
            if one is None:
                continue
            until = utcnow() + SNOOZE if press.action_id == "snooze" else None
            tell(
                store,
                one,
                EVENTS[press.action_id],
                now=utcnow(),
                actor=payload.user.username or payload.user.id,
                via="slack",
                details=one.details.model_copy(update={"snoozed_until": until}),
            )
    finally:
        store.close()


def _refusal(status: int, reason: str) -> Response:
    return JSONResponse({"error": reason}, status)
