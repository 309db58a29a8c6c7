"""The write-ahead log keeps what it acknowledged, and nothing else."""

# ruff: noqa: ASYNC240 - a test may wait for its own small files
from __future__ import annotations

import asyncio
import resource
import zlib
from pathlib import Path

import pytest

from collector.segment import Held, Level, Note, Record, records
from collector.wal import NotDurableError, Wal
from monitor.exceptions import StoreLockedError


def record(text: str, *, count: int = 1) -> Record:
    """A record with this payload, of a service called shop."""
    note = Note((("shop", "accepted", "", count),))
    return Record("traces", count, 1704067230_000000, text.encode(), note)


HELD = Held(1704067200, "traces", "shop")


def texts(wal: Wal) -> list[str]:
    """Take and discard everything that is sealed."""
    found = []
    while (segment := wal.take(0.0)) is not None:
        found += [r.payload.decode() for r in records(segment)]
        wal.discard(segment)
    return found


def leave(wal: Wal) -> None:
    """End as a process does."""
    wal.close()
    wal.unlock()


async def test_records_come_back_in_order(tmp_path: Path) -> None:
    """What was kept is read in the order of arrival, and its file goes when discarded."""
    wal = Wal(tmp_path, run="a")
    for number in range(20):
        await wal.keep(record(str(number)))
    leave(wal)
    assert texts(wal) == [str(n) for n in range(20)]
    assert list(tmp_path.glob("*.wal")) == []
    assert wal.bytes == 0


async def test_notes_come_back(tmp_path: Path) -> None:
    """What the ledger will be told of a request is in the log with it."""
    note = Note((("shop", "masked", "email", 2),), (Level("shop", "i-1", 7),), completes=True)
    wal = Wal(tmp_path, run="a")
    await wal.keep(Record("logs", 1, 5, b"x", note))
    leave(wal)
    (found,) = records(wal.take(0.0))
    assert (found.note, found.payload) == (note, b"x")


async def test_items_wait_until_their_file_is_discarded(tmp_path: Path) -> None:
    """What waits is counted by minute, signal and service, and forgotten when the store has it."""
    wal = Wal(tmp_path, run="a")
    await wal.keep(record("x", count=2))
    await wal.keep(record("y", count=3))
    assert wal.waiting == {HELD: 5}
    leave(wal)
    texts(wal)
    assert not wal.waiting


async def test_waiting_requests_share_one_sync(tmp_path: Path) -> None:
    """Requests that wait together are written together."""
    wal = Wal(tmp_path, run="a")
    await asyncio.gather(*(wal.keep(record(str(n))) for n in range(500)))
    leave(wal)
    assert sorted(texts(wal), key=int) == [str(n) for n in range(500)]


async def test_idle_writer_gets_a_young_file_soon(tmp_path: Path) -> None:
    """Without load, a record reaches the writer after the linger time, not when a file is full."""
    wal = Wal(tmp_path, run="a", linger_s=0.05)
    taking = asyncio.create_task(asyncio.to_thread(wal.take, 60.0))
    await wal.keep(record("x"))
    segment = await asyncio.wait_for(taking, 60)
    assert segment is not None
    assert segment.held == {HELD: 1}
    leave(wal)


async def test_files_are_sealed_by_size(tmp_path: Path) -> None:
    """A file does not grow far past its size, even when nobody takes it."""
    wal = Wal(tmp_path, run="a", segment_bytes=1000)
    for _ in range(10):
        await wal.keep(record("x" * 600))
    leave(wal)
    assert len(list(tmp_path.glob("*.wal"))) == 5


async def test_next_start_takes_over_what_was_left(tmp_path: Path) -> None:
    """Records survive the process, are counted at the next start, and file names never repeat."""
    first = Wal(tmp_path, run="a")
    await first.keep(record("one", count=3))
    leave(first)
    second = Wal(tmp_path, run="b")
    assert (second.kept["traces"], second.waiting) == (3, {HELD: 3})
    await second.keep(record("two"))
    leave(second)
    assert [p.name for p in sorted(tmp_path.glob("*.wal"))] == [
        "000000000001-a.wal",
        "000000000002-b.wal",
    ]
    assert texts(second) == ["one", "two"]


@pytest.mark.parametrize(
    "damage", [b"\x07", b"\xff" * 40, bytes(4096)], ids=["short", "garbage", "zeros"]
)
async def test_torn_end_is_cut(tmp_path: Path, damage: bytes) -> None:
    """Bytes of a write that a crash cut short go; all before them stays."""
    wal = Wal(tmp_path, run="a")
    await wal.keep(record("whole"))
    leave(wal)
    (path,) = tmp_path.glob("*.wal")
    size = path.stat().st_size
    path.write_bytes(path.read_bytes() + damage)
    again = Wal(tmp_path, run="b")
    assert path.stat().st_size == size
    assert texts(again) == ["whole"]
    leave(again)


async def test_flipped_bit_is_noticed_and_kept_for_people(tmp_path: Path) -> None:
    """A damaged record is not stored as if it were good; its bytes are put aside."""
    wal = Wal(tmp_path, run="a")
    await wal.keep(record("good"))
    await wal.keep(record("bad!"))
    leave(wal)
    (path,) = tmp_path.glob("*.wal")
    path.write_bytes(path.read_bytes().replace(b"bad!", b"bax!"))
    again = Wal(tmp_path, run="b")
    assert texts(again) == ["good"]
    assert b"bax!" in next((tmp_path / "refused").glob("*.torn")).read_bytes()
    leave(again)


async def test_empty_file_of_a_crash_vanishes(tmp_path: Path) -> None:
    """A file that was created and not yet written to is no segment."""
    (tmp_path / "000000000007-x.wal").write_bytes(b"")
    wal = Wal(tmp_path, run="a")
    assert list(tmp_path.glob("*.wal")) == []
    await wal.keep(record("x"))
    assert [p.name for p in tmp_path.glob("*.wal")] == ["000000000008-a.wal"]
    leave(wal)


async def test_full_log_refuses_and_recovers(tmp_path: Path) -> None:
    """At the limit nothing more is taken, and says why; when the store has caught up it goes on."""
    wal = Wal(tmp_path, run="a", limit_bytes=2000, linger_s=0.0)
    await wal.keep(record("x" * 1500))
    with pytest.raises(NotDurableError, match="limit"):
        await wal.keep(record("y" * 1500))
    assert wal.problem
    segment = await asyncio.to_thread(wal.take, 1.0)
    wal.discard(segment)
    await wal.keep(record("z" * 1500))
    assert wal.problem is None
    leave(wal)
    assert texts(wal) == ["z" * 1500]


async def test_full_disk_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """A write that the disk refuses half-way is cut off again; all acknowledged stays."""
    wal = Wal(tmp_path, run="a")
    await wal.keep(record("before"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    noise = zlib.compress(b"n") * 3000
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (10_000, hard)
    )  # the kernel's own refusal: EFBIG after a short write
    try:
        with pytest.raises(NotDurableError, match="cannot be written"):
            await wal.keep(Record("traces", 1, 0, noise))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    await wal.keep(record("after"))
    leave(wal)
    again = Wal(tmp_path, run="b")
    assert texts(again) == ["before", "after"]
    leave(again)


async def test_folder_belongs_to_one_process(tmp_path: Path) -> None:
    """A second collector on the same data directory is told who holds it."""
    wal = Wal(tmp_path, run="a")
    with pytest.raises(StoreLockedError, match=r"process id \d+ uses .*OUTERLOOP_DATA_DIR"):
        Wal(tmp_path, run="b")
    leave(wal)


async def test_file_that_the_store_has_is_not_written_again(tmp_path: Path) -> None:
    """A crash between the count and the deletion of a file does not count it twice."""
    wal = Wal(tmp_path, run="a")
    await wal.keep(record("x"))
    leave(wal)
    again = Wal(tmp_path, run="b", settled="000000000001-a")
    assert (texts(again), again.kept["traces"]) == ([], 0)
    leave(again)
