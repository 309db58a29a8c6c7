"""Change of rates: calls that fail or are slow, checks and judges that say no, users and outcomes that disagree.

Reads `calls`, `scores` and `incidents`; writes `checks` (detectors `rate` and `rate_profile`). Runs every hour, and
takes every whole hour in once. Of every service it watches all calls together and its slices by release, prompt
version, model and tag values; each series is held against its own stable weeks (`monitor.watching.learning`) by two
sequential detectors, for worse and for better. Scores of users and outcomes are counted in the hour of their call
once that is old enough, so that a word still to come is not taken for a good one. `OUTERLOOP_FALSE_ALERTS_PER_WEEK`
sets the false alarms of the whole deployment.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from monitor.drift.baseline import rate_baseline
from monitor.incidents import incidents
from monitor.jobs.calls import services
from monitor.jobs.series import SETTLE, read_budget
from monitor.watching.judged import tell_corrected
from monitor.watching.learning import ERROR_TYPES, mature_until
from monitor.watching.metrics import Clock, clock_of
from monitor.watching.reading import Hours, Key, Period, hour_number, hour_time, read_hours
from monitor.watching.record import read_record
from monitor.watching.renewal import Moment, renew
from monitor.watching.verdicts import Hour, Watched, own_baseline

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from monitor.jobs.job import Window
    from monitor.jobs.series import Budget
    from monitor.records import CheckRow
    from monitor.settings import Settings
    from monitor.store import Store
    from monitor.watching.record import Record

CLOCKS: tuple[Clock, ...] = ("call", "told", "late")


def run(store: Store, settings: Settings, window: Window) -> Mapping[str, int]:
    """Continue every rate series of every service up to the last whole hour of the window."""
    until = hour_number(window.until - SETTLE)
    counts: Counter[str] = Counter()
    told = incidents(store)
    budget = read_budget(store, settings, now=window.until)
    for service in services(store):
        record = read_record(store, service)
        before = set(record.watched)
        # what was not looked at yet never becomes normal: first the verdicts, then the baselines
        rows = _continue(store, record, until, budget, keys=before)
        rows += renew(store, record, Moment(until, told, budget))
        new = set(record.watched) - before
        names = [record.watched[key].name for key in new]
        rows += _continue(store, record, until, budget.joined_by(names), keys=new)
        rows = tell_corrected(store, settings, rows, until)
        store.append("checks", rows)
        seen = [row for row in rows if row.detector == "rate"]
        counts["series"] += len({row.series for row in seen})
        for status in ("drift", "watch", "insufficient_data"):
            counts[status] += sum(row.status == status for row in seen)
    return counts


def _continue(
    store: Store, record: Record, until: int, budget: Budget, *, keys: AbstractSet[Key]
) -> list[CheckRow]:
    """Take the hours in that came since, for these series."""
    rows = []
    for clock in CLOCKS:
        mine = {key for key in keys if clock_of(key[0]) == clock}
        since = min((record.seen_until(key) for key in mine), default=until)
        if since >= until:
            continue
        period = Period(record.service, since, until)
        hours = read_hours(store, period, record.cast, clock=clock)
        if clock == "call" and ("call/error", "") in mine:
            rows += _meet_errors(record, hours, budget)
            mine |= {key for key in hours if key in record.watched and key[0].startswith("error/")}
        spans = {
            key: (record.seen_until(key), mature_until(record.cast, key[0], until))
            for key in mine & hours.keys()
        }
        for key, span in spans.items():
            row = _see(record, key, hours, span, budget)
            rows += [row] if row else []
    return rows


def _see(
    record: Record,
    key: Key,
    hours: Mapping[Key, Hours],
    span: tuple[int, int],
    budget: Budget,
) -> CheckRow | None:
    """One series over the hours of a span; None where it had no calls."""
    (since, end), one = span, record.watched[key]
    all_calls = hours.get((key[0], ""), {})
    fresh = []
    for number in sorted(hours[key]):
        if since <= number < end:
            count, n = hours[key][number]
            total, total_n = all_calls.get(number, (count, n))
            fresh.append(Hour(number, count, n, max(0, total - count), max(0, total_n - n)))
    if not fresh:
        return None
    one.begin(budget)
    profile = record.profiles.get(key[0], [])
    for hour in fresh:
        one.see(hour, profile)
    extra: dict[str, Any] = {}
    if clock_of(key[0]) == "late":
        immature = [number for number in hours[key] if number >= end]
        extra = {
            "immature_hours": len(immature),
            "immature_looks": sum(hours[key][number][1] for number in immature),
            "mature_until": hour_time(end).isoformat(),
        }
    record.cursors[key] = end
    row = one.row(fresh, start=hour_time(since), end=end, budget=budget, extra=extra)
    record.status[key] = row.status
    return row


def _meet_errors(record: Record, hours: Mapping[Key, Hours], budget: Budget) -> list[CheckRow]:
    """An error type never seen before is held against all the calls that came without it."""
    home = record.watched.get(("call/error", ""))
    if home is None:
        return []
    cursor = record.cursors[home.key]
    known = [key for key in record.watched if key[0].startswith("error/")]
    new = sorted(key for key in hours if key[0].startswith("error/") and key not in record.watched)[
        : max(0, ERROR_TYPES - len(known))
    ]
    rows = []
    for key in new:
        baseline = own_baseline(rate_baseline([0], [home.baseline.n]))
        one = Watched(
            record.service, key, baseline, home.learnt, home.release, home.learnt_at, origin=cursor
        )
        record.watch(one, cursor)
        rows.append(
            one.row(
                [], start=hour_time(home.learnt[0]), end=cursor, budget=budget,
                extra={"new": "an error type that the baseline did not have"},
            )
        )  # fmt: skip
    return rows
