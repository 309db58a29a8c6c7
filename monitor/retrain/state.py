"""A retrain as it stands: its events, folded (`monitor.retrain.machine` says what may follow what).

Every event but the first names its place in the life (`append`), so of two processes that want to write the same next
event, one does, and the other is told what came before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from monitor.clock import rfc3339
from monitor.exceptions import NotFoundError, TransitionError
from monitor.records import TICK, RetrainEvent
from monitor.retrain.machine import CONCLUDED, DECISIONS, ENDED, EVENTS, FROM, TROUBLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from monitor.store import Store

__all__ = [
    "CONCLUDED",
    "ENDED",
    "EVENTS",
    "FROM",
    "Retrain",
    "Step",
    "append",
    "fold",
    "require",
    "retrain",
    "retrains",
]

RANK = {event: rank for rank, event in enumerate(EVENTS)}
CONTENDERS = 100
"""So many writers at one moment are not to be expected; who finds more of them gives up."""


@dataclass(frozen=True, slots=True)
class Step:
    """One event, as a page shows it."""

    timestamp: datetime
    event: str
    actor: str
    via: str
    note: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Retrain:
    """A retrain after all its events."""

    retrain_id: str
    incident_id: str
    service: str
    state: str
    base_release: str
    candidate_release: str
    dataset_version: str
    proposed_at: datetime
    updated_at: datetime
    delivered: bool
    """The fine-tune job has taken the request."""
    trouble: str
    """What went wrong last, while it has not been put right; else ''."""
    details: Mapping[str, Any]
    """Everything the events told, later over earlier: dataset, candidate, comparison, pointer, …"""
    history: Sequence[Step]

    @property
    def standing(self) -> str:
        """The state; `lapsed` where we gave the job up and it may still come back."""
        turn = next((step.event for step in reversed(self.history) if EVENTS.get(step.event)), "")
        return turn if turn == "lapsed" else self.state

    @property
    def possible(self) -> tuple[str, ...]:
        """The events that may follow now."""
        return tuple(event for event, states in FROM.items() if self.standing in states)

    @property
    def approval(self) -> Step | None:
        """Who approved it, where and when."""
        return self.last("approved")

    def last(self, *events: str) -> Step | None:
        """The latest of such events, or None."""
        return next((step for step in reversed(self.history) if step.event in events), None)


def fold(events: Iterable[RetrainEvent]) -> list[Retrain]:
    """Retrains as they stand after `events`, newest proposed first."""
    lives: dict[str, list[RetrainEvent]] = {}
    for event in events:
        lives.setdefault(event.retrain_id, []).append(event)
    known = [
        _life(sorted(life, key=lambda one: (one.timestamp, RANK.get(one.event, 0))))
        for life in lives.values()
    ]
    return sorted(known, key=lambda one: (one.proposed_at, one.retrain_id), reverse=True)


def _life(events: Sequence[RetrainEvent]) -> Retrain:
    first, last = events[0], events[-1]
    history = tuple(
        Step(
            one.timestamp,
            one.event,
            one.actor,
            one.via,
            one.note,
            orjson.loads(one.details or "{}"),
        )
        for one in events
    )
    details: dict[str, Any] = {}
    for step in history:
        details.update(step.details)
    states = [state for one in events if (state := EVENTS.get(one.event))]
    told = [one.event for one in events]
    asked = max((place for place, event in enumerate(told) if event == "requested"), default=0)
    return Retrain(
        retrain_id=first.retrain_id,
        incident_id=first.incident_id,
        service=first.service,
        state=states[-1] if states else "proposed",
        base_release=first.base_release,
        candidate_release=last.candidate_release,
        dataset_version=last.dataset_version,
        proposed_at=first.timestamp,
        updated_at=last.timestamp,
        delivered=any(
            event in told[asked:]
            for event in ("delivered", "started", "progress", "finished", "failed")
        ),
        trouble=_trouble(events),
        details=details,
        history=history,
    )


def _trouble(events: Sequence[RetrainEvent]) -> str:
    """The last event's note when it was a bad one; `delivered` mends only what `undelivered` said.

    The job may report before our own note of the delivery is written, so that one may come late.
    """
    arrived = False
    for one in reversed(events):
        if one.event == "delivered":
            arrived = True
        elif one.event not in TROUBLE or (one.event == "undelivered" and arrived):
            return ""
        else:
            return one.note
    return ""


def retrains(store: Store) -> list[Retrain]:
    """Every retrain in the store, newest proposed first."""
    return fold(store.read("retrain_events", RetrainEvent))


def retrain(store: Store, retrain_id: str) -> Retrain:
    """One retrain by its id.

    Raises:
        NotFoundError: there is none.
    """
    found = next((one for one in retrains(store) if one.retrain_id == retrain_id), None)
    if found is None:
        raise NotFoundError(f"there is no retrain {retrain_id}; see `outerloop retrain list`")
    return found


def require(one: Retrain, event: str) -> None:
    """See that `event` may follow now.

    Raises:
        TransitionError: it may not; says the present state, who decided where somebody has, and what is possible.
    """
    if one.standing not in FROM[event]:
        raise _refusal(one, event)


def _refusal(one: Retrain, event: str) -> TransitionError:
    taken = one.last(*DECISIONS)
    by = (
        f", {taken.event} by {taken.actor} ({taken.via}) at {rfc3339(taken.timestamp)}"
        if taken
        else ""
    )
    possible = ", ".join(one.possible) or "nothing more"
    why = f"{event} does not follow from that, possible: {possible}"
    if event in one.possible:  # somebody else was first by a moment
        why = f"look at it as it is now, then decide; possible: {possible}"
    return TransitionError(f"retrain {one.retrain_id} is {one.standing}{by}; {why}")


def append(  # noqa: PLR0913 - who, where and when are keyword-only
    store: Store,
    one: Retrain,
    event: str,
    *,
    now: datetime,
    actor: str,
    via: str,
    note: str = "",
    candidate_release: str = "",
    dataset_version: str = "",
    details: Mapping[str, Any] | None = None,
) -> Retrain:
    """Add an event to a retrain's life and return the retrain as it stands after it.

    The row names its place in the life, and the store keeps one row for each place. When somebody else was there first,
    the event is looked at again after theirs, and added behind it if it still may follow; a person's decision only if
    theirs was none.

    Raises:
        TransitionError: it does not follow on what somebody else has done meanwhile.
    """
    told = orjson.dumps(dict(details or {}), option=orjson.OPT_UTC_Z).decode()
    for _ in range(CONTENDERS):
        place, standing = len(one.history), one.standing
        row = RetrainEvent(
            timestamp=max(now, one.updated_at + TICK),
            retrain_id=one.retrain_id,
            event=event,
            actor=actor,
            via=via,
            note=note,
            incident_id=one.incident_id,
            service=one.service,
            base_release=one.base_release,
            candidate_release=candidate_release or one.candidate_release,
            dataset_version=dataset_version or one.dataset_version,
            details=told,
        )
        store.append("retrains", [row], token=f"{one.retrain_id}:{place}")
        one = retrain(store, one.retrain_id)
        if _holds(one, place, row):
            return one
        if event in DECISIONS and one.standing != standing:
            raise _refusal(one, event)
        if event in FROM:
            require(one, event)
    raise TransitionError(f"too many write to retrain {one.retrain_id} at once; try again")


def _holds(one: Retrain, place: int, row: RetrainEvent) -> bool:
    """Whether it is this very row that has the place."""
    if place >= len(one.history):
        return False
    step = one.history[place]
    mine = (row.event, row.actor, row.via, row.note, orjson.loads(row.details))
    return mine == (step.event, step.actor, step.via, step.note, step.details)
