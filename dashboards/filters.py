"""What a person asked to see: a stretch of time and a few facets. Pure; the address holds it."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

__all__ = ["ALL_TIME", "FACETS", "RANGES", "Filters", "bucket_s", "moment", "time_range"]

FACETS = ("service", "release", "environment", "model", "prompt_version", "tag")
"""Facets that every view shares, by their name in the address."""
RANGES = {
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
"""Ranges that end now."""
ALL_TIME = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
AGO = re.compile(r"-(\d{1,5})([mhd])")
UNITS = {"m": "minutes", "h": "hours", "d": "days"}
BUCKETS_S = (300, 900, 3600, 3 * 3600, 6 * 3600, 86_400, 7 * 86_400)
MOST_BUCKETS = 90


@dataclass(frozen=True, slots=True)
class Filters:
    """A half-open stretch of time and the facets; '' is any."""

    since: datetime
    until: datetime
    service: str = ""
    release: str = ""
    environment: str = ""
    model: str = ""
    prompt_version: str = ""
    tag_key: str = ""
    tag_value: str = ""

    def parameters(self) -> dict[str, object]:
        """The parameters that every question about calls takes."""
        return asdict(self)

    def facets(self) -> dict[str, str]:
        """The facets that are set, by their name in the address."""
        chosen = {name: getattr(self, name) for name in FACETS if name != "tag"}
        chosen["tag"] = f"{self.tag_key}={self.tag_value}" if self.tag_key else ""
        return {name: value for name, value in chosen.items() if value}


def time_range(
    name: str, now: datetime, custom: tuple[datetime, datetime] | None = None
) -> tuple[datetime, datetime]:
    """The stretch that a range means at `now`, up to the end of the running minute.

    A range of a day and more begins at a full hour: only the newest hour is then not summed up yet.

    >>> from monitor.clock import parse_time
    >>> [moment.isoformat() for moment in time_range("24h", parse_time("2024-01-02T10:00:30"))]
    ['2024-01-01T10:00:00+00:00', '2024-01-02T10:01:00+00:00']
    """
    if name == "all":
        return ALL_TIME
    if name == "custom" and custom is not None:
        return custom
    until = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    length = RANGES.get(name, RANGES["7d"])
    since = until - length
    return since if length < timedelta(days=1) else since.replace(minute=0), until


def moment(text: str, now: datetime) -> datetime | None:
    """A time as a person types it: with or without its zone (then UTC), or so long ago; None where it is none.

    Years that no store can hold are none either.

    >>> from monitor.clock import parse_time
    >>> now = parse_time("2024-01-02T10:00")
    >>> moment("2024-01-01 06:30", now).isoformat(), moment("2024-01-01T06:30+02:00", now).isoformat()
    ('2024-01-01T06:30:00+00:00', '2024-01-01T04:30:00+00:00')
    >>> moment("-90m", now).isoformat(), moment("yesterday", now)
    ('2024-01-02T08:30:00+00:00', None)
    """
    try:
        if ago := AGO.fullmatch(text.strip()):
            found = now - timedelta(**{UNITS[ago[2]]: int(ago[1])})
        else:
            found = datetime.fromisoformat(text.strip())
        found = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if ALL_TIME[0] <= found < ALL_TIME[1] else None


def bucket_s(since: datetime, until: datetime, *, most: int = MOST_BUCKETS) -> int:
    """Seconds of one bar, so that a chart has at most `most` of them.

    >>> from monitor.clock import parse_time
    >>> first = parse_time("2024-01-01")
    >>> bucket_s(first, parse_time("2024-01-02")), bucket_s(first, parse_time("2024-01-31"))
    (3600, 86400)
    """
    length = (until - since).total_seconds()
    return next((size for size in BUCKETS_S if length / size <= most), BUCKETS_S[-1])
