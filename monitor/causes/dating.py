"""When it began: the calls around a change counted by the hour, and the change point dated on the counts. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from monitor.drift.change_point import locate_change
from monitor.incidents.details import ChangePoint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.causes.situation import SampledCall

__all__ = ["LOOK_BACK", "date_change"]

LOOK_BACK = timedelta(days=14)
"""How much of the time before a change is looked at to date it and to compare with."""
BUCKETS = 400
"""Windows at most that a change is dated over; hours, as long as they are no more."""


def date_change(
    calls: Sequence[SampledCall], started: datetime, baseline: float
) -> tuple[ChangePoint | None, float]:
    """When it began, with its interval, by the calls themselves; and how much better a steady rise fits."""
    since = started - LOOK_BACK
    near = [call for call in calls if call.timestamp >= since]
    if not any(call.fault for call in near):
        return None, 0.0
    span = near[-1].timestamp - near[0].timestamp
    step = max(timedelta(hours=1), timedelta(hours=int(span / timedelta(hours=BUCKETS)) + 1))
    first = _floor(near[0].timestamp)
    counts, ns = [0] * (int(span / step) + 2), [0] * (int(span / step) + 2)
    for call in near:
        place = int((call.timestamp - first) / step)
        counts[place] += call.fault
        ns[place] += 1
    places = [place for place, n in enumerate(ns) if n]
    found = locate_change([counts[one] for one in places], [ns[one] for one in places], baseline)
    if found is None:
        return None, 0.0
    best, high = (first + places[index] * step for index in (found.best, found.high))
    low = (
        first + (places[found.low] - 1) * step
    )  # it may have begun within the window before the first bad one
    return ChangePoint(best=best, low=low, high=high, gradual=found.ramp >= 1), found.ramp


def _floor(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
