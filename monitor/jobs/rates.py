"""Change of error rates: calls that fail, checks and judges that say no, users and outcomes that disagree.

Reads `calls` and `scores`; writes `checks` (detector `rate`). Runs every hour. Every series of failures over looks is
watched by the mixture Shiryaev-Roberts e-detector against the upper bound of its own baseline (STATISTICS.md, section
3). Scores are counted when they are told, so an outcome that is still to come is not taken for a good one.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from monitor.drift import RateDetector
from monitor.drift.baseline import HOURS_PER_WEEK, Baseline, arl_for_budget, rate_baseline
from monitor.jobs.calls import services
from monitor.jobs.series import (
    ALERTS_PER_WEEK,
    BASELINE_SPAN,
    MARKS,
    SETTLE,
    Series,
    began,
    latest,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.jobs.job import Window
    from monitor.records import CheckRow
    from monitor.settings import Settings
    from monitor.store import Store

LONG_AGO = timedelta(days=400)
"""How far back a series that has no row yet is read."""


@dataclass(frozen=True, slots=True)
class Hour:
    """Failures and looks of one series in one hour."""

    series: str
    hour: datetime
    count: int
    n: int


def run(store: Store, settings: Settings, window: Window) -> Mapping[str, int]:
    """Continue every rate series of every service up to the last whole hour of the window."""
    del settings
    until = (window.until - SETTLE).replace(minute=0, second=0, microsecond=0)
    counts: Counter[str] = Counter()
    for service in services(store):
        known = {
            name: row
            for (detector, name), row in latest(store, service).items()
            if detector == "rate"
        }
        since = min(
            (row.window_end for row in known.values() if row.status != "insufficient_data"),
            default=until - LONG_AGO,
        )
        if any(row.status == "insufficient_data" for row in known.values()):
            since = until - LONG_AGO
        by_series: dict[str, list[Hour]] = defaultdict(list)
        for hour in store.read("failures_by_hour", Hour, service=service, since=since, until=until):
            by_series[hour.series].append(hour)
        rows = []
        for name, hours in by_series.items():
            row = _continue(
                service, name, hours, known.get(name), series=len(by_series), until=until
            )
            rows += [row] if row else []
        store.append("checks", rows)
        counts["series"] += len(rows)
        counts["drift"] += sum(row.status == "drift" for row in rows)
    return counts


def _continue(
    service: str,
    name: str,
    hours: Sequence[Hour],
    before: CheckRow | None,
    *,
    series: int,
    until: datetime,
) -> CheckRow | None:
    if before is None or before.status == "insufficient_data":
        return _learn(service, name, hours, until=until)
    fresh = [hour for hour in hours if hour.hour >= before.window_end]
    if not fresh:
        return None
    state = json.loads(before.state)
    arl = arl_for_budget(series, ALERTS_PER_WEEK, HOURS_PER_WEEK)
    baseline = Baseline.from_state(state["baseline"])
    detector = (
        RateDetector.from_state(state["detector"])
        if state.get("detector")
        else RateDetector(p0=baseline.p0, arl=arl)
    )
    marks = list(state.get("marks", []))
    for hour in fresh:
        detector.update(hour.count, hour.n, baseline.probability(_hour_of_week(hour.hour)))
        marks.append([detector.updates - 1, hour.hour.isoformat()])
    marks = marks[-MARKS:]
    return Series("rate", name, service, "", before.baseline, before.baseline_n).row(
        start=before.window_end,
        end=until,
        release="",
        count=sum(hour.count for hour in fresh),
        n=sum(hour.n for hour in fresh),
        status="drift" if detector.drift_detected else "stable",
        e_value=detector.e_value,
        threshold=detector.arl,
        state={**state, "detector": detector.state(), "marks": marks},
        evidence={"started_at": began(detector.change_index, marks)},
    )


def _learn(service: str, name: str, hours: Sequence[Hour], *, until: datetime) -> CheckRow:
    """The baseline of a series, or a row that says how far it is from having one."""
    first = hours[0].hour
    baseline = rate_baseline(
        [hour.count for hour in hours],
        [hour.n for hour in hours],
        hours_of_week=[_hour_of_week(hour.hour) for hour in hours],
    )
    ready = baseline.status != "insufficient_data" and until - first >= BASELINE_SPAN
    state: dict[str, Any] = {"baseline": baseline.state(), "detector": None, "marks": []}
    return Series("rate", name, service, "", baseline.rate, baseline.n, state).row(
        start=first,
        end=until,
        release="",
        count=baseline.count,
        n=baseline.n,
        status="stable" if ready else "insufficient_data",
    )


def _hour_of_week(hour: datetime) -> int:
    """0 is the first hour of Monday, UTC."""
    return hour.weekday() * 24 + hour.hour
