"""A bounded way for pieces from a working thread to the event loop."""

from __future__ import annotations

import asyncio
from threading import Semaphore
from typing import Generic, TypeVar

__all__ = ["Channel"]

T = TypeVar("T")


class Channel(Generic[T]):
    """The thread puts, the loop gets; a slow reader makes the thread wait, a gone one ends it.

    Args:
        places: how many pieces may lie between the two.
    """

    def __init__(self, places: int = 4) -> None:
        self._loop = asyncio.get_running_loop()
        self._pieces: asyncio.Queue[T] = asyncio.Queue()
        self._places = Semaphore(places)
        self._closed = False

    def has_place(self, within_s: float) -> bool:
        """Whether a `put` would not wait, after at most so long; from the thread."""
        if not self._places.acquire(timeout=within_s):
            return False
        self._places.release()
        return True

    def is_open(self) -> bool:
        """Whether somebody still reads."""
        return not self._closed

    def put(self, piece: T) -> bool:
        """Hand a piece over, from the thread; false when nobody will read it."""
        self._places.acquire()
        if self._closed:
            self._places.release()
            return False
        self._loop.call_soon_threadsafe(self._pieces.put_nowait, piece)
        return True

    async def get(self) -> T:
        """The next piece, in the loop."""
        piece = await self._pieces.get()
        self._places.release()
        return piece

    def close(self) -> None:
        """Stop reading: a waiting `put` returns, later ones return at once."""
        self._closed = True
        self._places.release()  # each put that finds the channel closed passes its place on
