"""The draw of production calls: candidates with their signals out of the store, draws into it, drawn calls out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from judges.interaction import call_key
from monitor.incidents import incidents
from monitor.jobs.calls import Call
from monitor.judging.design import Candidate, draw, plan
from monitor.judging.rows import DrawRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from monitor.incidents import SliceShare
    from monitor.jobs.job import Window
    from monitor.store import Store

__all__ = ["DrawnCall", "Undrawn", "candidates", "drawn_calls", "make_draws"]

ATTRIBUTES = {
    "release": "release",
    "model": "request_model",
    "prompt version": "prompt_version",
    "environment": "environment",
}
"""How an incident's slice names a column of the call; tags are `tag NAME`."""


@dataclass(frozen=True, slots=True)
class Undrawn:
    """A call that a judge has had no draw of yet."""

    timestamp: datetime
    trace_id: str
    span_id: str
    release: str
    prompt_version: str
    environment: str
    request_model: str
    tags: dict[str, str]
    signals: list[str]

    @property
    def key(self) -> str:
        """As of `Interaction.key`."""
        return call_key(self.trace_id, self.span_id)

    def attribute(self, name: str) -> str:
        """What the call says of an attribute that a slice names."""
        if name.startswith("tag "):
            return self.tags.get(name.removeprefix("tag "), "")
        return str(getattr(self, ATTRIBUTES[name])) if name in ATTRIBUTES else ""


@dataclass(frozen=True, slots=True)
class DrawnCall(Call):
    """A call that waits for its verdict."""

    probability: float = 1.0


def candidates(store: Store, judge: str, service: str, window: Window) -> list[Undrawn]:
    """Calls of the window that the judge has had no draw of, with their signals as they are known now."""
    found = store.read(
        "calls_to_draw",
        Undrawn,
        judge=judge,
        service=service,
        since=window.since,
        until=window.until,
    )
    slices = _slices(store, service)
    for one in found:
        if any(_inside(one, conditions) for conditions in slices):
            one.signals.append("drifted")
    return found


def make_draws(
    store: Store,
    judge: str,
    service: str,
    found: Iterable[Undrawn],
    *,
    verdicts: float,
    share: float | None,
) -> list[DrawRow]:
    """Draw about so many of the candidates, once and for ever: the draws are rows before anybody is asked."""
    by_key = {one.key: one for one in found}
    frame = [
        Candidate(key, one.release, one.prompt_version, tuple(one.signals))
        for key, one in by_key.items()
    ]
    rows = []
    for said in draw(plan(frame, verdicts, share=share), frame):
        call = by_key[said.key]
        rows.append(
            DrawRow(
                timestamp=call.timestamp,
                judge=judge,
                service=service,
                release=call.release,
                prompt_version=call.prompt_version,
                trace_id=call.trace_id,
                span_id=call.span_id,
                route=said.route,
                probability=said.probability,
                drawn=int(said.drawn),
            )
        )
    store.append("draws", rows)
    return rows


def drawn_calls(store: Store, judge: str, service: str, window: Window) -> list[DrawnCall]:
    """Calls of the window that were drawn and have no verdict yet, with their texts."""
    return store.read(
        "calls_drawn",
        DrawnCall,
        judge=judge,
        service=service,
        since=window.since,
        until=window.until,
    )


def _slices(store: Store, service: str) -> list[Mapping[str, str]]:
    """The slices of the service's open incidents, each as attribute → value."""
    return [
        _conditions(one)
        for incident in incidents(store)
        if incident.service == service and incident.state != "resolved"
        for one in incident.details.slices
    ]


def _conditions(one: SliceShare) -> Mapping[str, str]:
    return dict(zip(one.attribute.split(" and "), one.value.split(" and "), strict=False))


def _inside(one: Undrawn, conditions: Mapping[str, str]) -> bool:
    return bool(conditions) and all(
        one.attribute(name) == value for name, value in conditions.items()
    )
