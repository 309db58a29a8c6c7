"""What a person may do about an incident: every act carries a name, so the buttons wait for one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import streamlit as st

from dashboards import data, words
from dashboards.shell import Desk, link
from dashboards.words import plain
from monitor.exceptions import OuterloopError
from monitor.incidents import act
from monitor.retrain.lifecycle import propose
from monitor.retrain.state import ENDED
from monitor.watching.acceptance import accept_incident, accepts
from monitor.watching.baselines import Word

if TYPE_CHECKING:
    from monitor.incidents import Incident
    from monitor.retrain.state import Retrain

__all__ = ["show_actions"]

SNOOZES = {
    "1 hour": timedelta(hours=1),
    "4 hours": timedelta(hours=4),
    "1 day": timedelta(days=1),
    "3 days": timedelta(days=3),
    "1 week": timedelta(days=7),
}
PLUMBING = frozenset({"silence", "ingestion", "delivery"})
"""Causes that no model can be trained against, and that have no calls to label."""


def show_actions(desk: Desk, one: Incident, made: Sequence[Retrain]) -> None:
    """The state in words, then what may follow."""
    _say_state(one)
    named = desk.actor != "dashboard"
    if not named:
        st.info("Type your name in the side bar to act: who did what is kept with the incident.")
    note = st.text_input(
        "Note",
        key=f"note_{one.incident_id}",
        placeholder="what you found or did (kept with what you do)",
        max_chars=500,
    )
    if one.state == "resolved":
        if st.button("Open again", disabled=not named, help="It is not over after all."):
            _do("Open again", lambda: _tell(desk, one, "reopened", note))
        return
    _life(desk, one, note, named=named)
    _cure(desk, one, note, made, named=named)


def _say_state(one: Incident) -> None:
    who = plain(one.actor)
    if one.state == "resolved":
        st.success(f"Resolved {words.when(one.resolved_at)} by {who}.")
    elif one.state == "acknowledged":
        st.markdown(f"Taken on by **{who}**.")
    elif one.state == "snoozed":
        st.markdown(
            f"Snoozed by **{who}** until {words.when(one.details.snoozed_until)}; it opens again then."
        )


def _life(desk: Desk, one: Incident, note: str, *, named: bool) -> None:
    """Acknowledge, snooze, resolve."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if st.button(
            "Acknowledge",
            type="primary",
            disabled=not named or one.state == "acknowledged",
            help="You take it on: nobody is reminded of it any more.",
        ):
            _do("Acknowledge", lambda: _tell(desk, one, "acknowledged", note))
        length = st.selectbox(
            "Snooze for",
            list(SNOOZES),
            index=2,
            label_visibility="collapsed",
            width=120,
            key="snooze_length",
        )
        if st.button(
            f"Snooze for {length}",
            disabled=not named,
            help="Quiet for so long; then it opens again.",
        ):
            until = desk.now + SNOOZES[length]
            _do("Snooze", lambda: _tell(desk, one, "snoozed", note, until))
        if st.button(
            "Resolve", disabled=not named, help="It is over. It returns if the rate does."
        ):
            _do("Resolve", lambda: _tell(desk, one, "resolved", note))


def _cure(desk: Desk, one: Incident, note: str, made: Sequence[Retrain], *, named: bool) -> None:
    """Label its calls, propose a retrain, or say that it is the new normal."""
    if one.cause in PLUMBING:
        return
    live = next((retrain for retrain in made if retrain.state not in ENDED), None)
    with st.container(horizontal=True, vertical_alignment="center"):
        if one.details.examples:
            link("Label these calls", "review", label=one.incident_id, service=one.service)
        if live is not None:
            link(
                f"Its retrain: {live.standing.replace('_', ' ')}",
                "retrains",
                retrain=live.retrain_id,
            )
        elif st.button(
            "Propose a retrain",
            disabled=not named,
            help="Nothing is trained or promoted by this alone: the retrain is on its page, where people decide.",
        ):
            _do("Propose a retrain", lambda: _propose(desk, one))
        if st.button(
            "Accept as the new normal",
            disabled=not named or not accepts(one),
            help="Its series learn their baseline anew from when it began, and the incident is resolved."
            if accepts(one)
            else f"The baseline of {words.visible(one.detector)} follows by itself: resolve the incident instead.",
        ):
            _do("Accept", lambda: _accept(desk, one, note))


def _tell(desk: Desk, one: Incident, event: str, note: str, until: datetime | None = None) -> str:
    act(
        data.store(desk.url), one.incident_id, event,
        now=desk.now, actor=desk.actor, via="dashboard", note=note, until=until,
    )  # fmt: skip
    return f"{event.capitalize()} as {desk.actor}."


def _propose(desk: Desk, one: Incident) -> str:
    made = propose(
        data.store(desk.url), desk.settings, one, now=desk.now, actor=desk.actor, via="dashboard"
    )
    return f"Retrain {made.retrain_id} is proposed."


def _accept(desk: Desk, one: Incident, note: str) -> str:
    names = accept_incident(
        data.store(desk.url), one, Word(desk.actor, desk.now, note), via="dashboard"
    )
    return f"{words.noun(len(names), 'series', 'series')} accepted as the new normal."


def _do(what: str, take: Callable[[], str]) -> None:
    """Do it and draw the page anew; what is refused is said."""
    try:
        said = take()
    except OuterloopError as error:
        st.error(f"{what} did not happen: {plain(error)}")
        return
    st.toast(plain(said))
    st.rerun()
