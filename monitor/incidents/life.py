"""The life of an incident: its events folded into its state, and what jobs and people may do to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from monitor.clock import rfc3339
from monitor.exceptions import NotFoundError, TransitionError
from monitor.incidents.details import IncidentDetails
from monitor.records import TICK, IncidentEvent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.store import Store

__all__ = [
    "SNOOZE",
    "TIERS",
    "Incident",
    "act",
    "fold",
    "incident",
    "incidents",
    "operational",
    "tell",
    "wake",
]

SNOOZE = timedelta(hours=24)
"""How long a snooze lasts when nobody says otherwise."""
TIERS = ("page", "ticket", "watch")
"""Severities, the gravest first."""
STATES = {
    "opened": "open",
    "reopened": "open",
    "acknowledged": "acknowledged",
    "snoozed": "snoozed",
    "resolved": "resolved",
}
"""Events that change the state; the others add evidence or say who was told."""
EVIDENCE = frozenset({"opened", "grown", "reopened"})
"""Events that bring evidence. What people press and what was announced may have been read before that evidence came,
so of such an event only what it is about is taken, and nothing that was written meanwhile is lost."""
ACTS = {
    "acknowledged": ("open", "snoozed"),
    "snoozed": ("open", "acknowledged", "snoozed"),
    "resolved": ("open", "acknowledged", "snoozed"),
    "reopened": ("resolved", "acknowledged", "snoozed"),
}
"""What a person may do, and in which states."""


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident as it stands after all its events."""

    incident_id: str
    service: str
    title: str
    severity: str
    """`page`, `ticket` or `watch`."""
    cause: str
    field: str
    detector: str
    series: str
    started_at: datetime
    """When it began to go wrong."""
    opened_at: datetime
    updated_at: datetime
    resolved_at: datetime | None
    state: str
    """open, acknowledged, snoozed or resolved."""
    actor: str
    """Who brought it into this state; being told or growing does not change that."""
    details: IncidentDetails
    reopened_at: datetime | None = None
    """When it was last opened again after it had been resolved; evidence of its end counts from then on."""

    @property
    def operational(self) -> bool:
        """Whether it is about how calls run (latency, tokens, cost, errors), not about what they answer."""
        alarmed = [one.series for one in self.details.alarms] or [self.series]
        return all(map(operational, alarmed))


def operational(series: str) -> bool:
    """Whether a series says how calls run.

    >>> [operational(one) for one in ("call/duration_ms>q50 [tag a=b]", "error/Timeout", "call/refusal", "judge/right")]
    [True, True, False, False]
    """
    return series.startswith(("call/", "error/")) and not series.startswith("call/refusal")


def fold(events: Iterable[IncidentEvent]) -> list[Incident]:
    """Incidents as they stand after `events` (in order of time), newest opened first."""
    known: dict[str, Incident] = {}
    for event in events:
        before = known.get(event.incident_id)
        known[event.incident_id] = _begin(event) if before is None else _continue(before, event)
    return sorted(known.values(), key=lambda incident: incident.opened_at, reverse=True)


def _begin(event: IncidentEvent) -> Incident:
    state = STATES.get(event.event, "open")
    return Incident(
        incident_id=event.incident_id,
        service=event.service,
        title=event.title,
        severity=event.severity,
        cause=event.cause,
        field=event.field,
        detector=event.detector,
        series=event.series,
        started_at=event.started_at,
        opened_at=event.timestamp,
        updated_at=event.timestamp,
        resolved_at=event.timestamp if event.event == "resolved" else None,
        state=state,
        actor=event.actor,
        details=IncidentDetails.model_validate_json(event.details or "{}"),
    )


def _continue(before: Incident, event: IncidentEvent) -> Incident:
    told = IncidentDetails.model_validate_json(event.details or "{}")
    state = STATES.get(event.event, before.state)
    ended = event.timestamp if event.event == "resolved" else before.resolved_at
    after = replace(
        before,
        updated_at=event.timestamp,
        resolved_at=ended if state == "resolved" else None,
        reopened_at=event.timestamp
        if before.state == "resolved" and state == "open"
        else before.reopened_at,
        state=state,
        actor=event.actor if event.event in STATES else before.actor,
        details=_details(before.details, told, event.event),
    )
    if event.event not in EVIDENCE:
        return after
    return replace(
        after,
        title=event.title,
        severity=event.severity,
        cause=event.cause,
        field=event.field,
        detector=event.detector,
        series=event.series,
        started_at=event.started_at,
    )


def _details(before: IncidentDetails, told: IncidentDetails, event: str) -> IncidentDetails:
    """What an event changes of the details: evidence, or who was told, or how long a snooze lasts."""
    if event in EVIDENCE:
        until = None if event == "reopened" else before.snoozed_until
        kept = {"announcements": before.announcements, "snoozed_until": until}
        return told.model_copy(update=kept)
    if event in STATES:
        until = told.snoozed_until if event == "snoozed" else None
        return before.model_copy(update={"snoozed_until": until})
    if event == "advised":
        return before.model_copy(update={"advice": told.advice, "cures": told.cures})
    if event == "announced":
        by_sink = {one.sink: one for one in (*before.announcements, *told.announcements)}
        return before.model_copy(update={"announcements": tuple(by_sink.values())})
    return before


def incidents(store: Store) -> list[Incident]:
    """Every incident in the store, newest opened first."""
    return fold(store.read("incident_events", IncidentEvent))


def incident(store: Store, incident_id: str) -> Incident | None:
    """One incident by its id, or None."""
    return next((one for one in incidents(store) if one.incident_id == incident_id), None)


def tell(
    store: Store,
    one: Incident,
    event: str,
    *,
    now: datetime,
    actor: str,
    via: str,
    note: str = "",
    details: IncidentDetails | None = None,
) -> Incident:
    """Append an event to an incident's life and return the incident as it stands after it.

    Two events of one incident never share a timestamp, so that their order is kept.
    """
    after = replace(one, details=details or one.details)
    row = IncidentEvent(
        timestamp=now if event == "opened" else max(now, one.updated_at + TICK),
        incident_id=one.incident_id,
        event=event,
        actor=actor,
        via=via,
        note=note,
        service=one.service,
        title=one.title,
        severity=one.severity,
        cause=one.cause,
        field=one.field,
        detector=one.detector,
        series=one.series,
        started_at=one.started_at,
        details=after.details.model_dump_json(),
    )
    store.append("incidents", [row])
    return incident(store, one.incident_id) or after


def act(
    store: Store,
    incident_id: str,
    event: str,
    *,
    now: datetime,
    actor: str,
    via: str,
    note: str = "",
    until: datetime | None = None,
) -> Incident:
    """What a person does to an incident, by command line, Slack or dashboard; who, when and how is kept.

    Doing again what is done already changes nothing, so that a button pressed twice is one event.

    Args:
        store: where the incident is.
        incident_id: which one.
        event: `acknowledged`, `snoozed`, `resolved` or `reopened`.
        now: the moment of the event.
        actor: the person.
        via: `cli`, `slack` or `dashboard`.
        note: what the person knows.
        until: of a snooze alone; a day from `now` when not given.

    Raises:
        NotFoundError: there is no such incident.
        TransitionError: it cannot follow on the state that the incident is in, or a snooze would end before it begins.
    """
    if event not in ACTS:
        raise TransitionError(f"{event!r} is nothing to do; use one of {', '.join(ACTS)}")
    one = incident(store, incident_id)
    if one is None:
        raise NotFoundError(
            f"there is no incident {incident_id!r}; `outerloop incidents` lists them"
        )
    if STATES[event] == one.state and event != "snoozed":
        return one
    if one.state not in ACTS[event]:
        raise TransitionError(
            f"{incident_id} is {one.state} and cannot be {event};"
            f" `outerloop incidents reopen {incident_id}` opens it again"
        )
    ends = (until or now + SNOOZE) if event == "snoozed" else None
    if ends is not None and ends <= now:
        raise TransitionError(
            f"a snooze until {rfc3339(ends)} is over already; name a later time, e.g. {rfc3339(now + SNOOZE)}"
        )
    details = one.details.model_copy(update={"snoozed_until": ends})
    return tell(store, one, event, now=now, actor=actor, via=via, note=note, details=details)


def wake(store: Store, *, now: datetime, actor: str) -> list[Incident]:
    """Open again what was snoozed until a moment that has passed."""
    woken = []
    for one in incidents(store):
        until = one.details.snoozed_until
        if one.state == "snoozed" and until is not None and until <= now:
            note = f"The snooze ended at {rfc3339(until)}."
            woken.append(tell(store, one, "reopened", now=now, actor=actor, via="job", note=note))
    return woken
