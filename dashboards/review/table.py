"""The table that all reviewers sit at: whose call is whose, and each one's sitting, which a reload does not end."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dashboards.review.sitting import Place, Sitting

__all__ = ["HELD_FOR", "Call", "Table"]

HELD_FOR = timedelta(minutes=10)
"""A person who says nothing for so long has gone away: the call is free for others."""
REMEMBERED = 20_000
"""Answered calls that are remembered: more than all hands together hold."""
SITTINGS = 200
"""Sittings that are remembered, the latest."""

Call = tuple[str, str, str]
"""Service, trace and span."""


@dataclass(slots=True)
class Table:
    """Shared by all who review in one process of the dashboards."""

    held: dict[Call, tuple[str, datetime]] = field(default_factory=dict)
    answered: dict[Call, None] = field(default_factory=dict)
    """Of late, the latest last."""
    sittings: dict[Place, Sitting] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def take(self, call: Call, reviewer: str, now: datetime) -> bool:
        """Whether a call is this person's now; each has one at a time.

        >>> from datetime import UTC
        >>> table, now = Table(), datetime(2024, 1, 1, tzinfo=UTC)
        >>> table.take(("bank", "t", "s"), "ada", now), table.take(("bank", "t", "s"), "grace", now)
        (True, False)
        >>> table.take(("bank", "u", "s"), "ada", now), table.take(("bank", "t", "s"), "grace", now)
        (True, True)
        """
        with self._lock:
            holder, since = self.held.get(call, ("", now))
            if holder not in ("", reviewer) and now - since < HELD_FOR:
                return False
            for one in [each for each, (name, _) in self.held.items() if name == reviewer]:
                del self.held[one]
            self.held[call] = (reviewer, now)
            return True

    def finish(self, calls: Iterable[Call]) -> None:
        """These are answered: whoever has them in hand too puts them away."""
        with self._lock:
            self.answered.update(dict.fromkeys(calls))
            while len(self.answered) > REMEMBERED:
                del self.answered[next(iter(self.answered))]

    def reopen(self, call: Call) -> None:
        """An answer was taken back."""
        with self._lock:
            self.answered.pop(call, None)

    def finished(self, call: Call) -> bool:
        """Whether somebody has answered about it of late."""
        return call in self.answered

    def remember(self, sitting: Sitting) -> None:
        """Keep a sitting, so that a reloaded page goes on with it."""
        with self._lock:
            self.sittings.pop(sitting.place, None)
            self.sittings[sitting.place] = sitting
            while len(self.sittings) > SITTINGS:
                del self.sittings[next(iter(self.sittings))]
