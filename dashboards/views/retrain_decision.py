"""What may be decided about a retrain now: with a reason, a name, and on the evidence that the page has shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from dashboards import data
from dashboards.shell import Desk
from dashboards.words import plain
from monitor.exceptions import OuterloopError
from monitor.retrain import lifecycle, promotion
from monitor.retrain.lifecycle import evidence_of
from monitor.retrain.machine import DECISIONS

if TYPE_CHECKING:
    from monitor.retrain.state import Retrain

__all__ = ["show_decision"]


@dataclass(frozen=True, slots=True)
class Action:
    """One button."""

    event: str
    label: str
    consequence: str
    """What it does, for its tooltip."""


ACTIONS = (
    Action("requested", "Ask the fine-tune job", "Builds the dataset and sends the request."),
    Action(
        "approved", "Approve", "Says that the candidate may go to production; promotes nothing."
    ),
    Action("promoted", "Promote", "Points the service at the candidate now."),
    Action("rolled_back", "Roll back", "Points the service back at the release before."),
    Action("rejected", "Reject", "Says that the candidate is not used; ends this retrain."),
)


def show_decision(desk: Desk, one: Retrain) -> None:
    """Buttons for what may follow now; a decision carries a person's name, so it waits for one."""
    shown = _shown_before(one)
    offered = [action for action in ACTIONS if _offered(one, action.event)]
    if not offered:
        st.caption("Nothing is left to decide about this retrain.")
        return
    named = desk.actor != "dashboard"
    if not named:
        st.info("Type your name in the side bar to decide: who decided is kept with the retrain.")
    reason = st.text_input(
        "Reason",
        key=f"reason_{one.retrain_id}",
        placeholder="why (kept with the decision and your name)",
        max_chars=500,
    ).strip()
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = [
            action
            for place, action in enumerate(offered)
            if st.button(
                _label(one, action),
                type="primary" if place == 0 else "secondary",
                disabled=not named,
                help=action.consequence,
            )
        ]
        if evidence_of(one):
            st.caption(
                f"You decide on comparison {plain(evidence_of(one))}, as shown below; it is kept with the decision."
            )
    for action in pressed:
        _do(desk, one, action, reason, shown)


def _shown_before(one: Retrain) -> str:
    """The evidence that the page showed when its buttons were drawn; the present one is kept for the next press."""
    key, present = f"shown_{one.retrain_id}", evidence_of(one)
    before = str(st.session_state.get(key, present))
    st.session_state[key] = present
    return before


def _offered(one: Retrain, event: str) -> bool:
    again = event == "requested" and one.state == "requested" and not one.delivered
    return again or event in one.possible


def _label(one: Retrain, action: Action) -> str:
    again = action.event == "requested" and one.standing in {"requested", "lapsed"}
    return f"{action.label} again" if again else action.label


def _do(desk: Desk, one: Retrain, action: Action, reason: str, shown: str) -> None:
    label = _label(one, action)
    if action.event in DECISIONS and not reason:
        st.error(f"{label} did not happen: write the reason first, it is kept with your name.")
        return
    if shown != evidence_of(one):
        st.error(
            f"{label} did not happen: the comparison or the decision about it has changed since you saw"
            " this page. It is drawn anew below; look at it, then decide."
        )
        return
    try:
        after = _acts(desk, one, shown)[action.event](reason)
    except OuterloopError as error:
        st.error(f"{label} did not happen: {plain(error)}")
        return
    st.toast(f"{label}: the retrain is {plain(after.standing.replace('_', ' '))} now.")
    st.rerun()


def _acts(desk: Desk, one: Retrain, shown: str) -> dict[str, Callable[[str], Retrain]]:
    """What each event does, given a reason."""
    store, settings, now, name = data.store(desk.url), desk.settings, desk.now, one.retrain_id
    who = {"actor": desk.actor, "via": "dashboard"}
    return {
        "requested": lambda _: lifecycle.request(
            store, settings, name, now=now, actor=desk.actor, via="dashboard"
        ),
        "approved": lambda note: lifecycle.approve(
            store, name, now=now, note=note, evidence=shown, **who
        ),
        "promoted": lambda note: promotion.promote(
            store, settings, name, now=now, note=note, evidence=shown, **who
        ),
        "rolled_back": lambda note: promotion.rollback(
            store, settings, name, now=now, note=note, evidence=shown, **who
        ),
        "rejected": lambda note: lifecycle.reject(
            store, name, now=now, note=note, evidence=shown, **who
        ),
    }
