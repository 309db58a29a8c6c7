"""How the store grows, and when its disk would be full. Pure."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Growth", "growth", "in_bytes"]

BYTES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


@dataclass(frozen=True, slots=True)
class Growth:
    """What the store does at the pace of the last days."""

    per_day: float
    """Bytes a day, before rows age out."""
    settles_at: float | None
    """Bytes at which as much ages out as comes; None where nothing ages out."""
    days_until_full: float | None
    """None where it does not fill the disk, or nobody knows the disk."""


def growth(
    *, size: float, stored: float, per_day: float, free: float | None, retention_days: int
) -> Growth | None:
    """The outlook from what a record takes on disk and how many come a day; None while nobody can tell.

    Args:
        size: bytes of all tables now.
        stored: records that made them, by the collector's account.
        per_day: records stored on a day, lately.
        free: bytes left on the disk, None where unknown.
        retention_days: after so many days rows age out; 0 for never.

    >>> found = growth(size=1e9, stored=1e6, per_day=1e5, free=2e9, retention_days=0)
    >>> found.per_day, found.settles_at, found.days_until_full
    (100000000.0, None, 20.0)
    >>> growth(size=1e9, stored=1e6, per_day=1e5, free=9e9, retention_days=90).days_until_full is None
    True
    """
    if stored <= 0 or per_day <= 0 or size <= 0:
        return None
    daily = size / stored * per_day
    settles = daily * retention_days if retention_days else None
    if free is None or (settles is not None and settles - size <= free):
        return Growth(daily, settles, None)
    return Growth(daily, settles, free / daily)


def in_bytes(number: float) -> str:
    """A size to be glanced at.

    >>> in_bytes(999), in_bytes(8.04e6)
    ('999 bytes', '8.0 MB')
    """
    for size, unit in BYTES:
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number:.0f} bytes"
