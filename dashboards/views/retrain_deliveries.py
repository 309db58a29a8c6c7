"""What a retrain told the outside: each signed webhook with its tries, and when the next one is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboards import words
from dashboards.retraining import reads
from dashboards.retraining.messages import Message, messages
from dashboards.shell import Desk
from dashboards.words import plain

if TYPE_CHECKING:
    from monitor.retrain.state import Retrain

__all__ = ["show_deliveries"]

SIGNS = {
    "delivered": ":green[:material/check_circle: **taken**]",
    "failed": ":orange[:material/schedule: **not taken yet**]",
    "sending": ":gray[:material/send: **being told**]",
    "dead": ":red[:material/cancel: **given up**]",
}


def show_deliveries(desk: Desk, one: Retrain) -> None:
    """A line a message, then every try."""
    tries = reads.deliveries(desk.url, one.retrain_id)
    if not tries:
        st.caption(
            "Nothing was told to the outside yet. The fine-tune job is told when the retrain is requested"
            " (OUTERLOOP_RETRAIN_WEBHOOK_URL), the alert webhook when a release is promoted or rolled back."
        )
        return
    for message in messages(tries):
        st.markdown(f"{SIGNS.get(message.state, message.state)} · {plain(_sentence(message))}")
    with st.expander(f"All {words.noun(len(tries), 'record')} of it"):
        st.dataframe(
            pd.DataFrame(
                {
                    "Time (UTC)": [each.timestamp for each in tries],
                    "Message": [each.kind for each in tries],
                    "State": [each.state for each in tries],
                    "Error": [words.visible(each.error) for each in tries],
                }
            ),
            hide_index=True,
            column_config={
                "Time (UTC)": st.column_config.DatetimeColumn(
                    format="YYYY-MM-DD HH:mm:ss", timezone="UTC"
                ),
                "Error": st.column_config.TextColumn(width=420),
            },
        )


def _sentence(one: Message) -> str:
    said = (
        f"{one.kind}, {words.noun(one.tries, 'try', 'tries')}, the last {words.when(one.last_at)}"
    )
    if one.state == "failed" and one.due_at is not None:
        said += f", the next one from {words.when(one.due_at)}"
    return (
        f"{said}: {words.cut(one.error, 200)}" if one.error and one.state != "delivered" else said
    )
