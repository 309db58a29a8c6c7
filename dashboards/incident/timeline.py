"""Everything that happened to an incident, from all the tables that know something of it, in order of time. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dashboards import words
from monitor.incidents import IncidentDetails

if TYPE_CHECKING:
    from dashboards.incident.reads import Told
    from monitor.records import IncidentEvent
    from monitor.retrain.state import Retrain

__all__ = ["Happening", "happenings"]

STEPS = frozenset({"progress"})
"""Events of a retrain that are no news."""
EVENTS = {
    "opened": "Opened",
    "grown": "Grown: more evidence",
    "announced": "People were told",
    "acknowledged": "Acknowledged",
    "snoozed": "Snoozed",
    "resolved": "Resolved",
    "reopened": "Opened again",
    "escalated": "Escalated: nobody had taken it on",
    "advised": "Another cure fits now",
}


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened."""

    at: datetime
    what: str
    who: str
    via: str
    """The way: job, dashboard, slack, cli, callback, or the sink of a message."""
    note: str
    wrong: bool = False
    """A message that did not arrive, or a retrain that failed."""


def happenings(
    events: Sequence[IncidentEvent], told: Sequence[Told], retrains: Iterable[Retrain]
) -> list[Happening]:
    """The incident's own events, witnesses, messages, and the steps of its retrains."""
    found = [*_events(events, quiet=any(one.state == "delivered" for one in told))]
    found += [*_witnesses(events), *map(_message, told)]
    found += [one for retrain in retrains for one in _steps(retrain)]
    return sorted(found, key=lambda one: one.at)


def _events(events: Sequence[IncidentEvent], *, quiet: bool) -> Iterator[Happening]:
    """`announced` says less than the messages themselves: it is left out where these are known."""
    for one in events:
        if one.event == "announced" and quiet:
            continue
        what = EVENTS.get(one.event, one.event.capitalize())
        note = one.note
        if one.event == "snoozed":
            until = IncidentDetails.model_validate_json(one.details or "{}").snoozed_until
            what = f"{what} until {words.when(until)}"
        yield Happening(one.timestamp, what, one.actor, one.via, note)


def _witnesses(events: Sequence[IncidentEvent]) -> Iterator[Happening]:
    """When each second witness was first heard."""
    known: set[tuple[str, str]] = set()
    for one in events:
        for said in IncidentDetails.model_validate_json(one.details or "{}").confirmations:
            if (said.source, said.name) in known:
                continue
            known.add((said.source, said.name))
            note = (
                f"{words.percent(said.rate)} failing (95 %: {words.percent(said.low)} to"
                f" {words.percent(said.high)}, n = {words.count(said.n)}), before"
                f" {words.percent(said.baseline)}"
            )
            yield Happening(
                one.timestamp,
                f"Confirmed by the {said.source} {said.name}",
                one.actor,
                one.via,
                note,
            )


def _message(one: Told) -> Happening:
    tries = words.noun(one.failures, "failed attempt")
    if one.state == "delivered":
        note = f"after {tries} since {words.when(one.first_at)}" if one.failures else ""
        return Happening(one.last_at, f"Message delivered: {one.kind}", "alert job", one.sink, note)
    if one.state == "dead":
        what, note = f"Message given up: {one.kind}", f"{tries}; {one.error}"
    elif one.state == "failed":
        again = "at the next run" if one.due_at <= one.last_at else words.when(one.due_at)
        what = f"Message not delivered yet: {one.kind}"
        note = f"{tries} since {words.when(one.first_at)}; tried again {again}; {one.error}"
    else:
        what = f"Message begun and not confirmed: {one.kind}"
        note = "it may have arrived; it is looked for before it is told again"
    return Happening(one.last_at, what, "alert job", one.sink, note, wrong=True)


def _steps(retrain: Retrain) -> Iterator[Happening]:
    for step in retrain.history:
        if step.event in STEPS:
            continue
        yield Happening(
            step.timestamp,
            f"Retrain {step.event.replace('_', ' ')}: {retrain.retrain_id}",
            step.actor,
            step.via,
            step.note,
            wrong=step.event in ("failed", "undelivered", "lapsed"),
        )
