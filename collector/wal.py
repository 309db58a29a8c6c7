"""The write-ahead log: a request that was acknowledged is on disk, whatever dies next.

One thread does all the writing. Requests that wait while it syncs are written and synced together
(group commit), so many small senders cost one `fdatasync`, not many. Files are sealed by size, or
as soon as the writer has nothing else to do and the oldest record has waited a moment; one is
deleted only when the store has its rows.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter, deque
from typing import TYPE_CHECKING

from collector.segment import MAGIC, Held, Record, Segment, frame, mend
from collector.wal_file import GrowingFile, lock, sync
from monitor.clock import wall_now
from monitor.exceptions import OuterloopError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["NotDurableError", "Wal"]

LOG = logging.getLogger(__name__)
MIB = 1 << 20

Waiting = tuple[Record, "asyncio.Future[None]"]


class NotDurableError(OuterloopError):
    """The write-ahead log takes nothing now; see /readyz for why. Senders try again."""


class Wal:
    """Keeps records until the store has them.

    Args:
        folder: where the files live; one process at a time.
        run: a text that no other start of any collector has, for the files' names.
        settled: name of a file that the store is known to have.
        segment_bytes: a file is sealed when it is this large.
        linger_s: an idle writer waits this long for a file to fill.
        limit_bytes: the most that all files together may take.

    Raises:
        StoreLockedError: another collector uses the folder.
    """

    def __init__(
        self,
        folder: Path,
        *,
        run: str,
        settled: str = "",
        segment_bytes: int = 32 * MIB,
        linger_s: float = 0.25,
        limit_bytes: int = 2048 * MIB,
    ) -> None:
        self.folder = folder
        self.refused = folder / "refused"
        self.refused.mkdir(parents=True, exist_ok=True)
        self._lock_file = lock(folder)
        self._run = run
        self._segment_bytes, self._linger_s = segment_bytes, linger_s
        self._changed = threading.Condition()
        self._queue: list[Waiting] = []
        self._sealed: deque[Segment] = deque()
        self._file: GrowingFile | None = None
        self._wanted = self._closing = False
        self.limit_bytes = limit_bytes
        """The most that all files together may take."""
        self.problem: str | None = None
        """Why it takes nothing at the moment."""
        self.problem_since = 0.0
        """Since when, by the monotonic clock."""
        self.bytes = 0
        """Bytes of all files."""
        self.kept: Counter[str] = Counter()
        """Items taken over or kept since the start, by signal."""
        self.waiting: Counter[Held] = Counter()
        """Items that are not known to be in the store, by minute, signal and service."""
        self._number = self._replay(settled)
        self._thread = threading.Thread(target=self._work, name="wal", daemon=True)
        self._thread.start()

    async def keep(self, record: Record) -> None:
        """Return when the record is on disk.

        Raises:
            NotDurableError: the log or the disk is full, or the disk fails.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._changed:
            if self._closing:
                raise NotDurableError("the collector is stopping; send again")
            self._queue.append((record, done))
            self._changed.notify_all()
        await done

    def take(self, timeout_s: float) -> Segment | None:
        """The oldest sealed file, left in place; None when there is none in time."""
        with self._changed:
            self._wanted = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._sealed, timeout_s)
            self._wanted = False
            return self._sealed[0] if self._sealed else None

    def discard(self, segment: Segment) -> None:
        """Delete the oldest file: the store has its rows."""
        segment.path.unlink(missing_ok=True)
        with self._changed:
            self._sealed.popleft()
            self.bytes -= segment.size
            self.waiting -= segment.held

    def oldest_s(self) -> float:
        """For how long the oldest record has waited for the store, in seconds."""
        with self._changed:
            since = self._sealed[0].since if self._sealed else 0.0
        if not since:
            file = self._file
            return time.monotonic() - file.opened if file is not None and file.held else 0.0
        return max(0.0, wall_now().timestamp() - since)

    def close(self) -> None:
        """Write what waits and seal it; `take` still works."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    def unlock(self) -> None:
        """Let another process have the folder."""
        self._lock_file.close()

    def _replay(self, settled: str) -> int:
        """Take over what an earlier process left; returns the highest number used."""
        number = 0
        for path in sorted(self.folder.glob("*.wal")):
            number = int(path.stem.split("-")[0])
            if path.stem == settled:
                path.unlink()
                continue
            segment = mend(path, self.refused)
            if segment is not None:
                self._sealed.append(segment)
                self.bytes += segment.size
                self._hold(segment.held)
        return number

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(self._due, self._patience())
                batch, self._queue = self._queue, []
                ended = self._closing and not batch
            if batch:
                self._commit(batch)
            if self._file is not None and (ended or self._ripe()):
                self._seal(self._file)
            if ended:
                return

    def _due(self) -> bool:
        return bool(self._queue) or self._closing or self._ripe()

    def _patience(self) -> float | None:
        if self._file is None:
            return None
        return (
            max(0.0, self._file.opened + self._linger_s - time.monotonic())
            if self._wanted
            else None
        )

    def _ripe(self) -> bool:
        file = self._file
        if file is None:
            return False
        idle = self._wanted and not self._sealed
        old = time.monotonic() >= file.opened + self._linger_s
        return file.size >= self._segment_bytes or (idle and old)

    def _commit(self, batch: list[Waiting]) -> None:
        """Write and sync a group, then tell all that wait for it."""
        error: Exception | None = None
        try:
            data = b"".join([frame(record) for record, _ in batch])
            self._append(data, batch)
            self.problem = None
        except (OSError, NotDurableError) as failure:
            error = NotDurableError(f"the write-ahead log cannot be written: {failure}")
            if self.problem is None:
                self.problem_since = time.monotonic()
                LOG.error("wal.refuses reason=%s", failure)  # noqa: TRY400 - said in one line
            self.problem = str(error)
        except Exception as failure:  # a defect of ours must not leave senders without an answer
            LOG.exception("wal.broken requests=%d", len(batch))
            error = failure
        loop = batch[0][1].get_loop()
        try:
            loop.call_soon_threadsafe(_settle, batch, error)
        except RuntimeError:  # the loop has been closed, so nobody waits any more
            LOG.warning("wal.nobody_waits requests=%d", len(batch))

    def _append(self, data: bytes, batch: list[Waiting]) -> None:
        if self.bytes + len(data) > self.limit_bytes:
            raise NotDurableError(
                f"{self.bytes >> 20} MiB wait for the store, which is the limit;"
                " see /readyz for why the store does not take them"
            )
        if self._file is None:
            self._file = self._create()
        try:
            self._file.append(data)
        except OSError:
            self._abandon(self._file)
            raise
        held: Counter[Held] = Counter()
        for record, _ in batch:
            held.update(record.held())
        self._file.held.update(held)
        with self._changed:
            self._hold(held)
        self.bytes += len(data)

    def _hold(self, held: Counter[Held]) -> None:
        self.waiting.update(held)
        for key, number in held.items():
            self.kept[key.signal] += number

    def _create(self) -> GrowingFile:
        self._number += 1
        file = GrowingFile(self.folder / f"{self._number:012d}-{self._run}.wal")
        self.bytes += file.size
        sync(self.folder)
        return file

    def _abandon(self, file: GrowingFile) -> None:
        """After a failed write nothing more goes into this file; it is good up to its size."""
        file.cut()
        self._seal(file)

    def _seal(self, file: GrowingFile) -> None:
        file.close()
        self._file = None
        with self._changed:
            if file.size > len(MAGIC):
                since = wall_now().timestamp() - (time.monotonic() - file.opened)
                self._sealed.append(Segment(file.path, file.size, file.held, since))
            else:
                self.bytes -= file.size
                file.path.unlink()
            self._changed.notify_all()


def _settle(batch: list[Waiting], error: Exception | None) -> None:
    for _, done in batch:
        if done.cancelled():
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
