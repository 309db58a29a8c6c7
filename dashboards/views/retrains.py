"""Retrains: what each learned from, how its candidate compares, and the person's decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboards import data, words
from dashboards.retraining.sayings import ADVICE
from dashboards.shell import Desk, link, view
from dashboards.views.retrain_comparison import show_comparison
from dashboards.views.retrain_dataset import show_dataset
from dashboards.views.retrain_decision import show_decision
from dashboards.views.retrain_deliveries import show_deliveries
from dashboards.views.retrain_finder import asked_for
from dashboards.views.retrain_lineage import show_lineage
from dashboards.views.retrain_stages import (
    show_badge,
    show_stages,
    show_timeline,
    show_trouble,
)
from dashboards.views.retrain_trials import show_trials
from dashboards.words import plain
from monitor.retrain.state import retrains

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.retrain.state import Retrain

__all__ = ["show"]

LISTED = 50


@view
def show(desk: Desk) -> None:
    """The list, or the retrain that the address names."""
    known = retrains(data.store(desk.url))
    retrain_id = str(st.query_params.get("retrain", "")).strip()
    if not retrain_id:
        _list(desk, known)
        return
    if st.button("All retrains", icon=":material/arrow_back:"):
        st.query_params.pop("retrain", None)
        st.rerun()
    found = next((one for one in known if one.retrain_id == retrain_id), None)
    if found is None:
        st.title("Retrain")
        st.warning(
            f"There is no retrain {plain(words.cut(retrain_id, 80))} in this store; the list has those there are."
        )
        return
    _retrain(desk, found)


def _list(desk: Desk, known: Sequence[Retrain]) -> None:
    st.title("Retrains")
    mine = [one for one in known if desk.filters.service in {"", one.service}]
    if mine:
        mine = asked_for(desk, mine)
        if not mine:
            return
    if not mine:
        st.info(
            "No retrain yet. One is proposed when an incident is confirmed and a retrain could"
            " cure it; `outerloop retrain propose` does it by hand."
        )
        return
    for one in mine[:LISTED]:
        with st.container(border=True):
            with st.container(horizontal=True, vertical_alignment="center"):
                show_badge(one)
                advice = ADVICE.get(str((one.details.get("comparison") or {}).get("advice", "")))
                if advice:
                    st.badge(advice.label, color=advice.colour)
                link(_name(one), "retrains", retrain=one.retrain_id)
            st.caption(
                plain(
                    f"{one.retrain_id} · proposed {words.when(one.proposed_at)} · last change"
                    f" {words.when(one.updated_at)}"
                )
            )
            if one.trouble:
                st.caption(f":red[{plain(words.cut(one.trouble, 160))}]")
    if len(mine) > LISTED:
        st.caption(
            f"The newest {LISTED} of {len(mine)} are listed; choose a service above to narrow them."
        )


def _name(one: Retrain) -> str:
    return f"{one.service}: {one.base_release} → {one.candidate_release or 'no candidate yet'}"


def _retrain(desk: Desk, one: Retrain) -> None:
    st.title(plain(_name(one)), anchor=False)
    with st.container(horizontal=True, vertical_alignment="center"):
        show_badge(one)
        st.markdown(
            plain(f"retrain {one.retrain_id}, proposed {words.when(one.proposed_at)}"),
            width="content",
        )
        if one.incident_id:
            link("For this incident", "incidents", incident=one.incident_id)
    show_trouble(one, automatic=desk.settings.auto_approve)
    show_stages(one)
    show_decision(desk, one)
    st.subheader("Candidate against production", anchor=False)
    show_comparison(one)
    st.subheader("On live traffic", anchor=False)
    show_trials(one, shadow_share=desk.settings.shadow_share)
    st.subheader("What it learned from", anchor=False)
    show_dataset(desk, one)
    st.subheader("Lineage", anchor=False)
    show_lineage(desk, one)
    st.subheader("Told to the outside", anchor=False)
    show_deliveries(desk, one)
    st.subheader("What happened", anchor=False)
    show_timeline(one)
