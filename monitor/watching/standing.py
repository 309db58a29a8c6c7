"""Where every watched series of a service stands: what is normal for it, how that was chosen, and what it could see."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitor.clock import parse_time
from monitor.drift.intervals import clopper_pearson
from monitor.jobs.calls import services
from monitor.jobs.series import latest
from monitor.watching import baselines
from monitor.watching.judged import judge_of, qualities
from monitor.watching.reading import hour_number, hour_time
from monitor.watching.record import HABIT

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.records import CheckRow
    from monitor.settings import Settings
    from monitor.store import Store
    from monitor.watching.judged import Corrected, Quality

__all__ = ["Standing", "standings"]

NO_SERIES = (baselines.DETECTOR, HABIT[0], "field_profile")
"""Detectors whose rows keep what others need, and watch nothing."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One series, as its last row says."""

    service: str
    detector: str
    series: str
    tier: str
    """What it may raise: `page` or `watch`."""
    status: str
    """`stable`, `watch`, `drift`, or `insufficient_data`."""
    rate: float | None
    """What counts as unchanged, with its 95 % interval; None where there is no baseline yet."""
    low: float | None
    high: float | None
    n: int
    """Looks that the baseline was learnt from."""
    since: datetime | None
    """Begin of the baseline's hours, where the series has hours of its own."""
    until: datetime | None
    chosen: str
    """`own`, `predecessor`, `pinned`, `accepted` or `dataset`; '' without a baseline."""
    release: str
    """Whose baseline it is; '' for any."""
    by: str
    """Who chose it, of a person's word."""
    note: str
    dataset: str
    needed: int | None
    """Further looks until a doubled rate would be seen; None where that is not known."""
    missing: str
    """What a series without a baseline lacks."""
    seen_until: datetime
    corrected: Corrected | None
    """Of a judge's series: the baseline's rate as people would have found it, where there are labels."""


def standings(store: Store, settings: Settings, service: str = "") -> list[Standing]:
    """Every series of one service, or of all, in order of service, detector and name."""
    found: list[Standing] = []
    for one in [service] if service else services(store):
        rows = latest(store, one)
        judged = [row.window_end for row in rows.values() if judge_of(row.series)]
        known = qualities(store, settings, one, hour_number(max(judged)) + 1) if judged else {}
        words = {name: row for (kind, name), row in rows.items() if kind == baselines.DETECTOR}
        found += [
            _standing(
                row,
                words.get(row.series) if row.detector == "rate" else None,
                known.get(judge_of(row.series)) if row.detector == "rate" else None,
            )
            for row in rows.values()
            if row.detector not in NO_SERIES
        ]
    return found


def _standing(row: CheckRow, word: CheckRow | None, quality: Quality | None) -> Standing:
    told: dict[str, Any] = json.loads(row.evidence or "{}")
    state: dict[str, Any] = json.loads(row.state or "{}")
    watched = row.status != "insufficient_data"
    rate, low, high = _bounds(row, state) if watched else (None, None, None)
    since, until = _hours(state)
    chosen = str(state.get("source", "own")) if watched else ""
    said = json.loads(word.evidence) if word and word.status == chosen else {}
    return Standing(
        service=row.service,
        detector=row.detector,
        series=row.series,
        tier=str(told.get("tier") or ("page" if row.detector == "rate" else "watch")),
        status=row.status,
        rate=rate,
        low=low,
        high=high,
        n=row.baseline_n,
        since=None if chosen == "dataset" else since,
        until=None if chosen == "dataset" else until,
        chosen=chosen,
        release=str(state.get("release", "")),
        by=str(said.get("actor", "")),
        note=str(said.get("note", "")),
        dataset=str(said.get("dataset", "")),
        needed=told.get("needed"),
        missing=str(told.get("missing", "")),
        seen_until=row.window_end,
        corrected=quality.correct(round(row.baseline * row.baseline_n), row.baseline_n)
        if quality and watched
        else None,
    )


def _bounds(
    row: CheckRow, state: dict[str, Any]
) -> tuple[float | None, float | None, float | None]:
    """The baseline's rate and 95 % interval; events in clusters count for one."""
    if not row.baseline_n:
        return None, None, None
    kept = state.get("baseline")
    cluster = kept.get("cluster", 1.0) if isinstance(kept, dict) else 1.0
    n = max(1, round(row.baseline_n / cluster))
    bounds = clopper_pearson(min(n, round(row.baseline * row.baseline_n / cluster)), n)
    return row.baseline, bounds.low, bounds.high


def _hours(state: dict[str, Any]) -> tuple[datetime | None, datetime | None]:
    learnt, kept = state.get("learnt"), state.get("baseline")
    if learnt:
        return hour_time(learnt[0]), hour_time(learnt[1])
    if isinstance(kept, dict) and "since" in kept:
        return parse_time(kept["since"]), parse_time(kept["until"])
    return None, None
