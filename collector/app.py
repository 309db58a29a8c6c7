"""The collector's HTTP surface: OTLP in, health and figures out. Read on in `intake` and `wal`."""

from __future__ import annotations

import asyncio
import hmac
from base64 import b64decode
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from collector import otlp
from collector.body import Refusal, Room, inflate, read
from collector.metrics import exposition
from collector.wal import NotDurableError, Wal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from starlette.requests import Request

    from collector.intake import Intake
    from collector.ledger import Ledger
    from collector.writer import Writer

__all__ = ["Collector", "create_app"]

IN_FLIGHT_BYTES = 512 << 20
COUNT_EVERY_S = 1.0
CONTENT_TYPES = {"application/x-protobuf": False, "application/json": True}
LANGFUSE_PATH = "/api/public/otel/v1/traces"
GRPC_CODES = {400: 3, 401: 16, 413: 8, 415: 3, 503: 14}
"""`google.rpc.Code` by HTTP status."""


@dataclass(frozen=True, slots=True)
class Collector:
    """The parts behind the routes."""

    wal: Wal
    """Keeps requests until the store has them."""
    ledger: Ledger
    """Counts them."""
    writer: Writer
    """Moves them into the store."""
    intake: Intake
    """Takes them in."""


def create_app(
    collector: Collector, *, token: str | None = None, extra_routes: Sequence[BaseRoute] = ()
) -> Starlette:
    """The ASGI application.

    Args:
        collector: the parts.
        token: required as `Authorization: Bearer …` on the OTLP routes, when set.
        extra_routes: of other parts of Outerloop that answer on this port; they guard themselves.
    """
    room = Room(IN_FLIGHT_BYTES)
    receivers = [
        Route(path, partial(_receive, collector.intake, room, token, signal), methods=["POST"])
        for path, signal in [*((f"/v1/{s}", s) for s in otlp.SIGNALS), (LANGFUSE_PATH, "traces")]
    ]
    figures = [
        Route("/healthz", _healthz),
        Route("/readyz", partial(_readyz, collector)),
        Route("/metrics", partial(_metrics, collector)),
    ]
    app = Starlette(
        routes=[*receivers, *figures, *extra_routes], lifespan=partial(_count_regularly, collector)
    )
    app.router.redirect_slashes = False  # exporters take a redirect for success and lose the batch
    return app


async def _receive(
    intake: Intake, room: Room, token: str | None, signal: str, request: Request
) -> Response:
    """One OTLP request: who, what, how much, then keep it; 200 only when it is durable."""
    json, held = True, 0
    try:
        _authorize(request, token)
        json = _is_json(request)
        raw, held = await read(request, room)
        encoding = request.headers.get("content-encoding", "")
        body = await asyncio.to_thread(inflate, raw, encoding) if encoding else raw
        receipt = await intake.take(signal, body, json=json)
    except Refusal as refusal:
        intake.reject(signal, refusal.reason)
        return _status(refusal.status, str(refusal), json=json)
    except otlp.MalformedError as error:
        return _status(400, str(error), json=json)
    except NotDurableError as error:
        return _status(503, str(error), json=json)
    finally:
        room.give(held)
    return _answer(200, otlp.partial(signal, receipt.rejected, json=json), json=json)


def _authorize(request: Request, token: str | None) -> None:
    """Bearer, or the password of Basic, which is all that some SDKs can send."""
    if token is None:
        return
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            given = b64decode(given, validate=True).decode().partition(":")[2]
        except ValueError:
            given = ""
    elif scheme.lower() != "bearer":
        given = ""
    if not hmac.compare_digest(given.strip().encode(), token.encode()):
        raise Refusal(
            401, "unauthorized", "send the header Authorization: Bearer <OUTERLOOP_TOKEN>"
        )


def _is_json(request: Request) -> bool:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in CONTENT_TYPES:
        raise Refusal(
            415, "unsupported",
            f"content type {content_type[:60]!r}: send application/x-protobuf or application/json",
        )  # fmt: skip
    return CONTENT_TYPES[content_type]


def _status(status: int, message: str, *, json: bool) -> Response:
    """A `google.rpc.Status` in the request's own encoding."""
    code = GRPC_CODES[status]
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    if json:
        return JSONResponse({"code": code, "message": message}, status, headers)
    text = message.encode()
    body = b"\x08" + bytes([code]) + b"\x12" + _varint(len(text)) + text
    return _answer(status, body, json=False, headers=headers)


def _answer(
    status: int, body: bytes, *, json: bool, headers: dict[str, str] | None = None
) -> Response:
    media_type = "application/json" if json else "application/x-protobuf"
    return Response(body, status, headers, media_type)


def _varint(number: int) -> bytes:
    r"""A protobuf length.

    >>> _varint(300)
    b'\xac\x02'
    """
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


async def _healthz(_request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _readyz(collector: Collector, _request: Request) -> Response:
    reasons = {"wal": collector.wal.problem, "store": collector.writer.problem}
    ready = not any(reasons.values())
    return JSONResponse({"ready": ready, **reasons}, 200 if ready else 503)


async def _metrics(collector: Collector, _request: Request) -> Response:
    text = exposition(collector.wal, collector.ledger, collector.writer)
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


@asynccontextmanager
async def _count_regularly(collector: Collector, _app: Starlette) -> AsyncIterator[None]:
    """Put the gathered counts into the log every second, and once more at the end."""

    async def count() -> None:
        while True:
            await asyncio.sleep(COUNT_EVERY_S)
            await collector.intake.record_counts()

    task = asyncio.create_task(count())
    yield
    task.cancel()
    await collector.intake.record_counts()
