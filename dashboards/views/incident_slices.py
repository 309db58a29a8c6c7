"""Where an incident sits: the ranked slices of the traffic that hold its faults."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboards import words
from dashboards.incident.comparing import query_of
from dashboards.shell import link
from monitor.drift.intervals import wilson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.incidents import Incident, SliceShare

__all__ = ["ranked_slices", "show_slices", "time_of"]

SLICES = 3
"""Ranked slices that are shown; there are no more in an incident."""


def ranked_slices(one: Incident) -> list[SliceShare]:
    """The slices in which the fault sits, the one that says most first."""
    return sorted(
        one.details.slices,
        key=lambda part: part.share_of_faults * (part.rate - part.rate_elsewhere),
        reverse=True,
    )[:SLICES]


def show_slices(one: Incident) -> None:
    """Where the faults sit, ranked."""
    ranked = ranked_slices(one)
    if not ranked:
        st.info(
            "No slice stands out: the fault is spread over the traffic, or there are too few faults to tell."
        )
        return
    _slice_table(ranked)
    st.caption(
        "Lift: how many times the rate elsewhere. The interval is of the rate inside, 95 %; n is the calls of the slice"
        " that were looked at since it began."
    )
    with st.container(horizontal=True):
        for part in ranked:
            if asked := query_of(part):
                link(
                    f"Calls of {words.cut(part.value, 40)}",
                    "calls",
                    **{"service": one.service, **time_of(one), **asked},
                )


def _slice_table(ranked: Sequence[SliceShare]) -> None:
    intervals = [
        wilson(min(part.n, round(part.rate * part.n)), part.n) if part.n else None
        for part in ranked
    ]
    st.dataframe(
        pd.DataFrame(
            {
                "Rank": range(1, len(ranked) + 1),
                "Slice": [words.visible(f"{part.attribute} = {part.value}") for part in ranked],
                "Lift": [_lift(part) for part in ranked],
                "Share of faults (%)": [part.share_of_faults * 100 for part in ranked],
                "Share of calls (%)": [part.share_of_calls * 100 for part in ranked],
                "Rate inside": [words.percent(part.rate) for part in ranked],
                "95 % interval": [
                    f"{words.percent(found.low)} to {words.percent(found.high)}"
                    if found
                    else "unknown"
                    for found in intervals
                ],
                "n": [part.n for part in ranked],
                "Rate elsewhere": [words.percent(part.rate_elsewhere) for part in ranked],
            }
        ),
        hide_index=True,
        column_config={
            "Rank": st.column_config.NumberColumn(width=50),
            "Slice": st.column_config.TextColumn(width=340),
            "n": st.column_config.NumberColumn(format="localized"),
            **{
                name: st.column_config.ProgressColumn(
                    format="%.0f %%", min_value=0, max_value=100, width=110
                )
                for name in ("Share of faults (%)", "Share of calls (%)")
            },
        },
    )


def _lift(part: SliceShare) -> str:
    if not part.rate_elsewhere:
        return "only here"
    return f"{part.lift or part.rate / part.rate_elsewhere:.1f} times"


def time_of(one: Incident) -> dict[str, str]:
    """The filters that leave the time of an incident, from a day before it began."""
    since = one.started_at - timedelta(days=1)
    chosen = {"range": "custom", "since": f"{since:%Y-%m-%d %H:%M}"}
    if one.resolved_at is not None:
        chosen["until"] = f"{one.resolved_at + timedelta(hours=1):%Y-%m-%d %H:%M}"
    return chosen
