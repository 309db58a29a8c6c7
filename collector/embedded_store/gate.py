"""A gate for reading queries: so many at a time, the others wait, nobody waits for ever."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from collector.embedded_store.errors import TOO_MANY_QUERIES, QueryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Gate", "Place"]

LOOK_EVERY_S = 0.25


class Place:
    """A place inside.

    Args:
        free: the gate's free places.
    """

    def __init__(self, free: threading.Semaphore) -> None:
        self._free: threading.Semaphore | None = free

    def leave(self) -> None:
        """Give it back early, as a query does whose client reads slowly: others may compute."""
        free, self._free = self._free, None
        if free is not None:
            free.release()


class Gate:
    """Lets reading queries pass; inserts never come here.

    Args:
        places: how many may be inside.
        patience_s: how long one waits in front of it.
        queue: how many may wait.
    """

    def __init__(self, places: int, *, patience_s: float = 60.0, queue: int = 128) -> None:
        self._free = threading.Semaphore(places)
        self._queue = threading.Semaphore(queue)
        self._patience_s = patience_s
        self._places = places

    @contextmanager
    def inside(self, wanted: Callable[[], bool]) -> Iterator[Place]:
        """Be inside for a while.

        Args:
            wanted: whether somebody still waits for the answer.

        Raises:
            QueryError: it took too long to get in, too many wait already, or nobody wants it.
        """
        if not self._free.acquire(blocking=False):
            self._line_up(wanted)
        place = Place(self._free)
        try:
            yield place
        finally:
            place.leave()

    def _line_up(self, wanted: Callable[[], bool]) -> None:
        if not self._queue.acquire(blocking=False):
            raise self._refusal("too many wait")
        try:
            deadline = time.monotonic() + self._patience_s
            while not self._free.acquire(timeout=LOOK_EVERY_S):
                if not wanted():
                    raise self._refusal("its client has left")
                if time.monotonic() > deadline:
                    raise self._refusal(f"none ended within {self._patience_s:g} s")
        finally:
            self._queue.release()

    def _refusal(self, reason: str) -> QueryError:
        return QueryError(
            TOO_MANY_QUERIES, "TOO_MANY_SIMULTANEOUS_QUERIES",
            f"Too many simultaneous queries: {self._places} are running and {reason};"
            " ask again later, or for less at a time",
        )  # fmt: skip
