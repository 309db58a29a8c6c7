"""Shares, moments and lengths of time as a message says them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta

__all__ = ["percent", "span", "when"]


def percent(share: float) -> str:
    """A share as a percentage; small ones keep two decimals, where the interesting digits are.

    >>> percent(0.0512), percent(0.0042), percent(0)
    ('5.1 %', '0.42 %', '0 %')
    """
    if share == 0:
        return "0 %"
    return f"{100 * share:.2f} %" if abs(share) < 0.01 else f"{100 * share:.1f} %"


def when(moment: datetime) -> str:
    """A moment with its zone; everything in the store is UTC.

    >>> from datetime import UTC, datetime
    >>> when(datetime(2024, 1, 1, 7, 5, tzinfo=UTC))
    'Mon 1 Jan 2024 07:05 UTC'
    """
    return f"{moment:%a} {moment.day} {moment:%b %Y %H:%M} UTC"


def span(length: timedelta) -> str:
    """How long something lasted, in the two units that matter.

    >>> from datetime import timedelta
    >>> span(timedelta(days=9, hours=4)), span(timedelta(minutes=61)), span(timedelta(seconds=3))
    ('9 days 4 hours', '1 hour 1 minute', 'less than a minute')
    """
    minutes = max(0, int(length.total_seconds() // 60))
    units = (("day", minutes // 1440), ("hour", minutes // 60 % 24), ("minute", minutes % 60))
    said = [f"{n} {unit}{'' if n == 1 else 's'}" for unit, n in units if n]
    return " ".join(said[:2]) or "less than a minute"
