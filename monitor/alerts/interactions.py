"""Buttons by the signed endpoint: Slack posts what was pressed to our one listener.

The collector mounts `POST /slack/interactions`; set it as the Slack app's interactivity URL. Requests carry Slack's
signature, made with OUTERLOOP_SLACK_SIGNING_SECRET; without that setting the route is not there. Where Slack cannot
reach us, Socket Mode does the same (`monitor.alerts.socket_mode`).
See api.slack.com/authentication/verifying-requests-from-slack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from pydantic import ValidationError
from slack_sdk.signature import SignatureVerifier
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from monitor.alerts.presses import Payload, take

if TYPE_CHECKING:
    from starlette.requests import Request

    from monitor.settings import Settings

__all__ = ["routes"]

MAX_BODY_BYTES = 256 * 1024


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
            payload = Payload.model_validate_json(text)
        except (ValueError, KeyError, ValidationError) as error:
            return _refusal(400, f"no interaction of ours: {error}")
        await run_in_threadpool(take, settings, payload)
        return Response(status_code=200)

    return [Route("/slack/interactions", pressed, methods=["POST"])]


def _refusal(status: int, reason: str) -> Response:
    return JSONResponse({"error": reason}, status)
