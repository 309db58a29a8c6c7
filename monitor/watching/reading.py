"""Series by hour, out of the store: one pass over the rows for each kind of metric, whatever the number of slices."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import inf
from typing import TYPE_CHECKING, Any

from monitor.watching.metrics import (
    BY_CALL,
    CALL_METRICS,
    MEASURES,
    SIGNALS,
    TOLD,
    Cast,
    Clock,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.store import Store

__all__ = [
    "EPOCH",
    "Hours",
    "Key",
    "Period",
    "hour_number",
    "hour_of_week",
    "hour_time",
    "read_hours",
]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Key = tuple[str, str]
"""Metric, and label of the slice ('' for all calls)."""
Hours = dict[int, tuple[int, int]]
"""Events and looks by hour since 1970."""


@dataclass(frozen=True, slots=True)
class Period:
    """Whole hours [since, until) of one service."""

    service: str
    since: int
    until: int

    def parameters(self) -> dict[str, Any]:
        """As the questions take it."""
        return {
            "service": self.service,
            "since": hour_time(self.since),
            "until": hour_time(self.until),
        }


def hour_number(moment: datetime) -> int:
    """Whole hours since 1970."""
    return int((moment - EPOCH).total_seconds() // 3600)


def hour_time(number: int) -> datetime:
    """When an hour begins."""
    return EPOCH + timedelta(hours=number)


def hour_of_week(number: int) -> int:
    """0 is the first hour of Monday, UTC.

    >>> hour_of_week(hour_number(datetime(2024, 1, 1, 5, tzinfo=UTC)))
    5
    """
    return (number + 72) % 168  # 1 January 1970 was a Thursday


def read_hours(
    store: Store,
    period: Period,
    cast: Cast,
    *,
    clock: Clock,
    slices: Sequence[str] | None = None,
) -> dict[Key, Hours]:
    """Every series of one clock over a period, for all calls and for the cast's slices (or those given)."""
    labels = list(cast.slices if slices is None else slices)
    if clock == "call":
        return _measures(store, period, cast, labels)
    found: dict[Key, Hours] = defaultdict(dict)
    sources, by_call = (TOLD, 0) if clock == "told" else (BY_CALL, 1)
    rows = store.rows(
        "failures_by_hour",
        sources=list(sources),
        by_call=by_call,
        slices=labels,
        graded=list(cast.graded),
        low=[level for levels in cast.graded.values() for level in levels],
        **period.parameters(),
    )
    for metric, slice_, hour, count, n in rows:
        found[metric, slice_][int(hour)] = (int(count), int(n))
    if clock == "late" and any(name in cast.delays for name in SIGNALS):
        _add_signals(store, period, cast, labels, found)
    return found


def _measures(store: Store, period: Period, cast: Cast, labels: list[str]) -> dict[Key, Hours]:
    found: dict[Key, Hours] = defaultdict(dict)
    thresholds = [
        level for measure in MEASURES for level in cast.thresholds.get(measure, (inf, inf, inf))
    ]
    parameters = {**period.parameters(), "slices": labels, "thresholds": thresholds}
    known = [
        not metric.endswith((">q50", ">q90", ">q99"))
        or metric.split("/")[1].split(">")[0] in cast.thresholds
        for metric in CALL_METRICS
    ]
    for slice_, hour, counts, ns in store.rows("measures_by_hour", **parameters):
        for metric, watched, count, n in zip(CALL_METRICS, known, counts, ns, strict=True):
            if watched and n:
                found[metric, slice_][int(hour)] = (int(count), int(n))
    calls = found.get(("call/error", ""), {})
    types: dict[str, dict[int, int]] = {error_type: {} for error_type in cast.errors}
    for error_type, hour, count in store.rows("errors_by_type", **period.parameters()):
        types.setdefault(error_type, {})[int(hour)] = int(count)
    for error_type, seen in types.items():
        found[f"error/{error_type}", ""] = {
            hour: (min(seen.get(hour, 0), n), n) for hour, (_, n) in calls.items()
        }
    return found


def _add_signals(
    store: Store, period: Period, cast: Cast, labels: list[str], found: dict[Key, Hours]
) -> None:
    parameters = {**period.parameters(), "slices": labels}
    for slice_, hour, counts, n in store.rows("signals_by_hour", **parameters):
        for metric, count in zip(SIGNALS, counts, strict=True):
            if metric in cast.delays:
                found[metric, slice_][int(hour)] = (int(count), int(n))
