"""Incidents: alarms become one explained incident, evidence grows on it, and it closes when the rate is back.

Reads `checks`, `calls`, `scores`; writes `incidents` (opened, grown, resolved) and, on resolution, the row in
`checks` that makes the series start anew. Runs every hour. Alarms of one field of one service are one incident; a
rate of the same service that alarms while it is open joins it as a confirmation.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from datetime import datetime
from typing import TYPE_CHECKING

from monitor.clock import parse_time
from monitor.drift import (
    PROBABILITY_FLOOR,
    clopper_pearson,
    clopper_pearson_upper,
    recovered,
    recovery_detector,
)
from monitor.incidents import Alarm, Incident, incidents, tell
from monitor.jobs import evidence
from monitor.jobs.calls import services
from monitor.jobs.series import begin_again, evidence_since, latest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from monitor.jobs.job import Window
    from monitor.records import CheckRow
    from monitor.settings import Settings
    from monitor.store import Store

ACTOR = "incident job"
PAGES = ("rollover", "rate")
"""Detectors whose alarm wakes people; a year slip alone is a ticket (STATISTICS.md, section 4)."""


def run(store: Store, settings: Settings, window: Window) -> Mapping[str, int]:
    """Open, grow and resolve incidents by what `checks` says now."""
    del settings
    counts: Counter[str] = Counter()
    for one in incidents(store):
        if one.state != "resolved":
            counts["resolved"] += _resolve_if_recovered(store, one, window.until)
    standing = incidents(store)
    for service in services(store):
        known = latest(store, service)
        mine = [one for one in standing if one.service == service]
        _begin_anew(store, [one for one in mine if one.state == "resolved"], known, window.until)
        active = [one for one in mine if one.state != "resolved"]
        for root, alarms in _roots(known.values(), active).items():
            home = next((one for one in active if _covers(one, root, alarms)), None)
            counts[_open_or_grow(store, home, alarms, window)] += 1
    return counts


def _roots(rows: Iterable[CheckRow], active: Sequence[Incident]) -> dict[str, list[CheckRow]]:
    """Alarming series by what they are about: a field's series together, and rates with an open incident."""
    roots: dict[str, list[CheckRow]] = defaultdict(list)
    alarming = [row for row in rows if row.status == "drift"]
    for row in alarming:
        roots[row.field and f"field:{row.field}"].append(row)
    rates = roots.pop("", [])
    if rates:
        home = next(
            iter(roots), next((f"field:{one.field}" for one in active if one.field), "rates")
        )
        roots[home] += rates
    return roots


def _covers(one: Incident, root: str, alarms: Sequence[CheckRow]) -> bool:
    return f"field:{one.field}" == root or any(row.series == one.series for row in alarms)


def _alarm(row: CheckRow) -> Alarm:
    return Alarm(
        detector=row.detector,
        series=row.series,
        detected_at=row.window_end,
        e_value=row.e_value,
        threshold=row.threshold,
    )


def _open_or_grow(
    store: Store, mine: Incident | None, alarms: Sequence[CheckRow], window: Window
) -> str:
    lead = min(alarms, key=lambda row: (row.field == "", -row.e_value / max(row.threshold, 1e-9)))
    if mine is None:
        _open(store, lead, alarms, window)
        return "opened"
    seen = {(alarm.detector, alarm.series) for alarm in mine.details.alarms}
    new = [_alarm(row) for row in alarms if (row.detector, row.series) not in seen]
    confirmations = evidence.confirmations(store, mine.service, mine.started_at, window.until)
    told = {(one.source, one.name) for one in mine.details.confirmations}
    if not new and {(one.source, one.name) for one in confirmations} <= told:
        return "unchanged"
    subject = evidence.Subject(mine.service, mine.field, mine.series, mine.started_at)
    found = evidence.gather(store, subject, window.until)
    _, why = evidence.cause(store, subject, found, window.until)
    details = found.model_copy(
        update={
            "summary": evidence.summary(subject, found, cause=mine.cause, why=why),
            "alarms": (*mine.details.alarms, *new),
            "confirmations": confirmations,
            "announcements": mine.details.announcements,
            "advice": evidence.advice(mine.cause, confirmations),
            "e_value": max(mine.details.e_value, lead.e_value),
            "threshold": mine.details.threshold,
        }
    )
    tell(store, mine, "grown", now=window.until, actor=ACTOR, via="job", details=details)
    return "grown"


def _started(row: CheckRow) -> datetime:
    marked = json.loads(row.evidence or "{}").get("started_at", "")
    return parse_time(marked) if marked else row.window_start


def _open(store: Store, lead: CheckRow, alarms: Sequence[CheckRow], window: Window) -> None:
    started = min(_started(row) for row in alarms if row.field == lead.field)
    subject = evidence.Subject(lead.service, lead.field, lead.series, started)
    found = evidence.gather(store, subject, window.until)
    cause, why = evidence.cause(store, subject, found, window.until)
    confirmations = evidence.confirmations(store, lead.service, started, window.until)
    summary = evidence.summary(subject, found, cause=cause, why=why)
    details = found.model_copy(
        update={
            "summary": summary,
            "alarms": tuple(_alarm(row) for row in alarms),
            "e_value": lead.e_value,
            "threshold": lead.threshold,
            "needed_labels": not lead.field and lead.series.split("/")[0] in evidence.LABELLED,
            "confirmations": confirmations,
            "advice": evidence.advice(cause, confirmations),
        }
    )
    key = f"{lead.service}/{lead.field}/{lead.series}/{started.isoformat()}"
    one = Incident(
        incident_id=f"inc-{hashlib.sha256(key.encode()).hexdigest()[:12]}",
        service=lead.service,
        title=evidence.title(subject),
        severity="page" if any(row.detector in PAGES for row in alarms) else "ticket",
        cause=cause,
        field=lead.field,
        detector=lead.detector,
        series=lead.series,
        started_at=started,
        opened_at=window.until,
        updated_at=window.until,
        resolved_at=None,
        state="open",
        actor=ACTOR,
        details=details,
    )
    tell(store, one, "opened", now=window.until, actor=ACTOR, via="job", note=summary)


def _begin_anew(
    store: Store, ended: Sequence[Incident], known: dict[tuple[str, str], CheckRow], now: datetime
) -> None:
    """Series of resolved incidents, whoever resolved them, forget the evidence from before that."""
    for one in ended:
        for alarm in one.details.alarms:
            row = known.get((alarm.detector, alarm.series))
            if (
                row is not None
                and one.resolved_at is not None
                and evidence_since(row) < one.resolved_at
            ):
                known[alarm.detector, alarm.series] = begin_again(row, now=now)
                store.append("checks", [known[alarm.detector, alarm.series]])


def _resolve_if_recovered(store: Store, one: Incident, now: datetime) -> bool:
    """Close an incident whose own series has statistically come back since it was opened."""
    told = one.details
    bound = max(
        PROBABILITY_FLOOR,
        clopper_pearson_upper(round(told.baseline * told.baseline_n), told.baseline_n),
    )
    if told.rate <= bound:
        return False
    detector = recovery_detector(bound, told.rate)
    series = {"detector": one.detector, "series": one.series, "service": one.service}
    for _, count, n in store.rows("windows_of_series", since=one.opened_at, **series):
        detector.update(count, n)
    if not recovered(detector, bound):
        return False
    count, n = detector.count_since_change, detector.n_since_change
    back = clopper_pearson(count, n)
    interval = f"{100 * back.low:.2f} to {100 * back.high:.2f} %"
    note = f"The rate is back: {count} of the last {n} calls ({interval})."
    tell(store, one, "resolved", now=now, actor=ACTOR, via="job", note=note)
    return True
