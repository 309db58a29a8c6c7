"""One process per data directory: a lock file that says who holds it."""

from __future__ import annotations

import fcntl
import json
import os
from typing import TYPE_CHECKING

from monitor.exceptions import ConfigurationError, StoreLockedError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DirectoryLock"]

NAME = "store.lock"


class DirectoryLock:
    """Holds a data directory until `release`, or until the process ends, however it ends.

    Args:
        directory: the data directory; made when it is not there.
        url: where this process will answer, for the message to whoever comes second.

    Raises:
        ConfigurationError: the directory cannot be written.
        StoreLockedError: another process holds it; names its pid and URL.
    """

    def __init__(self, directory: Path, url: str) -> None:
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._file = os.open(directory / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigurationError(
                f"the data directory {directory} cannot be written: {error.strerror};"
                " make it writable or choose another OUTERLOOP_DATA_DIR"
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._file, 4096, 0)
            os.close(self._file)
            raise StoreLockedError(_refusal(directory, holder)) from None
        os.ftruncate(self._file, 0)  # a file left by a process that was killed is simply taken over
        os.pwrite(self._file, json.dumps({"pid": os.getpid(), "url": url}).encode(), 0)

    def release(self) -> None:
        """Let another process take the directory."""
        os.ftruncate(self._file, 0)
        os.close(self._file)


def _refusal(directory: Path, holder: bytes) -> str:
    try:
        said = json.loads(holder)
        who = f"process {said['pid']} at {said['url']}"
    except (ValueError, KeyError, TypeError):  # it has the lock and has not signed yet
        who = "another process that is just starting"
    return (
        f"{directory} is held by {who}: one process at a time can open an embedded store;"
        " use that one, stop it, or choose another OUTERLOOP_DATA_DIR"
    )
