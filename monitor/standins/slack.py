"""A Slack stand-in on loopback: the Web API that we use, Socket Mode, incoming webhook and response URLs.

`auth.test`, `chat.postMessage` (threads, metadata), `chat.update`, `conversations.list`, `.history` and `.replies`,
`apps.connections.open`. It speaks Slack's wire format, checks token, channel and Block Kit's limits as Slack does, and
keeps what it was told, so that tests and the demo can look: `GET /messages`. Nothing leaves this machine.
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
from starlette.routing import Route, WebSocketRoute

from monitor.clock import wall_now
from monitor.standins.blockkit import problems
from monitor.standins.loopback import LoopbackServer, serve
from monitor.standins.slack_socket import Sockets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

__all__ = ["SlackStandin", "Workspace", "slack_app"]

APP_TOKEN = "xapp-standin"  # noqa: S105 - the stand-in's own, worth nothing elsewhere
TOKEN = "xoxb-standin"  # noqa: S105 - the stand-in's own, worth nothing elsewhere
RESPONSE_PATH = "/actions/T0/standin"
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
    lost: int = 0
    """How many of the next posts are kept although their answer is lost: 500 after the fact."""
    archived: set[str] = field(default_factory=set)
    """Channels that are archived, by name."""
    unscoped: bool = False
    """The app may write and not read."""
    app_token: str = APP_TOKEN
    channels: dict[str, str] = field(default_factory=dict)
    """Names of the channels that were written to, by id."""
    replies: list[dict[str, Any]] = field(default_factory=list)
    """Every answer in a thread, oldest first; a broadcast one is seen in the channel as well."""
    answers: list[dict[str, Any]] = field(default_factory=list)
    """What was told to a person alone by a response URL."""
    sockets: Sockets = field(default_factory=Sockets)

    def post(self, body: Mapping[str, Any], *, channel: str) -> dict[str, Any]:
        """Keep a new message."""
        text, blocks = _content(body)
        stamp = f"{int(wall_now().timestamp())}.{len(self.messages) + len(self.replies):06d}"
        message = {"channel": channel, "ts": stamp, "text": text, "blocks": blocks, "edits": 0}
        message |= {"metadata": body["metadata"]} if body.get("metadata") else {}
        thread = str(body.get("thread_ts") or "")
        if thread:
            if all((one["channel"], one["ts"]) != (channel, thread) for one in self.messages):
                raise RefusedError("thread_not_found")
            message |= {"thread_ts": thread, "broadcast": bool(body.get("reply_broadcast"))}
        (self.replies if thread else self.messages).append(message)
        return message

    def read(self, body: Mapping[str, Any], *, thread: bool) -> list[dict[str, Any]]:
        """A channel's messages, newest first, or a thread's, oldest first."""
        if self.unscoped:
            raise RefusedError("missing_scope")
        channel = _known_id(str(body.get("channel", "")))
        if thread:
            stamp = str(body.get("ts", ""))
            root = [one for one in self.messages if one["ts"] == stamp]
            found = [*root, *(one for one in self.replies if one["thread_ts"] == stamp)]
        else:
            seen = [*self.messages, *(one for one in self.replies if one["broadcast"])]
            found = sorted(seen, key=lambda one: str(one["ts"]), reverse=True)
        told = str(body.get("include_all_metadata", "")).lower() in ("true", "1")
        return [
            {
                **_message(one),
                **({"metadata": one["metadata"]} if told and "metadata" in one else {}),
            }
            for one in found
            if one["channel"] == channel
        ]

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

    def authorise(self, request: Request, body: Mapping[str, Any], *, method: str) -> None:
        """Refuse a request without the workspace's token; a connection is opened with the app's."""
        header = request.headers.get("authorization", "")
        given = header.removeprefix("Bearer ").strip() or str(body.get("token", ""))
        if not given:
            raise RefusedError("not_authed")
        wanted = self.app_token if method == "apps.connections.open" else self.token
        if given != wanted:
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

    def press(
        self, action_id: str, value: str, *, user: str = "ada", response_url: str = ""
    ) -> bool:
        """Press a button over Socket Mode; whether the app acknowledged it in time."""
        action = {"action_id": action_id, "value": value, "type": "button"}
        return self.workspace.sockets.send(
            {
                "type": "block_actions",
                "user": {"id": "U1", "username": user},
                "actions": [action],
                "response_url": response_url or f"{self.url}{RESPONSE_PATH}",
            }
        )

    @property
    def messages(self) -> list[dict[str, Any]]:
        """Every message as it reads now."""
        return self.workspace.messages

    @property
    def replies(self) -> list[dict[str, Any]]:
        """Every answer in a thread."""
        return self.workspace.replies

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
            method = request.path_params["method"]
            workspace.authorise(request, body, method=method)
            if method == "apps.connections.open":
                address = f"ws://{request.url.netloc}/link?ticket={workspace.sockets.ticket()}"
                return JSONResponse({"ok": True, "url": address})
            answer = {"ok": True, **_call(workspace, method, body)}
            if method == "chat.postMessage" and workspace.lost > 0:
                workspace.lost -= 1
                return PlainTextResponse("upstream trouble", status_code=500)
            return JSONResponse(answer)
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

    async def respond(request: Request) -> Response:
        workspace.answers.append(await _body(request))
        return PlainTextResponse("ok")

    async def inspect(_: Request) -> Response:
        told = ("messages", "updates", "replies", "answers")
        return JSONResponse({name: getattr(workspace, name) for name in told})

    return Starlette(
        routes=[
            Route("/api/{method}", api, methods=["GET", "POST"]),
            Route(WEBHOOK_PATH, incoming, methods=["POST"]),
            Route(RESPONSE_PATH, respond, methods=["POST"]),
            Route("/messages", inspect),
            WebSocketRoute("/link", workspace.sockets.serve),
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
        channel = _channel_id(name)
        workspace.channels.setdefault(channel, name)
        message = workspace.post(body, channel=channel)
        return {**_address(message), "message": _message(message)}
    if method == "chat.update":
        message = workspace.update(body, channel=_known_id(str(body.get("channel", ""))))
        return {**_address(message), "text": message["text"], "message": _message(message)}
    if method == "conversations.list":
        if workspace.unscoped:
            raise RefusedError("missing_scope")
        listed = [{"id": one, "name": name} for one, name in workspace.channels.items()]
        return {"channels": listed, "response_metadata": {"next_cursor": ""}}
    if method in ("conversations.history", "conversations.replies"):
        found = workspace.read(body, thread=method.endswith("replies"))
        return {"messages": found, "has_more": False, "response_metadata": {"next_cursor": ""}}
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
