"""The steps that change what production uses: `promote` and `rollback`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.clock import rfc3339, wall_now
from monitor.exceptions import DeliveryError, TransitionError
from monitor.retrain.pointer import Pointer, read_pointer, write_pointer
from monitor.retrain.state import Retrain, append, require, retrain
from monitor.webhooks import deliver

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.settings import Settings
    from monitor.store import Store

__all__ = ["promote", "rollback"]


def promote(
    store: Store,
    settings: Settings,
    retrain_id: str,
    *,
    now: datetime,
    actor: str,
    via: str,
    note: str = "",
) -> Retrain:
    """Point the service at the approved candidate; after a crash half-way, it completes."""
    one = retrain(store, retrain_id)
    require(one, "promoted")
    present = read_pointer(settings.data_dir, one.service)
    if present is None or present.retrain_id != retrain_id:
        before = present or Pointer(
            service=one.service, release=one.base_release, promoted_at=one.proposed_at
        )
        candidate = one.details["candidate"]
        present = Pointer(
            service=one.service,
            release=candidate["release"],
            endpoint=candidate["endpoint"],
            model=candidate["model"],
            retrain_id=retrain_id,
            promoted_at=now,
            previous=before,
        )
        write_pointer(settings.data_dir, present)
    after = append(
        store,
        one,
        "promoted",
        now=now,
        actor=actor,
        via=via,
        note=note,
        details={"pointer": present.model_dump(mode="json")},
    )
    return _announce(store, settings, after, "release.promoted", present, now=now, actor=actor)


def rollback(
    store: Store,
    settings: Settings,
    retrain_id: str,
    *,
    now: datetime,
    actor: str,
    via: str,
    note: str = "",
) -> Retrain:
    """Point the service back at what it used before this promotion.

    Raises:
        TransitionError: it is not promoted, or a later promotion has replaced it.
    """
    one = retrain(store, retrain_id)
    require(one, "rolled_back")
    before = Pointer.model_validate(one.details["pointer"]["previous"])
    present = read_pointer(settings.data_dir, one.service)
    if present and present.retrain_id not in (retrain_id, before.retrain_id):
        raise TransitionError(
            f"{one.service} uses {present.release} of retrain {present.retrain_id} by now;"
            " roll that one back"
        )
    back = before.model_copy(update={"promoted_at": now})
    write_pointer(settings.data_dir, back)
    after = append(
        store,
        one,
        "rolled_back",
        now=now,
        actor=actor,
        via=via,
        note=note,
        details={"pointer": back.model_dump(mode="json")},
    )
    return _announce(store, settings, after, "release.rolled_back", back, now=now, actor=actor)


def _announce(
    store: Store,
    settings: Settings,
    one: Retrain,
    kind: str,
    pointer: Pointer,
    *,
    now: datetime,
    actor: str,
) -> Retrain:
    """Tell the alert webhook, if any; the pointer is what counts, so a failure is only noted."""
    url, secret = settings.alert_webhook_url, settings.alert_webhook_secret
    if url is None or secret is None:
        return one
    data = {
        **pointer.model_dump(mode="json"),
        "by": actor,
        "incident_id": one.incident_id,
        "retrain_id": one.retrain_id,
    }
    message_id = f"{one.retrain_id}:{kind}"
    try:
        deliver(
            url,
            secret.get_secret_value(),
            message_id,
            {"type": kind, "timestamp": rfc3339(now), "data": data},
            now=wall_now(),
        )
    except DeliveryError as error:
        return append(
            store, one, "announcement_failed", now=now, actor=actor, via="webhook", note=str(error)
        )
    return one
