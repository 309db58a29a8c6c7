"""What changed, since when, how sure, where, what to do: the incidents and their evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboards import data, words
from dashboards.shell import Desk, link, view
from dashboards.views.incident_actions import PLUMBING, show_actions
from dashboards.views.incident_causes import (
    CAUSES,
    show_alarms,
    show_causes,
    show_confirmations,
    show_cures,
)
from dashboards.views.incident_evidence import show_figures, show_history
from dashboards.views.incident_examples import show_examples
from dashboards.views.incident_list import COLOURS, show_list
from dashboards.views.incident_slices import show_slices, time_of
from dashboards.views.incident_timeline import show_timeline
from dashboards.words import plain
from monitor.incidents import fold
from monitor.retrain.state import retrains

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.incidents import Incident
    from monitor.retrain.state import Retrain

__all__ = ["show"]


@view
def show(desk: Desk) -> None:
    """The list, or the incident that the address names."""
    incident_id = str(st.query_params.get("incident", "")).strip()
    events = data.incident_events(desk.url)
    if not incident_id:
        show_list(desk, fold(events))
        return
    if st.button("All incidents", icon=":material/arrow_back:"):
        st.query_params.pop("incident", None)
        st.rerun()
    own = [event for event in events if event.incident_id == incident_id]
    if not own:
        st.title("Incident")
        st.warning(
            f"There is no incident {plain(words.cut(incident_id, 80))} in this store; the list has those there are."
        )
        return
    [one] = fold(own)
    made = [
        retrain for retrain in retrains(data.store(desk.url)) if retrain.incident_id == incident_id
    ]
    _head(one)
    show_figures(desk, one)
    show_actions(desk, one, made)
    if one.cause in PLUMBING:
        _plumbing(one)
    else:
        _answers(desk, one, made)
    st.subheader("What happened", anchor=False)
    show_timeline(desk, incident_id, own, made)


def _head(one: Incident) -> None:
    details = one.details
    st.title(plain(one.title), anchor=False)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(one.state, color=COLOURS[one.state])  # type: ignore[arg-type]  # a value of COLOURS
        st.badge(plain(one.severity), color="gray")
        st.markdown(
            plain(
                f"service {one.service or 'unknown'}"
                + (f", field {one.field}" if one.field else "")
                + (f", release {details.release}" if details.release else "")
                + "".join(f", {name} = {value}" for name, value in details.root)
                + f", incident {one.incident_id}"
            ),
            width="content",
        )
        link("Calls of this time", "calls", service=one.service, **time_of(one))
    if details.summary:
        st.markdown(plain(details.summary))


def _answers(desk: Desk, one: Incident, made: Sequence[Retrain]) -> None:
    """Of an incident about what a model answers, or how its calls run."""
    details = one.details
    st.subheader("Since when, and how sure", anchor=False)
    show_history(desk, one)
    show_alarms(details)
    show_confirmations(details)
    st.subheader("Where", anchor=False)
    show_slices(one)
    st.subheader("Why", anchor=False)
    st.markdown(f"**{CAUSES.get(one.cause, CAUSES['unknown'])}**")
    show_causes(details)
    st.subheader("What to do", anchor=False)
    if details.advice:
        st.markdown(plain(details.advice))
    show_cures(details)
    if not details.advice and not details.cures:
        st.caption("No cure has been weighed yet; the `incident` job does at its next run.")
    for retrain in made:
        link(
            f"Its retrain {retrain.retrain_id}: {retrain.standing.replace('_', ' ')}",
            "retrains",
            retrain=retrain.retrain_id,
        )
    st.subheader("Calls to look at", anchor=False)
    show_examples(desk, one)


def _plumbing(one: Incident) -> None:
    """Of an incident about the pipes: no rate, no slices, no answers."""
    st.subheader("Why, and what to do", anchor=False)
    st.markdown(f"**{CAUSES.get(one.cause, CAUSES['unknown'])}**")
    if one.details.count:
        st.markdown(f"{words.noun(one.details.count, 'call or row', 'calls or rows')} concerned.")
    if one.details.advice:
        st.markdown(plain(one.details.advice))
    link("What Health says", "health", **time_of(one))
