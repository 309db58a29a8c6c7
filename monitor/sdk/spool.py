"""What could not be sent, on disk: it outlives a crash of the app, and the next process sends it.

One folder for each service and endpoint; in it segments, each a row of frames (header and the body
of one request). A process holds the lock of every segment that it works on; the system lets go of
it when the process dies, however it does, and only then another one takes the segment over. Frames
are sent from the end, and each is cut off as soon as it is confirmed, so that a crash in between
repeats one request at most; ids are stable, so the store counts a repeated one once.

Nothing here is called by the app's own threads.
"""

from __future__ import annotations

import re
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.sdk.guard import GUARD
from monitor.sdk.segment import HEADER, Frame, Segment

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Spool", "spool_folder"]

SEGMENT_BYTES = 4 * 1024 * 1024
LONGEST_DAYS = 7
"""Older segments than this are deleted unsent: nobody waits for them."""
BROKEN_S = 30.0
"""After a failed write the disk is left alone for this long."""


class Spool:
    """The segments of one service, as one process sees them."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._mine: list[Segment] = []
        self._found: Segment | None = None
        self._broken_until = 0.0

    def keep(self, path: str, count: int, body: bytes) -> bool:
        """Write one request; False where there is no room, or no disk that works."""
        if time.monotonic() < self._broken_until:
            return False
        try:
            segment = self._writable(len(body))
            if segment is None:
                return False
            segment.append(path, count, body)
        except OSError as error:
            self._broken_until = time.monotonic() + BROKEN_S
            GUARD.warn(
                f"spool {error.errno}",
                "outerloop: cannot write to %s (%s); what is recorded waits in memory only",
                self._folder,
                error.strerror or error,
            )
            return False
        return True

    def held(self) -> int:
        """How many records of this process lie here."""
        return sum(frame.records for segment in self._mine for frame in segment.frames)

    def last(self) -> tuple[Segment, Frame, bool] | None:
        """A frame to send, with its segment and whether it is this process's own."""
        for segment in reversed(self._mine):
            if segment.frames:
                return segment, segment.frames[-1], True
        if self._found is not None and self._found.frames:
            return self._found, self._found.frames[-1], False
        self.tidy()
        return None

    def look(self) -> bool:
        """Take over a segment that a dead process left; False where there is none."""
        self.tidy()
        if self._found is not None:
            return True
        mine = {segment.path for segment in self._mine}
        try:
            for path in self._files():
                if path in mine or self._expired(path):
                    continue
                segment = Segment.take_over(path)
                if segment is not None and not segment.frames:
                    segment.close(remove=True)
                elif segment is not None:
                    self._found = segment
                    return True
        except OSError as error:  # another user's folder, or a disk that fails: not ours to read
            GUARD.warn(
                f"spool {error.errno}", "outerloop: cannot read %s (%s)", self._folder, error
            )
        return False

    def leave(self) -> None:
        """Let go of the segment that was taken over; it is for another time, or another process."""
        if self._found is not None:
            self._found.close(remove=False)
            self._found = None

    def tidy(self) -> None:
        """Delete the segments that are empty, except the one being written."""
        for segment in [segment for segment in self._mine if not segment.frames]:
            segment.close(remove=True)
            self._mine.remove(segment)
        if self._found is not None and not self._found.frames:
            self._found.close(remove=True)
            self._found = None

    def close(self) -> None:
        """Leave what is not sent to the next process."""
        self.tidy()
        for segment in (*self._mine, *([self._found] if self._found else [])):
            segment.close(remove=False)
        self._mine, self._found = [], None

    def _writable(self, size: int) -> Segment | None:
        """A segment with room for `size` more bytes; None where the spool is full."""
        used = sum(path.stat().st_size for path in self._files())
        if used + size + HEADER.size > self._most_bytes:
            GUARD.warn("spool full", "outerloop: the spool in %s is full", self._folder)
            return None
        if self._mine and self._mine[-1].end + size <= SEGMENT_BYTES:
            return self._mine[-1]
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._mine.append(Segment.create(self._folder))
        return self._mine[-1]

    def _files(self) -> Iterator[Path]:
        return iter(sorted(self._folder.glob("*.otlp"))) if self._folder.is_dir() else iter(())

    def _expired(self, path: Path) -> bool:
        """Whether it is too old to be sent; then it is gone."""
        if time.time() - path.stat().st_mtime < LONGEST_DAYS * 86_400:
            return False
        path.unlink(missing_ok=True)
        path.with_suffix(".corrupt").unlink(missing_ok=True)
        GUARD.warn("spool expired", "outerloop: a spool file older than a week was deleted unsent")
        return True


def spool_folder(root: str, service: str, endpoint: str) -> Path:
    """Where the spool of a service lies; what is meant for one endpoint never goes to another."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", service).strip(".")[:60] or "service"
    told = zlib.crc32(f"{service}\n{endpoint}".encode("utf-8", "replace"))
    return Path(root) / f"{name}-{told:08x}"
