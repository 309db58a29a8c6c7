"""Bodies are bounded before and after decompression."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest
import zstandard

from collector.body import Refusal, Room, inflate

PLAIN = b"some bytes, " * 1000
CODED = {
    "gzip": gzip.compress(PLAIN),
    "deflate": zlib.compress(PLAIN),
    "zstd": zstandard.compress(PLAIN),
    "": PLAIN,
    "identity": PLAIN,
}


@pytest.mark.parametrize("encoding", CODED)
def test_encodings_are_undone(encoding: str) -> None:
    """Gzip, deflate, zstd and none, in any case of letters."""
    assert inflate(CODED[encoding], encoding.upper()) == PLAIN


def test_raw_deflate_and_two_gzip_members_are_read() -> None:
    """What is loosely called deflate, and concatenated gzip, are read as everyone reads them."""
    raw = zlib.compressobj(wbits=-15)
    assert inflate(raw.compress(PLAIN) + raw.flush(), "deflate") == PLAIN
    assert inflate(CODED["gzip"] * 2, "gzip") == PLAIN * 2


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_bomb_is_refused_without_the_memory(encoding: str) -> None:
    """A small body that swells past the limit is a 413 and takes little memory."""
    zeros = bytes(50 << 20)
    bomb = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstandard.compress}[encoding](
        zeros
    )
    del zeros
    tracemalloc.start()
    try:
        with pytest.raises(Refusal) as refusal:
            inflate(bomb, encoding, limit=1 << 20)
        assert refusal.value.status == 413
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "body",
    [b"junk", CODED["gzip"][:-9], CODED["gzip"] + b"junk"],
    ids=["no gzip", "cut short", "with a tail"],
)
def test_damaged_gzip_is_malformed(body: bytes) -> None:
    """Damage is the sender's fault and says so."""
    with pytest.raises(Refusal, match="not valid gzip") as refusal:
        inflate(body, "gzip")
    assert refusal.value.status == 400


def test_unknown_encoding_is_refused() -> None:
    """A coding that we cannot undo names those that we can."""
    with pytest.raises(Refusal, match="use gzip, deflate, zstd or none") as refusal:
        inflate(b"", "br")
    assert refusal.value.status == 415


def test_room_refuses_more_than_there_is() -> None:
    """Bytes in flight are bounded over all requests."""
    room = Room(10)
    room.take(8)
    with pytest.raises(Refusal, match="in flight") as refusal:
        room.take(3)
    assert refusal.value.status == 503
    room.give(8)
    room.take(10)
