"""What an incident says for itself: how bad, where, five examples, who confirms it, why, and what would cure it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from monitor.drift import clopper_pearson, clopper_pearson_upper, find_slices, rate_e_value
from monitor.incidents import Confirmation, Example, IncidentDetails, SliceShare
from monitor.jobs.calls import calls_between
from monitor.jobs.job import Window

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.jobs.calls import Call
    from monitor.records import CheckRow
    from monitor.store import Store

__all__ = ["LABELLED", "advice", "cause", "confirmations", "gather", "words"]

LABELLED = ("outcome", "user", "human")
"""Sources whose scores somebody had to give."""
EXAMPLES = 5
CONFIRMED = 20
"""E-value at which a series counts as a witness: 1/20, the usual 5 %, at whatever time it is looked at."""
DEPLOYED_BEFORE = timedelta(hours=48)
"""A release or prompt version first seen within this time before the change is a suspect."""
NEW_YEAR = timedelta(days=31)
"""A year slip that begins this early in a year is the calendar's."""
SLICED_AT_MOST = 20_000
"""Calls, the latest ones, that the slice search looks at."""


@dataclass(frozen=True, slots=True)
class Flagged:
    """A call that shows the fault."""

    timestamp: datetime
    trace_id: str
    span_id: str
    value: str
    why: str


@dataclass(frozen=True, slots=True)
class Witness:
    """Failures of one score series on calls made before and after a change."""

    source: str
    name: str
    before: int
    before_n: int
    after: int
    after_n: int


@dataclass(frozen=True, slots=True)
class Version:
    """A release and prompt version of a service, and when it was first and last seen."""

    release: str
    prompt_version: str
    first: datetime
    last: datetime


def gather(
    store: Store, service: str, field: str, series: str, started: datetime, until: datetime
) -> IncidentDetails:
    """How bad it is since it started, in which slices, and five calls that show it, the latest first."""
    period: dict[str, Any] = {"service": service, "since": started, "until": until}
    flagged = (
        store.read("flagged_by_field", Flagged, field=field, **period)
        if field
        else store.read("flagged_by_rate", Flagged, series=series, **period)
    )
    calls = calls_between(store, service, Window(started, until))[-SLICED_AT_MOST:]
    spans = {one.span_id for one in flagged}
    count, n = sum(call.span_id in spans for call in calls), len(calls)
    interval = clopper_pearson(count, n) if n else None
    learnt = store.rows("baseline_of_series", service=service, field=field, series=series)
    baseline, baseline_n = learnt[0] if learnt else (0.0, 0)
    return IncidentDetails(
        release=calls[-1].release if calls else "",
        rate=count / n if n else 0.0,
        count=count,
        n=n,
        low=interval.low if interval else 0.0,
        high=interval.high if interval else 1.0,
        baseline=baseline,
        baseline_n=baseline_n,
        slices=_slices(calls, spans, baseline),
        examples=[
            Example(
                trace_id=one.trace_id,
                span_id=one.span_id,
                timestamp=one.timestamp,
                value=one.value,
                why=one.why,
            )
            for one in _distinct(flagged)[:EXAMPLES]
        ],
    )


def _distinct(flagged: Sequence[Flagged]) -> list[Flagged]:
    return list({one.span_id: one for one in flagged}.values())


def _attributes(call: Call) -> Mapping[str, str]:
    known = {
        "release": call.release,
        "model": call.request_model,
        "prompt version": call.prompt_version,
        "environment": call.environment,
        **{f"tag {name}": value for name, value in call.tags.items()},
    }
    return {name: value for name, value in known.items() if value}


def _slices(calls: Sequence[Call], spans: set[str], baseline: float) -> list[SliceShare]:
    rows = [_attributes(call) for call in calls]
    varying = {
        name for row in rows for name in row if len({other.get(name, "") for other in rows}) > 1
    }
    rows = [{name: value for name, value in row.items() if name in varying} for row in rows]
    if not varying or not spans:
        return []
    found = find_slices(rows, [call.span_id in spans for call in calls], baseline)
    return [
        SliceShare(
            attribute=" and ".join(name for name, _ in one.conditions),
            value=" and ".join(value for _, value in one.conditions),
            rate=one.rate,
            rate_elsewhere=one.rate_elsewhere,
            share_of_faults=one.share_of_faults,
            n=one.n,
        )
        for one in found
    ]


def confirmations(
    store: Store, service: str, started: datetime, until: datetime
) -> list[Confirmation]:
    """Series of scores that say for themselves that calls after the change fail more often than before.

    Each is weighed against the upper 95 % bound of its own rate before the change, by an e-value that may be
    looked at with every new label; `CONFIRMED` is reached by chance in at most one series of twenty.
    """
    found = []
    for one in store.read("witnesses", Witness, service=service, started=started, until=until):
        if not one.before_n or not one.after_n:
            continue
        bound = clopper_pearson_upper(one.before, one.before_n)
        if rate_e_value(one.after, one.after_n, bound) >= CONFIRMED:
            interval = clopper_pearson(one.after, one.after_n)
            found.append(
                Confirmation(
                    source=one.source,
                    name=one.name,
                    rate=one.after / one.after_n,
                    low=interval.low,
                    high=interval.high,
                    n=one.after_n,
                    baseline=one.before / one.before_n,
                )
            )
    return found


def cause(store: Store, alarm: CheckRow, started: datetime, until: datetime) -> tuple[str, str]:
    """What most likely moved, and the sentence that argues for it."""
    versions = store.read("versions_seen", Version, service=alarm.service, until=until)
    for kind in ("release", "prompt_version"):
        firsts: dict[str, datetime] = {}
        for one in versions:
            name = getattr(one, kind)
            firsts[name] = min(firsts.get(name, one.first), one.first)
        new = [
            name for name, first in firsts.items() if started - DEPLOYED_BEFORE <= first <= started
        ]
        if new and len(firsts) > 1:
            what, which = (
                ("model", "release") if kind == "release" else ("prompt", "prompt version")
            )
            return (
                what,
                f"{which} {new[0]} was first seen at {firsts[new[0]]:%Y-%m-%d %H:%M} UTC, just before it began",
            )
    still = (
        f"release {versions[-1].release} has been the same since {versions[-1].first:%Y-%m-%d}"
        if versions
        else "nothing was deployed"
    )
    turned = datetime(started.year, 1, 1, tzinfo=started.tzinfo)
    if alarm.field and started - turned <= NEW_YEAR:
        return (
            "calendar",
            f"the year turned and the model did not: {still}, and the dates it writes fit the year before",
        )
    return "unknown", f"{still}, and no prompt was changed"


def words(
    alarm: CheckRow, found: IncidentDetails, *, cause: str, why: str, started: datetime
) -> tuple[str, str]:
    """Title and one-sentence summary of an incident."""
    where = alarm.field or alarm.series
    title = f"{alarm.service}: {where} {'is a year off' if alarm.field else 'fails more often'}"
    interval = f"{100 * found.low:.1f} to {100 * found.high:.1f} %, {found.count} of {found.n}"
    summary = (
        f"Since {started:%Y-%m-%d %H:%M} UTC {100 * found.rate:.1f} % of calls ({interval}) are wrong in {where}, "
        f"against {100 * found.baseline:.2f} % before ({found.baseline_n:,} calls). Likely cause: {cause}; {why}."
    )
    return title, summary


def advice(cause: str, confirmed: Sequence[Confirmation]) -> str:
    """What kind of cure fits, and what it still waits for."""
    if not confirmed:
        return "Look at the examples. No judge or outcome has confirmed it yet; a retrain waits for that."
    witnesses = ", ".join(f"{one.source} {one.name}" for one in confirmed)
    if cause == "prompt":
        return (
            f"Take the prompt back first; it is cheaper than a retrain. Confirmed by {witnesses}."
        )
    if cause == "model":
        return (
            f"Roll the release back first; it is cheaper than a retrain. Confirmed by {witnesses}."
        )
    return f"Retrain with labelled examples from after the change. Confirmed by {witnesses}."
