"""Temporal drift of date fields, without labels: does the model still live in the present?

Reads `calls` whose answers are JSON; writes `checks` (detectors `date_profile`, `year_slip`, `rollover`) and one score
(source `check`, value 0) on every call that slipped, as evidence. Runs every hour. A service is first watched quietly
until its baseline is there (2,000 calls over 7 days); each date field that keeps close to the call's date is then
watched by two sequential detectors (STATISTICS.md, section 4).
"""

from __future__ import annotations

import json
from collections import Counter, deque
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from monitor.drift import (
    PROBABILITY_FLOOR,
    DateProfile,
    RateDetector,
    RolloverDetector,
    clopper_pearson_upper,
    year_slip,
)
from monitor.drift.baseline import arl_for_budget
from monitor.drift.fields import flatten, parse_date
from monitor.drift.rollover import ROLLOVER_ODDS, past_year_probability
from monitor.jobs.calls import Call, calls_between, services
from monitor.jobs.job import Window
from monitor.jobs.series import (
    ALERTS_PER_WEEK,
    BASELINE_SPAN,
    MARKS,
    SETTLE,
    Series,
    began,
    latest,
)
from monitor.records import CheckRow, ScoreRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from monitor.settings import Settings
    from monitor.store import Store

BASELINE_CALLS = 2000
"""Least baseline, over at least `BASELINE_SPAN`."""
DATE_SHARE = 0.5
"""A field is a date field when at least this share of the baseline's answers carries a date there."""
SURPRISING = 0.02
"""A past year is kept as evidence when the profile gives it less than this probability."""


@dataclass(frozen=True, slots=True)
class DateValue:
    """One date that the model wrote, and when."""

    call: Call
    field: str
    value: date

    @property
    def event(self) -> date:
        """The day of the call."""
        return self.call.timestamp.date()

    @property
    def lag_days(self) -> int:
        """Days from the call to the date."""
        return (self.value - self.event).days


def run(store: Store, settings: Settings, window: Window) -> Mapping[str, int]:
    """Continue every date field of every service up to the window's end."""
    del settings
    window = Window(window.since, window.until - SETTLE)
    counts: Counter[str] = Counter()
    for service in services(store):
        known = latest(store, service)
        profiles = [row for (detector, _), row in known.items() if detector == "date_profile"]
        if not profiles:
            counts["profiles"] += _profile(store, service, window.until)
            continue
        since = min(_continued(known, row.field, row.window_end) for row in profiles)
        calls = calls_between(store, service, Window(since, window.until))
        values = list(_dates(calls))
        for profile in profiles:
            rows, flagged = _watch(
                profile,
                known,
                [v for v in values if v.field == profile.field],
                len(profiles),
                window,
            )
            store.append("scores", flagged)
            store.append("checks", rows)
            counts["drift"] += sum(row.status == "drift" for row in rows)
            counts["slips"] += len(flagged)
        counts["calls"] += len(calls)
    return counts


def _continued(
    known: Mapping[tuple[str, str], CheckRow], name: str, profiled: datetime
) -> datetime:
    rows = [
        row.window_end
        for (detector, _), row in known.items()
        if row.field == name and detector in WATCHES
    ]
    return min(rows, default=profiled)


def _dates(calls: Iterable[Call]) -> Iterable[DateValue]:
    for call in calls:
        for path, value in flatten(call.output).items():
            day = parse_date(value) if isinstance(value, str) else None
            if day is not None:
                yield DateValue(call, path, day)


def _profile(store: Store, service: str, until: datetime) -> int:
    """Learn the date fields of a service once there is enough of it; returns how many were found."""
    first, n = store.rows("first_call", service=service, until=until)[0]
    if n < BASELINE_CALLS or until - first < BASELINE_SPAN:
        return 0
    calls = calls_between(store, service, Window(first, until))
    values = list(_dates(calls))
    rows = []
    for name, count in sorted(Counter(value.field for value in values).items()):
        if count / len(calls) < DATE_SHARE:
            continue
        mine = [value for value in values if value.field == name]
        profile = DateProfile.fit([value.lag_days for value in mine], rng=np.random.default_rng(0))
        if not profile.anchored:
            continue
        slips = sum(_slip(value, profile) is not None for value in mine)
        series = Series(
            "date_profile",
            f"{service}/{name}",
            service,
            name,
            slips / len(mine),
            len(mine),
            {
                "profile": profile.state(),
                "slips": slips,
                "per_week": 7 * 86400 * len(mine) / (until - first).total_seconds(),
            },
        )
        rows.append(
            series.row(
                start=first,
                end=until,
                release=calls[-1].release,
                count=slips,
                n=len(mine),
                status="stable",
            )
        )
    return store.append("checks", rows)


def _slip(value: DateValue, profile: DateProfile) -> Any:
    return year_slip(value.value, value.event, profile, source_text=value.call.input)


class YearSlips:
    """Feeds the share of answers a year off into a sequential rate detector."""

    name = "year_slip"

    def __init__(self, profile: CheckRow, state: Mapping[str, Any] | None, arl: float) -> None:
        learnt = json.loads(profile.state)
        self.profile = DateProfile.from_state(learnt["profile"])
        p0 = max(PROBABILITY_FLOOR, clopper_pearson_upper(learnt["slips"], profile.baseline_n))
        self.detector = (
            RateDetector.from_state(state)
            if state
            else RateDetector(p0=p0, arl=arl, odds=ROLLOVER_ODDS)
        )

    def see(self, value: DateValue) -> str:
        """Take one date in; returns why it is a slip, or ''."""
        slip = _slip(value, self.profile)
        self.detector.update(int(slip is not None), 1)
        if slip is None:
            return ""
        said = "" if slip.grounded else "; the input does not say that year"
        years = f"{abs(slip.years)} year{'s' if abs(slip.years) > 1 else ''}"
        return f"{value.field} is {value.value}, {years} off: {slip.expected} would fit a call of {value.event}{said}"


class PastYears:
    """Feeds "the year is before the call's year" against its probability under the profile."""

    name = "rollover"

    def __init__(self, profile: CheckRow, state: Mapping[str, Any] | None, arl: float) -> None:
        self.profile = DateProfile.from_state(json.loads(profile.state)["profile"])
        self.detector = (
            RolloverDetector.from_state(state) if state else RolloverDetector(self.profile, arl=arl)
        )

    def see(self, value: DateValue) -> str:
        """Take one date in; returns why it is surprising, or ''."""
        self.detector.update(value.value, value.event)
        past = value.value.year < value.event.year
        if not past or past_year_probability(self.profile, value.event) > SURPRISING:
            return ""
        return f"{value.field} is {value.value}, in the year before the call of {value.event}"


WATCHES = {watch.name: watch for watch in (YearSlips, PastYears)}


def _watch(
    profile: CheckRow,
    known: Mapping[tuple[str, str], CheckRow],
    values: Sequence[DateValue],
    fields: int,
    window: Window,
) -> tuple[list[CheckRow], list[ScoreRow]]:
    """Continue both detectors of one field; returns the rows to append and the evidence."""
    per_week = json.loads(profile.state)["per_week"]
    arl = arl_for_budget(fields * len(WATCHES), ALERTS_PER_WEEK, per_week)
    rows, evidence = [], []
    for name, watch_type in WATCHES.items():
        before = known.get((name, profile.series))
        start = before.window_end if before else profile.window_end
        fresh = [value for value in values if value.call.timestamp >= start]
        if not fresh:
            continue
        state = json.loads(before.state) if before else {}
        watch = watch_type(profile, state.get("detector"), arl)
        marks: deque[list[Any]] = deque(state.get("marks", []), maxlen=MARKS)
        flagged = []
        alarmed = state.get("alarmed_at", "")
        for value in fresh:
            why = watch.see(value)
            if watch.detector.drift_detected and not alarmed:
                alarmed = value.call.timestamp.isoformat()
            if why:
                marks.append([watch.detector.updates - 1, value.call.timestamp.isoformat()])
                flagged.append(_evidence(name, value, why, window))
        series = Series(
            name,
            profile.series,
            profile.service,
            profile.field,
            profile.baseline,
            profile.baseline_n,
        )
        rows.append(
            series.row(
                start=start,
                end=window.until,
                release=fresh[-1].call.release,
                count=len(flagged),
                n=len(fresh),
                status="drift" if watch.detector.drift_detected else "stable",
                e_value=watch.detector.e_value,
                threshold=watch.detector.arl,
                state={
                    "detector": watch.detector.state(),
                    "marks": list(marks),
                    "alarmed_at": alarmed,
                    "since": state.get("since"),
                },
                evidence={
                    "started_at": began(watch.detector.change_index, marks),
                    "alarmed_at": alarmed,
                },
            )
        )
        evidence += flagged
    return rows, evidence


def _evidence(name: str, value: DateValue, why: str, window: Window) -> ScoreRow:
    return value.call.score(
        f"{name}:{value.field}",
        name=name,
        source="check",
        value=0.0,
        label=value.value.isoformat(),
        explanation=why,
        author=f"{name}/1",
        now=window.until,
    )
