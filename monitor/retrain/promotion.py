"""The steps that change what production uses: `promote` and `rollback`.

The event decides and the pointer file follows: first the event, which one person alone can write, then the file. Who is
killed in between leaves a file that is behind; `repoint`, run every minute, brings it up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.deliveries import Journal
from monitor.exceptions import TransitionError
from monitor.retrain.delivery import announce
from monitor.retrain.lifecycle import see_same
from monitor.retrain.pointer import Pointer, read_pointer, write_pointer
from monitor.retrain.state import append, require, retrain, retrains

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.retrain.state import Retrain, Step
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = ["promote", "repoint", "rollback"]

DECIDED = ("promoted", "rolled_back")


def promote(
    store: Store,
    settings: Settings,
    retrain_id: str,
    *,
    now: datetime,
    actor: str,
    via: str,
    note: str = "",
    evidence: str = "",
) -> Retrain:
    """Point the service at the approved candidate, and say so to the alert webhook.

    Args:
        store: where the retrain is.
        settings: say where the release pointer is, and where to tell of it.
        retrain_id: which one.
        now: the moment of the decision.
        actor: who decides.
        via: `cli`, `slack`, `dashboard` or `job`.
        note: why.
        evidence: name of what the person was shown (`lifecycle.evidence_of`); '' where they saw the present state.

    Raises:
        TransitionError: it is not approved, nobody is named, it is not any more what the person was shown, or somebody
            else was first.
    """
    one = retrain(store, retrain_id)
    require(one, "promoted")
    see_same(one, evidence)
    present = read_pointer(settings.data_dir, one.service)
    before = present or Pointer(
        service=one.service, release=one.base_release, promoted_at=one.proposed_at
    )
    candidate = one.details["candidate"]
    pointer = Pointer(
        service=one.service,
        release=candidate["release"],
        endpoint=candidate["endpoint"],
        model=candidate["model"],
        retrain_id=retrain_id,
        promoted_at=now,
        previous=before.model_copy(update={"previous": None}),
    )
    _see_named(actor)
    details = {"pointer": pointer.model_dump(mode="json")}
    one = append(store, one, "promoted", now=now, actor=actor, via=via, note=note, details=details)
    return _follow(store, settings, one, now)


def rollback(
    store: Store,
    settings: Settings,
    retrain_id: str,
    *,
    now: datetime,
    actor: str,
    via: str,
    note: str = "",
    evidence: str = "",
) -> Retrain:
    """Point the service back at what it used before this promotion; arguments as of `promote`.

    Raises:
        TransitionError: it is not promoted, a later promotion has replaced it, it is not any more what the person was
            shown, or somebody else was first.
    """
    one = retrain(store, retrain_id)
    require(one, "rolled_back")
    see_same(one, evidence)
    before = Pointer.model_validate(one.details["pointer"]["previous"])
    present = read_pointer(settings.data_dir, one.service)
    if present and present.retrain_id not in (retrain_id, before.retrain_id):
        raise TransitionError(
            f"{one.service} uses {present.release} of retrain {present.retrain_id} by now;"
            " roll that one back"
        )
    back = before.model_copy(update={"promoted_at": now})
    _see_named(actor)
    details = {"pointer": back.model_dump(mode="json")}
    one = append(
        store, one, "rolled_back", now=now, actor=actor, via=via, note=note, details=details
    )
    return _follow(store, settings, one, now)


def _see_named(actor: str) -> None:
    if not actor:
        raise TransitionError("this needs the name of the person who decides")


def _follow(store: Store, settings: Settings, one: Retrain, now: datetime) -> Retrain:
    """Do what the decision says that was just written: the file, then the word to the alert webhook."""
    step = one.last(*DECIDED)
    if step is None:
        return one
    one = _point(store, settings, one, Pointer.model_validate(step.details["pointer"]), now=now)
    return announce(store, settings, one, Journal(store, now), steps=[step])


def _point(
    store: Store, settings: Settings, one: Retrain, pointer: Pointer, *, now: datetime
) -> Retrain:
    """Write the file; where that fails the retrain says so until it succeeds."""
    failed = one.last("pointer_failed", "pointed")
    try:
        path = write_pointer(settings.data_dir, pointer)
    except OSError as error:
        note = f"the release pointer could not be written: {error}; it is tried again every minute"
        if failed is not None and failed.note == note:
            return one
        return append(
            store, one, "pointer_failed", now=now, actor="outerloop", via="job", note=note
        )
    if failed is None or failed.event != "pointer_failed":
        return one
    return append(store, one, "pointed", now=now, actor="outerloop", via="job", note=str(path))


def repoint(store: Store, settings: Settings, now: datetime) -> int:
    """Bring every service's pointer up to its latest decision; returns how many were behind.

    A file that is newer than the decision was written by somebody's hand and stays.
    """
    behind = 0
    for one, step in _latest(retrains(store)):
        pointer = Pointer.model_validate(step.details["pointer"])
        present = read_pointer(settings.data_dir, pointer.service)
        if present is None or present.promoted_at < pointer.promoted_at:
            _point(store, settings, one, pointer, now=now)
            behind += 1
    return behind


def _latest(known: list[Retrain]) -> list[tuple[Retrain, Step]]:
    """The latest decision about each service, with its retrain."""
    latest: dict[str, tuple[Retrain, Step]] = {}
    for one in known:
        step = one.last(*DECIDED)
        if step is None or "pointer" not in step.details:
            continue
        held = latest.get(one.service)
        if held is None or held[1].timestamp < step.timestamp:
            latest[one.service] = (one, step)
    return list(latest.values())
