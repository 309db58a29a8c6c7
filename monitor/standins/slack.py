"""A Slack stand-in on loopback: `auth.test`, `chat.postMessage`, `chat.update`, incoming webhook.

It speaks Slack's wire format, checks token, channel and Block Kit's limits as Slack does, and keeps
what it was told, so that tests and the demo can look: `GET /messages`. Nothing leaves this machine.
Run it with `python -m monitor.standins.slack --port 8900`.
"""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from monitor.clock import wall_now
from monitor.standins.blockkit import problems
from monitor.standins.loopback import LoopbackServer, serve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

__all__ = ["SlackStandin", "Workspace", "slack_app"]

TOKEN = "xoxb-standin"  # noqa: S105 - the stand-in's own, worth nothing elsewhere
WEBHOOK_PATH = "/services/T0/B0/standin"
TEXT_LIMIT = 40_000
BOT = {"user_id": "U0STANDIN", "bot_id": "B0STANDIN", "team_id": "T0STANDIN"}


class RefusedError(Exception):
    """Slack's `ok: false`, with its error code and notes."""

    def __init__(self, code: str, notes: list[str] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.notes = notes or []


@dataclass
class Workspace:
    """What the pretended workspace holds; change `busy` or `broken` to make it misbehave."""

    token: str = TOKEN
    messages: list[dict[str, Any]] = field(default_factory=list)
    """Every message as it reads now, oldest first, with the number of its edits."""
    updates: list[dict[str, Any]] = field(default_factory=list)
    """Every change of a message, oldest first."""
    busy: int = 0
    """How many of the next requests are answered 429 with `Retry-After: 1`."""
    broken: int = 0
    """How many of the next requests are answered 500."""
    archived: set[str] = field(default_factory=set)
    """Channels that are archived, by name."""

    def post(self, body: Mapping[str, Any], *, channel: str) -> dict[str, Any]:
        """Keep a new message."""
        text, blocks = _content(body)
        stamp = f"{int(wall_now().timestamp())}.{len(self.messages):06d}"
        message = {"channel": channel, "ts": stamp, "text": text, "blocks": blocks, "edits": 0}
        self.messages.append(message)
        return message

    def update(self, body: Mapping[str, Any], *, channel: str) -> dict[str, Any]:
        """Change a message that is there."""
        text, blocks = _content(body)
        wanted = (channel, str(body.get("ts", "")))
        message = next(
            (one for one in self.messages if (one["channel"], one["ts"]) == wanted), None
        )
        if message is None:
            raise RefusedError("message_not_found")
        message.update(text=text, blocks=blocks, edits=message["edits"] + 1)
        self.updates.append({"channel": channel, "ts": wanted[1], "text": text, "blocks": blocks})
        return message

    def authorise(self, request: Request, body: Mapping[str, Any]) -> None:
        """Refuse a request without the workspace's token."""
        header = request.headers.get("authorization", "")
        given = header.removeprefix("Bearer ").strip() or str(body.get("token", ""))
        if not given:
            raise RefusedError("not_authed")
        if given != self.token:
            raise RefusedError("invalid_auth")


class SlackStandin(LoopbackServer):
    """The stand-in on a thread: `with SlackStandin(port=0) as slack: slack.base_url`."""

    def __init__(self, *, port: int = 0, token: str = TOKEN) -> None:
        self.workspace = Workspace(token=token)
        super().__init__(slack_app(self.workspace), port=port)

    @property
    def base_url(self) -> str:
        """What `OUTERLOOP_SLACK_BASE_URL` has to be."""
        return f"{self.url}/api"

    @property
    def webhook_url(self) -> str:
        """What `OUTERLOOP_SLACK_WEBHOOK_URL` has to be."""
        return self.url + WEBHOOK_PATH

    @property
    def messages(self) -> list[dict[str, Any]]:
        """Every message as it reads now."""
        return self.workspace.messages

    @property
    def updates(self) -> list[dict[str, Any]]:
        """Every change of a message."""
        return self.workspace.updates


def slack_app(workspace: Workspace) -> Starlette:
    """The stand-in's HTTP side."""

    async def api(request: Request) -> Response:
        if trouble := _trouble(workspace):
            return trouble
        try:
            body = await _body(request)
            workspace.authorise(request, body)
            return JSONResponse(
                {"ok": True, **_call(workspace, request.path_params["method"], body)}
            )
        except RefusedError as refusal:
            notes = {"response_metadata": {"messages": refusal.notes}} if refusal.notes else {}
            return JSONResponse({"ok": False, "error": refusal.code, **notes})

    async def incoming(request: Request) -> Response:
        if trouble := _trouble(workspace):
            return trouble
        try:
            workspace.post(await _body(request), channel=_channel_id("incoming-webhook"))
        except RefusedError as refusal:
            return PlainTextResponse(refusal.code, status_code=400)
        return PlainTextResponse("ok")

    async def inspect(_: Request) -> Response:
        return JSONResponse({"messages": workspace.messages, "updates": workspace.updates})

    return Starlette(
        routes=[
            Route("/api/{method}", api, methods=["GET", "POST"]),
            Route(WEBHOOK_PATH, incoming, methods=["POST"]),
            Route("/messages", inspect),
        ]
    )


def _call(workspace: Workspace, method: str, body: Mapping[str, Any]) -> dict[str, Any]:
    if method == "auth.test":
        return {"url": "https://standin.slack.com/", "team": "Stand-in", "user": "outerloop", **BOT}
    if method == "chat.postMessage":
        name = str(body.get("channel", "")).removeprefix("#")
        if not name:
            raise RefusedError("channel_not_found")
        if name in workspace.archived:
            raise RefusedError("is_archived")
        message = workspace.post(body, channel=_channel_id(name))
        return {**_address(message), "message": _message(message)}
    if method == "chat.update":
        message = workspace.update(body, channel=_known_id(str(body.get("channel", ""))))
        return {**_address(message), "text": message["text"], "message": _message(message)}
    raise RefusedError("unknown_method")


def _address(message: Mapping[str, Any]) -> dict[str, str]:
    return {"channel": message["channel"], "ts": message["ts"]}


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    edited = {"edited": {"user": BOT["user_id"], "ts": message["ts"]}} if message["edits"] else {}
    shown = {name: message[name] for name in ("ts", "text", "blocks")}
    return {"type": "message", **BOT, **shown, **edited}


def _content(body: Mapping[str, Any]) -> tuple[str, list[Any]]:
    blocks = body.get("blocks") or []
    if isinstance(blocks, str):
        try:
            blocks = orjson.loads(blocks)
        except orjson.JSONDecodeError as error:
            raise RefusedError("invalid_blocks_format") from error
    if not isinstance(blocks, list):
        raise RefusedError("invalid_blocks_format")
    text = str(body.get("text") or "")
    if not text and not blocks:
        raise RefusedError("no_text")
    if len(text) > TEXT_LIMIT:
        raise RefusedError("msg_too_long")
    if wrong := problems(blocks):
        raise RefusedError("invalid_blocks", wrong)
    return text, blocks


def _channel_id(name: str) -> str:
    """The id of a channel; an id stands for itself, as in Slack."""
    if name.startswith("C0") and name.isupper():
        return name
    return "C0" + hashlib.sha256(name.encode()).hexdigest()[:9].upper()


def _known_id(channel: str) -> str:
    if not channel.startswith("C0"):  # Slack updates by id alone, a name is not enough
        raise RefusedError("channel_not_found")
    return channel


def _trouble(workspace: Workspace) -> Response | None:
    if workspace.busy > 0:
        workspace.busy -= 1
        refusal = {"ok": False, "error": "ratelimited"}
        return JSONResponse(refusal, status_code=429, headers={"Retry-After": "1"})
    if workspace.broken > 0:
        workspace.broken -= 1
        return PlainTextResponse("upstream trouble", status_code=500)
    return None


async def _body(request: Request) -> dict[str, Any]:
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            body = orjson.loads(await request.body() or b"{}")
        except orjson.JSONDecodeError as error:
            raise RefusedError("invalid_json") from error
        if not isinstance(body, dict):
            raise RefusedError("json_not_object")
        return body
    form = await request.form()
    return {**request.query_params, **{name: str(value) for name, value in form.items()}}


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(
        description="Slack stand-in on loopback; nothing reaches Slack"
    )
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--token", default=TOKEN, help="bot token it accepts")
    given = parser.parse_args()
    serve(slack_app(Workspace(token=given.token)), port=given.port)


if __name__ == "__main__":
    main()
