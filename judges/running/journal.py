"""The judging journal: one SQLite file that knows what was paid, what was answered and what is under way.

Several processes and threads write it at once. A row that was committed outlives the death of any
process; `synchronous=NORMAL` syncs at checkpoints only, so that a power cut may take the last moments.
Size: about 2 KB for a verdict, 1 KB for a cached reply, 0.2 KB for a hold; `prune` bounds it.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from judges.asking.replies import StoredReply
from judges.running.books import Books
from judges.running.journal_file import JournalError, JournalFile
from judges.running.kept import loads, plain_usage, usage_of
from judges.running.presence import Presence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from judges.interaction import Verdict
    from judges.running.books import Asked

__all__ = ["Journal", "JournalError", "RunningError"]

BATCH = 1000
"""Rows that are deleted at once, so that a prune keeps nobody waiting."""


class RunningError(JournalError):
    """The run is under way in this or another process; wait for it, or use another run id."""


class Journal:
    """Holds, verdicts and replies of all runs; safe across threads, processes, forks and kills.

    Args:
        path: the file, made when it is missing, readable by its owner alone; beside it stand
            SQLite's two and one ending in `-holders`. None keeps everything in memory.
        busy_timeout_s: how long to wait for another process that is writing.

    Raises:
        JournalError: the file is something else, damaged, or cannot be written.
    """

    def __init__(self, path: Path | str | None, *, busy_timeout_s: float = 30.0) -> None:
        self.path = None if path is None else Path(path).absolute()
        self.presence = Presence(
            None if self.path is None else self.path.with_name(self.path.name + "-holders")
        )
        self.day = ""
        """The latest day that an account of this process booked on. Replies are stamped with it, for
        `prune`; those that are kept before any account books count as older than any day."""
        self._file = JournalFile(self.path, busy_timeout_s)

    def close(self) -> None:
        """Close the file; idempotent."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def writing(self) -> Iterator[Books]:
        """One transaction: all of it or nothing, and no other process writes meanwhile.

        Raises:
            JournalError: the file cannot be written.
        """
        with self._file.writing() as connection:
            yield Books(connection)

    @contextmanager
    def reading(self) -> Iterator[Books]:
        """The state as it is committed; every question sees the newest."""
        with self._file.reading() as connection:
            yield Books(connection)

    def get(self, key: str) -> StoredReply | None:
        """The reply that was stored for the request, by any run."""
        with self.reading() as books:
            text = books.reply(key)
        if text is None:
            return None
        plain = json.loads(text)
        return StoredReply(plain["text"], plain["probabilities"], usage_of(plain["usage"]))

    def put(self, key: str, reply: StoredReply) -> None:
        """Keep a good reply, so that the same request is never paid again."""
        plain = {
            "text": reply.text,
            "probabilities": dict(reply.probabilities),
            "usage": plain_usage(reply.usage),
        }
        with self.writing() as books:
            books.keep_reply(key, self.day, json.dumps(plain))

    def verdicts(self, run_id: str) -> dict[Asked, Verdict]:
        """What the run has settled so far.

        Raises:
            JournalError: a kept verdict cannot be read.
        """
        with self.reading() as books:
            rows = books.verdicts(run_id)
        try:
            return {asked: loads(text) for asked, text in rows}
        except ValueError as error:
            raise JournalError(f"{self.path}: {error}; start the run under another id") from error

    def enter(self) -> int:
        """A new holder of money, alive until it leaves or its process dies."""
        with self.writing() as books:
            holder = books.new_holder(os.getpid())
            self.presence.enter(holder)  # before the commit: nobody ever sees it without its lock
        return holder

    def open_run(self, run_id: str, holder: int, day: str) -> None:
        """Make the run the holder's.

        Raises:
            RunningError: another living holder runs it.
        """
        with self.writing() as books:
            other = books.run_holder(run_id)
            if other and self.presence.alive(other):
                raise RunningError(
                    f"run {run_id} is under way already, in process {books.pid(other)};"
                    " wait for it to end, or use another run id"
                )
            books.own_run(run_id, holder, day)

    def close_run(self, run_id: str, holder: int) -> None:
        """Let others run it again."""
        with self.writing() as books:
            books.disown_run(run_id, holder)

    def prune(self, before: date) -> int:
        """Delete what is older, a thousand rows at a time; says how many rows.

        Runs last opened before that day go with their verdicts: resumed, they would ask and pay
        again. Holds and totals of earlier days go, lost ones too, and with them what a run that is
        older than the day has spent. Nothing of a holder that is alive goes. Runs that were kept
        without a clock count as older than any day.
        """
        day, deleted = before.isoformat(), 0
        for step in (Books.prune_verdicts, Books.prune_holds, Books.prune_replies):
            rows = BATCH
            while rows == BATCH:
                with self.writing() as books:
                    rows = step(books, day, self._living(books), BATCH)
                deleted += rows
        with self.writing() as books:
            living = self._living(books)
            deleted += books.prune_runs(day, living) + books.prune_totals(day)
            return deleted + books.prune_holders(living)

    def forget(self, keys: Iterable[str]) -> int:
        """Erase the verdicts on these samples from all runs, and all cached replies; says how many.

        A cached reply may quote a sample and does not know which: a cache can be done without.
        """
        with self.writing() as books:
            erased = books.forget(keys)
        self._file.wipe()
        return erased

    def _living(self, books: Books) -> list[int]:
        return [one for one in books.holders() if self.presence.alive(one)]
