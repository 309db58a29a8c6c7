"""The only module that reads the time: everything else is told it, as an aware UTC datetime."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["CLOCK_FILE", "parse_time", "rfc3339", "utcnow", "wall_now"]

CLOCK_FILE = "OUTERLOOP_CLOCK_FILE"
"""Environment variable: a file with the RFC 3339 time that stands for now. Replays and the demo set it, so
that every process of a sidecar lives in the same simulated moment."""


def utcnow() -> datetime:
    """The present moment of this sidecar, aware, in UTC: the clock file's, where one is set."""
    path = os.environ.get(CLOCK_FILE)
    return parse_time(Path(path).read_text("ascii").strip()) if path else wall_now()


def wall_now() -> datetime:
    """The present moment outside, whatever is being replayed: for signatures, deadlines and budgets."""
    return datetime.now(UTC)


def parse_time(text: str) -> datetime:
    """An RFC 3339 time or date as an aware UTC datetime; a text without a zone is taken as UTC.

    Raises:
        ValueError: the text is not an ISO 8601 date or time.

    >>> parse_time("2024-01-01")
    datetime.datetime(2024, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)
    >>> parse_time("2024-01-01T02:00:00+02:00").isoformat()
    '2024-01-01T00:00:00+00:00'
    """
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def rfc3339(moment: datetime) -> str:
    """`2024-01-01T00:00:00Z`, the way every text of ours writes a time.

    >>> rfc3339(parse_time("2024-01-01"))
    '2024-01-01T00:00:00Z'
    """
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
