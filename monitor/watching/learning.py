"""What is normal for a service: its last stable weeks, without the hours of its incidents.

A baseline covers at most `BASELINE_WEEKS` weeks and at least one. It is that of the present release once that has
had a week of its own; until then the weeks before are what a new release is held against. Every series of a metric
shares the hour-of-week profile of all calls, and is shrunk towards the day-to-day variation of the service's others.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from monitor.drift.baseline import Baseline, fleet_day_cv, hour_profile, rate_baseline
from monitor.incidents import operational
from monitor.watching.metrics import (
    BY_CALL,
    SIGNALS,
    Cast,
    clock_of,
    felt_above,
    watched_in_slices,
)
from monitor.watching.reading import (
    Hours,
    Key,
    Period,
    hour_number,
    hour_of_week,
    hour_time,
    read_hours,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from monitor.incidents import Incident
    from monitor.store import Store

__all__ = ["BASELINE_WEEKS", "Span", "Weeks", "find_cast", "learn", "mature_until", "stable_weeks"]

WEEK_HOURS = 168
MEASURED_DAYS = 14
"""Days of baseline from which on latency, tokens and cost are watched: they swing from day to day, and one week cannot
know by how much."""
BASELINE_WEEKS = 4
TOP_VALUES = 8
"""Slices of one attribute: the values with the most calls."""
SLICES = 60
"""Slices of one service, over all attributes, those with the most calls."""
LEAST_CALLS = 500
"""Calls that a slice has in the baseline's weeks at least."""
ERROR_TYPES = 12
"""Error types of one service that are watched, the first ones that were seen."""
ATTRIBUTION_HOURS = (1, 6, 24, 72, 168, 336, 720)
"""How long a call is waited for: the first of these by which 95 % of the words on it are in."""
_DOMINATES = 0.9
"""Share of a day's calls that makes a release the present one."""
_FLEET = 3
_FLEET_EVENTS = 20


@dataclass(frozen=True, slots=True)
class Span:
    """Which hours a baseline is learnt from."""

    since: int
    until: int
    release: str
    left_out: frozenset[int] = frozenset()
    """Hours of incidents about what calls answer: they never become normal."""
    unsteady: frozenset[int] = frozenset()
    """Hours of incidents about how calls run: the answers of a slow hour are as good as others."""

    def of(self, hours: Hours, metric: str, *, until: int) -> list[tuple[int, int, int]]:
        """Hour, events and looks of those that count, in order of time."""
        end = min(self.until, until)
        ill = self.left_out | self.unsteady if operational(metric) else self.left_out
        return [
            (hour, *hours[hour])
            for hour in sorted(hours)
            if self.since <= hour < end and hour not in ill
        ]


@dataclass(frozen=True, slots=True)
class Weeks:
    """What was learnt over a span."""

    baselines: Mapping[Key, Baseline]
    profiles: Mapping[str, tuple[float, ...]]
    """Hour-of-week profile by metric, where hours differ."""
    covered: Mapping[Key, tuple[int, int]]
    """First hour and end of each."""


@dataclass(frozen=True, slots=True)
class Word:
    """One score of a service, as the catalogue has it."""

    source: str
    name: str
    n: int
    graded: bool
    levels: Sequence[float]
    delay_hours: float


def stable_weeks(
    store: Store, service: str, until: int, *, incidents: Iterable[Incident], least: int = 0
) -> Span:
    """The hours that are normal: the present release's, once it has a week, else all of the last weeks.

    Args:
        store: the store.
        service: the service.
        until: end, in hours since 1970.
        incidents: whose time is left out.
        least: no hour before this one (a baseline that was accepted begins there).
    """
    since = max(until - BASELINE_WEEKS * WEEK_HOURS, least)
    period = Period(service, since, until).parameters()
    days: dict[date, dict[str, int]] = {}
    for day, release, n in store.rows("releases_by_day", **period):
        days.setdefault(day, {})[release] = int(n)
    present, began = "", since
    for day in sorted(days, reverse=True):
        release, n = max(days[day].items(), key=lambda item: item[1])
        present = present or release
        if release != present or n < _DOMINATES * sum(days[day].values()):
            began = (
                hour_number(datetime.combine(day, datetime.min.time(), hour_time(0).tzinfo)) + 24
            )
            break
    if until - began < WEEK_HOURS:
        earlier = [max(days[day], key=lambda one: days[day][one]) for day in sorted(days)]
        present = max(set(earlier), key=earlier.count) if earlier else ""
        began = since
    ill: dict[bool, set[int]] = {False: set(), True: set()}
    for one in incidents:
        if one.service == service:
            end = hour_number(one.resolved_at) + 1 if one.resolved_at else until
            hours = range(max(since, hour_number(one.started_at)), min(until, end))
            ill[one.operational].update(hours)
    return Span(began, until, present, frozenset(ill[False]), frozenset(ill[True]))


def find_cast(store: Store, span: Span, service: str, before: Cast | None) -> Cast:
    """What a service's series are measured with; what was there before stays as it was."""
    period = Period(service, span.since, span.until).parameters()
    quantiles = {
        measure: tuple(felt_above(measure, float(level)) for level in levels)
        for measure, levels in store.rows("measure_quantiles", **period)
    }
    words = store.read("score_catalogue", Word, **period)
    found = store.rows("slices_by_traffic", top=TOP_VALUES, least=LEAST_CALLS, **period)
    most = sorted(found, key=lambda row: -int(row[2]))[:SLICES]
    types: dict[str, int] = {}
    for error_type, _, count in store.rows("errors_by_type", **period):
        types[error_type] = types.get(error_type, 0) + int(count)
    errors = sorted(types, key=lambda one: -types[one])
    before = before or Cast()
    slices = dict.fromkeys([*before.slices, *(f"{name}={value}" for name, value, _ in most)])
    return Cast(
        thresholds={**quantiles, **before.thresholds},
        graded={
            **{f"{one.source}/{one.name}": tuple(one.levels) for one in words if _graded(one)},
            **before.graded,
        },
        delays={
            **{f"{one.source}/{one.name}": _wait(one) for one in words if one.source in BY_CALL},
            **before.delays,
        },
        slices=tuple(slices)[: 2 * SLICES],
        errors=tuple(dict.fromkeys([*before.errors, *errors]))[:ERROR_TYPES],
    )


def _graded(one: Word) -> bool:
    return one.graded and f"{one.source}/{one.name}" not in SIGNALS


def _wait(one: Word) -> float:
    return next(
        (hours for hours in ATTRIBUTION_HOURS if one.delay_hours <= hours), ATTRIBUTION_HOURS[-1]
    )


def mature_until(cast: Cast, metric: str, until: int) -> int:
    """End of the hours whose words are in, for metrics that are counted by the call's hour."""
    if clock_of(metric) != "late":
        return until
    return until - int(cast.delays.get(metric.split("<", maxsplit=1)[0], ATTRIBUTION_HOURS[2]))


def learn(
    store: Store, service: str, span: Span, cast: Cast, *, slices: Sequence[str] | None = None
) -> Weeks:
    """Baselines of every series of the cast, or of all calls and the slices that are named."""
    period = Period(service, span.since, span.until)
    hours: dict[Key, Hours] = {}
    for clock in ("call", "told", "late"):
        hours |= read_hours(store, period, cast, clock=clock, slices=slices)
    rows = {
        key: counted
        for key, mine in hours.items()
        if (not key[1] or watched_in_slices(key[0]))
        and (counted := span.of(mine, key[0], until=mature_until(cast, key[0], span.until)))
    }
    rows = {key: counted for key, counted in rows.items() if _known_long(key[0], counted)}
    profiles = {
        metric: profile
        for (metric, slice_), counted in rows.items()
        if not slice_ and len(set(profile := _profile(counted))) > 1
    }
    own = {key: _baseline(counted, profiles.get(key[0])) for key, counted in rows.items()}
    known = [one for key, one in own.items() if ">" not in key[0] and one.count >= _FLEET_EVENTS]
    fleet_cv = fleet_day_cv(known) if len(known) >= _FLEET else None
    return Weeks(
        {
            # how much a measure swings is its own affair: a fleet of failure rates says nothing of it
            key: own[key]
            if ">" in key[0]
            else _baseline(counted, profiles.get(key[0]), fleet_cv=fleet_cv)
            for key, counted in rows.items()
        },
        profiles,
        {key: (counted[0][0], counted[-1][0] + 1) for key, counted in rows.items()},
    )


def _known_long(metric: str, counted: Sequence[tuple[int, int, int]]) -> bool:
    """Whether so many hours can tell how much the metric swings."""
    return ">" not in metric or counted[-1][0] - counted[0][0] >= (MEASURED_DAYS - 1) * 24


def _profile(counted: Sequence[tuple[int, int, int]]) -> tuple[float, ...]:
    hours, counts, ns = zip(*counted, strict=True)
    return hour_profile(counts, ns, [hour_of_week(hour) for hour in hours])


def _baseline(
    counted: Sequence[tuple[int, int, int]],
    profile: tuple[float, ...] | None,
    *,
    fleet_cv: float | None = None,
) -> Baseline:
    hours, counts, ns = zip(*counted, strict=True)
    options: dict[str, Any] = {"fleet_cv": fleet_cv, "profile": profile or (1.0,) * WEEK_HOURS}
    return rate_baseline(
        counts, ns, hours_of_week=[hour_of_week(hour) for hour in hours], **options
    )
