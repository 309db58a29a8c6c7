"""A retrain as it stands: its events, folded. Nothing is updated in place.

proposed → requested → started → finished → compared → approved → promoted → rolled_back
               └──────────┴── failed           rejected: by a person, any time before promotion
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from monitor.exceptions import NotFoundError, TransitionError
from monitor.records import RetrainEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from monitor.store import Store

__all__ = ["EVENTS", "Retrain", "Step", "append", "fold", "require", "retrain", "retrains"]

EVENTS = {
    "proposed": "proposed",
    "requested": "requested",
    "undelivered": None,
    "delivered": None,
    "started": "started",
    "progress": "started",
    "finished": "finished",
    "failed": "failed",
    "comparison_failed": None,
    "compared": "compared",
    "approved": "approved",
    "rejected": "rejected",
    "promoted": "promoted",
    "rolled_back": "rolled_back",
    "announcement_failed": None,
}
"""Every event, in the order of a life, with the state it leads to; None changes no state."""

FROM = {
    "requested": ("proposed",),
    "started": ("requested",),
    "progress": ("requested", "started"),
    "finished": ("requested", "started"),
    "failed": ("requested", "started"),
    "compared": ("finished", "compared"),
    "approved": ("compared",),
    "rejected": ("proposed", "requested", "started", "finished", "compared", "approved"),
    "promoted": ("approved",),
    "rolled_back": ("promoted",),
}
"""From which states each event may follow."""

RANK = {event: rank for rank, event in enumerate(EVENTS)}
TICK = timedelta(milliseconds=1)
"""Resolution of `retrains.timestamp`: events of a retrain never share one, to keep their order."""


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
    def possible(self) -> tuple[str, ...]:
        """The events that may follow now."""
        return tuple(event for event, states in FROM.items() if self.state in states)

    @property
    def approval(self) -> Step | None:
        """Who approved it, where and when."""
        return next((step for step in reversed(self.history) if step.event == "approved"), None)


TROUBLE = ("undelivered", "comparison_failed", "failed", "announcement_failed")


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
            event in told for event in ("delivered", "started", "progress", "finished", "failed")
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
        TransitionError: it may not; says the present state and what is possible.
    """
    if one.state not in FROM[event]:
        possible = ", ".join(one.possible) or "nothing more"
        raise TransitionError(
            f"retrain {one.retrain_id} is {one.state}; {event} does not follow from that,"
            f" possible: {possible}"
        )


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
    """Add an event to a retrain's life and return the retrain as it stands after it."""
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
        details=orjson.dumps(dict(details or {}), option=orjson.OPT_UTC_Z).decode(),
    )
    store.append("retrains", [row])
    return retrain(store, one.retrain_id)
