"""Shadow: a compared candidate answers a share of the live calls too, and users never see it.

Reads `calls`, `scores`, `retrains`; writes `shadows` (what the candidate said, never `calls`) and `retrains`
(`shadowed`, when there is something new to tell; `shadow_failed` once, when the candidate does not answer). Runs every
hour, for every candidate that was compared and not yet decided on. OUTERLOOP_SHADOW_SHARE=0 stops it;
OUTERLOOP_SHADOW_CALLS_PER_HOUR limits it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from monitor.retrain.candidate import CandidateError
from monitor.retrain.shadow import ACTOR, ask_shadow, compare_shadow
from monitor.retrain.state import append, retrains

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.jobs.job import Window
    from monitor.retrain.state import Retrain
    from monitor.settings import Settings
    from monitor.store import Store

STATES = ("compared", "approved")
"""A candidate that somebody may still decide on."""


def missing(settings: Settings) -> str | None:
    """What the job lacks to run."""
    if not settings.shadow_share:
        return (
            "shadow mode is off; give OUTERLOOP_SHADOW_SHARE a share of the live calls, e.g. 0.05"
        )
    return None


def run(store: Store, settings: Settings, window: Window) -> Mapping[str, int]:
    """Ask every open candidate about the window's share, and compare what it has said so far."""
    counts: Counter[str] = Counter()
    for one in retrains(store):
        if one.state not in STATES:
            continue
        try:
            counts["asked"] += ask_shadow(
                store, settings, one, since=window.since, now=window.until
            )
        except CandidateError as error:
            counts["failed"] += 1
            _say_failed(store, one, window, str(error))
            continue
        told = len(one.history)
        counts["told"] += len(compare_shadow(store, settings, one, now=window.until).history) > told
    return counts


def _say_failed(store: Store, one: Retrain, window: Window, note: str) -> None:
    """Once, until it has answered again."""
    last = one.last("shadowed", "shadow_failed")
    if last is None or last.event != "shadow_failed":
        append(store, one, "shadow_failed", now=window.until, actor=ACTOR, via="job", note=note)
