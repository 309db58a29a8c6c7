"""Drift of the fields of structured answers, and hints that a model's knowledge has aged; without labels.

Reads `calls` (answers as JSON, tool calls' arguments, free text) and `scores`; writes `checks`: what was learnt
(`field_profile`), the scan of a field's values, kinds, gaps and repeats (`values`), values beyond the baseline's
quantiles (`below_q01` ... `above_q99`), numbers a unit's factor off (`unit_slip`), and the hints `unfounded` and
`new_terms`. Runs every hour, up to the last whole hour. The fields are found by themselves; dates are `temporal`'s.
All of it is for the watch tier: a ticket, no page.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from monitor.jobs.calls import services
from monitor.jobs.field_profiles import FieldProfile, hour_of, learn_fields, values_of
from monitor.jobs.field_watches import FieldWatch, field_watches
from monitor.jobs.hints import HINTS, Hints, Learning, begin_hints, learn_hints
from monitor.jobs.job import Window
from monitor.jobs.series import SETTLE, Series, latest, read_budget
from monitor.jobs.structured import Learnt, read_answers, read_stretch, stretch_to_learn
from monitor.jobs.temporal import LEARN_EVERY
from monitor.jobs.tracks import state_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from monitor.drift.readings import Reading
    from monitor.jobs.structured import Answer, Stretch
    from monitor.records import CheckRow
    from monitor.settings import Settings
    from monitor.store import Store

PROFILE = "field_profile"

Known = dict[tuple[str, str], "CheckRow"]


def run(store: Store, settings: Settings, window: Window) -> Mapping[str, int]:
    """Continue every field of every service up to the last whole hour of the window."""
    until = hour_of(window.until - SETTLE)
    counts: Counter[str] = Counter(fields=0)
    for service in services(store):
        known = latest(store, service)
        learning = known.get((PROFILE, service))
        if learning is None or learning.window_end < until:
            counts["fields"] += _learn(store, service, known, until)
        counts.update(_watch(store, settings, service, known, until=until))
    return counts


def _learn(store: Store, service: str, known: Known, until: datetime) -> int:
    """Learn the fields when it is time to; returns how many. `known` takes the new rows."""
    learning = known.get((PROFILE, service))
    state = state_of(learning)
    learnt = Learnt(state["release"], state["days"]) if "days" in state else None
    if learning is not None and learnt is not None:
        changed = any(
            row.status == "drift" and json.loads(row.evidence or "{}").get("kind")
            for row in known.values()
        )
        if changed or until - learning.window_end < LEARN_EVERY:
            return 0
    stretch = stretch_to_learn(store, service, until, learnt)
    if stretch is None:
        return 0
    if not stretch.sufficient:
        store.append("checks", [_too_little(service, stretch, until)])
        return 0
    rows = _learnt_rows(store, service, stretch, until)
    store.append("checks", rows)
    known.update({(row.detector, row.series): row for row in rows})
    return len(rows) - 2


def _too_little(service: str, stretch: Stretch, until: datetime) -> CheckRow:
    first = stretch.windows[0].since if stretch.windows else until
    return Series(PROFILE, service, service).row(
        start=first,
        end=until,
        release=stretch.release,
        count=0,
        n=stretch.n,
        status="insufficient_data",
        evidence={"missing": stretch.missing, "sentence": stretch.missing},
    )


def _learnt_rows(store: Store, service: str, stretch: Stretch, until: datetime) -> list[CheckRow]:
    """A row for the learning itself, one for the hints, and one for every field that it found."""
    learning = Learning(stretch.n)

    def heard() -> Iterator[tuple[Answer, Reading]]:
        for answer, reading in read_stretch(store, service, stretch):
            learning.see(answer)
            yield answer, reading

    found = list(learn_fields(heard(), calls=stretch.n, days=stretch.days))
    when: dict[str, Any] = {
        "start": stretch.windows[0].since,
        "end": until,
        "release": stretch.release,
        "status": "stable",
    }
    state = {"release": stretch.release, "days": stretch.days, "fields": len(found)}
    rows = [
        Series(PROFILE, service, service, state=state).row(count=0, n=len(learning.inputs), **when),
        learn_hints(store, service, learning, stretch, until),
    ]
    return rows + [
        Series(PROFILE, f"{service}/{one.path}", service, one.path, 0.0, one.n, one.state()).row(
            count=one.values.missing, n=one.n, **when
        )
        for one in found
    ]


def _watch(
    store: Store, settings: Settings, service: str, known: Known, *, until: datetime
) -> Mapping[str, int]:
    """Continue every watch of a service's fields; appends their rows."""
    learning, hinted = known.get((PROFILE, service)), known.get((HINTS, service))
    if learning is None or hinted is None:
        return {}
    watches = [
        one
        for (kind, _), row in sorted(known.items())
        if kind == PROFILE and row.field and row.window_end == hinted.window_end
        for one in field_watches(FieldProfile.from_state(row.field, state_of(row)), row, known)
    ]
    hints = begin_hints(service, hinted, known)
    tracks = [*(one.track for one in watches), hints.track]
    budget = read_budget(store, settings, now=until).joined_by(
        one.series.name for one in tracks if one.key not in known
    )
    for track in tracks:
        track.promise(budget)
    since = min(hints.terms_from, *(one.start for one in tracks))
    if since >= until:
        return {}
    calls = _feed(store, service, Window(since, until), watches, hints)
    ended = [one for watch in watches if (one := watch.finish(until))]
    rows = [track.row(position, budget) for track, position in ended]
    rows += hints.finish(store, until, budget)
    store.append("checks", rows)
    return {
        "calls": calls,
        "series": len(rows),
        "drift": sum(row.status == "drift" for row in rows),
        "watch": sum(row.status == "watch" for row in rows),
    }


def _feed(
    store: Store, service: str, window: Window, watches: Sequence[FieldWatch], hints: Hints
) -> int:
    """Give every watch the window's answers; returns how many there were."""
    asked: dict[str, Any] = {"service": service, "since": window.since, "until": window.until}
    failed = set(store.rows("calls_failed", **asked))
    by_path: dict[str, list[FieldWatch]] = defaultdict(list)
    for watch in watches:
        by_path[watch.profile.path].append(watch)
    calls = 0
    for answer, reading in read_answers(store, service, window):
        calls += 1
        wrong = answer.status == "error" or (answer.trace_id, answer.span_id) in failed
        hints.see(answer, failed=wrong)
        for path, several in by_path.items():
            could, values = values_of(answer, reading, path)
            for watch in several if could else ():
                watch.see(answer, values)
    return calls
