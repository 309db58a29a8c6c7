"""The steps of a retrain. Each checks that it may follow, does its work and appends an event.

Nothing promotes itself: between `compared` and `promoted` there is a person, on record.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from monitor.clock import wall_now
from monitor.exceptions import ConfigurationError, DeliveryError, SignatureError, TransitionError
from monitor.incidents import incident as find_incident
from monitor.retrain.bodies import Failed, Finished, Progress
from monitor.retrain.dataset import build_dataset
from monitor.retrain.export import export_dataset
from monitor.retrain.request import (
    callback_token,
    hash_token,
    request_body,
    token_matches,
)
from monitor.retrain.reserve import load_key
from monitor.retrain.state import Retrain, append, require, retrain, retrains
from monitor.webhooks import deliver

if TYPE_CHECKING:
    from monitor.incidents import Incident
    from monitor.retrain.bodies import Callback
    from monitor.retrain.dataset import Curation
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = ["approve", "callback", "propose", "reject", "request", "retrain", "retrains"]

REPLAY = timedelta(days=30)
"""How far before the incident's start older calls are replayed."""
ENDED = ("failed", "rejected", "rolled_back", "promoted")


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
    return append(
        store,
        fresh,
        "proposed",
        now=now,
        actor=actor,
        via=via,
        note=reason,
        details={"reason": reason},
    )


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
    """Build the dataset and ask the job; after a failed delivery, ask again with the same words.

    A delivery that fails is an `undelivered` event, not an exception: the retrain stays
    `requested`, its `trouble` says why, and calling this again tries again.

    Raises:
        TransitionError: it is past that, or there is not one labelled example to train on.
        ConfigurationError: there is no retrain webhook.
    """
    _webhook(settings)
    one = retrain(store, retrain_id)
    if one.state != "requested":
        require(one, "requested")
        one = _build(
            store, settings, one, now=now, actor=actor, via=via, replay=replay, curation=curation
        )
    return one if one.delivered else _ask(store, settings, one, now=now, actor=actor, via=via)


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
        curation=curation,
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
        "token_sha256": hash_token(callback_token(key, one.retrain_id)),
        "requested_at": now,
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


def _ask(
    store: Store, settings: Settings, one: Retrain, *, now: datetime, actor: str, via: str
) -> Retrain:
    url, secret = _webhook(settings)
    manifest = export_dataset(
        store, one.dataset_version, settings.data_dir
    )  # the same bytes, also after a lost disk
    body = request_body(
        one,
        find_incident(store, one.incident_id),
        manifest,
        base=settings.told_url,
        token=callback_token(load_key(settings.data_dir), one.retrain_id),
        at=datetime.fromisoformat(str(one.details["requested_at"])),
    )
    try:
        done = deliver(url, secret, one.retrain_id, body, now=wall_now())
    except DeliveryError as error:
        return append(store, one, "undelivered", now=now, actor=actor, via=via, note=str(error))
    return append(
        store,
        retrain(store, one.retrain_id),
        "delivered",
        now=now,
        actor=actor,
        via=via,
        note=f"{url} answered {done.status}",
    )


def _webhook(settings: Settings) -> tuple[str, str]:
    url, secret = settings.retrain_webhook_url, settings.retrain_webhook_secret
    if url is None or secret is None:
        raise ConfigurationError(
            "there is no fine-tune job to ask; set OUTERLOOP_RETRAIN_WEBHOOK_URL=https://gpu.example/retrain"
            " and OUTERLOOP_RETRAIN_WEBHOOK_SECRET=whsec_…"
        )
    return url, secret.get_secret_value()


def callback(
    store: Store, retrain_id: str, token: str, event: Callback, *, now: datetime
) -> Retrain:
    """Record what the fine-tune job reports. Told again, the same event changes nothing.

    Raises:
        NotFoundError: there is no such retrain.
        SignatureError: the token is not that retrain's.
        TransitionError: the event does not follow from the present state.
    """
    one = retrain(store, retrain_id)
    if not token_matches(one, token):
        raise SignatureError(
            f"the token is not that of retrain {retrain_id}; use the one that came with the request"
        )
    if any(step.details.get("event_id") == event.id for step in one.history):
        return one
    name = event.type.removeprefix("retrain.")
    require(one, name)
    details: dict[str, object] = {"event_id": event.id}
    note, release = "", ""
    if isinstance(event, Finished):
        details["candidate"] = event.data.model_dump()
        note, release = event.data.note, event.data.release
    elif isinstance(event, Failed):
        note = event.data.reason
    elif isinstance(event, Progress):
        details["progress"] = event.data.model_dump()
        note = event.data.note
    else:
        note = event.data.note or event.data.job
    return append(
        store,
        one,
        name,
        now=now,
        actor="fine-tune job",
        via="callback",
        note=note,
        candidate_release=release,
        details=details,
    )


def approve(
    store: Store, retrain_id: str, *, now: datetime, actor: str, via: str, note: str = ""
) -> Retrain:
    """A person agrees to promote the candidate; the evidence they had is kept with it."""
    one = retrain(store, retrain_id)
    require(one, "approved")
    if not actor:
        raise TransitionError("an approval needs the name of the person who gives it")
    comparison = one.details.get("comparison", {})
    seen = {
        "approved_on": {
            name: comparison.get(name) for name in ("advice", "n", "difference", "low", "high")
        }
    }
    return append(store, one, "approved", now=now, actor=actor, via=via, note=note, details=seen)


def reject(
    store: Store, retrain_id: str, *, now: datetime, actor: str, via: str, note: str = ""
) -> Retrain:
    """A person stops it."""
    one = retrain(store, retrain_id)
    require(one, "rejected")
    return append(store, one, "rejected", now=now, actor=actor, via=via, note=note)
