"""The write-ahead log's files on disk: one that grows, and the folder that one process holds."""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections import Counter
from typing import TYPE_CHECKING, TextIO

from collector.segment import MAGIC, Held
from monitor.exceptions import StoreLockedError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["GrowingFile", "lock", "sync"]

LOG = logging.getLogger(__name__)


class GrowingFile:
    """The file that is being written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.opened = time.monotonic()
        self.held: Counter[Held] = Counter()
        self.size = 0
        self._descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            self.append(MAGIC)
        except OSError:
            self.close()
            path.unlink()
            raise

    def append(self, data: bytes) -> None:
        """Write all of `data` and have it on the disk."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]
        os.fdatasync(self._descriptor)
        self.size += len(data)

    def cut(self) -> None:
        """Take the bytes of a failed write off, as far as the disk still lets us."""
        try:
            os.ftruncate(self._descriptor, self.size)
            os.fdatasync(self._descriptor)
        except OSError as error:
            LOG.warning("wal.uncut file=%s size=%d reason=%s", self.path.name, self.size, error)

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._descriptor)


def sync(folder: Path) -> None:
    """Have the folder's own entries on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lock(folder: Path) -> TextIO:
    """Hold the folder for this process until the file is closed.

    Raises:
        StoreLockedError: another collector uses it.
    """
    file = (folder / ".lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        owner = file.read().strip() or "unknown"
        file.close()
        raise StoreLockedError(
            f"the collector with process id {owner} uses {folder};"
            " stop it or choose another OUTERLOOP_DATA_DIR"
        ) from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
