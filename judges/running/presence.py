"""Which holders of money are alive, also in other processes: each locks one byte of a file.

The kernel drops such a lock when the process dies, whatever kills it; a process id can be used
again, and a start time moves when the clock is set. The locks are POSIX record locks, which belong
to a process: a fork does not inherit them.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Presence"]


@dataclass(slots=True)
class _LockFile:
    """This process's one descriptor of a lock file: closing any other would drop all its locks."""

    descriptor: int
    held: set[int] = field(default_factory=set)


_files: dict[str, _LockFile] = {}
_guard = RLock()


class Presence:
    """The living holders of one journal.

    Args:
        path: the lock file; None knows only holders of this object, for a journal in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = None if path is None else str(path)
        self._own: set[int] = set()

    def enter(self, holder: int) -> None:
        """Be alive, until `leave` or the death of the process."""
        if self._path is None:
            self._own.add(holder)
            return
        with _guard:
            file = _files.get(self._path)
            if file is None:
                file = _files[self._path] = _LockFile(_opened(self._path))
            fcntl.lockf(file.descriptor, fcntl.LOCK_EX, 1, holder)
            file.held.add(holder)

    def leave(self, holder: int) -> None:
        """Be gone; what the holder has not settled counts as lost from now on."""
        self._own.discard(holder)
        with _guard:
            file = None if self._path is None else _files.get(self._path)
            if self._path is None or file is None or holder not in file.held:
                return
            file.held.discard(holder)
            fcntl.lockf(file.descriptor, fcntl.LOCK_UN, 1, holder)
            if not file.held:
                os.close(_files.pop(self._path).descriptor)

    def alive(self, holder: int) -> bool:
        """Whether the holder has entered and neither left nor died."""
        if self._path is None:
            return holder in self._own
        with _guard, self._probe() as file:
            if holder in file.held:
                return True
            try:
                fcntl.lockf(file.descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, holder)
            except OSError:
                return True
            fcntl.lockf(file.descriptor, fcntl.LOCK_UN, 1, holder)
            return False

    @contextmanager
    def _probe(self) -> Iterator[_LockFile]:
        assert self._path is not None
        known = _files.get(self._path)
        if known is not None:
            yield known
            return
        file = _LockFile(_opened(self._path))
        try:
            yield file
        finally:
            os.close(file.descriptor)


def _opened(path: str) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _forget() -> None:
    """In a forked child: the locks stayed with the parent, and closing drops none of its own."""
    global _guard  # noqa: PLW0603 - a thread of the parent may have held it for ever
    _guard = RLock()
    for file in _files.values():
        os.close(file.descriptor)
    _files.clear()


os.register_at_fork(after_in_child=_forget)
