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
    from monitor.store import Store

__all__ = ["LABELLED", "Subject", "advice", "cause", "confirmations", "gather", "summary", "title"]

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
class Subject:
    """What an incident is about."""

    service: str
    field: str
    """The output field, or '' for a rate."""
    series: str
    started: datetime


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


def gather(store: Store, subject: Subject, until: datetime) -> IncidentDetails:
    """How bad it is since it started, in which slices, and five calls that show it, the latest first."""
    service, field, series, started = (
        subject.service,
        subject.field,
        subject.series,
        subject.started,
    )
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


def cause(
    store: Store, subject: Subject, found: IncidentDetails, until: datetime
) -> tuple[str, str]:
    """What most likely moved, and the sentence that argues for it: a deployment just before, else the calendar."""
    versions = store.read("versions_seen", Version, service=subject.service, until=until)
    before = [one for one in versions if one.first <= subject.started]
    for kind, what, which in (
        ("release", "model", "release"),
        ("prompt_version", "prompt", "prompt version"),
    ):
        firsts: dict[str, datetime] = {}
        for one in before:
            firsts[getattr(one, kind)] = min(firsts.get(getattr(one, kind), one.first), one.first)
        name, first = max(firsts.items(), key=lambda item: item[1], default=("", subject.started))
        if len(firsts) > 1 and first >= subject.started - DEPLOYED_BEFORE:
            return what, f"{which} {name} was first seen at {first:%Y-%m-%d %H:%M} UTC, just before"
    present = max(before, key=lambda one: one.last, default=None)
    still = "nothing was deployed"
    if present is not None:
        still = f"release {present.release} has been the same since {present.first:%Y-%m-%d}"
    if subject.field and _left_behind(subject.started, found):
        return (
            "calendar",
            f"the year turned and the model did not: {still}, and its dates fit the year before",
        )
    return "unknown", f"{still}, and no prompt was changed"


def _left_behind(started: datetime, found: IncidentDetails) -> bool:
    """Whether it began early in a year, and the examples carry dates of the year before."""
    turned = datetime(started.year, 1, 1, tzinfo=started.tzinfo)
    years = [(one.value[:4], f"{one.timestamp:%Y}") for one in found.examples]
    return started - turned <= NEW_YEAR and any(written < called for written, called in years)


def title(subject: Subject) -> str:
    """What is wrong, in a line."""
    what = (
        f"{subject.field} is a year off" if subject.field else f"{subject.series} fails more often"
    )
    return f"{subject.service}: {what}"


def summary(subject: Subject, found: IncidentDetails, *, cause: str, why: str) -> str:
    """What a person needs in one go: since when, how bad, against what, and why."""
    interval = f"{100 * found.low:.1f} to {100 * found.high:.1f} %, {found.count} of {found.n}"
    return (
        f"Since {subject.started:%Y-%m-%d %H:%M} UTC {100 * found.rate:.1f} % of calls ({interval}) are wrong in "
        f"{subject.field or subject.series}, against {100 * found.baseline:.2f} % before "
        f"({found.baseline_n:,} calls). Likely cause: {cause}; {why}."
    )


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
