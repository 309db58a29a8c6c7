"""ClickHouse's own compression: a chain of blocks, each with its checksum, method and sizes.

A block is 16 bytes of CityHash128 (of version 1.0.2, which ClickHouse has kept) over all that follows,
then one byte for the method, the size of the block from that byte on, the size of the data, and the
data compressed.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import lz4.block  # type: ignore[import-untyped]  # it has no stubs
import zstandard
from clickhouse_cityhash.cityhash import CityHash128  # type: ignore[import-untyped]  # nor has this

from collector.embedded_store.errors import (
    CANNOT_DECOMPRESS,
    CHECKSUM_DOESNT_MATCH,
    TOO_LARGE_SIZE_COMPRESSED,
    UNKNOWN_COMPRESSION,
    QueryError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["BlockEncoder", "read_blocks"]

NONE, LZ4, ZSTD = 0x02, 0x82, 0x90
LARGEST_BYTES = 1 << 30
"""ClickHouse's own bound for a block."""
BLOCK_BYTES = 1 << 20
CHECKSUM_BYTES = 16
_HEAD = struct.Struct("<BII")


class BlockEncoder:
    """Compresses an answer with LZ4 in blocks of at most a megabyte."""

    def compress(self, data: bytes, /) -> bytes:
        """The blocks of `data`."""
        return b"".join(
            _block(data[at : at + BLOCK_BYTES]) for at in range(0, len(data), BLOCK_BYTES)
        )

    def flush(self) -> bytes:
        """Nothing is held back."""
        return b""


def read_blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    r"""The data of a chain of blocks that comes in chunks of any size.

    Raises:
        QueryError: a checksum, a size or a method is wrong, or the chain breaks off.

    >>> packed = BlockEncoder().compress(b"1\t2\n" * 100)
    >>> b"".join(read_blocks([packed[:10], packed[10:]])) == b"1\t2\n" * 100
    True
    """
    held = bytearray()
    for chunk in chunks:
        held += chunk
        at = 0
        while (size := _size(held, at)) and len(held) - at >= size:
            yield _open(bytes(held[at : at + size]))
            at += size
        del held[:at]
    if held:
        raise QueryError(
            CANNOT_DECOMPRESS, "CANNOT_DECOMPRESS", "The compressed body ends within a block"
        )


def _block(data: bytes) -> bytes:
    packed = bytes(lz4.block.compress(data, store_size=False))
    body = _HEAD.pack(LZ4, _HEAD.size + len(packed), len(data)) + packed
    return _checksum(body) + body


def _size(held: bytearray, at: int) -> int:
    """The whole size of the block at `at`; 0 as long as it is not known."""
    if len(held) - at < CHECKSUM_BYTES + _HEAD.size:
        return 0
    method, packed, plain = _HEAD.unpack_from(held, at + CHECKSUM_BYTES)
    if method not in (NONE, LZ4, ZSTD):
        raise QueryError(
            UNKNOWN_COMPRESSION, "UNKNOWN_COMPRESSION_METHOD",
            f"Unknown compression method 0x{method:02x}; there are none, LZ4 and ZSTD",
        )  # fmt: skip
    if not _HEAD.size <= packed <= LARGEST_BYTES or plain > LARGEST_BYTES:
        raise QueryError(
            TOO_LARGE_SIZE_COMPRESSED, "TOO_LARGE_SIZE_COMPRESSED",
            f"A compressed block says that it has {packed} bytes for {plain}",
        )  # fmt: skip
    return CHECKSUM_BYTES + int(packed)


def _open(block: bytes) -> bytes:
    body = block[CHECKSUM_BYTES:]
    if _checksum(body) != block[:CHECKSUM_BYTES]:
        raise QueryError(
            CHECKSUM_DOESNT_MATCH, "CHECKSUM_DOESNT_MATCH",
            "Checksum doesn't match: a compressed block is corrupt",
        )  # fmt: skip
    method, _, size = _HEAD.unpack_from(body)
    packed = body[_HEAD.size :]
    try:
        data = _unpack(method, packed, size)
    except (lz4.block.LZ4BlockError, zstandard.ZstdError, ValueError) as error:
        raise QueryError(
            CANNOT_DECOMPRESS, "CANNOT_DECOMPRESS", f"A compressed block is broken: {error}"
        ) from error
    if len(data) != size:
        raise QueryError(
            CANNOT_DECOMPRESS, "CANNOT_DECOMPRESS", f"A block has {len(data)} bytes, not {size}"
        )
    return data


def _unpack(method: int, packed: bytes, size: int) -> bytes:
    if method == LZ4:
        return bytes(lz4.block.decompress(packed, uncompressed_size=size))
    if method == ZSTD:
        return bytes(zstandard.ZstdDecompressor().decompress(packed, max_output_size=size))
    return packed


def _checksum(body: bytes) -> bytes:
    high, low = divmod(int(CityHash128(body)), 1 << 64)
    return struct.pack("<QQ", high, low)
