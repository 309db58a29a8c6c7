"""Which alarms belong together: overlapping slices and related series are one incident. Pure.

Two alarms of a service belong together when no attribute keeps their slices apart (`tenant=a` and `tenant=b` are apart,
`tenant=a` and `release=2` overlap, everything overlaps with the whole service) and they are about the same thing (the
same field or measure, or any two measures of the answers' quality), or began at about the same time. So an alarm of a
sub-slice grows its parent's incident, and of two slices that alarm with their parent only the parent is told.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from monitor.clock import parse_time
from monitor.incidents import Alarm

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from monitor.incidents import Incident
    from monitor.records import CheckRow

__all__ = ["Group", "Signal", "confirmable", "group", "severity", "signals"]

TOGETHER = timedelta(hours=48)
"""Alarms of different measures that began within this time of each other have one cause more often than two."""
QUALITY = ("judge", "check", "outcome", "user", "human")
"""Sources whose series all say whether the answers are good."""
TICKETS = ("year_slip",)
"""Detectors whose alarm alone wakes nobody (STATISTICS.md, section 4)."""
TEXTS = re.compile(r"embed|term|novel|language|vocabulary", re.IGNORECASE)
"""Detectors of drift in texts: by themselves a reason to look, never one to retrain."""
WORDS = ("terms",)
"""Those of them whose rows may say `page`: new words in answers can be refusals or a broken template."""
SLICED = re.compile(r"^(?P<metric>.*?) \[(?P<slice>[^\]]*)\]$")


@dataclass(frozen=True, slots=True)
class Signal:
    """One series that says now that something is wrong."""

    row: CheckRow
    metric: str
    """The series without its slice."""
    conditions: Mapping[str, str]
    """Its slice; empty for all calls of the service."""
    tier: str
    """`page`, `ticket` or `watch`."""
    started: datetime
    sentence: str = ""
    """What the series itself says of it, where it says something."""

    @property
    def field(self) -> str:
        """The output field, or ''."""
        return self.row.field

    @property
    def texts(self) -> bool:
        """Whether it says that texts have changed, and not that anything is wrong with them."""
        return bool(TEXTS.search(self.row.detector))

    @property
    def alarm(self) -> Alarm:
        """As an incident keeps it."""
        return Alarm(
            detector=self.row.detector,
            series=self.row.series,
            detected_at=self.row.window_end,
            e_value=self.row.e_value,
            threshold=self.row.threshold,
            tier=self.tier,
        )

    @property
    def rank(self) -> tuple[object, ...]:
        """The one that leads its incident comes first: pages, whole services, fields, the clearest."""
        order = ("page", "ticket", "watch").index(self.tier)
        share = self.row.e_value / max(self.row.threshold, 1e-9)
        return order, len(self.conditions), self.field == "", -share, self.row.series


@dataclass(slots=True)
class Group:
    """Alarms that are one incident, and the incident that is open about it already."""

    signals: list[Signal]
    home: Incident | None = None
    others: list[Incident] = field(default_factory=list)
    """Further open incidents that turn out to be about the same."""

    @property
    def lead(self) -> Signal:
        """The alarm that speaks for all of them."""
        return min(self.signals, key=lambda one: one.rank)


def signals(rows: Iterable[CheckRow]) -> list[Signal]:
    """The rows that say that something is wrong. What improved says nothing is."""
    found = (_signal(row) for row in rows if row.status in ("drift", "watch"))
    return [one for one in found if one is not None]


def _signal(row: CheckRow) -> Signal | None:
    told = json.loads(row.evidence or "{}")
    if told.get("direction") == "better":
        return None
    tier = str(told.get("tier") or "page")
    texts = bool(TEXTS.search(row.detector))
    if row.status == "watch" and not texts and (row.field or tier != "watch"):
        return None  # a hint within a field's own watch, no alarm yet
    if row.field and tier == "watch":
        tier = "ticket"
    told_page = row.detector in WORDS and row.status == "drift" and told.get("tier") == "page"
    tier = "watch" if texts and not told_page else "ticket" if row.detector in TICKETS else tier
    sliced = SLICED.match(row.series)
    conditions = told.get("slice") or (_conditions(sliced["slice"]) if sliced else {})
    return Signal(
        row=row,
        metric=str(told.get("metric") or (sliced["metric"] if sliced else row.series)),
        conditions=dict(conditions) if isinstance(conditions, Mapping) else {},
        tier=tier,
        started=parse_time(told["started_at"]) if told.get("started_at") else row.window_start,
        sentence=str(told.get("sentence") or ""),
    )


def _conditions(text: str) -> dict[str, str]:
    """The conditions in a series' name.

    >>> _conditions("release=v2, tag tenant=acme")
    {'release': 'v2', 'tag tenant': 'acme'}
    """
    pairs = (part.partition("=") for part in text.split(", "))
    return {name: value for name, _, value in pairs}


def group(found: Sequence[Signal], active: Sequence[Incident]) -> list[Group]:
    """Signals of one service put together, each with the open incident that it belongs to, if there is one.

    What is already part of an open incident stays there. An incident never falls apart, and the oldest of several that
    turn out to be one goes on. What began long after an incident and is about something else is one of its own, even
    where one of the incident's series has begun anew just then: nobody is woken by an old incident that grows.
    """
    known = {
        (alarm.detector, alarm.series): one
        for one in reversed(active)
        for alarm in one.details.alarms
    }
    groups: list[Group] = []
    for signal in sorted(found, key=lambda one: one.rank):
        near = [one for one in groups if any(_related(signal, other) for other in one.signals)]
        joined = Group([signal])
        for one in near:
            joined.signals += one.signals
            groups.remove(one)
        groups.append(joined)
    for one in groups:
        homes = [
            incident
            for incident in sorted(active, key=lambda incident: incident.opened_at)
            if any(_belongs(signal, incident, known) for signal in one.signals)
        ]
        one.home, one.others = (homes[0], homes[1:]) if homes else (None, [])
    fresh = [Group(later) for one in groups if (later := _part(one, known))]
    return _by_home([*groups, *fresh])


def _part(one: Group, known: Mapping[tuple[str, str], Incident]) -> list[Signal]:
    """Take out of a group the signals that its open incident does not explain; returns them."""
    home = one.home
    if home is None:
        return []
    stay = [
        signal
        for signal in one.signals
        if signal.started - home.started_at <= TOGETHER
        or any(_belongs(signal, incident, known) for incident in (home, *one.others))
    ]
    later = [
        signal
        for signal in one.signals
        if signal not in stay
        and not any(
            _overlap(signal.conditions, other.conditions)
            and _same_subject((signal.field, signal.metric), (other.field, other.metric))
            for other in stay
        )
    ]
    one.signals = [signal for signal in one.signals if signal not in later]
    return later


def _by_home(groups: Iterable[Group]) -> list[Group]:
    """One group for each incident."""
    merged: dict[str, Group] = {}
    for number, one in enumerate(groups):
        key = one.home.incident_id if one.home else f"new {number}"
        if key in merged:
            merged[key].signals += one.signals
            merged[key].others += one.others
        else:
            merged[key] = one
    return list(merged.values())


def _related(one: Signal, other: Signal) -> bool:
    if not _overlap(one.conditions, other.conditions):
        return False
    if _same_subject((one.field, one.metric), (other.field, other.metric)):
        return True
    return abs(one.started - other.started) <= TOGETHER


def _belongs(one: Signal, incident: Incident, known: Mapping[tuple[str, str], Incident]) -> bool:
    home = known.get((one.row.detector, one.row.series))
    if home is not None:
        return home.incident_id == incident.incident_id
    if not _overlap(one.conditions, dict(incident.details.root)):
        return False
    sliced = SLICED.match(incident.series)
    theirs = (incident.field, sliced["metric"] if sliced else incident.series)
    if _same_subject((one.field, one.metric), theirs):
        return True
    return abs(one.started - incident.started_at) <= TOGETHER


def _overlap(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether a call may be in both slices."""
    return all(other.get(name, value) == value for name, value in one.items())


def _same_subject(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """The same field or measure; or quality, of which fields, judges, outcomes and users are all witnesses."""
    (field_1, metric_1), (field_2, metric_2) = one, other
    if field_1 and field_2:
        return field_1 == field_2
    if metric_1 == metric_2:
        return True
    return _about_quality(field_1, metric_1) and _about_quality(field_2, metric_2)


def _about_quality(of_field: str, metric: str) -> bool:
    return bool(of_field) or metric.partition("/")[0] in QUALITY


def confirmable(found: Iterable[Signal]) -> bool:
    """Whether a witness may confirm them as a fault: not while all of them are watched only, or about texts alone."""
    return any(not one.texts and one.tier != "watch" for one in found)


def severity(found: Iterable[Signal]) -> str:
    """The highest tier among them."""
    tiers = {one.tier for one in found}
    return next(tier for tier in ("page", "ticket", "watch") if tier in tiers)
