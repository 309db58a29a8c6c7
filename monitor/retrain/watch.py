"""The watch after a promotion: is the new release's rate back, and does anything fail more often with it?

Everything is counted on the calls that the promoted release itself has answered since it was promoted. Each series of
verdicts is held by a sequential detector, which may be looked at every hour, against its own rate before the incident
(is it regressed?) and against that of the release it has replaced (would a rollback help?).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from monitor.advice.situation import Promoted
from monitor.causes.dating import LOOK_BACK
from monitor.causes.reading import Flagged, Subject, read_calls
from monitor.drift import RateDetector, clopper_pearson, clopper_pearson_upper
from monitor.incidents import incident as find_incident
from monitor.jobs.series import latest
from monitor.retrain.state import retrains
from monitor.watching.learning import mature_until
from monitor.watching.reading import hour_number
from monitor.watching.record import read_record

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from monitor.incidents import Incident
    from monitor.retrain.state import Retrain
    from monitor.store import Store

__all__ = ["WATCHED_FOR", "Promotion", "Watch", "own_hours", "promotion_of", "watch_promoted"]

SOURCES = ["check", "judge", "outcome", "user"]
"""Whose verdicts are counted; people's are not, for they choose which calls to label."""
ARL_HOURS = 10_000
"""Hours with calls, on average, until one of all series of a promotion alarms for nothing: more than a year."""
WATCHED_FOR = timedelta(days=30)
"""So long after a promotion its release is watched for the incident that it cured; then it is what is normal."""
Hours = dict[int, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Promotion:
    """A retrain that is in production."""

    retrain_id: str
    release: str
    previous: str
    at: datetime
    incident_id: str


@dataclass(slots=True)
class _Series:
    """One series of verdicts by hour."""

    name: str
    before: list[int] = field(default_factory=lambda: [0, 0])
    """Failures and looks before the incident."""
    replaced: list[int] = field(default_factory=lambda: [0, 0])
    """Those of the replaced release, from the change to the promotion."""
    since: Hours = field(default_factory=dict)
    """Those of the promoted release, by hour."""


class Watch:
    """The retrains as one run of a job sees them, and each promoted release, looked at once however often asked for.

    Args:
        store: where retrains and calls are.
        now: the moment of the run; what came later is not looked at.
    """

    def __init__(self, store: Store, now: datetime) -> None:
        self.now = now
        self._store = store
        self._known: list[Retrain] | None = None
        self._seen: dict[Hashable, Promoted | None] = {}

    def retrains(self, service: str) -> list[Retrain]:
        """A service's retrains, newest proposed first."""
        if self._known is None:
            self._known = retrains(self._store)
        return [one for one in self._known if one.service == service]

    def promotion(self, incident: Incident) -> Promotion | None:
        """The promotion that an incident waits for."""
        return promotion_of(self.retrains(incident.service), incident.incident_id)

    def promoted(self, incident: Incident) -> Promoted | None:
        """How the release does that a retrain of this incident brought; None while there is none."""
        own = (incident.incident_id, incident.started_at, incident.detector, incident.series)
        if own not in self._seen:
            known = self.retrains(incident.service)
            self._seen[own] = watch_promoted(self._store, incident, known, self.now)
        return self._seen[own]

    def waits_for(self, incident: Incident) -> Promoted | None:
        """The release that another incident of the service waits for: nobody knows yet what it has cured.

        Another one in its place would end that watch, and what fails now may fail with the release before it alone.
        None once that incident is over, the release has regressed, or it has been watched for `WATCHED_FOR`.
        """
        standing = _standing(self.retrains(incident.service))
        if (
            standing is None
            or standing.incident_id == incident.incident_id
            or self.now - standing.at > WATCHED_FOR
        ):
            return None
        other = find_incident(self._store, standing.incident_id)
        if other is None or other.state == "resolved":
            return None
        promoted = self.promoted(other)
        return None if promoted is None or promoted.regressed else promoted


def promotion_of(known: Iterable[Retrain], incident_id: str) -> Promotion | None:
    """The promotion that an incident waits for: the service's latest one, while it is this incident's and stands."""
    standing = _standing(known)
    return standing if standing is not None and standing.incident_id == incident_id else None


def _standing(known: Iterable[Retrain]) -> Promotion | None:
    """A service's latest promotion, while it stands."""
    return max(
        (
            Promotion(
                one.retrain_id,
                one.candidate_release,
                one.base_release,
                step.timestamp,
                one.incident_id,
            )
            for one in known
            if one.state == "promoted" and (step := one.last("promoted")) is not None
        ),
        key=lambda one: one.at,
        default=None,
    )


def watch_promoted(
    store: Store, incident: Incident, known: Sequence[Retrain], now: datetime
) -> Promoted | None:
    """How the release does that a retrain of this incident brought; None while there is none.

    Args:
        store: where the calls are.
        incident: whose cure it is.
        known: the retrains of its service.
        now: what came later is not looked at.
    """
    promotion = promotion_of(known, incident.incident_id)
    if promotion is None:
        return None
    every, calls = _read(store, incident, promotion, now)
    regressed, worse = [], []
    for one in every:
        said = _sentence(one, promotion)
        if _rises(one, one.before, len(every)):
            regressed.append(said)
            if _rises(one, one.replaced, len(every)):
                worse.append(said)
    return Promoted(
        retrain_id=promotion.retrain_id,
        release=promotion.release,
        previous=promotion.previous,
        at=promotion.at,
        calls=calls,
        regressed=tuple(regressed),
        worse=tuple(worse),
    )


def _rises(one: _Series, reference: Sequence[int], many: int) -> bool:
    """Whether the release fails more often than a reference's 95 % upper bound; the alarm is shared by all series."""
    count, n = reference
    if not n:
        return False
    detector = RateDetector(p0=clopper_pearson_upper(count, n), arl=ARL_HOURS * max(1, many))
    for hour in sorted(one.since):
        detector.update(*one.since[hour])
    return detector.drift_detected


def _sentence(one: _Series, promotion: Promotion) -> str:
    count = sum(count for count, _ in one.since.values())
    n = sum(n for _, n in one.since.values())
    if not n:
        return f"{one.name} has not looked at {promotion.release} yet"
    interval = clopper_pearson(count, n)
    old = promotion.previous or "the release before"
    return (
        f"{one.name} fails {count:,} of {n:,} calls of {promotion.release}"
        f" ({100 * interval.low:.1f} to {100 * interval.high:.1f} %),"
        f" {_share(one.before)} before the incident, {_share(one.replaced)} with {old}"
    )


def _share(reference: Sequence[int]) -> str:
    count, n = reference
    return f"{100 * count / n:.2f} % of {n:,}" if n else "unknown"


def _read(
    store: Store, incident: Incident, promotion: Promotion, now: datetime
) -> tuple[list[_Series], int]:
    """Every series with its references, and how many calls the promoted release has answered."""
    turns = hour_number(incident.started_at), hour_number(promotion.at)
    since = incident.started_at - LOOK_BACK
    period: dict[str, Any] = {"service": incident.service, "since": since, "until": now}
    new, old = f"release={promotion.release}", f"release={promotion.previous}"
    found: dict[str, _Series] = defaultdict(lambda: _Series(""))
    told: dict[str, Any] = {"sources": SOURCES, "slices": [new, old], "graded": [], "low": []}
    record = read_record(store, incident.service)
    ends = hour_number(now)
    for name, part, hour, count, n in store.rows("failures_by_hour", by_call=1, **told, **period):
        one = found[name]
        one.name = name
        mature = hour < mature_until(record.cast, name, ends)
        _sort(
            one,
            "new" if part == new else "old" if part == old else "",
            (hour, count, n),
            turns,
            mature=mature,
        )
    one = _Series("call/error")
    answered = 0
    releases = [promotion.release, promotion.previous]
    for release, hour, count, n in store.rows("release_errors", releases=releases, **period):
        mine = release == promotion.release
        answered += n if mine and hour >= turns[1] else 0
        _sort(one, "new" if mine else "old", (hour, count, n), turns, mature=True)
        if not mine and hour < turns[0]:
            one.before = [one.before[0] + count, one.before[1] + n]
    own = _own(store, incident, promotion, now)
    every = [*found.values(), one, *([own] if own else [])]
    return [one for one in every if one.since], answered


def _sort(
    one: _Series, part: str, told: tuple[int, int, int], turns: tuple[int, int], *, mature: bool
) -> None:
    """Put an hour's counts where they belong: before the incident, the replaced release's, the new one's."""
    hour, count, n = told
    if not part and hour < turns[0]:
        one.before = [one.before[0] + count, one.before[1] + n]
    elif part == "old" and turns[0] <= hour < turns[1]:
        one.replaced = [one.replaced[0] + count, one.replaced[1] + n]
    elif part == "new" and hour >= turns[1] and mature:
        one.since[hour] = (count, n)


def _own(store: Store, incident: Incident, promotion: Promotion, now: datetime) -> _Series | None:
    """The incident's own field, of whose faults alone there are scores."""
    if not incident.field:
        return None
    hours = own_hours(store, incident, promotion, now)
    if not hours:
        return None
    told = incident.details
    before = [round(told.baseline * told.baseline_n), told.baseline_n]
    return _Series(f"field {incident.field}", before, [told.count, told.n], dict(hours))


def own_hours(
    store: Store, incident: Incident, promotion: Promotion, now: datetime
) -> Mapping[int, tuple[int, int]] | None:
    """Faults and looks of the incident's own series by hour, on calls of the promoted release since its promotion.

    None where the series flags no calls, so that they cannot be told by their release.
    """
    row = latest(store, incident.service).get((incident.detector, incident.series))
    until = min(now, row.window_end) if row is not None else now
    since = incident.started_at
    period: dict[str, Any] = {"service": incident.service, "since": since, "until": now}
    series = incident.series.split(" [")[0]
    flagged = (
        store.read("flagged_by_field", Flagged, field=incident.field, **period)
        if incident.field
        else store.read("flagged_by_rate", Flagged, series=series, **period)
    )
    if not any(one.timestamp < promotion.at for one in flagged):
        return None
    if until <= promotion.at:
        return {}
    root = tuple((name, value) for name, value in incident.details.root if name != "release")
    subject = Subject(incident.service, incident.field, series, promotion.at, root)
    faults = {(one.trace_id, one.span_id) for one in flagged}
    hours: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for call in read_calls(store, subject, until, faults):
        if call.timestamp >= promotion.at and call.attributes.get("release") == promotion.release:
            counted = hours[hour_number(call.timestamp)]
            counted[0] += call.fault
            counted[1] += 1
    return {hour: (count, n) for hour, (count, n) in sorted(hours.items())}
