"""Retrain: proposes one when an incident needs it, asks the fine-tune job, compares the candidate. People decide.

Reads `incidents`, `scores`, `retrains`; writes `retrains` (proposed, requested, compared) and `datasets`.
Runs every hour. A retrain is proposed when its incident is confirmed by a judge or an outcome and a retrain is the
cure that fits; it is requested once `ENOUGH` failing calls from after the change carry a label, and only with
OUTERLOOP_RETRAIN_WEBHOOK_URL set. Nothing here approves or promotes.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING

from monitor.incidents import incidents
from monitor.retrain.lifecycle import propose, request
from monitor.retrain.state import retrains
from monitor.retrain.trial import compare, labelled_since

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.incidents import Incident
    from monitor.jobs.job import Window
    from monitor.retrain.state import Retrain
    from monitor.settings import Settings
    from monitor.store import Store

ACTOR = "retrain job"
ENOUGH = 12
"""Labelled failing calls from after the change: the dozen new examples of the founding story."""
DISCORDANT = 9
"""A candidate that cures the fault answers about so many test calls right where production is wrong; six in a row
make an exact McNemar test significant at 5 %, and a mean of nine gives six or more with probability 0.88."""
PATIENCE = timedelta(days=14)
"""A candidate that has waited so long for labels is compared on those there are."""
CURED_BY_TRAINING = ("calendar", "input", "decay", "unknown")
"""Causes that a retrain cures; a prompt or a release is taken back instead."""


def run(store: Store, settings: Settings, window: Window) -> Mapping[str, int]:
    """Take every retrain one step further, as far as it goes without a person."""
    counts: Counter[str] = Counter()
    known = {one.incident_id: one for one in reversed(retrains(store))}
    for one in incidents(store):
        if one.state == "resolved":
            continue
        cure = known.get(one.incident_id)
        if cure is None and _wanted(one):
            cure = propose(store, settings, one, now=window.until, actor=ACTOR)
            counts["proposed"] += 1
        if cure is not None:
            _further(store, settings, one, cure, window, counts)
    return counts


def _wanted(one: Incident) -> bool:
    return one.cause in CURED_BY_TRAINING and bool(one.details.confirmations)


def _comparable(
    store: Store, settings: Settings, one: Incident, cure: Retrain, now: datetime
) -> bool:
    """Whether enough reserved calls from after the change are labelled, or the candidate has waited long."""
    if cure.state != "finished":
        return False
    if now - cure.updated_at >= PATIENCE:
        return True
    effect = one.details.rate - one.details.baseline
    needed = ceil(DISCORDANT / effect) if effect > 0 else 0
    return labelled_since(store, settings, cure.retrain_id, one.started_at, now=now) >= needed


def _further(
    store: Store,
    settings: Settings,
    one: Incident,
    cure: Retrain,
    window: Window,
    counts: Counter[str],
) -> None:
    now = window.until
    if settings.retrain_webhook_url and (
        cure.state == "proposed" or (cure.state == "requested" and not cure.delivered)
    ):
        labelled = int(
            store.value("failures_with_label", service=one.service, since=one.started_at, until=now)
        )
        counts["labelled"] += labelled
        if labelled >= ENOUGH:
            request(store, settings, cure.retrain_id, now=now, actor=ACTOR, via="job")
            counts["requested"] += 1
    elif _comparable(store, settings, one, cure, now):
        compare(store, settings, cure.retrain_id, now=now, actor=ACTOR)
        counts["compared"] += 1
