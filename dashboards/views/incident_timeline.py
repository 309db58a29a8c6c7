"""What happened to an incident, in order: its own events, witnesses, messages, retrains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboards import words
from dashboards.incident.reads import deliveries
from dashboards.incident.timeline import happenings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.shell import Desk
    from monitor.records import IncidentEvent
    from monitor.retrain.state import Retrain

__all__ = ["show_timeline"]


def show_timeline(
    desk: Desk, incident_id: str, events: Sequence[IncidentEvent], made: Sequence[Retrain]
) -> None:
    """Everything, the earliest first."""
    told = deliveries(desk.url, incident_id)
    found = happenings(events, told, made)
    wrong = [one for one in found if one.wrong]
    if undelivered := [one for one in told if one.state in ("failed", "dead")]:
        st.error(
            f"{words.noun(len(undelivered), 'message')} about this incident did not arrive: see below who was not told"
            " and why. What waits is tried again by itself; `outerloop doctor` tries the connections."
        )
    elif not told:
        st.caption(
            "Nobody was told of it by a message: no sink is set, or it waits for the daily digest."
        )
    st.dataframe(
        pd.DataFrame(
            {
                "Time (UTC)": [one.at for one in found],
                "What": [words.visible(one.what) for one in found],
                "Well": ["no" if one in wrong else "" for one in found],
                "Who": [words.visible(one.who) for one in found],
                "By way of": [words.visible(one.via) for one in found],
                "Note": [words.visible(one.note) for one in found],
            }
        ),
        hide_index=True,
        height=min(36 * len(found) + 40, 560),
        column_config={
            "Time (UTC)": st.column_config.DatetimeColumn(
                format="YYYY-MM-DD HH:mm", timezone="UTC", width=130
            ),
            "What": st.column_config.TextColumn(width=280),
            "Well": st.column_config.TextColumn(
                width=50, help="`no`: a message that did not arrive, or a retrain that failed"
            ),
            "Note": st.column_config.TextColumn(width=420),
        },
    )
