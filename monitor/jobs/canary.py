"""Canary: where candidate and production both answer live calls, which one fails more often.

Reads `calls` and `scores` of hours in which both releases answered, and `retrains`; writes `retrains` (`canaried`, when
the verdict changes or rests on half as many calls again). Runs every hour, for every candidate that was compared and
neither rejected nor taken back. It routes no traffic: give the candidate's release a share of it in your application,
and stop it by taking that share away. OUTERLOOP_CANDIDATE_MARGIN says what rise is too much.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

from monitor.retrain.canary import CanaryHour, judge_canary, settled
from monitor.retrain.shadow import trained_at
from monitor.retrain.state import append, retrains

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.jobs.job import Window
    from monitor.retrain.canary import Canary
    from monitor.retrain.state import Retrain
    from monitor.settings import Settings
    from monitor.store import Store

ACTOR = "canary job"
STATES = ("compared", "approved", "promoted")
GROWN = 1.5


def run(store: Store, settings: Settings, window: Window) -> Mapping[str, int]:
    """Look at every candidate that has a share of the traffic."""
    counts: Counter[str] = Counter()
    for one in retrains(store):
        found = _found(store, settings, one, window) if one.state in STATES else None
        if found is None:
            continue
        counts["canaries"] += 1
        counts[found.verdict] += 1
        if _new(one, found):
            append(
                store,
                one,
                "canaried",
                now=window.until,
                actor=ACTOR,
                via="job",
                note=found.sentence,
                details={"canary": {**asdict(found), "n": found.n}},
            )
            counts["told"] += 1
    return counts


def _found(store: Store, settings: Settings, one: Retrain, window: Window) -> Canary | None:
    """The verdict; None where no hour has settled in which both answered."""
    since = trained_at(one)
    releases = {one.base_release, one.candidate_release}
    if since is None or "" in releases or len(releases) < 2:
        return None
    hours = store.read(
        "canary_by_hour",
        CanaryHour,
        service=one.service,
        since=since.replace(minute=0, second=0, microsecond=0),
        until=window.until,
        candidate=one.candidate_release,
        production=one.base_release,
    )
    done = settled(hours, window.until)
    return judge_canary(done, margin=settings.candidate_margin) if done else None


def _new(one: Retrain, found: Canary) -> bool:
    """Whether it says more than the last time."""
    before = one.details.get("canary") or {}
    return found.verdict != before.get("verdict") or found.n >= GROWN * int(before.get("n", 0))
