"""Who is told what, and when: one incident is one message, told again only where it changed.

Pure: an incident, the rules and a moment in, a decision out. What was told already stands in the incident
itself (`IncidentDetails.announcements`), so that a run that failed half-way goes on from there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

import orjson

from monitor.incidents import TIERS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.alerts.decision import Decision
    from monitor.incidents import Announcement, Incident
    from monitor.settings import Settings

__all__ = [
    "APPEND_ONLY",
    "DELIVERY",
    "Kind",
    "Rules",
    "Telling",
    "digest_moment",
    "due",
    "escalates",
    "held",
    "quiet",
    "shown",
    "state_at",
    "telling",
    "urgency",
]

Kind = Literal["opened", "reopened", "grown", "acknowledged", "resolved"]

APPEND_ONLY = frozenset({"slack_webhook"})
"""Sinks that cannot change a message later: they hear the beginning and the end alone."""
DELIVERY = "delivery"
"""Detector of incidents that say that a sink takes nothing; that sink itself is not told of them."""


@dataclass(frozen=True, slots=True)
class Rules:
    """When people may be told, as the settings say."""

    zone: ZoneInfo
    quiet: tuple[time, time] | None
    """Hours in which pages alone are told."""
    digest_at: time
    posts_per_hour: int
    escalate_after: timedelta | None

    @classmethod
    def of(cls, settings: Settings) -> Rules:
        """Read from the settings."""
        minutes = settings.alert_escalate_after_minutes
        begin, _, end = settings.alert_quiet_hours.partition("-")
        return cls(
            zone=ZoneInfo(settings.alert_timezone),
            quiet=(time.fromisoformat(begin), time.fromisoformat(end)) if end else None,
            digest_at=time.fromisoformat(settings.alert_digest_at),
            posts_per_hour=settings.alert_posts_per_hour,
            escalate_after=timedelta(minutes=minutes) if minutes else None,
        )


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


def shown(incident: Incident, *, now: datetime, decision: Decision | None = None) -> str:
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
        decision,
    )
    digest = hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return f"{state}:{digest[:16]}"


def telling(
    incident: Incident, sink: str, *, now: datetime, decision: Decision | None = None
) -> Telling | None:
    """What `sink` has to be told about `incident` now, or None.

    Nothing while it is snoozed. Nothing about one that ended, or that somebody took on, before it
    was ever announced: an alarm about what is already in hand is noise.
    """
    state = state_at(incident, now)
    if state == "snoozed" or (
        incident.detector == DELIVERY and incident.series.endswith(f"/{sink}")
    ):
        return None
    before = next((one for one in incident.details.announcements if one.sink == sink), None)
    if before is None:
        return Telling(sink, "opened", None) if state == "open" else None
    if before.shown == shown(incident, now=now, decision=decision):
        return None
    kind = _kind(state, before.shown.partition(":")[0])
    if sink in APPEND_ONLY and kind not in {"resolved", "reopened"}:
        return None
    return Telling(sink, kind, before)


def due(incidents: Iterable[Incident], sinks: Iterable[str], *, now: datetime) -> list[Incident]:
    """The incidents about which at least one of `sinks` has to be told something now."""
    names = tuple(sinks)
    return [one for one in incidents if any(telling(one, name, now=now) for name in names)]


def urgency(incident: Incident) -> tuple[int, datetime]:
    """Pages come first, then the oldest."""
    tier = TIERS.index(incident.severity) if incident.severity in TIERS else 1
    return tier, incident.opened_at


def held(
    incident: Incident, what: Telling, rules: Rules, *, now: datetime, posted_last_hour: int
) -> str:
    """Why something is not told now but later: `digest`, `quiet hours` or `rate`; '' when it is told now.

    A change of a message that is there makes no noise, so only new messages wait for the rate.
    """
    if incident.severity == "watch" and what.before is None:
        return "digest"
    if incident.severity != "page" and quiet(rules, now):
        return "quiet hours"
    new = what.before is None or what.sink in APPEND_ONLY
    return "rate" if new and posted_last_hour >= rules.posts_per_hour else ""


def quiet(rules: Rules, now: datetime) -> bool:
    """Whether it is one of the quiet hours, which may go over midnight."""
    if rules.quiet is None:
        return False
    begin, end = rules.quiet
    clock = now.astimezone(rules.zone).time()
    return begin <= clock < end if begin <= end else clock >= begin or clock < end


def digest_moment(rules: Rules, now: datetime) -> datetime:
    """The latest moment at which a digest was due."""
    local = now.astimezone(rules.zone)
    today = datetime.combine(local.date(), rules.digest_at, rules.zone)
    return today if today <= local else today - timedelta(days=1)


def escalates(incident: Incident, rules: Rules, *, told_at: datetime | None, now: datetime) -> bool:
    """Whether a page has been told, and nobody has taken it on for too long."""
    if rules.escalate_after is None or told_at is None or incident.severity != "page":
        return False
    return state_at(incident, now) == "open" and now - told_at >= rules.escalate_after


def _kind(state: str, before: str) -> Kind:
    if state == before:
        return "grown"
    if state == "resolved":
        return "resolved"
    if state == "acknowledged":
        return "acknowledged"
    return "reopened" if before == "resolved" else "grown"
