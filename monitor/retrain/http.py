"""What the fine-tune job reaches on the collector: its callback, and the files of its dataset.

Both take the bearer token that came with the request, which opens that retrain and nothing else, and nothing any more
once the retrain is over. A job may sign its callbacks too (Standard Webhooks, the token as the secret); then the
signature and its time are held to.
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

from monitor.clock import utcnow, wall_now
from monitor.curation.export import dataset_file
from monitor.exceptions import (
    NotFoundError,
    OuterloopError,
    SignatureError,
    StoreUnavailableError,
    TransitionError,
)
from monitor.retrain.bodies import parse_callback
from monitor.retrain.callbacks import callback
from monitor.retrain.rate import Bucket
from monitor.retrain.request import token_matches
from monitor.retrain.state import ENDED, retrains
from monitor.store import Store
from monitor.webhooks import ID, SIGNATURE, TIMESTAMP, verify

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
BURST, PER_SECOND = 120, 20.0
"""Requests that the desk answers, of all jobs together."""
BURST_OF_ONE, PER_SECOND_OF_ONE = 60, 2.0
"""Of one retrain, so that one job that talks too much keeps none of the others from being heard."""


class _TooLargeError(OuterloopError):
    """The body is larger than 64 KiB; send less."""


class _TooOftenError(OuterloopError):
    """Too many requests; wait as long as Retry-After says, and report less often."""


REFUSALS: dict[type[OuterloopError], int] = {
    SignatureError: 401,
    NotFoundError: 404,
    TransitionError: 409,
    _TooLargeError: 413,
    _TooOftenError: 429,
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
    """Serves the job. One store connection, so one request at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store = Store(settings.store)
        self._turn = threading.Lock()
        self._all = Bucket(BURST, PER_SECOND)
        self._each: dict[str, Bucket] = {}

    async def event(self, request: Request) -> Response:
        self._see_pace()
        token, body = _bearer(request), await _body(request)
        _see_signature(request, token, body)
        event = parse_callback(body)
        after = await run_in_threadpool(
            self._record, request.path_params["retrain_id"], token, event
        )
        return JSONResponse({"retrain_id": after.retrain_id, "state": after.state})

    def _record(self, retrain_id: str, token: str, event: Callback) -> Retrain:
        with self._turn:
            one = next((one for one in retrains(self._store) if one.retrain_id == retrain_id), None)
            if one is not None and token_matches(one, token):
                mine = self._each.setdefault(retrain_id, Bucket(BURST_OF_ONE, PER_SECOND_OF_ONE))
                if not mine.take():
                    raise _TooOftenError
            return callback(self._store, retrain_id, token, event, now=utcnow())

    async def file(self, request: Request) -> Response:
        self._see_pace()
        token = _bearer(request)
        find = partial(
            self._find, request.path_params["version"], request.path_params["name"], token
        )
        path = await run_in_threadpool(find)
        return FileResponse(path, media_type=MEDIA.get(path.suffix, "application/octet-stream"))

    def _find(self, version: str, name: str, token: str) -> Path:
        with self._turn:
            found = retrains(self._store)
        mine = [
            one for one in found if one.dataset_version == version and token_matches(one, token)
        ]
        if not mine:
            raise SignatureError(
                "the token is not that of a retrain on this dataset;"
                " use the one that came with the request"
            )
        if all(one.standing in ENDED for one in mine):
            raise TransitionError(
                f"retrain {mine[0].retrain_id} is {mine[0].state}; its data is not given out any more"
            )
        return dataset_file(self._settings.data_dir, version, name)

    def _see_pace(self) -> None:
        if not self._all.take():
            raise _TooOftenError


MEDIA = {
    ".jsonl": "application/jsonl",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
}


def _answering(
    serve: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """Errors that we raise on purpose, as the status that says the same."""

    async def answer(request: Request) -> Response:
        try:
            return await serve(request)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:5]
            )
            return _refuse(400, f"the body is no event of a retrain: {problems}")
        except tuple(REFUSALS) as error:
            status = next(code for kind, code in REFUSALS.items() if isinstance(error, kind))
            return _refuse(status, str(error))
        except ClickHouseError as error:  # it was there a moment ago: the job asks again
            return _refuse(503, f"the store does not answer: {str(error)[:300]}")

    return answer


def _refuse(status: int, reason: str) -> Response:
    headers = {
        401: {"www-authenticate": "Bearer"},
        429: {"retry-after": "1"},
        503: {"retry-after": "5"},
    }
    return JSONResponse({"error": reason}, status, headers.get(status))


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise SignatureError("a bearer token is needed: the one that came with the request")
    return token.strip()


def _see_signature(request: Request, token: str, body: bytes) -> None:
    if any(name in request.headers for name in (ID, TIMESTAMP, SIGNATURE)):
        verify(token, request.headers, body, now=wall_now())


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY_BYTES:
            raise _TooLargeError
    return bytes(body)
