"""How fast the story goes: how much history it makes up, and how often the jobs look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

__all__ = ["FAST", "FULL", "TURN", "Pace"]

TURN = datetime(2024, 1, 1, tzinfo=UTC)
"""When the year turns."""


@dataclass(frozen=True, slots=True)
class Pace:
    """One way to tell the story."""

    start: datetime
    per_day: int
    quiet_step: timedelta
    """Simulated time between two looks of the jobs while all is well."""
    cure_step: timedelta
    """The same while people wait for labels, a candidate and the recovery."""
    embeddings_per_day: int = 4
    """Texts of the extractor that are embedded; 0 saves the seconds that loading the encoder takes."""
    hunt_step: timedelta = timedelta(hours=1)
    """The same after the turn, until the incident is open."""
    last: datetime = TURN + timedelta(days=40)
    """The story gives up here; it has never come near."""


FAST = Pace(
    start=datetime(2023, 12, 20, tzinfo=UTC),
    per_day=200,
    quiet_step=timedelta(days=4),
    cure_step=timedelta(days=4),
    embeddings_per_day=0,
    hunt_step=timedelta(hours=4),
)
FULL = Pace(
    start=datetime(2023, 12, 1, tzinfo=UTC),
    per_day=500,
    quiet_step=timedelta(hours=12),
    cure_step=timedelta(hours=12),
)
