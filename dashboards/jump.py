"""Where a person can jump to: what the palette lists, and where an id leads that they typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from dashboards import data, words
from monitor.retrain.state import retrains

__all__ = ["Place", "find", "places"]

MOST = 40
"""Incidents and retrains each that the palette lists; every other is found by its id."""
LONGEST_ID = 200


@dataclass(frozen=True, slots=True)
class Place:
    """A page and what it should open."""

    page: str
    query: Mapping[str, str]
    label: str = ""
    kind: str = ""


@st.cache_data(ttl=60, max_entries=10, show_spinner=False)
def places(url: str) -> list[Place]:
    """Incidents, those not resolved first, and retrains, newest first."""
    incidents = sorted(data.incidents(url), key=lambda one: one.state == "resolved")
    found = [
        Place(
            "incidents",
            {"incident": one.incident_id},
            words.cut(words.visible(one.title), 90),
            f"{one.state} incident",
        )
        for one in incidents[:MOST]
    ]
    found += [
        Place(
            "retrains",
            {"retrain": one.retrain_id},
            words.visible(one.retrain_id),
            f"retrain, {one.state.replace('_', ' ')}",
        )
        for one in retrains(data.store(url))[:MOST]
    ]
    return found


def find(url: str, typed: str) -> Place | None:
    """The page of an incident, a retrain, a trace or a session's newest trace with this id."""
    wanted = typed.strip()[:LONGEST_ID]
    if not wanted:
        return None
    if any(one.incident_id == wanted for one in data.incidents(url)):
        return Place("incidents", {"incident": wanted})
    if any(one.retrain_id == wanted for one in retrains(data.store(url))):
        return Place("retrains", {"retrain": wanted})
    trace_id = data.whereabouts(url, wanted)
    return Place("calls", {"trace_id": trace_id}) if trace_id else None
