"""The journal's SQLite file: made, recognised, shared with other processes, and safe to fork with."""

from __future__ import annotations

import os
import sqlite3
import time
import weakref
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from threading import RLock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["JournalError", "JournalFile"]

APPLICATION_ID = 0x4F4C4A31  # "OLJ1": what tells our file from anybody else's
EDITION = 1
WAL_BYTES = 16 * 2**20

_open: weakref.WeakSet[JournalFile] = weakref.WeakSet()
_forking: list[JournalFile] = []


class JournalError(RuntimeError):
    """The judging journal cannot be used, so that nothing may be spent; the message says why."""


class JournalFile:
    """One connection per process; one thread at a time.

    Args:
        path: None keeps everything in memory.
        busy_timeout_s: how long to wait for another process that is writing.
    """

    def __init__(self, path: Path | None, busy_timeout_s: float) -> None:
        self.path = path
        self._busy_timeout_s = busy_timeout_s
        self._lock = RLock()
        self._pid = os.getpid()
        self._inode: tuple[int, int] | None = None
        self._connection: sqlite3.Connection | None = None
        with self._told():
            self._create()
            self._connected()
        _open.add(self)

    def close(self) -> None:
        """Close it; idempotent."""
        with self._lock:
            _open.discard(self)
            if self._connection is not None:
                self._connection.close()
            self._connection, self._pid = None, 0

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection; every statement sees what is committed by then."""
        with self._lock, self._told():
            yield self._connected()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it or nothing, and no other process writes meanwhile."""
        with self.reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # a full disk may have rolled back already
                    connection.execute("ROLLBACK")
                raise

    def wipe(self) -> None:
        """Leave nothing of what was deleted in SQLite's write-ahead log, unless it is being read."""
        with self.reading() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def part(self) -> None:
        """Before a fork: two processes that share SQLite's memory of its locks destroy the file."""
        self._lock.acquire()
        if self.path is not None and self._connection is not None:
            self._connection.close()
            self._connection = None

    def part_again(self, *, child: bool) -> None:
        """After it: each of the two opens a connection of its own when it needs one."""
        if child and self.path is not None and self._pid:
            self._pid = os.getpid()
        self._lock.release()

    def _create(self) -> None:
        """Make an empty file that only its owner reads; SQLite's own files inherit that."""
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))

    def _connected(self) -> sqlite3.Connection:
        if self._pid != os.getpid():
            raise JournalError("the journal is closed, or in the memory of the process that forked")
        if self.path is not None:
            self._same_file(self.path)
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _same_file(self, path: Path) -> None:
        """A file that was deleted or replaced would let others spend the same money again."""
        try:
            found = path.stat()
        except FileNotFoundError:
            found = None
        inode = None if found is None else (found.st_dev, found.st_ino)
        if self._inode is None:
            self._inode = inode
        if inode is None or inode != self._inode:
            raise JournalError(
                f"{path} was deleted or replaced while in use; put it back, or start again"
            )

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            ":memory:" if self.path is None else self.path,
            timeout=self._busy_timeout_s,
            isolation_level=None,
            check_same_thread=False,  # our lock lets one thread in at a time
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN")  # another process may be making the file right now
        self._recognise(connection)
        connection.execute("COMMIT")
        until = time.monotonic() + self._busy_timeout_s
        while True:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                break
            except sqlite3.OperationalError as error:
                # Changing the mode does not wait for another process that does the same.
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
                time.sleep(0.01)
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA secure_delete=ON")
        connection.execute(f"PRAGMA journal_size_limit={WAL_BYTES}")
        connection.execute("BEGIN IMMEDIATE")
        if self._recognise(connection) == 0:
            for statement in _schema().split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={EDITION}")
        connection.execute("COMMIT")

    def _recognise(self, connection: sqlite3.Connection) -> int:
        """The file's edition, 0 of an empty one; refuses what is not ours before touching it."""
        [application] = connection.execute("PRAGMA application_id").fetchone()
        [edition] = connection.execute("PRAGMA user_version").fetchone()
        [tables] = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if (application, edition, tables) == (0, 0, 0):
            return 0
        if application != APPLICATION_ID:
            raise JournalError(f"{self.path} is another program's database; give another path")
        if edition > EDITION:
            raise JournalError(f"{self.path} is of a newer Outerloop; upgrade this one")
        return int(edition)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of SQLite and the system as one of ours that says what to do."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            advice = _ADVICE.get(code, "make sure that its folder exists and can be written")
            raise JournalError(f"the judging journal {self.path}: {error}; {advice}") from error


_ADVICE = {
    sqlite3.SQLITE_NOTADB: "it is no journal; move it away, and a new one is made",
    sqlite3.SQLITE_CORRUPT: "it is damaged; move it away, and a new one is made",
    sqlite3.SQLITE_FULL: "make room on the disk",
    sqlite3.SQLITE_IOERR: "make room on the disk, or mend it",
    sqlite3.SQLITE_READONLY: "let this user write it",
    sqlite3.SQLITE_BUSY: "another process has been writing it for too long; see what it does",
}


@cache
def _schema() -> str:
    text = (files("judges.running") / "journal.sql").read_text("utf-8")
    return "\n".join(line.partition("--")[0].rstrip() for line in text.splitlines())


def _before_fork() -> None:
    _forking.extend(_open)
    for journal in _forking:
        journal.part()


def _after_fork(*, child: bool) -> None:
    for journal in _forking:
        journal.part_again(child=child)
    _forking.clear()


os.register_at_fork(
    before=_before_fork,
    after_in_parent=lambda: _after_fork(child=False),
    after_in_child=lambda: _after_fork(child=True),
)
