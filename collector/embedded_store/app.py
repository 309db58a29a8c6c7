"""ClickHouse's HTTP protocol over the engine, as an ASGI app."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from concurrent import futures
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse

from collector.embedded_store.channel import Channel
from collector.embedded_store.compression import choose_encoding, decode
from collector.embedded_store.errors import ACCESS_DENIED, QueryError
from collector.embedded_store.formats import content_type
from collector.embedded_store.request import Query, form_parts, read_query
from collector.embedded_store.work import Finished, Head, Job, answer, unexpected

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from collector.embedded_store.engine import Engine

__all__ = ["StoreApp"]

WORKERS = 256
SPOOL_BYTES = 16 * 1024 * 1024
"""Request bodies above this size wait on disk."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
CANCEL_EVERY_S = 0.5
"""A query can only be cancelled once the engine knows it, so we ask more than once."""
NO_SUCH_PATH = "There is no {}; queries go to /, the health check is /ping\n"
Piece = Head | bytes | Finished


class StoreApp:
    """Answers ClickHouse's HTTP protocol.

    Args:
        engine: the store.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._workers = futures.ThreadPoolExecutor(WORKERS, thread_name_prefix="query")
        self._running: set[futures.Future[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        request = Request(scope, receive, send)
        try:
            _refuse_strangers(request)
            path = request.url.path
            if path in ("/ping", "/replicas_status") or (path == "/" and _asks_nothing(request)):
                await PlainTextResponse("Ok.\n")(scope, receive, send)
            elif path in ("/", "/query"):
                await self._answer(request, send)
            else:
                await PlainTextResponse(NO_SUCH_PATH.format(path), 404)(scope, receive, send)
        except QueryError as error:
            await self._refusal(error, {})(scope, receive, send)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001 - one bad request must not look like a dead store
            await self._refusal(unexpected(error), {})(scope, receive, send)

    def shut(self, timeout_s: float) -> bool:
        """Stop what still runs; false when something uses the engine even then."""
        self._workers.shutdown(wait=False, cancel_futures=True)
        if self._running:
            self._engine.cancel()
        return not futures.wait(self._running, timeout_s).not_done

    async def _answer(self, request: Request, send: Send) -> None:
        with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as body:
            query, body_encoding = await _receive_query(request, body)
            accepted = request.headers.get("accept-encoding", "") if query.compressed else ""
            job = Job(
                query=query, body=body, body_encoding=body_encoding,
                encoding=choose_encoding(accepted), tag=secrets.token_hex(8),
            )  # fmt: skip
            channel: Channel[Piece] = Channel()
            thread = self._workers.submit(answer, self._engine, job, channel)
            self._running.add(thread)
            thread.add_done_callback(self._running.discard)
            try:
                await self._relay(request, send, job, channel)
            finally:
                channel.close()
                while not thread.done():  # until then the body is in use
                    await asyncio.to_thread(self._engine.cancel, job.tag)
                    await asyncio.wait({asyncio.wrap_future(thread)}, timeout=CANCEL_EVERY_S)

    async def _relay(self, request: Request, send: Send, job: Job, channel: Channel[Piece]) -> None:
        gone = asyncio.ensure_future(_until_gone(request))
        try:
            piece = await _next(channel, gone)
            if isinstance(piece, Finished) and piece.error:
                refusal = self._refusal(piece.error, self._headers(job))
                await refusal(request.scope, request.receive, send)
                return
            assert isinstance(piece, Head), "an answer begins with its head or is an error"
            await _begin(send, {**self._headers(job), **_head_headers(job, piece)})
            while not isinstance(piece := await _next(channel, gone), Finished):
                assert isinstance(piece, bytes), "an answer has one head"
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            if piece.error is None:
                await send({"type": "http.response.body", "body": b""})
            # else: the missing end of the body is the sign, as with a server
        finally:
            gone.cancel()

    def _headers(self, job: Job) -> dict[str, str]:
        return {
            "X-ClickHouse-Query-Id": job.query.query_id,
            "X-ClickHouse-Timezone": self._engine.timezone,
            "X-ClickHouse-Server-Display-Name": "outerloop",
        }

    def _refusal(self, error: QueryError, headers: dict[str, str]) -> PlainTextResponse:
        text = f"{error.text} (version {self._engine.version})\n"
        code = {"X-ClickHouse-Exception-Code": str(error.code)}
        return PlainTextResponse(text, error.status, {**headers, **code})


async def _begin(send: Send, headers: dict[str, str]) -> None:
    pairs = [
        (name.lower().encode(), value.encode("latin-1", "replace"))
        for name, value in headers.items()
    ]
    await send({"type": "http.response.start", "status": 200, "headers": pairs})


def _head_headers(job: Job, head: Head) -> dict[str, str]:
    headers = {
        "Content-Type": content_type(head.format),
        "X-ClickHouse-Format": head.format,
        "X-ClickHouse-Summary": head.summary,
        "X-ClickHouse-Exception-Tag": job.tag,
    }
    return {**headers, "Content-Encoding": job.encoding} if job.encoding else headers


async def _receive_query(request: Request, body: IO[bytes]) -> tuple[Query, str]:
    """The query and its body's encoding; the body itself is written to `body`."""
    fields = dict(request.query_params)
    encoding = request.headers.get("content-encoding", "").lower()
    media_type = request.headers.get("content-type", "")
    if media_type.startswith("multipart/form-data"):
        form = b"".join(decode(iter((await request.body(),)), encoding))
        fields, tables = form_parts(media_type, form, fields)
        return read_query(request.method, fields, request.headers, tables), ""
    async for chunk in request.stream():
        body.write(chunk)
    body.seek(0)
    return read_query(request.method, fields, request.headers), encoding


async def _next(channel: Channel[Piece], gone: asyncio.Future[None]) -> Piece:
    """The next piece of the answer.

    Raises:
        ClientDisconnect: the client left before it came.
    """
    piece = asyncio.ensure_future(channel.get())
    either: set[asyncio.Future[Any]] = {piece, gone}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if piece.done():
        return piece.result()
    piece.cancel()
    raise ClientDisconnect


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _asks_nothing(request: Request) -> bool:
    return request.method in ("GET", "HEAD") and "query" not in request.query_params


def _refuse_strangers(request: Request) -> None:
    """A web page in a browser on this machine reaches loopback too; it has no business here.

    Raises:
        QueryError: another site's page asks, or a name that is not loopback was made to point here.
    """
    try:
        host = urlsplit(f"//{request.headers.get('host', '127.0.0.1')}").hostname
    except ValueError:  # it is no host at all
        host = None
    site = request.headers.get("sec-fetch-site", "none")
    origin = request.headers.get("origin")  # of browsers that say nothing of the site
    ours = origin is None or origin == f"http://{request.headers.get('host')}"
    if host not in LOOPBACK or site not in ("none", "same-origin") or not ours:
        raise QueryError(
            ACCESS_DENIED, "ACCESS_DENIED",
            "The embedded store answers programs on this machine, not web pages or other names:"
            f" host {host!r}, site {site!r}, origin {origin!r}; ask it as http://127.0.0.1",
        )  # fmt: skip
