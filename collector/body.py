"""A request's body, bounded: never more than the limit, before and after decompression."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import zstandard

from collector.answers import Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

__all__ = ["LIMIT_BYTES", "PATIENCE", "Patience", "Refusal", "Room", "inflate", "read", "unpack"]

LIMIT_BYTES = 64 << 20
"""What the OTLP specification recommends."""
SMALL_BYTES, SMALL_PLAIN_BYTES = 64 << 10, 512 << 10
"""Compressed bodies up to this, and if they swell no further than that, are undone where they are;
larger ones in a thread, which costs a small one more than the work itself."""
ZSTD_WINDOW_BYTES = 8 << 20
"""RFC 9659: no zstd content coding on the web needs a larger window."""
GZIP, ZLIB, RAW_DEFLATE = 31, 15, -15
ZLIB_PIECE_BYTES, ZSTD_PIECE_BYTES = 256 << 10, 64
"""How much is undone at a time; 64 bytes of zstd swell to 2 MiB at worst."""
MEMBERS = 4096
"""Of one gzip body, or frames of a zstd one."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a body is waited for; exporters themselves give up after 10 s."""

    idle_s: float = 10.0
    """With nothing arriving."""
    whole_s: float = 120.0
    """In all, also when a little arrives now and then."""


class Room:
    """How many bytes of requests may be in flight, so that a flood cannot take all memory."""

    def __init__(self, limit_bytes: int) -> None:
        self.free_bytes = limit_bytes

    def take(self, size: int) -> None:
        """Reserve `size` bytes, or refuse with a 503 that senders retry."""
        if size > self.free_bytes:
            raise Refusal(503, "busy", "too many bytes in flight here; send again")
        self.free_bytes -= size

    def give(self, size: int) -> None:
        """Hand `size` bytes back."""
        self.free_bytes += size


PATIENCE = Patience()


async def read(
    receive: Receive,
    room: Room,
    *,
    announced: bytes = b"",
    limit: int = LIMIT_BYTES,
    patience: Patience = PATIENCE,
) -> bytes:
    """The raw body, for whose bytes `room` has been taken; the caller has to give them back.

    Args:
        receive: of ASGI.
        room: where its bytes are taken from.
        announced: the header Content-Length, if there is one.
        limit: the most bytes.
        patience: how long it may take.

    Raises:
        Refusal: it is larger than the limit, there is no room, or it does not arrive.
    """
    if announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size, more = 0, True
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(patience.idle_s) as alarm:
            end = loop.time() + patience.whole_s
            while more:
                message = await receive()
                chunk, more = _piece(message)
                if size + len(chunk) > limit:
                    raise _too_large(limit)  # noqa: TRY301 - the room has to be given back
                room.take(len(chunk))
                size += len(chunk)
                chunks.append(chunk)
                if more:
                    alarm.reschedule(min(loop.time() + patience.idle_s, end))
    except TimeoutError:
        room.give(size)
        raise Refusal(408, "too slow", "the body did not arrive in time; send again") from None
    except BaseException:
        room.give(size)
        raise
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _piece(message: MutableMapping[str, Any]) -> tuple[bytes, bool]:
    if message["type"] == "http.disconnect":
        raise Refusal(400, "disconnected", "the sender hung up before the body's end")
    return message.get("body", b""), message.get("more_body", False)


async def unpack(raw: bytes, encoding: str) -> bytes:
    """Undo the content encoding without holding up others.

    Raises:
        Refusal: as `inflate` says.
    """
    if len(raw) <= SMALL_BYTES:
        try:
            return inflate(raw, encoding, limit=SMALL_PLAIN_BYTES)
        except Refusal as refusal:
            if refusal.status != 413:
                raise
    return await asyncio.to_thread(inflate, raw, encoding)


def inflate(body: bytes, encoding: str, *, limit: int = LIMIT_BYTES) -> bytes:
    """Undo the content encoding without ever holding more than the limit.

    Raises:
        Refusal: unknown encoding (415), damaged data (400), larger than the limit (413).
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    try:
        if encoding in ("gzip", "x-gzip"):
            return _inflate_zlib(body, GZIP, limit)
        if encoding == "deflate":
            zlib_header = (
                len(body) > 1 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
            )
            return _inflate_zlib(body, ZLIB if zlib_header else RAW_DEFLATE, limit)
        if encoding == "zstd":
            return _inflate_zstd(body, limit)
    except (zlib.error, zstandard.ZstdError, EOFError) as error:
        raise Refusal(400, "malformed", f"the body is not valid {encoding}: {error}") from error
    raise Refusal(
        415, "unsupported", f"content encoding {encoding[:40]!r}: use gzip, deflate, zstd or none"
    )


def _inflate_zlib(body: bytes, window_bits: int, limit: int) -> bytes:
    def step(stream: Any, data: bytes, free: int) -> bytes:
        return bytes(stream.decompress(data, free + 1))

    return _inflate(
        body, lambda: zlib.decompressobj(window_bits), step, piece=ZLIB_PIECE_BYTES, limit=limit
    )


def _inflate_zstd(body: bytes, limit: int) -> bytes:
    decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES)

    def step(stream: Any, data: bytes, free: int) -> bytes:
        del free  # this library cannot stop half way, hence the small pieces
        return bytes(stream.decompress(data))

    return _inflate(body, decompressor.decompressobj, step, piece=ZSTD_PIECE_BYTES, limit=limit)


def _inflate(
    body: bytes,
    begin: Callable[[], Any],
    step: Callable[[Any, bytes, int], bytes],
    *,
    piece: int,
    limit: int,
) -> bytes:
    """Members or frames one after the other, each to its end.

    In pieces, so that a body of many tiny ones costs time in proportion to its length.
    """
    stream, members = begin(), 1
    parts, size = [], 0
    for start in range(0, len(body), piece):
        data = body[start : start + piece]
        while data:
            if stream.eof:
                stream, members = begin(), members + 1
            if members > MEMBERS:
                raise Refusal(400, "malformed", f"the body has more than {MEMBERS} members")
            part = step(stream, data, limit - size)
            size += len(part)
            if size > limit:
                raise _too_large(limit)
            parts.append(part)
            data = stream.unused_data if stream.eof else b""
    if not stream.eof:
        raise EOFError("it ends too early")
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(limit: int) -> Refusal:
    return Refusal(
        413, "too large", f"the body is larger than {limit >> 20} MiB; send smaller batches"
    )
