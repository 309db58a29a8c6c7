"""What an incident says for itself: how bad, since when, where, ten examples, who confirms it and why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

from monitor.causes import (
    Flagged,
    SampledCall,
    Situation,
    Subject,
    Witness,
    judge_witness,
    read_calls,
    sightings,
    weigh,
)
from monitor.causes.dating import LOOK_BACK, date_change
from monitor.clock import parse_time
from monitor.drift import clopper_pearson, clopper_pearson_upper, find_slices, rate_e_value
from monitor.incidents import ChangePoint, Confirmation, Example, IncidentDetails, SliceShare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.jobs.merging import Signal
    from monitor.records import CheckRow
    from monitor.store import Store

__all__ = ["LABELLED", "confirmations", "gather"]

LABELLED = ("outcome", "user", "human")
"""Sources whose scores somebody had to give."""
EXAMPLES = 10
CONFIRMED = 20
"""E-value at which a series counts as a witness: 1/20, the usual 5 %, at whatever time it is looked at."""
SLICES = 3
WORDS = 20
"""Words of the inputs that the slice search looks at."""
LEAST_CALLS = 20
"""Calls since the change without which no slice is searched for."""


@dataclass(frozen=True, slots=True)
class _Counts:
    """How bad it is."""

    count: int
    n: int
    baseline: float
    baseline_n: int


def gather(
    store: Store,
    subject: Subject,
    found: Sequence[Signal],
    until: datetime,
    *,
    known: Mapping[tuple[str, str], CheckRow],
) -> IncidentDetails:
    """Everything that is known now about a subject whose `found` series alarm; `known` are all of the service's."""
    flagged = _flagged(store, subject, until)
    faults = {(one.trace_id, one.span_id) for one in flagged}
    calls = read_calls(store, subject, until, faults)
    if subject.root:
        inside = {call.key for call in calls}
        flagged = [one for one in flagged if (one.trace_id, one.span_id) in inside]
    counts = _counts(store, subject, found[0], calls, known)
    change, ramp = date_change(calls, subject.started, counts.baseline)
    situation = _situation(
        store, subject, found, until, calls=calls, known=known, change=change, ramp=ramp,
        baseline=counts.baseline, flagged=flagged,
    )  # fmt: skip
    interval = clopper_pearson(counts.count, counts.n) if counts.n else None
    after = situation.after
    return IncidentDetails(
        release=next((call.attributes["release"] for call in reversed(after) if "release" in call.attributes), ""),
        rate=counts.count / counts.n if counts.n else 0.0,
        count=counts.count,
        n=counts.n,
        low=interval.low if interval else 0.0,
        high=interval.high if interval else 1.0,
        baseline=counts.baseline,
        baseline_n=counts.baseline_n,
        root=subject.root,
        change=change,
        causes=weigh(situation),
        slices=_slices(situation, subject),
        examples=_examples(flagged, found, subject.started),
    )  # fmt: skip


def _flagged(store: Store, subject: Subject, until: datetime) -> list[Flagged]:
    """Calls that show the fault, also from before the change, the latest first."""
    period: dict[str, Any] = {
        "service": subject.service, "since": subject.started - LOOK_BACK, "until": until,
    }  # fmt: skip
    rows = (
        store.read("flagged_by_field", Flagged, field=subject.field, **period)
        if subject.field
        else store.read("flagged_by_rate", Flagged, series=subject.series, **period)
    )
    return list({one.span_id: one for one in rows}.values())


def _counts(
    store: Store,
    subject: Subject,
    lead: Signal,
    calls: Sequence[SampledCall],
    known: Mapping[tuple[str, str], CheckRow],
) -> _Counts:
    """Faults among the calls since it began; for a series that flags no calls, by its own windows."""
    row = known.get((lead.row.detector, lead.row.series), lead.row)
    after = [call.fault for call in calls if call.timestamp >= subject.started]
    if any(after):
        return _Counts(sum(after), len(after), row.baseline, row.baseline_n)
    series = {"detector": row.detector, "series": row.series, "service": row.service}
    windows = store.rows("windows_of_series", since=subject.started, **series)
    return _Counts(
        sum(int(count) for _, count, _, _ in windows),
        sum(int(n) for _, _, n, _ in windows),
        row.baseline,
        row.baseline_n,
    )


def _situation(  # noqa: PLR0913 - all that was gathered, by name
    store: Store,
    subject: Subject,
    found: Sequence[Signal],
    until: datetime,
    *,
    calls: Sequence[SampledCall],
    known: Mapping[tuple[str, str], CheckRow],
    change: ChangePoint | None,
    ramp: float,
    baseline: float,
    flagged: Sequence[Flagged],
) -> Situation:
    began = change.best if change else subject.started
    metrics = sorted({one.metric for one in found if not one.field and one.tier != "watch"})
    judges = sorted({name.partition("/")[2] for name in metrics if name.startswith("judge/")})
    seen, watched = sightings(known.values(), began)
    return Situation(
        calls=calls,
        low=change.low if change else subject.started,
        best=began,
        high=change.high if change else subject.started,
        baseline=baseline,
        ramp=ramp,
        field=subject.field,
        written=tuple((one.value, one.timestamp) for one in flagged if one.timestamp >= began)[
            :EXAMPLES
        ],
        metrics=metrics,
        judges=tuple(judge_witness(store, subject.service, one, began, until) for one in judges),
        witnesses=tuple(
            store.read("witnesses", Witness, service=subject.service, started=began, until=until)
        ),
        sightings=tuple(seen),
        inputs_watched=watched,
    )


def _slices(situation: Situation, subject: Subject) -> list[SliceShare]:
    """The three slices in which the faults gather, of the calls' attributes and at most one of their words."""
    calls = situation.after
    if len(calls) < LEAST_CALLS or not any(call.fault for call in calls):
        return []
    faults = [call.fault for call in calls]
    fixed = {name for name, _ in subject.root}  # what the slice itself fixes explains nothing in it
    known = [
        {name: value for name, value in call.attributes.items() if name not in fixed}
        for call in calls
    ]
    words = _telling_words(calls)
    said = [{f'word "{word}"': "said" for word in words & call.words} for call in calls]
    # the words of one topic come together, so one of them stands for all
    found = [
        *find_slices(known, faults, situation.baseline, top=SLICES),
        *find_slices(said, faults, situation.baseline, top=1),
    ]
    found = sorted(found, key=lambda one: -one.score)[:SLICES]
    return [
        SliceShare(
            attribute=" and ".join(name for name, _ in one.conditions),
            value=" and ".join(value for _, value in one.conditions),
            rate=one.rate,
            rate_elsewhere=one.rate_elsewhere,
            share_of_faults=one.share_of_faults,
            n=one.n,
            lift=one.lift if isfinite(one.lift) else 0.0,
            share_of_calls=one.share_of_calls,
        )
        for one in found
    ]


def _telling_words(calls: Sequence[SampledCall]) -> frozenset[str]:
    """Words that faulty calls' inputs say more often than the others', those that differ most."""
    bad = [call.words for call in calls if call.fault]
    good = [call.words for call in calls if not call.fault]
    if len(bad) < 5 or not good:
        return frozenset()
    said = {word for words in bad for word in words}
    lifted = {word: sum(word in words for words in bad) / len(bad) for word in said}
    often = sorted((word for word in lifted if lifted[word] >= 0.2), key=lambda one: -lifted[one])[
        :200
    ]
    gain = {word: lifted[word] - sum(word in words for words in good) / len(good) for word in often}
    return frozenset(
        sorted((word for word in gain if gain[word] > 0.1), key=lambda one: -gain[one])[:WORDS]
    )


def _examples(
    flagged: Sequence[Flagged], found: Sequence[Signal], started: datetime
) -> list[Example]:
    """Ten calls that show it, the latest first; where no score flags them, those that the series itself kept."""
    since = [one for one in flagged if one.timestamp >= started][:EXAMPLES]
    if since:
        return [
            Example(
                trace_id=one.trace_id, span_id=one.span_id, timestamp=one.timestamp,
                value=one.value, why=one.why,
            )
            for one in since
        ]  # fmt: skip
    kept = [
        example
        for one in found
        for example in json.loads(one.row.evidence or "{}").get("examples", ())
        if isinstance(example, dict) and example.get("trace_id")
    ]
    return [_kept(example, started) for example in kept[:EXAMPLES]]


def _kept(example: Mapping[str, Any], started: datetime) -> Example:
    when = str(example.get("timestamp") or "")
    return Example(
        trace_id=str(example["trace_id"]),
        span_id=str(example.get("span_id", "")),
        timestamp=parse_time(when) if when else started,
        value=str(example.get("value", "")),
        why=str(example.get("why", "")),
    )


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
