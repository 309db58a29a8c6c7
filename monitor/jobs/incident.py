"""Incidents: alarms become one explained incident, evidence grows on it, and it closes when the rate is back.

Reads `checks`, `calls`, `scores`, `otel_traces` (fingerprints), `bridges`; writes `incidents` (opened, grown, reopened,
resolved) and, on resolution, the row in `checks` that makes the series start anew. Runs every hour. Alarms of
overlapping slices and related series of a service are one incident (`monitor.jobs.merging`); a series of the looser
tier, and embedding or term drift, open a `watch` incident, which wakes nobody and is no reason to retrain, and which
ends by itself after a week without further evidence.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from monitor.causes import Subject, spelled
from monitor.incidents import TIERS, Incident, IncidentDetails, incidents, tell, wake
from monitor.jobs import evidence, wording
from monitor.jobs.advice import ACTOR, advise_again, advised, follow_promotion
from monitor.jobs.calls import services
from monitor.jobs.merging import Group, Signal, confirmable, group, severity, signals
from monitor.jobs.recovery import recovery
from monitor.jobs.series import begin_again, evidence_since, latest
from monitor.retrain.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.jobs.job import Window
    from monitor.records import CheckRow
    from monitor.settings import Settings
    from monitor.store import Store

    Rows = Mapping[tuple[str, str], CheckRow]

BACK_WITHIN = timedelta(days=3)
"""What returns this soon after it was resolved is the same incident, reopened."""
WATCHED_FOR = timedelta(days=7)
"""A watch incident to which nothing is added for so long is over."""


def run(store: Store, settings: Settings, window: Window) -> Mapping[str, int]:
    """Open, grow, reopen and resolve incidents by what `checks` says now."""
    now = window.until
    counts: Counter[str] = Counter(woken=len(wake(store, now=now, actor=ACTOR)))
    standing = _of_series(incidents(store))
    watch = Watch(store, now)
    for one in standing:
        regressed = follow_promotion(store, settings, one, watch)
        counts["regressed"] += regressed is not None
        if regressed is None and one.state != "resolved":
            counts["resolved"] += _resolve_if_over(store, one, watch)
    if counts["regressed"] or counts["resolved"]:
        standing = _of_series(incidents(store))
    for service in services(store):
        known = latest(store, service)
        mine = [one for one in standing if one.service == service]
        active = [one for one in mine if one.state != "resolved"]
        _begin_anew(store, mine, known, now)
        for found in group(signals(known.values()), active):
            ended = [one for one in mine if one.state == "resolved"]
            counts[_take(store, settings, found, ended, known, watch)] += 1
            for other in found.others:
                note = f"It is the same as {found.home.incident_id if found.home else ''}."
                tell(store, other, "resolved", now=now, actor=ACTOR, via="job", note=note)
                counts["merged"] += 1
    if any(counts[told] for told in ("opened", "grown", "reopened", "merged")):
        standing = _of_series(incidents(store))
    for one in standing:
        if one.state != "resolved" and one.updated_at < now:
            counts["advised"] += advise_again(store, settings, one, watch) is not None
    return {name: count for name, count in counts.items() if count}


def _of_series(found: Sequence[Incident]) -> list[Incident]:
    """Those that came of series: troubles of the plumbing and of judges have jobs of their own."""
    return [one for one in found if one.details.alarms]


def _take(
    store: Store,
    settings: Settings,
    found: Group,
    ended: Sequence[Incident],
    known: Rows,
    watch: Watch,
) -> str:
    """Open an incident for a group of alarms, or add them to the one that is there."""
    if found.home is not None:
        return _grow(store, settings, found.home, found, known, watch)
    back = next((one for one in ended if _returns(one, found, watch.now)), None)
    if back is not None:
        _reopen(store, settings, back, found, known, watch)
        return "reopened"
    _open(store, settings, found, known, watch)
    return "opened"


def _returns(one: Incident, found: Group, now: datetime) -> bool:
    """Whether an incident that has just ended was about the same: its leading series, or the same field."""
    if one.resolved_at is None or now - one.resolved_at > BACK_WITHIN:
        return False
    return any(
        (signal.row.detector, signal.row.series) == (one.detector, one.series)
        or (
            one.field != ""
            and signal.field == one.field
            and signal.conditions == dict(one.details.root)
        )
        for signal in found.signals
    )


def _subject(lead: Signal, started: datetime) -> Subject:
    return Subject(
        service=lead.row.service,
        field=lead.field,
        series=lead.metric,
        started=started,
        root=tuple(sorted((spelled(name), value) for name, value in lead.conditions.items())),
    )


def _explained(
    store: Store, subject: Subject, found: Sequence[Signal], known: Rows, now: datetime
) -> IncidentDetails:
    """The evidence as it stands now, told."""
    ranked = sorted(found, key=lambda one: one.rank)
    lead = ranked[0]
    details = evidence.gather(store, subject, ranked, now, known=known)
    confirmed = (
        evidence.confirmations(store, subject.service, subject.started, now)
        if confirmable(found)
        else []
    )
    return details.model_copy(
        update={
            "summary": wording.summary(subject, details, told=lead.sentence),
            "alarms": tuple(one.alarm for one in ranked),
            "e_value": lead.row.e_value,
            "threshold": lead.row.threshold,
            "needed_labels": not lead.field and lead.metric.split("/")[0] in evidence.LABELLED,
            "confirmations": confirmed,
        }
    )


def _open(store: Store, settings: Settings, found: Group, known: Rows, watch: Watch) -> None:
    lead, tier, now = found.lead, severity(found.signals), watch.now
    started = _started(found)
    subject = _subject(lead, started)
    details = _explained(store, subject, found.signals, known, now)
    key = f"{lead.row.service}/{lead.field}/{lead.row.series}/{started.isoformat()}"
    one = Incident(
        incident_id=f"inc-{hashlib.sha256(key.encode()).hexdigest()[:12]}",
        service=lead.row.service,
        title=wording.title(subject, tier, lead.row.detector),
        severity=tier,
        cause=details.causes[0].cause if details.causes else "unknown",
        field=lead.field,
        detector=lead.row.detector,
        series=lead.row.series,
        started_at=started,
        opened_at=now,
        updated_at=now,
        resolved_at=None,
        state="open",
        actor=ACTOR,
        details=details,
    )
    one = advised(store, settings, one, watch)
    tell(store, one, "opened", now=now, actor=ACTOR, via="job", note=details.summary)


def _started(found: Group) -> datetime:
    """When the leading subject began: the earliest of its own series, by their change points."""
    lead = found.lead
    return min(
        one.started
        for one in found.signals
        if (one.field, one.metric) == (lead.field, lead.metric)
        or (one.field and one.field == lead.field)
    )


def _grow(
    store: Store, settings: Settings, mine: Incident, found: Group, known: Rows, watch: Watch
) -> str:
    """Add what is new: further series, further witnesses, a higher tier. Without any, nothing is told."""
    now = watch.now
    seen = {(alarm.detector, alarm.series): alarm for alarm in mine.details.alarms}
    new = [one for one in found.signals if (one.row.detector, one.row.series) not in seen]
    tier = min(mine.severity, severity(found.signals), key=TIERS.index)
    witnesses = (
        evidence.confirmations(store, mine.service, mine.started_at, now)
        if confirmable(found.signals)
        else []
    )
    told = {(one.source, one.name) for one in mine.details.confirmations}
    raised = tier != mine.severity
    if not new and not raised and {(one.source, one.name) for one in witnesses} <= told:
        return "unchanged"
    lead = next(
        (
            one
            for one in found.signals
            if (one.row.detector, one.row.series) == (mine.detector, mine.series)
        ),
        None,
    )
    if lead is None or raised:
        lead = found.lead
    after = _told_anew(store, mine, found, lead, known, now, tier=tier)
    after = advised(store, settings, after, watch)
    note = f"{len(new)} more series: {', '.join(one.row.series for one in new[:3])}" if new else ""
    tell(store, after, "grown", now=now, actor=ACTOR, via="job", note=note)
    return "grown"


def _told_anew(
    store: Store,
    mine: Incident,
    found: Group,
    lead: Signal,
    known: Rows,
    now: datetime,
    *,
    tier: str,
) -> Incident:
    started = min(mine.started_at, _started(found)) if tier != mine.severity else mine.started_at
    subject = _subject(lead, started)
    signals_now = [lead, *(one for one in found.signals if one is not lead)]
    details = _explained(store, subject, signals_now, known, now)
    fresh = {(alarm.detector, alarm.series) for alarm in details.alarms}
    before = [one for one in mine.details.alarms if (one.detector, one.series) not in fresh]
    details = details.model_copy(
        update={
            "alarms": (*before, *details.alarms),
            "e_value": max(mine.details.e_value, details.e_value),
        }
    )
    return replace(
        mine,
        title=wording.title(subject, tier, lead.row.detector),
        severity=tier,
        cause=details.causes[0].cause if details.causes else mine.cause,
        field=lead.field,
        detector=lead.row.detector,
        series=lead.row.series,
        started_at=started,
        details=details,
    )


def _reopen(
    store: Store, settings: Settings, back: Incident, found: Group, known: Rows, watch: Watch
) -> None:
    now = watch.now
    tier = min(back.severity, severity(found.signals), key=TIERS.index)
    after = _told_anew(store, back, found, found.lead, known, now, tier=tier)
    after = advised(store, settings, after, watch)
    note = f"It is back. {after.details.summary}"
    tell(store, after, "reopened", now=now, actor=ACTOR, via="job", note=note)


def _begin_anew(
    store: Store,
    mine: Sequence[Incident],
    known: dict[tuple[str, str], CheckRow],
    now: datetime,
) -> None:
    """Series of resolved incidents, whoever resolved them, forget the evidence from before that.

    Not those that are part of another incident, which is open.
    """
    held = {
        (alarm.detector, alarm.series)
        for one in mine
        if one.state != "resolved"
        for alarm in one.details.alarms
    }
    for one in mine:
        if one.resolved_at is None:
            continue
        for alarm in one.details.alarms:
            key = (alarm.detector, alarm.series)
            row = known.get(key)
            if row is not None and key not in held and evidence_since(row) < one.resolved_at:
                known[key] = begin_again(row, now=now)
                store.append("checks", [known[key]])


def _resolve_if_over(store: Store, one: Incident, watch: Watch) -> bool:
    """Close an incident that is over by itself: the rate is back, or nothing came to a watch."""
    note, now = recovery(store, one, watch), watch.now
    if not note and one.severity == "watch" and now - one.updated_at >= WATCHED_FOR:
        note = f"Nothing was added to it in {WATCHED_FOR.days} days."
    if note:
        tell(store, one, "resolved", now=now, actor=ACTOR, via="job", note=note)
    return bool(note)
