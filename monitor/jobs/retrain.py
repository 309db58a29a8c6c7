"""Retrain: proposes one when an incident needs it, asks the fine-tune job, compares the candidate. People decide.

Reads `incidents`, `scores`, `retrains`; writes `retrains` (proposed, requested, compared) and `datasets`.
Runs every hour. A retrain is proposed when its incident is confirmed by a judge or an outcome and a retrain is the
cure that fits; it is requested once `ENOUGH` failing calls from after the change carry a label, and only with
OUTERLOOP_RETRAIN_WEBHOOK_URL set. A service has one retrain under way at a time. People decide: only with
OUTERLOOP_AUTO_APPROVE, which is off, a candidate that the comparison calls `better` is approved and promoted here, by
the name of `auto_approve`.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING

from monitor.advice import ENOUGH, advise
from monitor.advice.reading import situation_of
from monitor.advice.situation import DISCORDANT
from monitor.exceptions import TransitionError
from monitor.incidents import incidents
from monitor.retrain.lifecycle import AUTO, approve, propose, request
from monitor.retrain.promotion import promote
from monitor.retrain.state import CONCLUDED, ENDED, retrains
from monitor.retrain.trial import compare, labelled_since
from monitor.retrain.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from monitor.incidents import Incident
    from monitor.jobs.job import Window
    from monitor.retrain.state import Retrain
    from monitor.settings import Settings
    from monitor.store import Store

ACTOR = "retrain job"
PATIENCE = timedelta(days=14)
"""A candidate that has waited so long for labels is compared on those there are."""


def run(store: Store, settings: Settings, window: Window) -> Mapping[str, int]:
    """Take every retrain one step further, as far as it goes without a person."""
    counts: Counter[str] = Counter()
    watch = Watch(store, window.until)
    known = {one.incident_id: one for one in reversed(retrains(store))}
    troubles = []
    every = incidents(store)
    over = {one.incident_id for one in every if one.state == "resolved"}
    for one in every:
        cure = known.get(one.incident_id)
        if one.state == "resolved" and (cure is None or cure.state == "proposed"):
            continue
        again = one.state != "resolved" and (cure is None or cure.state in CONCLUDED)
        if again and _busy(one.service, known.values(), over):
            counts["held: another is under way"] += 1
        elif again and _wanted(store, settings, one, watch):
            cure = propose(store, settings, one, now=window.until, actor=ACTOR)
            known[one.incident_id] = cure
            counts["proposed"] += 1
        if cure is not None:
            try:
                _further(store, settings, one, cure, window, counts)
            except (
                TransitionError
            ) as error:  # one that is stuck, or that a person has just ended, stops no other
                troubles.append(str(error))
    if troubles:
        raise TransitionError("; ".join(troubles))
    return counts


def _busy(service: str, known: Iterable[Retrain], over: Container[str]) -> bool:
    """Whether a retrain of the service is under way; a person may begin another all the same."""
    return any(
        one.service == service
        and one.standing not in ENDED
        and not (one.state == "proposed" and one.incident_id in over)
        for one in known
    )


def _wanted(store: Store, settings: Settings, one: Incident, watch: Watch) -> bool:
    """Whether a retrain is the answer, by what is known now; looked at where the incident's advice says so already.

    The incident job, which runs before this one, tells another advice as soon as another cure fits.
    """
    best = next((cure.name for cure in one.details.cures), "retrain")
    if not one.details.confirmations or best != "retrain":
        return False
    return advise(situation_of(store, settings, one, watch.now, watch=watch)).retrain


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
    if (
        settings.retrain_webhook_url and cure.state == "proposed"
    ):  # what is not taken, `deliver` tells again
        labelled = int(
            store.value("failures_with_label", service=one.service, since=one.started_at, until=now)
        )
        counts["labelled"] += labelled
        if labelled >= ENOUGH:
            request(store, settings, cure.retrain_id, now=now, actor=ACTOR, via="job")
            counts["requested"] += 1
    elif _comparable(store, settings, one, cure, now):
        cure = compare(store, settings, cure.retrain_id, now=now, actor=ACTOR)
        counts["compared"] += cure.state == "compared"
        counts["comparisons failed"] += cure.state != "compared"
    if settings.auto_approve:
        counts["auto-approved"] += _decide(store, settings, cure, now)


def _decide(store: Store, settings: Settings, cure: Retrain, now: datetime) -> bool:
    """Approve and promote what is better, because the setting says so; also when a run before was killed half-way."""
    by = {"actor": AUTO, "via": "job", "note": "OUTERLOOP_AUTO_APPROVE is on"}
    if cure.state == "compared" and cure.details["comparison"]["advice"] == "better":
        cure = approve(store, cure.retrain_id, now=now, **by)
    if cure.state == "approved" and cure.approval is not None and cure.approval.actor == AUTO:
        promote(store, settings, cure.retrain_id, now=now, **by)
        return True
    return False
