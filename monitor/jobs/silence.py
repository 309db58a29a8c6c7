"""Silence: a service, or the whole deployment, that sends nothing or far too little against its habit of the week.

Reads `calls` (`steps` for a service that makes no calls) and `ledger`; writes `incidents`. Runs every ten minutes. A
habit is known after two whole weeks; until then there is no verdict. `ALERTS_PER_WEEK` is the budget of false alarms
of the whole deployment, and `python benchmarks/silence.py` measures that it is kept. A silence ends by itself when
the traffic is back; one that a person resolves is not told again, unless traffic came in between.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from monitor.drift.silence import DROP_SPANS, Habit, Quiet, alarm_level, quiet
from monitor.incidents import incidents
from monitor.jobs.series import SETTLE
from monitor.jobs.traffic import (
    DEPLOYMENT,
    HOUR,
    WEEK,
    Traffic,
    hour_of_week,
    read_traffic,
    together,
)
from monitor.jobs.trouble import Trouble, settle, when

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.incidents import Incident
    from monitor.jobs.job import Window
    from monitor.settings import Settings
    from monitor.store import Store

DETECTOR = "silence"
ALERTS_PER_WEEK = 0.25
"""False alarms that the whole deployment may have in a week, half of them about stops and half about falls."""
BACK_SPANS = (*DROP_SPANS, 168)
BACK_CALLS, BACK_SHARE = 5, 0.5
"""Traffic is back when the shortest span that expects so many calls has this share of them."""


def run(store: Store, settings: Settings, window: Window) -> Mapping[str, int]:
    """Look at every service and at all of them together, and settle the incidents about silence."""
    del settings
    until = window.until - SETTLE
    traffic = read_traffic(store, until)
    known = {
        one.service: habit
        for one in traffic
        if one.last and (habit := one.habit(one.last)).status == "sufficient"
    }
    told = [one for one in incidents(store) if one.detector == DETECTOR]
    by_name = {one.service: one for one in [*traffic, together(traffic)]}
    back = {
        one.service: until
        for one in told
        if one.state != "resolved" and _back(one, by_name.get(one.service), until)
    }
    ended = {one.service: one.resolved_at for one in reversed(told) if one.resolved_at} | back
    found = [
        trouble
        for one in traffic
        if one.service in known
        and one.service not in back
        and (trouble := _look(store, one, known, until, since=ended.get(one.service)))
    ]
    active = {one.series for one in told if one.state != "resolved"}
    whole = _whole(store, traffic, until, watched=len(known) + 1) if len(known) > 1 else None
    if whole is not None:
        found = [whole, *(one for one in found if one.series in active)]
    elif f"{DETECTOR}/{DEPLOYMENT}" in active:
        found = [one for one in found if one.series in active]
    counts = settle(
        store, found, detector=DETECTOR, now=window.until,
        over=lambda one: _back(one, by_name.get(one.service), until),
    )  # fmt: skip
    return {"services": len(traffic), "habits": len(known), "silent": len(found), **counts}


def _look(
    store: Store,
    one: Traffic,
    known: Mapping[str, Habit],
    until: datetime,
    *,
    since: datetime | None,
) -> Trouble | None:
    """The trouble of one service: stopped, or fallen to a fraction since its last silence ended."""
    habit, watched = known[one.service], len(known) + 1
    found = _stopped(one, habit, until, watched)
    if found is not None:
        return _stop(store, one, habit, found, until)
    end = until.replace(minute=0, second=0, microsecond=0)
    habit = one.habit(end - max(DROP_SPANS) * HOUR)
    level = alarm_level(habit, services=watched, alerts_per_week=ALERTS_PER_WEEK / 2, looks=168)
    spans = [
        (float(hours), one.count(end - hours * HOUR, end))
        for hours in DROP_SPANS
        if since is None or end - hours * HOUR >= since
    ]
    found = quiet(habit, spans, hour_of_week=hour_of_week(end), level=level)
    return None if found is None else _fall(one, habit, found, end)


def _stopped(one: Traffic, habit: Habit, until: datetime, watched: int) -> Quiet | None:
    assert one.last is not None  # a service is known by its rows
    level = alarm_level(habit, services=watched, alerts_per_week=ALERTS_PER_WEEK / 2)
    span = (until - one.last) / HOUR
    return quiet(habit, [(span, 0)], hour_of_week=hour_of_week(until), level=level)


def _whole(
    store: Store, traffic: list[Traffic], until: datetime, *, watched: int
) -> Trouble | None:
    """The trouble of the whole deployment: nothing comes from anybody."""
    whole = together(traffic)
    if whole.last is None:
        return None
    habit = whole.habit(whole.last)
    found = _stopped(whole, habit, until, watched)
    return None if found is None else _stop(store, whole, habit, found, until)


def _usual(habit: Habit, expected: float, until: datetime) -> str:
    """What would be usual, in words."""
    rate = habit.expected(hour_of_week(until) - 1, 1)
    if rate >= 1:
        return f"at this hour it usually sends {rate:,.0f} calls an hour"
    return f"it usually sends {expected:,.0f} in that time"


def _stop(store: Store, one: Traffic, habit: Habit, found: Quiet, until: datetime) -> Trouble:
    assert one.last is not None
    since, usual = when(one.last, until), _usual(habit, found.expected, until)
    whole = one.service == DEPLOYMENT
    arrived = 0 if whole else int(store.value(
        "spans_arrived", service=one.service, since=one.last + HOUR / 60, until=until
    ))  # fmt: skip
    who = "No service" if whole else f"Service {one.service}"
    what = "has sent anything" if whole else "has sent nothing"
    why = "Nothing of it reached the collector either."
    advice = (
        "See whether it runs and whether its users are there; then whether it still reaches the"
        " collector (OUTERLOOP_ENDPOINT, token, network). If it is to be silent, resolve this by hand."
    )
    if whole:
        why = "Every service is silent at once."
        advice = "Look at what they share first: the collector's address, the network, the store."
    elif arrived:
        what = "sends spans and no LLM call"
        why = f"{arrived:,} spans of it arrived in that time, and none of them is an LLM call."
        advice = (
            "It runs. See whether its client is still instrumented (monitor.wrap, or the"
            " OpenTelemetry instrumentation), and whether its clock is right."
        )
    return Trouble(
        kind=DETECTOR,
        service=one.service,
        title=f"{who} {what} since {since}; {usual}",
        summary=(
            f"{who} {what} since {since}. {found.expected:,.0f} calls would have been usual in these"
            f" {_hours(found.hours)}, by its last {habit.weeks} weeks. {why}"
        ),
        advice=advice,
        severity="page",
        cause="silence",
        started_at=one.last,
        size=round(found.expected),
        evidence=1 / max(found.p_value, 1e-15),
        threshold=1 / found.level,
        hushed_for=timedelta(0),  # traffic came in between, so it is another silence
    )


def _fall(one: Traffic, habit: Habit, found: Quiet, end: datetime) -> Trouble:
    start = end - timedelta(hours=found.hours)
    since = when(start, end)
    share = 100 * found.count / max(found.expected, 1e-9)
    return Trouble(
        kind=DETECTOR,
        service=one.service,
        title=f"Service {one.service} sends {share:.0f} % of its usual calls since {since}",
        summary=(
            f"Service {one.service} sent {found.count:,} calls since {since}, where {found.expected:,.0f}"
            f" would have been usual by its last {habit.weeks} weeks."
        ),
        advice=(
            "See whether some of its instances are gone, or send elsewhere; whether it samples its"
            " traces; and whether its users went away. If it is to be so, resolve this by hand."
        ),
        severity="ticket",
        cause="silence",
        started_at=start,
        size=round(found.expected - found.count),
        evidence=1 / max(found.p_value, 1e-15),
        threshold=1 / found.level,
        hushed_for=WEEK,  # by then the habit has followed
    )


def _hours(hours: float) -> str:
    return f"{hours:,.1f} hours" if hours >= 2 else f"{60 * hours:.0f} minutes"


def _back(incident: Incident, one: Traffic | None, until: datetime) -> str | None:
    """The sentence that ends a silence, when the traffic is what is usual again (at least half of it)."""
    if one is None or one.last is None:
        return None
    habit = one.habit(incident.started_at)
    end = until.replace(minute=0, second=0, microsecond=0)
    for hours in BACK_SPANS:
        start = end - hours * HOUR
        expected = habit.least(hour_of_week(end) - hours, hours)
        if habit.status == "insufficient_data" or expected >= BACK_CALLS:
            count = one.count(start, end)
            if start < incident.started_at or count < max(1, BACK_SHARE * expected):
                return None
            return f"Traffic is back: {count:,} calls in the last {hours} hours, {expected:,.0f} are usual."
    return None
