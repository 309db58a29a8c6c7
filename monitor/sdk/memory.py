"""What stands in for collector and clock while `monitor.testing` captures."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from monitor.sdk.outbox import Delivery, Outbox, Record

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from monitor.sdk.configuration import Limits

__all__ = ["Memory", "Ticks"]

NEW_YEAR_NS = 1_704_067_200_000_000_000
"""2024-01-01T00:00:00Z, when every capture begins."""
MILLISECOND_NS = 1_000_000


class Ticks:
    """A clock that moves by a millisecond with every event, and a timer that agrees with it."""

    def __init__(self) -> None:
        self._count = count(1)
        self._now = 0

    def clock(self) -> int:
        """Unix time in nanoseconds."""
        return NEW_YEAR_NS + self._now * MILLISECOND_NS

    def timer(self) -> int:
        """Nanoseconds since the beginning; something has begun or ended."""
        self._now = next(self._count)
        return self._now * MILLISECOND_NS


class Memory(Outbox):
    """An outbox that hands over every record at once."""

    def __init__(self, limits: Limits, keep: Callable[[Record], None]) -> None:
        super().__init__(limits, start=_start_nothing)
        self._keep = keep
        self._numbers = count(1)
        self._kept = 0

    def put(self, record: Record) -> None:
        """Keep it."""
        self._keep(record)
        self._kept = next(self._numbers)

    def delivery(self) -> Delivery:
        """Everything is where it should be."""
        return Delivery(self._kept, 0, 0)

    def flush(self, timeout_s: float) -> Delivery:
        """Nothing waits."""
        del timeout_s
        return self.delivery()


def _start_nothing(outbox: Outbox) -> threading.Thread:
    raise AssertionError(f"{outbox!r} needs no sender")
