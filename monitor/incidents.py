"""An incident: one regression, one explanation, one life. Its state is the latest event of its id.

`opened` when a detector alarms, `grown` when evidence adds to it, `announced` when people were told,
`acknowledged` and `snoozed` by people, `resolved` when the rate is statistically back (or by a person),
`reopened` when it returns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from monitor.records import IncidentEvent

if TYPE_CHECKING:
    from monitor.store import Store

__all__ = [
    "Alarm",
    "Announcement",
    "Confirmation",
    "Example",
    "Incident",
    "IncidentDetails",
    "SliceShare",
    "fold",
    "incident",
    "incidents",
    "tell",
]


class _Text(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Example(_Text):
    """One call that shows the fault."""

    trace_id: str
    span_id: str
    timestamp: datetime
    value: str
    """What the model wrote in the field, e.g. `2023-01-15`."""
    why: str
    """One sentence: what is wrong with it."""


class SliceShare(_Text):
    """One slice of the traffic in which the fault sits."""

    attribute: str
    value: str
    rate: float
    """Fault rate inside the slice."""
    rate_elsewhere: float
    share_of_faults: float
    """Share of all faults since the change that sit in this slice, 0 to 1."""
    n: int


class Confirmation(_Text):
    """A second, independent witness: a judge, an outcome, a user."""

    source: str
    name: str
    rate: float
    low: float
    high: float
    n: int
    baseline: float


class Alarm(_Text):
    """One series that alarmed, with how sure it is."""

    detector: str
    series: str
    detected_at: datetime
    e_value: float
    threshold: float


class Announcement(_Text):
    """Where people were told, so that the message is updated and not repeated."""

    sink: str
    channel: str = ""
    message_id: str = ""
    shown: str = ""
    """State and fingerprint of what it says; another one means that there is something new to tell."""


class IncidentDetails(_Text):
    """The evidence, as it stood at the event."""

    summary: str = ""
    """What a person needs in one sentence: what, since when, how bad, why."""
    release: str = ""
    rate: float = 0.0
    low: float = 0.0
    high: float = 1.0
    n: int = 0
    count: int = 0
    baseline: float = 0.0
    baseline_n: int = 0
    e_value: float = 0.0
    threshold: float = 0.0
    needed_labels: bool = False
    slices: Sequence[SliceShare] = ()
    examples: Sequence[Example] = ()
    confirmations: Sequence[Confirmation] = ()
    alarms: Sequence[Alarm] = ()
    announcements: Sequence[Announcement] = ()
    advice: str = ""
    """What kind of cure fits, and why."""
    snoozed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident as it stands after all its events."""

    incident_id: str
    service: str
    title: str
    severity: str
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


TICK = timedelta(milliseconds=1)
"""The resolution of `incidents.timestamp`."""
STATES = {
    "opened": "open",
    "reopened": "open",
    "acknowledged": "acknowledged",
    "snoozed": "snoozed",
    "resolved": "resolved",
}
"""Events that change the state; the others add evidence."""


def fold(events: Iterable[IncidentEvent]) -> list[Incident]:
    """Incidents as they stand after `events` (in order of time), newest opened first."""
    known: dict[str, Incident] = {}
    for event in events:
        before = known.get(event.incident_id)
        state = STATES.get(event.event, before.state if before else "open")
        known[event.incident_id] = Incident(
            incident_id=event.incident_id,
            service=event.service,
            title=event.title,
            severity=event.severity,
            cause=event.cause,
            field=event.field,
            detector=event.detector,
            series=event.series,
            started_at=event.started_at,
            opened_at=before.opened_at if before else event.timestamp,
            updated_at=event.timestamp,
            resolved_at=_resolved_at(event, before, state),
            state=state,
            actor=event.actor if event.event in STATES or not before else before.actor,
            details=IncidentDetails.model_validate_json(event.details or "{}"),
        )
    return sorted(known.values(), key=lambda incident: incident.opened_at, reverse=True)


def _resolved_at(event: IncidentEvent, before: Incident | None, state: str) -> datetime | None:
    if event.event == "resolved":
        return event.timestamp
    return before.resolved_at if before and state == "resolved" else None


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
