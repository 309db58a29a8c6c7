"""Content encodings of request and response bodies, one chunk at a time."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Protocol

import lz4.frame  # type: ignore[import-untyped]  # it has no stubs
import zstandard

from collector.embedded_store.errors import CANNOT_DECOMPRESS, UNKNOWN_COMPRESSION, QueryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Encoder", "choose_encoding", "decode", "encoder"]


class Encoder(Protocol):
    """Compresses a stream."""

    def compress(self, data: bytes, /) -> bytes:
        """What can be sent already after `data`."""

    def flush(self) -> bytes:
        """The rest, and the end of the stream."""


class _Identity:
    def compress(self, data: bytes, /) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""


class _Lz4:
    def __init__(self) -> None:
        self._frame = lz4.frame.LZ4FrameCompressor()
        self._begun = False

    def compress(self, data: bytes, /) -> bytes:
        head = b"" if self._begun else self._frame.begin()
        self._begun = True
        return bytes(head + self._frame.compress(data))

    def flush(self) -> bytes:
        head = b"" if self._begun else self._frame.begin()
        return bytes(head + self._frame.flush())


ENCODERS: dict[str, Callable[[], Encoder]] = {
    "zstd": lambda: zstandard.ZstdCompressor(level=1).compressobj(),
    "lz4": _Lz4,
    "gzip": lambda: zlib.compressobj(3, wbits=31),
    "deflate": lambda: zlib.compressobj(3),
}
DECODERS = {
    "zstd": lambda: zstandard.ZstdDecompressor().decompressobj(),
    "lz4": lz4.frame.LZ4FrameDecompressor,
    "gzip": lambda: zlib.decompressobj(wbits=31),
    "deflate": zlib.decompressobj,
}


def choose_encoding(accepted: str) -> str | None:
    """The first encoding of ours in an Accept-Encoding header; clients name their favourite first.

    >>> choose_encoding("br, lz4;q=0.9, gzip"), choose_encoding("identity")
    ('lz4', None)
    """
    names = [name.split(";")[0].strip().lower() for name in accepted.split(",")]
    return next((name for name in names if name in ENCODERS), None)


def encoder(encoding: str | None) -> Encoder:
    """A compressor for one response."""
    return ENCODERS[encoding]() if encoding else _Identity()


def decode(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Decompress a body.

    Raises:
        QueryError: the encoding is unknown, or the bytes are broken or cut off.
    """
    if encoding in ("", "identity"):
        yield from chunks
        return
    if encoding not in DECODERS:
        raise QueryError(
            UNKNOWN_COMPRESSION,
            "UNKNOWN_COMPRESSION_METHOD",
            f"Unknown compression method {encoding}; there are {', '.join(DECODERS)}",
        )
    try:
        yield from _decode(chunks, encoding)
    except (zlib.error, zstandard.ZstdError, RuntimeError, EOFError) as error:
        raise QueryError(
            CANNOT_DECOMPRESS, "CANNOT_DECOMPRESS", f"The {encoding} body is broken: {error}"
        ) from error


def _decode(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    decoder = DECODERS[encoding]()
    for chunk in chunks:
        rest = chunk
        while rest:
            if decoder.eof:  # another member or frame follows
                decoder = DECODERS[encoding]()
            yield decoder.decompress(rest)
            rest = (decoder.unused_data or b"") if decoder.eof else b""
    if not decoder.eof:
        raise EOFError("it ends too early")
