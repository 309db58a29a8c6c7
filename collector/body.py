"""A request's body, bounded: never more than the limit, before and after decompression."""

from __future__ import annotations

import zlib
from io import BytesIO
from typing import TYPE_CHECKING

import zstandard
from starlette.requests import ClientDisconnect

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["LIMIT_BYTES", "Refusal", "Room", "inflate", "read"]

LIMIT_BYTES = 64 << 20
"""What the OTLP specification recommends."""
ZSTD_WINDOW_BYTES = 8 << 20
"""RFC 9659: no zstd content coding on the web needs a larger window."""
GZIP, ZLIB, RAW_DEFLATE = 31, 15, -15


class Refusal(Exception):  # noqa: N818 - it is an answer, not an error of ours
    """A request that is answered with a status other than 200."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        """A few fixed words, for the ledger."""


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


async def read(request: Request, room: Room, *, limit: int = LIMIT_BYTES) -> tuple[bytes, int]:
    """The raw body, and the bytes of `room` that the caller has to give back.

    Raises:
        Refusal: it is larger than the limit, or there is no room.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)
    chunks, size = [], 0
    try:
        async for chunk in request.stream():
            if size + len(chunk) > limit:
                raise _too_large(limit)  # noqa: TRY301 - the room has to be given back
            room.take(len(chunk))
            size += len(chunk)
            chunks.append(chunk)
    except ClientDisconnect:
        room.give(size)
        raise Refusal(400, "disconnected", "the sender hung up before the body's end") from None
    except BaseException:
        room.give(size)
        raise
    return chunks[0] if len(chunks) == 1 else b"".join(chunks), size


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
            return _inflate_members(body, GZIP, limit)
        if encoding == "deflate":
            zlib_header = (
                len(body) > 1 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
            )
            return _inflate_members(body, ZLIB if zlib_header else RAW_DEFLATE, limit)
        if encoding == "zstd":
            return _inflate_zstd(body, limit)
    except (zlib.error, zstandard.ZstdError, EOFError) as error:
        raise Refusal(400, "malformed", f"the body is not valid {encoding}: {error}") from error
    raise Refusal(
        415, "unsupported", f"content encoding {encoding[:40]!r}: use gzip, deflate, zstd or none"
    )


def _inflate_members(body: bytes, window_bits: int, limit: int) -> bytes:
    parts, size = [], 0
    while body:
        stream = zlib.decompressobj(window_bits)
        part = stream.decompress(body, limit + 1 - size)
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        if not stream.eof:
            raise EOFError("it ends too early")
        parts.append(part)
        body = stream.unused_data
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _inflate_zstd(body: bytes, limit: int) -> bytes:
    decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES)
    with decompressor.stream_reader(BytesIO(body), read_across_frames=True) as stream:
        plain = stream.read(limit + 1)
    if len(plain) > limit:
        raise _too_large(limit)
    return plain


def _too_large(limit: int) -> Refusal:
    return Refusal(
        413, "too large", f"the body is larger than {limit >> 20} MiB; send smaller batches"
    )
