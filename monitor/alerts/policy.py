"""Who is told what, and when: one incident is one message, told again only where it changed.

Pure: an incident and a moment in, a decision out. What was told already stands in the incident
itself (`IncidentDetails.announcements`), so that a run that failed half-way goes on from there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from monitor.incidents import Announcement, Incident

__all__ = ["APPEND_ONLY", "Kind", "Telling", "due", "shown", "state_at", "telling"]

Kind = Literal["opened", "reopened", "grown", "acknowledged", "resolved"]

APPEND_ONLY = frozenset({"slack_webhook"})
"""Sinks that cannot change a message later: they hear the beginning and the end alone."""


@dataclass(frozen=True, slots=True)
class Telling:
    """One thing to tell one sink now."""

    sink: str
    kind: Kind
    before: Announcement | None
    """What this sink was told last, or None the first time."""


def state_at(incident: Incident, now: datetime) -> str:
    """The incident's state, with a snooze that has run out counted as open again."""
    until = incident.details.snoozed_until
    awake = incident.state == "snoozed" and until is not None and until <= now
    return "open" if awake else incident.state


def shown(incident: Incident, *, now: datetime) -> str:
    """`state:fingerprint` of everything that a message says about the incident."""
    state = state_at(incident, now)
    said = (
        state,
        incident.title,
        incident.severity,
        incident.cause,
        incident.field,
        incident.started_at,
        incident.resolved_at,
        incident.details.model_dump(mode="json", exclude={"announcements", "snoozed_until"}),
    )
    digest = hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return f"{state}:{digest[:16]}"


def telling(incident: Incident, sink: str, *, now: datetime) -> Telling | None:
    """What `sink` has to be told about `incident` now, or None.

    Nothing while it is snoozed. Nothing about one that ended, or that somebody took on, before it
    was ever announced: an alarm about what is already in hand is noise.
    """
    state = state_at(incident, now)
    if state == "snoozed":
        return None
    before = next((one for one in incident.details.announcements if one.sink == sink), None)
    if before is None:
        return Telling(sink, "opened", None) if state == "open" else None
    if before.shown == shown(incident, now=now):
        return None
    kind = _kind(state, before.shown.partition(":")[0])
    if sink in APPEND_ONLY and kind not in {"resolved", "reopened"}:
        return None
    return Telling(sink, kind, before)


def due(incidents: Iterable[Incident], sinks: Iterable[str], *, now: datetime) -> list[Incident]:
    """The incidents about which at least one of `sinks` has to be told something now."""
    names = tuple(sinks)
    return [one for one in incidents if any(telling(one, name, now=now) for name in names)]


def _kind(state: str, before: str) -> Kind:
    if state == before:
        return "grown"
    if state == "resolved":
        return "resolved"
    if state == "acknowledged":
        return "acknowledged"
    return "reopened" if before == "resolved" else "grown"
