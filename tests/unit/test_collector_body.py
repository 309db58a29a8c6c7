"""Bodies are bounded before and after decompression."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
import zstandard

from collector.body import Refusal, Room, inflate, unpack

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


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
@pytest.mark.parametrize(
    "spoil",
    [lambda _: b"junk", lambda body: body[:-9], lambda body: body + b"junk", lambda _: b""],
    ids=["never coded", "cut short", "with a tail", "empty"],
)
def test_damaged_bodies_are_malformed(encoding: str, spoil: Callable[[bytes], bytes]) -> None:
    """Damage, a cut one above all, is never taken for a shorter request; it says whose fault it is."""
    with pytest.raises(Refusal, match=f"not valid {encoding}") as refusal:
        inflate(spoil(CODED[encoding]), encoding)
    assert refusal.value.status == 400


def test_frames_of_zstd_follow_each_other() -> None:
    """Two frames are one body, also when they do not say how long they are."""
    stream = zstandard.ZstdCompressor().compressobj()
    unsized = stream.compress(PLAIN) + stream.flush()
    assert inflate(CODED["zstd"] + unsized, "zstd") == PLAIN * 2


def test_crowd_of_empty_members_is_refused_in_no_time() -> None:
    """A body of a hundred thousand empty gzip members costs no more than its length."""
    with pytest.raises(Refusal, match="members") as refusal:
        inflate(gzip.compress(b"") * 100_000, "gzip")
    assert refusal.value.status == 400


@pytest.mark.parametrize("size", [1000, 3 << 20])
async def test_small_and_large_bodies_are_unpacked_alike(size: int) -> None:
    """What swells too far to be undone on the spot is undone in a thread, with the same result."""
    plain = bytes(size)
    assert await unpack(gzip.compress(plain), "gzip") == plain


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
