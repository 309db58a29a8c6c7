"""Own series: what people count for themselves, watched by the built-in detector or by one of their own.

Reads whatever the series in `<data dir>/extensions` and the entry points `outerloop.series` read; writes `checks`
(detector `own_rate`, or the own detector's name; series `own/<name>`). Runs every hour; without any series it is
skipped. Own series share the deployment's budget of false alarms with all others. A series that raises, or tells hours
that cannot be, makes the run a failed one that names it; the others are watched all the same.
"""

from __future__ import annotations

import json
import logging
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from math import isfinite
from typing import TYPE_CHECKING, Any

from monitor.drift.baseline import HOURS_PER_WEEK, Baseline, rate_baseline
from monitor.exceptions import OuterloopError
from monitor.extension import FOLDER, Extensions, Hour, OwnDetector, OwnSeries, load_extensions
from monitor.jobs.calls import services
from monitor.jobs.job import Window
from monitor.jobs.series import BASELINE_SPAN, MARKS, SETTLE, Series, began, latest, read_budget

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.records import CheckRow
    from monitor.settings import Settings
    from monitor.store import Store

log = logging.getLogger(__name__)
LONG_AGO = timedelta(days=400)
"""How far back a series that has no baseline yet is asked."""
PREFIX = "own/"


def missing(settings: Settings) -> str | None:
    """What the job lacks."""
    found = load_extensions(settings)
    if found.series or found.problems:
        return None
    return f"there are no own series; docs/extending.md, or put a file into {settings.data_dir / FOLDER}"


def run(store: Store, settings: Settings, window: Window) -> Mapping[str, int]:
    """Continue every own series of every service up to the last whole hour of the window.

    Raises:
        OuterloopError: a file, an entry point or a series is broken; all others have been watched.
    """
    found = load_extensions(settings)
    until = (window.until - SETTLE).replace(minute=0, second=0, microsecond=0)
    known = {
        (service, *key): row
        for service in services(store)
        for key, row in latest(store, service).items()
    }
    budget = read_budget(store, settings, now=window.until)
    arl = budget.joined_by(
        f"{PREFIX}{one.name}"
        for one in found.series
        if not any(key[1:] == (one.detector, f"{PREFIX}{one.name}") for key in known)
    ).arl("page", HOURS_PER_WEEK)
    counts, problems = Counter[str](), list(found.problems)
    for one in found.series:
        try:
            rows = _watch(one, found, store, known, arl=arl, until=until)
        except Exception as error:
            log.exception("own series failed", extra={"series": one.name})
            problems.append(f"series {one.name}: {type(error).__name__}: {error}")
            continue
        store.append("checks", rows)
        counts["series"] += len(rows)
        counts["drift"] += sum(row.status == "drift" for row in rows)
    if problems:
        raise OuterloopError("; ".join(problems))
    return counts


def _watch(
    one: OwnSeries,
    found: Extensions,
    store: Store,
    known: Mapping[tuple[str, str, str], CheckRow],
    *,
    arl: float,
    until: datetime,
) -> list[CheckRow]:
    """The next row of one series for every service that it tells of."""
    mine = {
        key[0]: row for key, row in known.items() if key[1:] == (one.detector, PREFIX + one.name)
    }
    watched = [row for row in mine.values() if row.status != "insufficient_data"]
    whole = len(watched) < len(mine) or not mine
    since = until - LONG_AGO if whole else min(row.window_end for row in watched)
    by_service: dict[str, dict[datetime, Hour]] = defaultdict(dict)
    for hour in one.count(store, Window(since, until)):
        if hour.hour in by_service[hour.service]:
            raise ValueError(f"{hour.service} is told twice for {hour.hour}; add up first")
        if since <= hour.hour < until:
            by_service[hour.service][hour.hour] = hour
    rows = []
    for service, hours in by_service.items():
        ordered = [hours[moment] for moment in sorted(hours)]
        before = mine.get(service)
        if before is None or before.status == "insufficient_data":
            rows += [_learn(one, service, ordered, until=until)] if ordered else []
            continue
        fresh = [hour for hour in ordered if hour.hour >= before.window_end]
        if fresh:
            rows.append(
                _continue(found.detectors[one.detector], one, before, fresh, arl=arl, until=until)
            )
    return rows


def _learn(one: OwnSeries, service: str, hours: Sequence[Hour], *, until: datetime) -> CheckRow:
    """The baseline of a series, or a row that says that it has none yet."""
    baseline = rate_baseline(
        [hour.count for hour in hours],
        [hour.n for hour in hours],
        hours_of_week=[_hour_of_week(hour.hour) for hour in hours],
    )
    first = hours[0].hour
    ready = baseline.status != "insufficient_data" and until - first >= BASELINE_SPAN
    state: dict[str, Any] = {"baseline": baseline.state(), "detector": None, "marks": []}
    return Series(
        one.detector, PREFIX + one.name, service, "", baseline.rate, baseline.n, state
    ).row(
        start=first,
        end=until,
        release="",
        count=baseline.count,
        n=baseline.n,
        status="stable" if ready else "insufficient_data",
    )


def _continue(
    kind: OwnDetector,
    one: OwnSeries,
    before: CheckRow,
    fresh: Sequence[Hour],
    *,
    arl: float,
    until: datetime,
) -> CheckRow:
    state: dict[str, Any] = json.loads(before.state)
    baseline = Baseline.from_state(state["baseline"])
    watch = kind.restore(state["detector"]) if state.get("detector") else kind.make(baseline, arl)
    if hasattr(watch, "retarget"):
        watch.retarget(arl)  # the number of series that share the budget may have changed
    marks = list(state.get("marks", []))
    updates = int(state.get("updates", 0)) if state.get("detector") else 0
    for hour in fresh:
        watch.update(hour.count, hour.n, baseline.probability(_hour_of_week(hour.hour)))
        marks.append([updates, hour.hour.isoformat()])
        updates += 1
    marks = marks[-MARKS:]
    evidence = float(watch.e_value)
    if not isfinite(evidence):
        raise ValueError(f"the detector {kind.name} has the e-value {evidence}; it must be finite")
    change = getattr(watch, "change_index", None)
    kept = {**state, "detector": watch.state(), "marks": marks, "updates": updates}
    alarmed = bool(watch.drift_detected)
    return Series(
        one.detector, PREFIX + one.name, before.service, "", before.baseline, before.baseline_n
    ).row(
        start=before.window_end,
        end=until,
        release="",
        count=sum(hour.count for hour in fresh),
        n=sum(hour.n for hour in fresh),
        status="drift" if alarmed else "stable",
        e_value=evidence,
        threshold=float(getattr(watch, "arl", arl)),
        state=kept,
        evidence={
            "metric": PREFIX + one.name,
            "direction": "worse",
            "started_at": began(change, marks),
            **({"tier": "page"} if alarmed else {}),
        },
    )


def _hour_of_week(hour: datetime) -> int:
    """0 is the first hour of Monday, UTC."""
    return hour.weekday() * 24 + hour.hour
