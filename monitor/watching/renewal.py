"""Which series get a baseline, and when: new ones, grown ones, a new release's own, and what a person asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from monitor.drift.baseline import fleet_day_cv, rate_baseline
from monitor.jobs.series import Series
from monitor.watching.baselines import dataset_of, key_of, said_at
from monitor.watching.learning import (
    SLICES,
    Span,
    Weeks,
    find_cast,
    learn,
    mature_until,
    stable_weeks,
)
from monitor.watching.metrics import watched_in_slices
from monitor.watching.reading import Key, Period, hour_number, hour_time
from monitor.watching.verdicts import Watched, conditions, name_of, own_baseline

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.drift.baseline import Baseline
    from monitor.incidents import Incident
    from monitor.jobs.series import Budget
    from monitor.records import CheckRow
    from monitor.store import Store
    from monitor.watching.record import Record
    from monitor.watching.verdicts import Source

__all__ = ["renew"]

WEEK_HOURS, DAY_HOURS = 168, 24
_LEAST_CALLS = 2_000
_LEAST_EVENTS = 20
RENEW_HOURS = 72
"""How often new slices and scores are looked for, once a service is known for two weeks; every day before."""
SAID: Mapping[str, Source] = {
    "pinned": "pinned",
    "accepted": "accepted",
    "dataset": "dataset",
}
"""Baselines that a person chose."""
NEW_RELEASES = 8
"""New releases of the last two days that are watched at once, beside their predecessor."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When baselines are looked for, and by whose leave."""

    until: int
    """End of the hours, since 1970."""
    incidents: Sequence[Incident]
    budget: Budget


def renew(store: Store, record: Record, moment: Moment) -> list[CheckRow]:
    """Give baselines to the series that are due for one; returns the rows that say so."""
    words = [row for row in record.words.values() if _unheard(record, row)]
    fresh = _new_releases(store, record, moment.until)
    home = record.watched.get(("call/error", ""))
    pause = RENEW_HOURS if home and home.learnt[1] - home.learnt[0] >= 2 * WEEK_HOURS else DAY_HOURS
    due = moment.until > record.tried and (moment.until - record.tried >= pause or home is None)
    if not (words or fresh or due):
        return []
    for word in words:
        if word.status == "unpinned":  # its own baseline is learnt below, like a new series'
            del record.watched[key_of(word)]
    span = _span(store, record, moment)
    replaced = _takes_over(record, span, moment)
    alive = {
        key[1]
        for key, end in record.cursors.items()
        if key[1] and end >= moment.until - 2 * WEEK_HOURS
    }
    kept = replace(record.cast, slices=tuple(sorted(alive | set(fresh)))[: 2 * SLICES])
    record.cast = find_cast(store, span, record.service, kept)
    weeks = learn(store, record.service, span, record.cast)
    record.profiles |= {metric: list(profile) for metric, profile in weeks.profiles.items()}
    rows = _settle(record, weeks, span, moment, replaced=replaced)
    obeyed = [word for word in words if word.status != "unpinned"]
    rows += [row for word in obeyed for row in _obey(store, record, word, moment)]
    record.tried = moment.until
    return [*rows, record.row(since=span.since, until=moment.until)]


def _unheard(record: Record, word: CheckRow) -> bool:
    """Whether a person's word is not followed yet."""
    one = record.watched.get(key_of(word))
    if word.status == "unpinned":
        return one is not None and one.source in SAID
    return one is None or word.timestamp.isoformat() > one.learnt_at


def _new_releases(store: Store, record: Record, until: int) -> list[str]:
    """Releases that began lately, once there is one that they can be held against."""
    if ("call/error", "") not in record.watched:
        return []
    period = Period(record.service, until - 2 * DAY_HOURS, until).parameters()
    seen = {
        f"release={release}" for _, release, _ in store.rows("releases_by_day", **period) if release
    }
    home = f"release={record.watched['call/error', ''].release}"
    return sorted(seen - set(record.cast.slices) - {home})[:NEW_RELEASES]


def _span(store: Store, record: Record, moment: Moment) -> Span:
    """Hours to learn from: up to now, or without the last week where there is history to replay it against."""
    until = moment.until
    if not record.watched:
        first, n = store.rows("first_call", service=record.service, until=hour_time(until))[0]
        if n and until - hour_number(first) >= 2 * WEEK_HOURS:
            until -= WEEK_HOURS
    return stable_weeks(store, record.service, until, incidents=moment.incidents)


def _takes_over(record: Record, span: Span, moment: Moment) -> bool:
    """Whether a new release has had its week, quietly, and becomes what is normal."""
    home = record.watched.get(("call/error", ""))
    calm = all(status == "stable" for key, status in record.status.items() if not key[1])
    quiet = not any(
        one.service == record.service and one.state != "resolved" for one in moment.incidents
    )
    return home is not None and home.release != span.release and calm and quiet


def _settle(
    record: Record, weeks: Weeks, span: Span, moment: Moment, *, replaced: bool
) -> list[CheckRow]:
    """Watch what has enough of a baseline now, and say of the others what they lack."""
    rows = []
    said = {
        key_of(word): word.status for word in record.words.values() if word.status != "unpinned"
    }
    for key, baseline in weeks.baselines.items():
        first, _ = weeks.covered[key]
        end = mature_until(record.cast, key[0], span.until)
        before = record.watched.get(key)
        if key in said and not (replaced and said[key] == "accepted"):
            continue  # it is learnt as a person said
        if baseline.status == "insufficient_data" or end - first < WEEK_HOURS:
            if before is None:
                rows += _lacking(record, key, baseline, (first, end), moment)
            continue
        if before is None or replaced or _grown(record, before, first, end):
            cursor = record.cursors.get(key) or record.cursor(key[0]) or end
            one = _watched(record, key, baseline, (first, end), span.release, moment)
            if before is not None and before.source == "own" and not replaced:
                one = replace(one, up=before.up, down=before.down, origin=before.origin)
                one.traffic, one.since = before.traffic, before.since
            else:
                one.origin = cursor
            rows.append(_begun(record, one, cursor, moment))
    return rows


def _grown(record: Record, before: Watched, first: int, end: int) -> bool:
    """Whether a quiet series can have a baseline twice as long, or its own instead of its predecessor's."""
    if record.status.get(before.key) != "stable":
        return False
    if before.source == "predecessor":
        return True
    long = before.learnt[1] - before.learnt[0]
    return end - first >= 2 * long


def _watched(
    record: Record,
    key: Key,
    baseline: Baseline,
    covered: tuple[int, int],
    release: str,
    moment: Moment,
) -> Watched:
    return Watched(
        record.service,
        key,
        own_baseline(baseline),
        covered,
        release,
        hour_time(moment.until).isoformat(),
    )


def _begun(record: Record, one: Watched, cursor: int, moment: Moment) -> CheckRow:
    if one.key not in record.watched:
        record.begun.add(one.key)
    record.watch(one, cursor)
    return one.row(
        [],
        start=hour_time(one.learnt[0]),
        end=cursor,
        budget=moment.budget.joined_by([one.name]),
        extra={"baseline_hours": one.learnt[1] - one.learnt[0]},
    )


def _lacking(
    record: Record, key: Key, baseline: Baseline, covered: tuple[int, int], moment: Moment
) -> list[CheckRow]:
    """A new release begins beside its predecessor; another series says what its baseline lacks."""
    metric, slice_ = key
    home = record.watched.get((metric, ""))
    if slice_.startswith("release=") and home is not None and slice_ != f"release={home.release}":
        one = replace(
            home, key=key, source="predecessor", up=None, down=None, kept={}, traffic=0.0,
            learnt_at=hour_time(moment.until).isoformat(),
        )  # fmt: skip
        cursor = max(covered[0], home.learnt[1])
        one.origin = cursor
        return [_begun(record, one, cursor, moment)]
    days = (covered[1] - covered[0]) / DAY_HOURS
    missing = (
        f"{baseline.n:,} of {_LEAST_CALLS:,} looks (or {baseline.count} of {_LEAST_EVENTS} events)"
        f" over {max(0.0, days):.1f} of 7 days"
    )
    series = Series("rate", name_of(key), record.service, "", baseline.rate, baseline.n)
    return [
        series.row(
            start=hour_time(covered[0]),
            end=hour_time(moment.until),
            release="",
            count=baseline.count,
            n=baseline.n,
            status="insufficient_data",
            evidence={"missing": missing, "metric": metric, "slice": conditions(slice_)},
        )
    ]


def _obey(store: Store, record: Record, word: CheckRow, moment: Moment) -> list[CheckRow]:
    """Learn a series from the span that a person named; one without enough of it is not watched till then."""
    key, (since, until) = key_of(word), map(hour_number, said_at(word))
    source = SAID[word.status]
    end = mature_until(record.cast, key[0], moment.until) if source == "accepted" else until
    span = Span(since, end, word.release)
    baseline = _said_baseline(store, record, word, span)
    if baseline is None or baseline.status == "insufficient_data":
        record.watched.pop(key, None)
        found = (baseline.n, baseline.count) if baseline else (0, 0)
        series = Series("rate", name_of(key), record.service)
        return [
            series.row(
                start=hour_time(since),
                end=hour_time(moment.until),
                release=word.release,
                count=found[1],
                n=found[0],
                status="insufficient_data",
                evidence={
                    "missing": f"the {source} baseline has {found[0]:,} of {_LEAST_CALLS:,} looks"
                    f" (or {found[1]} of {_LEAST_EVENTS} events)",
                    "metric": key[0],
                    "slice": conditions(key[1]),
                },
            )
        ]
    cursor = record.cursors.get(key) or record.cursor(key[0]) or end
    one = _watched(record, key, baseline, (span.since, span.until), word.release, moment)
    one.source, one.origin, one.learnt_at = source, cursor, word.timestamp.isoformat()
    return [_begun(record, one, cursor, moment)]


def _said_baseline(store: Store, record: Record, word: CheckRow, span: Span) -> Baseline | None:
    """The baseline that a person named: a dataset's verdicts, or the hours of a span."""
    key = key_of(word)
    if version := dataset_of(word):
        source, _, name = key[0].partition("/")
        [(count, n)] = store.rows(
            "dataset_verdicts", version=version, service=record.service, source=source, name=name
        )
        known = [
            one.baseline for one in record.watched.values() if one.baseline.count >= _LEAST_EVENTS
        ]
        fleet_cv = fleet_day_cv(known) if known else None  # a dataset has no days of its own
        return rate_baseline([int(count)], [int(n)], fleet_cv=fleet_cv)
    slices = [key[1]] if key[1] and watched_in_slices(key[0]) else []
    return learn(store, record.service, span, record.cast, slices=slices).baselines.get(key)
