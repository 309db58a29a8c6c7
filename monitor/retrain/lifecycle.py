"""The steps of a retrain. Each checks that it may follow, does its work and appends an event.

Nothing promotes itself: between `compared` and `promoted` there is a person, on record.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

import orjson

from monitor.clock import rfc3339, wall_now
from monitor.curation.dataset import build_dataset
from monitor.curation.export import export_dataset
from monitor.curation.policy import curation_of
from monitor.curation.reserve import load_key
from monitor.deliveries import Journal
from monitor.exceptions import TransitionError
from monitor.incidents import incident as find_incident
from monitor.retrain.delivery import address, ask, redeliver
from monitor.retrain.machine import DECISIONS
from monitor.retrain.request import callback_token, hash_token, order
from monitor.retrain.state import ENDED, Retrain, append, require, retrain, retrains

if TYPE_CHECKING:
    from monitor.curation.choice import Curation
    from monitor.incidents import Incident
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = [
    "AUTO",
    "approve",
    "evidence_of",
    "propose",
    "reject",
    "request",
    "retrain",
    "retrains",
    "see_same",
]

REPLAY = timedelta(days=30)
"""How far before the incident's start older calls are replayed."""
AUTO = "auto_approve"
"""Who decides where OUTERLOOP_AUTO_APPROVE is set; nobody else may go by this name."""
EVIDENCE = ("advice", "n", "difference", "low", "high")
"""What an approval keeps of the comparison that it rests on."""


def propose(
    store: Store,
    settings: Settings,
    incident: Incident,
    *,
    now: datetime,
    actor: str,
    via: str = "job",
) -> Retrain:
    """Propose to retrain for an incident; while one is under way, that one is returned."""
    del settings
    earlier = [one for one in retrains(store) if one.incident_id == incident.incident_id]
    live = next((one for one in earlier if one.state not in ENDED), None)
    if live:
        return live
    identity = sha256(f"{incident.incident_id}:{len(earlier)}".encode()).hexdigest()[:12]
    release = incident.details.release or str(
        store.value(
            "retrain_base_release", service=incident.service, since=incident.started_at, until=now
        )
        or ""
    )
    fresh = Retrain(
        retrain_id=f"rt-{identity}",
        incident_id=incident.incident_id,
        service=incident.service,
        state="proposed",
        base_release=release,
        candidate_release="",
        dataset_version="",
        proposed_at=now,
        updated_at=datetime.min.replace(tzinfo=now.tzinfo),
        delivered=False,
        trouble="",
        details={},
        history=(),
    )
    reason = incident.details.advice or incident.details.summary or incident.title
    try:
        return append(
            store, fresh, "proposed", now=now, actor=actor, via=via, note=reason, details={"reason": reason}
        )  # fmt: skip
    except TransitionError:  # somebody else has just proposed the same one
        return retrain(store, fresh.retrain_id)


def request(
    store: Store,
    settings: Settings,
    retrain_id: str,
    *,
    now: datetime,
    actor: str,
    via: str,
    replay: timedelta = REPLAY,
    curation: Curation | None = None,
) -> Retrain:
    """Build the dataset and ask the job; where that is done, tell the job again what it did not take.

    A delivery that fails is an `undelivered` event, not an exception: the retrain stays `requested`, its `trouble` says
    why, and the `deliver` job tries on. One that was given up is asked for again, on the same dataset, by calling this.

    Raises:
        TransitionError: it is past that, or there is not one labelled example to train on.
        ConfigurationError: there is no retrain webhook.
    """
    address(settings)
    one = retrain(store, retrain_id)
    if one.standing == "lapsed" and "order" in one.details:
        return redeliver(store, settings, retrain_id, now=now, actor=actor, via=via)
    if one.state != "requested":
        require(one, "requested")
        one = _build(
            store, settings, one, now=now, actor=actor, via=via, replay=replay, curation=curation
        )
    if one.delivered:
        return one
    return ask(store, settings, one, Journal(store, now), actor=actor, via=via)


def _build(
    store: Store,
    settings: Settings,
    one: Retrain,
    *,
    now: datetime,
    actor: str,
    via: str,
    replay: timedelta,
    curation: Curation | None,
) -> Retrain:
    incident, key = find_incident(store, one.incident_id), load_key(settings.data_dir)
    since = (incident.started_at if incident else now) - replay
    dataset = build_dataset(
        store,
        service=one.service,
        incident=incident,
        since=since,
        until=now,
        now=now,
        key=key,
        curation=curation or curation_of(settings, one.service),
    )
    if not dataset.train:
        raise TransitionError(
            f"retrain {one.retrain_id} has no labelled example to train on"
            f" ({dataset.unlabelled} wait for a label); label some calls, or wait for their"
            " outcomes, then request it again"
        )
    manifest = export_dataset(store, dataset.version, settings.data_dir)
    told = {
        "dataset": {**asdict(dataset), "manifest": manifest.model_dump()},
        "order": order(one, incident, manifest, base=settings.told_url),
        "token_sha256": hash_token(callback_token(key, one.retrain_id)),
        "requested_at": rfc3339(now),
        "heard_at": rfc3339(wall_now()),
    }
    note = (
        f"{dataset.train} train, {dataset.validation} validation, {dataset.reserved} reserved calls"
    )
    return append(
        store,
        one,
        "requested",
        now=now,
        actor=actor,
        via=via,
        note=note,
        dataset_version=dataset.version,
        details=told,
    )


def approve(
    store: Store,
    retrain_id: str,
    *,
    now: datetime,
    actor: str,
    via: str,
    note: str = "",
    evidence: str = "",
) -> Retrain:
    """A person agrees to promote the candidate; the evidence they had is kept with it.

    Args:
        store: where the retrain is.
        retrain_id: which one.
        now: the moment of the decision.
        actor: who decides.
        via: `cli`, `slack`, `dashboard` or `job`.
        note: why.
        evidence: name of what the person was shown (`evidence_of`); '' where they saw the present state.

    Raises:
        TransitionError: it does not follow, nobody is named, or it is not any more what the person was shown.
    """
    one = retrain(store, retrain_id)
    require(one, "approved")
    if not actor or (actor == AUTO and via != "job"):
        raise TransitionError("an approval needs the name of the person who gives it")
    see_same(one, evidence)
    details = {"approved_on": _seen(one)}
    return append(store, one, "approved", now=now, actor=actor, via=via, note=note, details=details)


def reject(
    store: Store,
    retrain_id: str,
    *,
    now: datetime,
    actor: str,
    via: str,
    note: str = "",
    evidence: str = "",
) -> Retrain:
    """A person stops it; as `approve`, with whatever evidence there is."""
    one = retrain(store, retrain_id)
    require(one, "rejected")
    if not actor:
        raise TransitionError("a rejection needs the name of the person who gives it")
    see_same(one, evidence)
    details = {"rejected_on": _seen(one)} if one.details.get("comparison") else None
    return append(store, one, "rejected", now=now, actor=actor, via=via, note=note, details=details)


def evidence_of(one: Retrain) -> str:
    """A short name of what a decision rests on; '' without a comparison.

    It stands for the comparison, for what was decided before, and for the verdicts on live traffic: their figures
    change with every hour, and only what they come to makes a message or a page out of date.
    """
    comparison = one.details.get("comparison")
    if not comparison:
        return ""
    live = [
        str((one.details.get(trial) or {}).get(word, ""))
        for trial, word in (("shadow", "advice"), ("canary", "verdict"))
    ]
    seen = orjson.dumps([comparison, one.standing, *live], option=orjson.OPT_SORT_KEYS)
    return sha256(seen).hexdigest()[:8]


def _seen(one: Retrain) -> dict[str, object]:
    """What a decision keeps of the comparison that it rests on."""
    comparison = one.details.get("comparison", {})
    return {**{name: comparison.get(name) for name in EVIDENCE}, "evidence": evidence_of(one)}


def see_same(one: Retrain, evidence: str) -> None:
    """See that a retrain still is what a person was shown; '' asks nothing.

    Raises:
        TransitionError: it has changed since.
    """
    if evidence and evidence != evidence_of(one):
        taken = one.last(*DECISIONS, "compared", "shadowed", "canaried")
        by = f", {taken.event} by {taken.actor} ({taken.via})" if taken else ""
        raise TransitionError(
            f"retrain {one.retrain_id} has changed since you were shown it: it is {one.standing}{by};"
            " look at it as it is now, then decide"
        )
