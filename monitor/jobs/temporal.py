"""Temporal drift of date fields, without labels: does the model still live in the present?

Reads `calls` whose answers hold dates, in fields of JSON, in tool calls' arguments or in free text; writes `checks`
(detectors `date_profile`, `rollover`, `year_slip`, `year_slip_unsaid`, `month_slip`, `day_slip`, `clock_slip`) and one
score (source `check`, value 0) on every call that slipped, as evidence. Runs every hour. A service is first watched
quietly until its baseline is there (2,000 calls over 7 days); each date field that keeps close to the call's date is
then watched by sequential detectors (STATISTICS.md, section 4). `rollover` pages for fields whose dates lie ahead;
everything else is a ticket.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from monitor.drift import DateProfile, date_order
from monitor.drift.slips import NumberProfile
from monitor.jobs.calls import services
from monitor.jobs.dates import SLIPS, DateField, date_watches, dated
from monitor.jobs.job import Window
from monitor.jobs.series import SETTLE, Series, latest, read_budget
from monitor.jobs.structured import (
    Answer,
    Learnt,
    read_answers,
    read_stretch,
    stretch_to_learn,
)
from monitor.jobs.tracks import Track, Verdict, state_of
from monitor.records import CheckRow, ScoreRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from monitor.drift import MixtureDetector, Scalar
    from monitor.jobs.dates import Dated, PastYears, SlipWatch
    from monitor.jobs.structured import Stretch
    from monitor.settings import Settings
    from monitor.store import Store

DATE_SHARE = 0.8
"""A field is a date field when at least this share of what it holds in the baseline are dates."""
LEAST_DATES = 200
MOST_FIELDS = 32
"""Date fields of a service that are watched, the most frequent ones."""
MOST_EVIDENCE = 2_000
"""Scores that one run writes of one series."""
LEARN_EVERY = timedelta(days=1)
"""How often it is asked whether there is more, or another release, to learn from."""
PROFILE = "date_profile"
WATCHES = frozenset(SLIPS) | {"rollover"}
TOLD = WATCHES - {"year_slip_unsaid"}
"""Watches whose finds become scores; the others' are among them."""

Known = dict[tuple[str, str], CheckRow]


def run(store: Store, settings: Settings, window: Window) -> Mapping[str, int]:
    """Continue every date field of every service up to the window's end."""
    until = window.until - SETTLE
    counts: Counter[str] = Counter(profiles=0)
    for service in services(store):
        known = latest(store, service)
        counts["profiles"] += _learn(store, service, known, until)
        profiles = _profiles(service, known)
        if profiles:
            counts.update(_watch(store, settings, profiles, known, until=until))
    return counts


def _learn(store: Store, service: str, known: Known, until: datetime) -> int:
    """Learn the date fields when it is time to; returns how many. `known` takes the new rows."""
    learning = known.get((PROFILE, service))
    watched = [row for (kind, _), row in known.items() if kind in WATCHES]
    if learning is not None and (
        until - learning.window_end < LEARN_EVERY
        or any(row.status in ("drift", "watch") for row in watched)
    ):
        return 0
    state = state_of(learning)
    learnt = Learnt(state["release"], state["days"]) if state else None
    stretch = stretch_to_learn(store, service, until, learnt)
    if stretch is None or not stretch.sufficient:
        return 0
    rows = list(_learnt_rows(store, service, stretch, until))
    store.append("checks", rows)
    known.update({(row.detector, row.series): row for row in rows})
    return len(rows) - 1


def _profiles(service: str, known: Known) -> dict[str, CheckRow]:
    """The profiles of the latest learning, by path."""
    learning = known.get((PROFILE, service))
    return {
        row.field: row
        for (kind, _), row in known.items()
        if kind == PROFILE and row.field and learning and row.window_end == learning.window_end
    }


def _learnt_rows(
    store: Store, service: str, stretch: Stretch, until: datetime
) -> Iterator[CheckRow]:
    """A row for the learning itself, and one for every date field that it found."""
    raw: dict[str, list[tuple[Answer, tuple[Scalar, ...]]]] = defaultdict(list)
    held: Counter[str] = Counter()
    total = 0
    for answer, reading in read_stretch(store, service, stretch):
        total += 1
        for path, values in reading.values.items():
            if "@" in path[1:] or all(one is None for one in values):
                continue
            held[path] += 1
            if any(isinstance(one, str) and one[-1:].isalnum() for one in values):
                raw[path].append((answer, values))
    if not total:
        return
    rows: dict[str, Any] = {
        "start": stretch.windows[0].since,
        "end": until,
        "release": stretch.release,
        "status": "stable",
    }
    found: list[DateField] = []
    for path, answers in sorted(raw.items(), key=lambda one: (-held[one[0]], one[0])):
        if len(answers) >= LEAST_DATES and len(found) < MOST_FIELDS:
            of = _field(path, answers, stretch, total=total)
            if of is not None and of.n >= DATE_SHARE * held[path]:
                found.append(of)
    state = {"release": stretch.release, "days": stretch.days, "fields": len(found)}
    yield Series(PROFILE, service, service, state=state).row(count=0, n=total, **rows)
    for of in found:
        slips = of.slips["year_slip"]
        yield Series(
            PROFILE, f"{service}/{of.path}", service, of.path, slips / of.n, of.n, of.state()
        ).row(count=slips, n=of.n, **rows)


def _field(
    path: str,
    answers: Sequence[tuple[Answer, tuple[Scalar, ...]]],
    stretch: Stretch,
    *,
    total: int,
) -> DateField | None:
    """What there is to say of one path; None where its dates do not keep close to the call's."""
    order = date_order(one for _, values in answers for one in values)
    read = (dated(one.timestamp, one.input, values, day_first=order) for one, values in answers)
    found = [one for one in read if one]
    lags = [(day - one.event).days for one in found for day in one.days]
    profile = DateProfile.fit(lags, rng=np.random.default_rng(0))
    if not profile.anchored:
        return None
    clocks = [(time - one.at).total_seconds() for one in found for time in one.clocks]
    clock = NumberProfile.fit(clocks) if len(clocks) >= DATE_SHARE * len(lags) else None
    per_week = 7 * stretch.n * len(found) / total / stretch.days
    of = DateField(path, profile, clock, order, {}, len(found), per_week)
    slips = {name: sum(bool(why(one, of)) for one in found) for name, why in SLIPS.items()}
    return replace(of, slips=slips)


@dataclass(slots=True)
class _Watched:
    """One watch and the series that it continues."""

    watch: SlipWatch | PastYears
    track: Track[MixtureDetector]


def _watch(
    store: Store,
    settings: Settings,
    profiles: Mapping[str, CheckRow],
    known: Known,
    *,
    until: datetime,
) -> Mapping[str, int]:
    """Continue every watch of a service's date fields; appends their rows and the evidence."""
    fields = {path: DateField.from_state(path, state_of(row)) for path, row in profiles.items()}
    watched = {path: _begin(of, profiles[path], known) for path, of in fields.items()}
    tracks = [one.track for many in watched.values() for one in many]
    begun = read_budget(store, settings, now=until).joined_by(
        track.series.name for track in tracks if track.key not in known
    )
    for track in tracks:
        track.promise(begun)
    since = min(track.start for track in tracks)
    if since >= until:
        return {}
    service = next(iter(profiles.values())).service
    scores: list[ScoreRow] = []
    counts: Counter[str] = Counter()
    for answer, reading in read_answers(store, service, Window(since, until)):
        counts["calls"] += 1
        for path, of in fields.items():
            values = reading.values.get(path, ())
            found = dated(answer.timestamp, answer.input, values, day_first=of.day_first)
            if found:
                scores += _take(watched[path], answer, found, told=until)
    store.append("scores", scores)
    rows = [track.row(until, begun) for track in tracks if track.n]
    store.append("checks", rows)
    counts["drift"] = sum(row.status == "drift" for row in rows)
    counts["slips"] = len(scores)
    return counts


def _begin(of: DateField, profile: CheckRow, known: Known) -> list[_Watched]:
    before = {kind: known.get((kind, profile.series)) for kind in WATCHES}
    watches = date_watches(
        of, {kind: state_of(row).get("detector") for kind, row in before.items()}
    )
    return [
        _Watched(
            watch,
            Track(
                _series(watch.name, of, profile),
                watch.detector,
                Verdict("page" if of.future and watch.name == "rollover" else "watch", of.per_week),
                start=row.window_end if (row := before[watch.name]) else profile.window_end,
                state=state_of(row),
                told={"kind": watch.name, "ahead": of.future},
            ),
        )
        for watch in watches
    ]


def _series(name: str, of: DateField, profile: CheckRow) -> Series:
    count = of.slips.get(name, of.slips["year_slip"])
    return Series(name, profile.series, profile.service, of.path, count / of.n, of.n)


def _take(
    watched: Sequence[_Watched], answer: Answer, found: Dated, *, told: datetime
) -> Iterator[ScoreRow]:
    """Give one answer's dates to a field's watches; returns the evidence."""
    for one in watched:
        track = one.track
        if answer.timestamp < track.start:
            continue
        why = one.watch.see(found)
        track.took(answer.timestamp, answer.release, count=int(bool(why)), n=1)
        if why:
            track.example(answer, str(found.days[0]), why)
            if one.watch.name in TOLD and track.count <= MOST_EVIDENCE:
                yield _evidence(track.series, answer, str(found.days[0]), why=why, told=told)


def _evidence(series: Series, answer: Answer, value: str, *, why: str, told: datetime) -> ScoreRow:
    return ScoreRow(
        timestamp=told,
        score_id=f"{series.detector}:{series.field}:{answer.trace_id}:{answer.span_id}",
        target="call",
        trace_id=answer.trace_id,
        span_id=answer.span_id,
        session_id=answer.session_id,
        service=answer.service,
        name=series.detector,
        source="check",
        value=0.0,
        label=value,
        explanation=why,
        expected="",
        author=f"{series.detector}/1",
        observed_at=answer.timestamp,
    )
