"""Raw responses: the app reads the body itself, and what it reads is kept on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.sdk.guard import GUARD
from monitor.sdk.json_text import read_json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from monitor.sdk.calls import Call

__all__ = ["follow_body", "follow_close", "read_replies"]


def read_replies(body: bytes) -> Iterator[Any]:
    r"""The JSON documents of a response body: one, or the events of a stream.

    What is neither (a proxy's page, a body that was cut) yields nothing: the app asked for it raw.

    >>> list(read_replies(b'data: {"id": 1}\n\ndata: [DONE]\n\n'))
    [{'id': 1}]
    """
    if body.lstrip()[:1] == b"{":
        yield from _objects([body])
    else:
        lines = body.replace(b"\r", b"").split(b"\n")
        yield from _objects(line[5:] for line in lines if line.startswith(b"data:"))


def _objects(texts: Any) -> Iterator[Any]:
    for text in texts:
        try:
            found = read_json(text)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found


def follow_body(response: Any, call: Call) -> None:
    """Keep what the app reads of an HTTP response that is still open."""
    plain, plain_async = response.iter_bytes, response.aiter_bytes
    keep = GUARD(call.keep_body)

    def iter_bytes(*args: Any, **kwargs: Any) -> Iterator[bytes]:
        source = plain(*args, **kwargs)
        try:
            while True:
                with call:
                    piece = next(source, None)
                if piece is None:
                    call.succeed()
                    return
                keep(piece)
                yield piece
        finally:
            source.close()

    async def aiter_bytes(*args: Any, **kwargs: Any) -> AsyncIterator[bytes]:
        source = plain_async(*args, **kwargs)
        try:
            while True:
                with call:
                    piece = await anext(source, None)
                if piece is None:
                    call.succeed()
                    return
                keep(piece)
                yield piece
        finally:
            await source.aclose()

    _shadow(response, call, iter_bytes=iter_bytes, aiter_bytes=aiter_bytes)
    follow_close(response, call)


def follow_close(response: Any, call: Call) -> None:
    """Learn of the moment when the app closes a response before its end."""
    plain, plain_async = response.close, response.aclose

    def close() -> None:
        try:
            plain()
        finally:
            call.close()

    async def aclose() -> None:
        try:
            await plain_async()
        finally:
            call.close()

    _shadow(response, call, close=close, aclose=aclose)
    call.lasts()


def _shadow(response: Any, call: Call, **methods: Callable[..., Any]) -> None:
    """Put these in front of the response's own methods, until the call is over."""
    response.__dict__.update(methods)

    def restore() -> None:
        for name, method in methods.items():
            if response.__dict__.get(name) is method:
                del response.__dict__[name]

    call.at_end(restore)
