"""OTLP over HTTP: who, what, how much, then keep it; 200 only when it is durable.

A plain ASGI callable: most requests are one span, and a framework would cost more than the work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collector import otlp
from collector.access import authorize
from collector.answers import RETRY_AFTER_S, Refusal, status_body
from collector.body import read, unpack
from collector.wal import NotDurableError

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Awaitable, Callable, MutableMapping

    from collector.body import Patience, Room
    from collector.intake import Intake

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]

__all__ = ["Front", "signal_of"]

LANGFUSE_PREFIX = "/api/public/otel"
"""Under it the Langfuse SDK expects OTLP, so that its users change the host and nothing else."""
PATHS = {f"{p}/v1/{s}": s for p in ("", LANGFUSE_PREFIX) for s in otlp.SIGNALS}
CONTENT_TYPES = {b"application/x-protobuf": False, b"application/json": True}
NO_HEADERS: dict[bytes, bytes] = {}
JSON_TYPE, PROTOBUF_TYPE = b"application/json", b"application/x-protobuf"


def signal_of(path: str) -> str | None:
    """The signal that a path takes, also with slashes too many, as hand-joined URLs have them.

    A redirect would not do: exporters take it for success and the batch is lost.

    >>> signal_of("/v1/traces"), signal_of("//api/public/otel/v1/logs/"), signal_of("/v2/traces")
    ('traces', 'logs', None)
    """
    signal = PATHS.get(path)
    if signal is None:
        signal = PATHS.get("/" + "/".join(part for part in path.split("/") if part))
    return signal


class Front:
    """Answers the OTLP paths and hands everything else on.

    Args:
        intake: takes the requests in.
        room: bounds what is in flight, over all protocols.
        tally: answers by protocol, signal and status.
        others: the application behind, for all other paths.
        token: what senders must know, if anything.
        patience: with a body's arrival.
    """

    def __init__(
        self,
        intake: Intake,
        room: Room,
        tally: Counter[tuple[str, str, str]],
        others: App,
        *,
        token: str | None,
        patience: Patience,
    ) -> None:
        self._intake, self._room, self._token = intake, room, token
        self._tally, self._others, self._patience = tally, others, patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        signal = signal_of(scope["path"]) if scope["type"] == "http" else None
        if signal is None:
            await self._others(scope, receive, send)
            return
        headers = dict(scope["headers"])
        content_type = headers.get(b"content-type", b"")
        json = CONTENT_TYPES.get(content_type)
        if json is None:  # with parameters, in capitals, or none of ours
            json = CONTENT_TYPES.get(content_type.partition(b";")[0].strip().lower())
        extra = NO_HEADERS
        try:
            if scope["method"] != "POST":
                raise Refusal(405, "method", f"send OTLP with POST, not {scope['method']}")  # noqa: TRY301 - answered below like all others
            authorize(headers.get(b"authorization", b"").decode("latin-1"), self._token)
            if json is None:
                raise _unsupported(content_type)
            status, body = 200, await self._take(signal, headers, receive, json=json)
        except Refusal as refusal:
            self._intake.reject(signal, refusal.reason)
            status, extra = refusal.status, _headers(refusal.status)
            body = status_body(status, str(refusal), json=json is not False)
        except otlp.MalformedError as error:
            status, body = 400, status_body(400, str(error), json=json is not False)
        except NotDurableError as error:
            status, extra = 503, _headers(503)
            body = status_body(503, str(error), json=json is not False)
        self._tally["http", signal, str(status)] += 1
        await _answer(send, status, body, extra, json=json is not False)

    async def _take(
        self, signal: str, headers: dict[bytes, bytes], receive: Receive, *, json: bool
    ) -> bytes:
        """The body of the 200."""
        raw = await read(
            receive,
            self._room,
            announced=headers.get(b"content-length", b""),
            patience=self._patience,
        )
        held, body = len(raw), raw
        try:
            if encoding := headers.get(b"content-encoding"):
                body = await unpack(raw, encoding.decode("latin-1"))
                if body is not raw:
                    self._room.take(len(body))
                    held += len(body)
            receipt = await self._intake.take(signal, body, json=json)
        finally:
            self._room.give(held)
        if not receipt.rejected:
            return b"{}" if json else b""
        return otlp.partial(signal, receipt.rejected, json=json)


def _unsupported(content_type: bytes) -> Refusal:
    given = content_type[:60].decode("latin-1")
    return Refusal(
        415,
        "unsupported",
        f"content type {given!r}: send application/x-protobuf or application/json",
    )


def _headers(status: int) -> dict[bytes, bytes]:
    """What belongs to some answers besides the body."""
    if status == 401:
        return {b"www-authenticate": b"Bearer"}
    if status == 405:
        return {b"allow": b"POST"}
    if status == 408:
        return {b"connection": b"close"}
    if status == 503:
        return {b"retry-after": str(RETRY_AFTER_S).encode()}
    return NO_HEADERS


async def _answer(
    send: Send, status: int, body: bytes, extra: dict[bytes, bytes], *, json: bool
) -> None:
    headers = [
        (b"content-type", JSON_TYPE if json else PROTOBUF_TYPE),
        (b"content-length", b"%d" % len(body)),
        *extra.items(),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
