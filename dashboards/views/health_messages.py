"""Alerts and webhooks that nobody has taken: to whom, what, why, and when it is tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboards import words
from dashboards.health.reads import MOST_OWED, owed
from dashboards.shell import link
from monitor.deliveries import GIVE_UP, REMEMBERED

if TYPE_CHECKING:
    from dashboards.health.reads import Owed
    from dashboards.shell import Desk

__all__ = ["show_messages"]

STATES = {
    "dead": "given up",
    "failed": "waits for another try",
    "sending": "begun, not confirmed: it may have arrived",
}
LINKED = 5


def show_messages(desk: Desk) -> None:
    """A sentence when all arrived, else the table."""
    found = owed(desk.url, desk.now)
    if not found:
        st.success(
            f"Every alert and webhook of the last {REMEMBERED.days} days arrived, or none was due."
        )
        return
    dead = sum(one.last_state == "dead" for one in found)
    waiting = len(found) - dead
    st.error(
        f"{words.noun(len(found), 'message')} did not arrive: {words.count(waiting)} waiting, {words.count(dead)} given"
        f" up. What waits is tried again by itself, up to {words.span(GIVE_UP)} after its first attempt; what was given"
        " up is sent anew with `outerloop retrain redeliver` once the receiver is back."
    )
    st.dataframe(
        pd.DataFrame(
            {
                "To": [words.visible(one.sink) for one in found],
                "What": [words.visible(one.kind) for one in found],
                "State": [STATES.get(one.last_state, one.last_state) for one in found],
                "Failed attempts": [one.failures for one in found],
                "Next try": [_next(desk, one) for one in found],
                "First (UTC)": [one.first_at for one in found],
                "Last (UTC)": [one.last_at for one in found],
                "Why": [words.visible(one.error) for one in found],
                "Incident": [one.incident_id for one in found],
                "Message": [words.visible(one.key) for one in found],
            }
        ),
        hide_index=True,
        column_config={
            "Why": st.column_config.TextColumn(width=320),
            **{
                name: st.column_config.DatetimeColumn(
                    format="YYYY-MM-DD HH:mm", timezone="UTC", width=125
                )
                for name in ("First (UTC)", "Last (UTC)")
            },
        },
    )
    if len(found) == MOST_OWED:
        st.caption(f"The first {MOST_OWED} are listed.")
    about = list(dict.fromkeys(one.incident_id for one in found if one.incident_id))
    for incident_id in about[:LINKED]:
        link(f"Incident {incident_id}", "incidents", incident=incident_id)


def _next(desk: Desk, one: Owed) -> str:
    if one.last_state == "dead":
        return "none"
    return words.when(one.due_at) if one.due_at > desk.now else "at the next run of its job"
