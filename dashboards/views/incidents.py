"""What changed, since when, how sure, where, what to do: the incidents and their evidence."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboards import data, words
from dashboards.shell import Desk, link, view
from dashboards.views.incident_causes import CAUSES, show_causes, show_confirmations, show_cures
from dashboards.views.incident_evidence import (
    show_examples,
    show_figures,
    show_history,
    show_slices,
)
from dashboards.words import plain
from monitor.incidents import act
from monitor.retrain.state import retrains

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.incidents import Incident, IncidentDetails
    from monitor.records import IncidentEvent

__all__ = ["show"]

COLOURS = {"open": "red", "acknowledged": "orange", "snoozed": "gray", "resolved": "green"}


SNOOZES = {"1 hour": timedelta(hours=1), "1 day": timedelta(days=1), "1 week": timedelta(days=7)}


@view
def show(desk: Desk) -> None:
    """The list, or the incident that the address names."""
    incident_id = str(st.query_params.get("incident", "")).strip()
    known = data.incidents(desk.url)
    if not incident_id:
        _list(desk, known)
        return
    if st.button("All incidents", icon=":material/arrow_back:"):
        st.query_params.pop("incident", None)
        st.rerun()
    found = next((one for one in known if one.incident_id == incident_id), None)
    if found is None:
        st.title("Incident")
        st.warning(
            f"There is no incident {plain(words.cut(incident_id, 80))} in this store; the list has those there are."
        )
        return
    _incident(desk, found)


def _list(desk: Desk, known: Sequence[Incident]) -> None:
    st.title("Incidents")
    mine = [one for one in known if desk.filters.service in {"", one.service}]
    if not mine:
        st.info(
            "No incident yet. One opens when a detector's evidence passes its threshold;"
            " `Health` says whether the detectors run."
        )
        return
    open_ones = [one for one in mine if one.state != "resolved"]
    st.caption(
        f"{words.noun(len(open_ones), 'incident')} not resolved,"
        f" {words.noun(len(mine) - len(open_ones), 'resolved incident', 'resolved incidents')}."
        " All of them, whatever the time filter."
    )
    for one in [*open_ones, *(one for one in mine if one.state == "resolved")][:50]:
        with st.container(border=True):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.badge(one.state, color=COLOURS[one.state])  # type: ignore[arg-type]  # a value of COLOURS
                link(words.cut(one.title, 140), "incidents", incident=one.incident_id)
            st.caption(
                plain(
                    f"{one.service} · {one.severity} · began {words.when(one.started_at)} ·"
                    f" opened {words.when(one.opened_at)} · {_bad(one.details)}"
                )
            )
    if len(mine) > 50:
        st.caption(
            f"The first 50 of {len(mine)} are listed; choose a service in the side bar to narrow them."
        )


def _bad(details: IncidentDetails) -> str:
    if not details.n:
        return "no rate told"
    return (
        f"{words.percent(details.rate)} of calls (95 %: {words.percent(details.low)} to {words.percent(details.high)},"
        f" n = {words.count(details.n)}), before {words.percent(details.baseline)} (n ="
        f" {words.count(details.baseline_n)})"
    )


def _incident(desk: Desk, one: Incident) -> None:
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
            )
        )
    if details.summary:
        st.markdown(plain(details.summary))
    show_figures(desk, one)
    _act(desk, one)
    st.subheader("Since when", anchor=False)
    show_history(desk, one)
    st.subheader("Why", anchor=False)
    st.markdown(f"**{CAUSES.get(one.cause, CAUSES['unknown'])}**")
    show_causes(details)
    show_confirmations(details)
    if details.advice:
        st.markdown(f"What to do: {plain(details.advice)}")
    show_cures(details)
    _retrains(desk, one)
    st.subheader("Where", anchor=False)
    show_slices(details)
    st.subheader("Calls to look at", anchor=False)
    show_examples(details)
    st.subheader("What happened to it", anchor=False)
    _timeline(
        [event for event in data.incident_events(desk.url) if event.incident_id == one.incident_id]
    )


def _act(desk: Desk, one: Incident) -> None:
    if one.state == "resolved":
        st.success(f"Resolved {words.when(one.resolved_at)} by {plain(one.actor)}.")
        return
    note = st.text_input(
        "Note",
        key=f"note_{one.incident_id}",
        placeholder="what you found or did (optional)",
        max_chars=500,
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        acknowledged = st.button(
            "Acknowledge", type="primary", disabled=one.state == "acknowledged"
        )
        length = st.selectbox(
            "Snooze for",
            list(SNOOZES),
            label_visibility="collapsed",
            width=120,
            key="snooze_length",
        )
        snoozed = st.button("Snooze")
        resolved = st.button("Resolve")
    event = (
        "acknowledged" if acknowledged else "snoozed" if snoozed else "resolved" if resolved else ""
    )
    if not event:
        return
    act(
        data.store(desk.url),
        one.incident_id,
        event,
        now=desk.now,
        actor=desk.actor,
        via="dashboard",
        note=note,
        until=desk.now + SNOOZES[length] if snoozed else None,
    )
    st.toast(f"{event.capitalize()} as {plain(desk.actor)}.")
    st.rerun()


def _retrains(desk: Desk, one: Incident) -> None:
    for retrain in retrains(data.store(desk.url)):
        if retrain.incident_id == one.incident_id:
            link(
                f"Its retrain {retrain.retrain_id}: {retrain.state.replace('_', ' ')}",
                "retrains",
                retrain=retrain.retrain_id,
            )


def _timeline(events: Sequence[IncidentEvent]) -> None:
    st.dataframe(
        pd.DataFrame(
            {
                "Time (UTC)": [event.timestamp for event in events],
                "What": [event.event for event in events],
                "Who": [words.visible(event.actor) for event in events],
                "By way of": [event.via for event in events],
                "Note": [words.visible(event.note) for event in events],
            }
        ),
        hide_index=True,
        column_config={
            "Time (UTC)": st.column_config.DatetimeColumn(
                format="YYYY-MM-DD HH:mm", timezone="UTC"
            ),
            "Note": st.column_config.TextColumn(width=360),
        },
    )
