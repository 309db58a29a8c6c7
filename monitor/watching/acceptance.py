"""A person's word that what an incident tells of is the new normal: its series learn anew, and it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.exceptions import ConfigurationError
from monitor.incidents import Incident, act
from monitor.watching import baselines

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.store import Store
    from monitor.watching.baselines import Word

__all__ = ["accept_incident", "accepts"]


def accepts(one: Incident) -> bool:
    """Whether the baseline of what an incident is about can be set by a person."""
    return one.detector == "rate"


def accept_incident(
    store: Store, one: Incident, word: Word, *, via: str, since: datetime | None = None
) -> list[str]:
    """Take what the incident's series do for their new normal, and resolve it; returns the series.

    Args:
        store: where it is.
        one: the incident.
        word: who says it, when, and why.
        via: `cli` or `dashboard`.
        since: when it began; else the incident's own begin.

    Raises:
        ConfigurationError: its detector's baseline follows by itself, or the series is not known.
    """
    if not accepts(one):
        raise ConfigurationError(
            f"incident {one.incident_id} is about {one.detector} of {one.series!r}, whose baseline follows by itself;"
            f" resolve it: `outerloop incidents resolve {one.incident_id}`"
        )
    names = baselines.moved_with(store, one.service, one.series)
    for name in names:
        baselines.accept(store, one.service, name, since or one.started_at, word)
    if one.state != "resolved":
        told = f"accepted as the new normal{f': {word.note}' if word.note else ''}"
        act(store, one.incident_id, "resolved", now=word.at, actor=word.actor, via=via, note=told)
    return names
