"""What the fine-tune job tells, and what its silence means.

An event has the job's own id: told again it changes nothing, used for something else it is refused. What comes too
late (an older word after a newer one, a step before one that was told) is refused and never recorded. A job that is not
heard of for OUTERLOOP_RETRAIN_SILENCE_HOURS has failed, visibly; when it comes back after all, with no other retrain of
the service begun meanwhile, its work is taken.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from monitor.clock import parse_time, rfc3339, wall_now
from monitor.exceptions import SignatureError, TransitionError
from monitor.retrain.bodies import Failed, Finished, Progress
from monitor.retrain.request import token_matches
from monitor.retrain.state import ENDED, append, require, retrain, retrains

if TYPE_CHECKING:
    from monitor.retrain.bodies import Callback
    from monitor.retrain.state import Retrain
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = ["AHEAD", "MOST_EVENTS", "TOLERANCE", "callback", "lapse"]

TOLERANCE = timedelta(hours=48)
"""An event that happened longer ago is stale: a job tries its last word again for a day."""
AHEAD = timedelta(minutes=5)
"""So far a job's clock may be ahead of ours."""
MOST_EVENTS = 2000
"""Of one retrain; from then on progress is refused, and the last word still taken."""


def callback(
    store: Store,
    retrain_id: str,
    token: str,
    event: Callback,
    *,
    now: datetime,
    wall: datetime | None = None,
) -> Retrain:
    """Record what the fine-tune job reports. Told again, the same event changes nothing.

    Args:
        store: where the retrain is.
        retrain_id: which one.
        token: the bearer token that came with the report.
        event: the report.
        now: product time, of the event that is kept.
        wall: real time, against which a report's own time is held; the clock's, unless given.

    Raises:
        NotFoundError: there is no such retrain.
        SignatureError: the token is not that retrain's.
        TransitionError: the event is stale, uses another event's id, or does not follow from the present state.
    """
    one, present = retrain(store, retrain_id), wall or wall_now()
    if not token_matches(one, token):
        raise SignatureError(
            f"the token is not that of retrain {retrain_id}; use the one that came with the request"
        )
    digest = sha256(event.model_dump_json().encode()).hexdigest()[:16]
    if _known(one, event, digest):
        return one
    _see_fresh(one, event, present)
    name = event.type.removeprefix("retrain.")
    require(one, name)
    _see_not_replaced(store, one)
    note, release, details = _told(event)
    details |= {"event_id": event.id, "event_digest": digest, "heard_at": rfc3339(present)}
    if event.timestamp is not None:
        details["happened_at"] = rfc3339(event.timestamp)
    try:
        return append(
            store, one, name, now=now, actor="fine-tune job", via="callback", note=note,
            candidate_release=release, details=details,
        )  # fmt: skip
    except TransitionError:
        after = retrain(store, retrain_id)
        if _known(after, event, digest):  # the same report came in twice at one moment
            return after
        raise


def _known(one: Retrain, event: Callback, digest: str) -> bool:
    """Whether the event was recorded before.

    Raises:
        TransitionError: another event was, under this id.
    """
    step = next((step for step in one.history if step.details.get("event_id") == event.id), None)
    if step is not None and step.details.get("event_digest", digest) != digest:
        raise TransitionError(
            f"event id {event.id} was used for another event of retrain {one.retrain_id}; give each its own"
        )
    return step is not None


def _see_fresh(one: Retrain, event: Callback, wall: datetime) -> None:
    if event.timestamp is not None:
        age = wall - event.timestamp
        if age > TOLERANCE or -age > AHEAD:
            raise TransitionError(
                f"the event is stale: it happened at {rfc3339(event.timestamp)}, now it is {rfc3339(wall)}; events are"
                f" taken for {TOLERANCE // timedelta(hours=1)} h; check the job's clock"
            )
        last = one.details.get("happened_at")
        if last and event.timestamp < parse_time(last):
            raise TransitionError(
                f"the event is stale: it happened at {rfc3339(event.timestamp)}, and one of {last} is recorded already"
            )
    if isinstance(event, Progress):
        before = one.details.get("progress")
        if one.state == "started" and before and event.data.step < int(before["step"]):
            raise TransitionError(
                f"the event is stale: step {event.data.step} after step {before['step']}"
            )
        if len(one.history) >= MOST_EVENTS:
            raise TransitionError(
                f"{MOST_EVENTS} events are kept of a retrain; report progress less often, and the end as before"
            )


def _see_not_replaced(store: Store, one: Retrain) -> None:
    """What was given up is taken up again only when nobody has begun another in its place."""
    if one.standing != "lapsed":
        return
    for other in retrains(store):
        newer = other.proposed_at > one.proposed_at and other.service == one.service
        if newer and (other.standing not in ENDED or other.state == "promoted"):
            raise TransitionError(
                f"retrain {one.retrain_id} was given up at {rfc3339(one.updated_at)}"
                f" and {other.retrain_id} took its place; its result is not used"
            )


def _told(event: Callback) -> tuple[str, str, dict[str, object]]:
    """Note, candidate release and details of an event."""
    if isinstance(event, Finished):
        return event.data.note, event.data.release, {"candidate": event.data.model_dump()}
    if isinstance(event, Failed):
        return event.data.reason, "", {}
    if isinstance(event, Progress):
        return event.data.note, "", {"progress": event.data.model_dump()}
    return event.data.note or event.data.job, "", {}


def lapse(
    store: Store,
    settings: Settings,
    one: Retrain,
    *,
    now: datetime,
    actor: str,
    wall: datetime | None = None,
) -> Retrain:
    """Give a job up that has taken the request and is not heard of any more; real time decides, also in a replay."""
    if one.state not in ("requested", "started") or not one.delivered:
        return one
    heard = str(one.details.get("heard_at") or rfc3339(one.updated_at))
    silent = (wall or wall_now()) - parse_time(heard)
    if silent < timedelta(hours=settings.retrain_silence_hours):
        return one
    last = one.last("requested", "delivered", "started", "progress")
    note = (
        f"the fine-tune job has said nothing for {silent.total_seconds() / 3600:.1f} h, since"
        f" {last.event if last else 'the beginning'} at {heard}; look at the job, then ask again or propose anew"
    )
    return append(store, one, "lapsed", now=now, actor=actor, via="job", note=note)
