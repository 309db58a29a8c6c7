"""Troubles of the plumbing as incidents: opened once, grown when they get much worse, resolved when they are over.

The silence and the ingestion job find troubles; an incident's `series` says which one it is about, so that a cause
has one incident for each service however often it is found.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from monitor.incidents import Incident, IncidentDetails, incidents, tell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from monitor.store import Store

__all__ = ["WORSE", "Trouble", "settle", "when"]

WORSE = 2
"""Times as large as it was told: then people are told again."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong now."""

    kind: str
    """What, in a word or two; with the service it names the incident's series."""
    service: str
    title: str
    summary: str
    advice: str
    severity: str
    """`page` or `ticket`."""
    cause: str
    """`silence` or `ingestion`."""
    started_at: datetime
    size: int = 0
    """Calls that are missing, or rows that are concerned."""
    evidence: float = 0.0
    """How surprising it is: one over the chance of it; 0 for plain facts."""
    threshold: float = 0.0
    """The evidence at which it is told."""
    hushed_for: timedelta = timedelta(hours=24)
    """A person who resolves one like it is not told of it again for so long."""

    @property
    def series(self) -> str:
        """The incident's series."""
        return f"{self.kind}/{self.service}"

    def details(self) -> IncidentDetails:
        """The evidence as an incident keeps it."""
        return IncidentDetails(
            summary=self.summary,
            advice=self.advice,
            count=self.size,
            e_value=min(self.evidence, 1e15),
            threshold=self.threshold,
        )


def settle(
    store: Store,
    found: Sequence[Trouble],
    *,
    detector: str,
    now: datetime,
    over: Callable[[Incident], str | None],
) -> Counter[str]:
    """Make the incidents of `detector` say what is found now.

    Args:
        store: the store.
        found: everything that is wrong now, one for each series.
        detector: which job's incidents.
        now: the time of the events.
        over: for an incident whose trouble is not found any more, the sentence that ends it, or None to wait.
    """
    counts: Counter[str] = Counter()
    known = [one for one in incidents(store) if one.detector == detector]
    active = {one.series: one for one in known if one.state != "resolved"}
    for trouble in found:
        mine = active.pop(trouble.series, None)
        if mine is not None:
            counts[_grow(store, mine, trouble, now)] += 1
        elif not _hushed(trouble, known, now):
            _open(store, trouble, detector, now)
            counts["opened"] += 1
    for one in active.values():
        note = over(one)
        if note is not None:
            tell(store, one, "resolved", now=now, actor=_actor(detector), via="job", note=note)
            counts["resolved"] += 1
    return counts


def _identity(trouble: Trouble, detector: str) -> str:
    key = f"{detector}/{trouble.series}/{trouble.started_at.isoformat()}"
    return f"inc-{hashlib.sha256(key.encode()).hexdigest()[:12]}"


def _hushed(trouble: Trouble, known: Iterable[Incident], now: datetime) -> bool:
    """Whether this very trouble was told before, or a person has just closed one like it."""
    return any(
        one.series == trouble.series
        and (
            one.started_at == trouble.started_at
            or (
                one.resolved_at is not None
                and one.actor != _actor(one.detector)
                and now - one.resolved_at < trouble.hushed_for
            )
        )
        for one in known
    )


def _open(store: Store, trouble: Trouble, detector: str, now: datetime) -> None:
    one = Incident(
        incident_id=_identity(trouble, detector),
        service=trouble.service,
        title=trouble.title,
        severity=trouble.severity,
        cause=trouble.cause,
        field="",
        detector=detector,
        series=trouble.series,
        started_at=trouble.started_at,
        opened_at=now,
        updated_at=now,
        resolved_at=None,
        state="open",
        actor=_actor(detector),
        details=trouble.details(),
    )
    tell(store, one, "opened", now=now, actor=one.actor, via="job", note=trouble.summary)


def _grow(store: Store, mine: Incident, trouble: Trouble, now: datetime) -> str:
    """Tell what has become worse: another severity, or `WORSE` times the size."""
    worse = trouble.severity == "page" != mine.severity
    if not worse and trouble.size < WORSE * max(1, mine.details.count):
        return "unchanged"
    details = trouble.details().model_copy(
        update={
            "announcements": mine.details.announcements,
            "snoozed_until": mine.details.snoozed_until,
        }
    )
    now_told = replace(mine, title=trouble.title, severity=trouble.severity)
    tell(store, now_told, "grown", now=now, actor=_actor(mine.detector), via="job", details=details)
    return "grown"


def _actor(detector: str) -> str:
    return f"{detector} job"


def when(moment: datetime, now: datetime) -> str:
    """A moment for a sentence: the time alone for the last hours, with its day otherwise.

    >>> from datetime import UTC
    >>> noon = datetime(2024, 1, 1, 12, 0, tzinfo=UTC)
    >>> when(noon, noon + timedelta(hours=2)), when(noon, noon + timedelta(days=2))
    ('12:00 UTC', 'Mon 1 Jan 12:00 UTC')
    """
    if now - moment < timedelta(hours=12):
        return f"{moment:%H:%M} UTC"
    return f"{moment:%a} {moment.day} {moment:%b %H:%M} UTC"
