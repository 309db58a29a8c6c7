"""What the fine-tune job reaches on the collector: its callback, and the files of its dataset.

Both take the bearer token that came with the request, which opens that retrain and nothing else.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

from clickhouse_connect.driver.exceptions import ClickHouseError
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, JSONResponse
from starlette.routing import Route

from monitor.clock import utcnow
from monitor.exceptions import (
    NotFoundError,
    OuterloopError,
    SignatureError,
    StoreUnavailableError,
    TransitionError,
)
from monitor.retrain.bodies import parse_callback
from monitor.retrain.export import dataset_file
from monitor.retrain.lifecycle import callback
from monitor.retrain.request import token_matches
from monitor.retrain.state import retrains
from monitor.store import Store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from monitor.retrain.bodies import Callback
    from monitor.retrain.state import Retrain
    from monitor.settings import Settings

__all__ = ["routes"]

MAX_BODY_BYTES = 64 * 1024


class _TooLargeError(OuterloopError):
    """The body is larger than 64 KiB; send less."""


REFUSALS: dict[type[OuterloopError], int] = {
    SignatureError: 401,
    NotFoundError: 404,
    TransitionError: 409,
    _TooLargeError: 413,
    StoreUnavailableError: 503,
}


def routes(settings: Settings) -> list[Route]:
    """The two routes, for the collector to mount; they bring their own authentication."""
    desk = _Desk(settings)
    return [
        Route("/v1/retrains/{retrain_id}/events", _answering(desk.event), methods=["POST"]),
        Route("/v1/datasets/{version}/{name}", _answering(desk.file), methods=["GET"]),
    ]


class _Desk:
    """Serves the job. One event at a time, so that two at once cannot both pass the same check."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store = Store(settings.store)
        self._turn = threading.Lock()

    async def event(self, request: Request) -> Response:
        token, body = _bearer(request), await _body(request)
        event = parse_callback(body)
        after = await run_in_threadpool(
            self._record, request.path_params["retrain_id"], token, event
        )
        return JSONResponse({"retrain_id": after.retrain_id, "state": after.state})

    def _record(self, retrain_id: str, token: str, event: Callback) -> Retrain:
        with self._turn:
            return callback(self._store, retrain_id, token, event, now=utcnow())

    async def file(self, request: Request) -> Response:
        token = _bearer(request)
        find = partial(
            self._find, request.path_params["version"], request.path_params["name"], token
        )
        return FileResponse(await run_in_threadpool(find), media_type="application/jsonl")

    def _find(self, version: str, name: str, token: str) -> Path:
        with self._turn:
            owners = [one for one in retrains(self._store) if one.dataset_version == version]
        if not any(token_matches(one, token) for one in owners):
            raise SignatureError(
                "the token is not that of a retrain on this dataset;"
                " use the one that came with the request"
            )
        return dataset_file(self._settings.data_dir, version, name)


def _answering(
    serve: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """Errors that we raise on purpose, as the status that says the same."""

    async def answer(request: Request) -> Response:
        try:
            return await serve(request)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors()[:5]
            )
            return _refuse(400, f"the body is no event of a retrain: {problems}")
        except tuple(REFUSALS) as error:
            status = next(code for kind, code in REFUSALS.items() if isinstance(error, kind))
            return _refuse(status, str(error))
        except ClickHouseError as error:  # it was there a moment ago: the job asks again
            return _refuse(503, f"the store does not answer: {str(error)[:300]}")

    return answer


def _refuse(status: int, reason: str) -> Response:
    headers = {401: {"www-authenticate": "Bearer"}, 503: {"retry-after": "5"}}.get(status)
    return JSONResponse({"error": reason}, status, headers)


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise SignatureError("a bearer token is needed: the one that came with the request")
    return token.strip()


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY_BYTES:
            raise _TooLargeError
    return bytes(body)
