"""The series that are watched: which of them moved, how near the others are to an alarm, and one of them opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboards import words
from dashboards.address import choose
from dashboards.drift import reads
from dashboards.drift.series import (
    KINDS,
    ORDERS,
    STATES,
    Series,
    chosen,
    find,
    ranked,
    series_table,
    state_of,
)
from dashboards.drift.stretches import known_until
from dashboards.shell import Desk, link
from dashboards.views.drift_history import TIERS, baseline_of, measured, show_series
from dashboards.words import plain

if TYPE_CHECKING:
    from collections.abc import Sequence


__all__ = ["show_list", "show_one"]

LISTED = 2_000
"""Rows that are drawn; a download has all."""
ADDRESS = ("series", "detector", "of")
FILTER_WIDTH = 184


def show_list(desk: Desk) -> None:
    """All of them, what needs a person first; a click opens one."""
    known = _known(desk, desk.filters.service)
    if not known:
        st.info(
            f"No series was looked at in {desk.range_words}. The detectors begin by themselves when calls arrive and"
            " the scheduler runs (`outerloop up`); `Health` says whether it does. For older ones choose a longer time."
        )
        return
    _counts(known)
    kept, order = _asked(known)
    if not kept:
        st.info("No series matches these filters. Set one of them back to any.")
        return
    kept = ranked(kept, order)
    opened = _table(kept[:LISTED])
    if len(kept) > LISTED:
        st.caption(
            f"The first {words.count(LISTED)} of {words.count(len(kept))} are listed; the download has all."
        )
    st.download_button(
        f"Download {words.noun(len(kept), 'row')} as CSV",
        lambda: series_table(kept).to_csv(index=False),
        "series.csv",
        "text/csv",
        on_click="ignore",
    )
    if opened is not None:
        for name, value in zip(
            ADDRESS, (opened.series, opened.detector, opened.service), strict=True
        ):
            st.query_params[name] = value
        st.session_state.pop("drift_list", None)
        st.rerun()


def _known(desk: Desk, service: str) -> list[Series]:
    until = known_until(desk.filters, desk.now)
    return reads.latest_series(desk.url, service, until, desk.filters.since)


def _counts(known: Sequence[Series]) -> None:
    """How many stand where."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for status, (name, colour) in STATES.items():
            if n := sum(one.status == status for one in known):
                st.badge(f"{words.count(n)} {name.lower()}", color=colour)
    st.caption(
        "A series alarms when its evidence (an e-value) passes a threshold that keeps false alarms of"
        " all series together within the budget, however often it is looked at. “Worth a look” passed a"
        " looser line and wakes nobody; “learning” has too few samples for a baseline, and its row says"
        " what it has of what it takes. A healthy series is often half of the way to an alarm and goes no further."
    )


def _asked(known: Sequence[Series]) -> tuple[list[Series], str]:
    """Those that the list's own filters leave, and their order."""
    present = {one.kind for one in known}
    with st.container(horizontal=True, gap="small"):
        kind = choose(
            st.selectbox,
            "Kind",
            ["", *(kind for kind in KINDS if kind in present)],
            name="kind",
            shown=lambda name: KINDS.get(name, "Any kind"),
            width=FILTER_WIDTH,
        )
        status = choose(
            st.selectbox,
            "State",
            ["", *STATES],
            name="state",
            shown=lambda name: STATES[name][0] if name else "Any state",
            width=FILTER_WIDTH,
        )
        tier = choose(
            st.selectbox,
            "Tier",
            TIERS,
            name="tier",
            shown=TIERS.__getitem__,
            width=FILTER_WIDTH,
        )
        order = choose(
            st.selectbox,
            "Order",
            ORDERS,
            name="order",
            default="urgency",
            shown=lambda name: ORDERS[name][0],
            width=FILTER_WIDTH,
        )
        text = st.text_input(
            "Name",
            key="named",
            bind="query-params",
            placeholder="e.g. due_date or latency",
            max_chars=100,
            width=FILTER_WIDTH,
        )
    return chosen(known, kind=kind, status=status, tier=tier, text=text), order


def _table(kept: Sequence[Series]) -> Series | None:
    """The list; returns the series that was chosen."""
    frame = pd.DataFrame(
        {
            "State": [state_of(one.status)[0] for one in kept],
            "Series": [words.visible(one.series) for one in kept],
            "Detector": [one.detector.replace("_", " ") for one in kept],
            "Evidence": [100 * one.nearness if one.threshold else None for one in kept],
            "Last look": [_look(one) for one in kept],
            "Baseline": [baseline_of(one) for one in kept],
            "Needs": [float("nan") if one.needed is None else one.needed for one in kept],
            "Looked until": [one.window_end for one in kept],
            "Service": [words.visible(one.service) for one in kept],
        }
    )
    st.caption(f"{words.noun(len(kept), 'series', 'series')}. Choose a row to open its history.")
    event = st.dataframe(
        frame,
        hide_index=True,
        height=min(560, 38 + 35 * len(frame)),
        key="drift_list",
        placeholder="",
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "State": st.column_config.TextColumn(width=88),
            "Series": st.column_config.TextColumn(width=230),
            "Detector": st.column_config.TextColumn(width=92),
            "Evidence": st.column_config.ProgressColumn(
                "To an alarm (%)",
                format="%.0f %%",
                min_value=0,
                max_value=100,
                width=110,
                help="How much of the evidence for an alarm is there: log e-value over log threshold.",
            ),
            "Last look": st.column_config.TextColumn(
                width=205,
                help="What its last run measured, with its 95 % interval and n; of one that learns, what it has of"
                " what it takes.",
            ),
            "Baseline": st.column_config.TextColumn(width=112),
            "Needs": st.column_config.NumberColumn(
                "Doubling needs",
                format="localized",
                width=100,
                help="Further samples until a doubled rate would be seen; empty where that cannot be said.",
            ),
            "Looked until": st.column_config.DatetimeColumn(
                "Looked until (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC", width=135
            ),
        },
    )
    rows = event["selection"]["rows"]
    return kept[rows[0]] if rows else None


def _look(one: Series) -> str:
    return one.lacks or measured(one)


def show_one(desk: Desk, name: str) -> None:
    """The series that the address names, or the ones that it may mean."""
    if st.button("All series", icon=":material/arrow_back:"):
        for part in ADDRESS:
            st.query_params.pop(part, None)
        st.rerun()
    known = _known(desk, "")
    found = find(
        known,
        name,
        detector=str(st.query_params.get("detector", "")),
        service=str(st.query_params.get("of", "")),
    )
    if not found:
        st.title("Series")
        st.warning(
            f"There is no series {plain(words.cut(name, 80))} with a row in the 30 days before"
            f" {words.when(known_until(desk.filters, desk.now))}; the list has those there are."
        )
    elif len(found) > 1:
        st.title(plain(words.cut(name, 100)), anchor=False)
        st.markdown("Several detectors watch this series. Which one?")
        for one in ranked(found):
            link(
                f"{one.detector.replace('_', ' ')} on {one.service}: {state_of(one.status)[0]}",
                "drift", series=one.series, detector=one.detector, of=one.service,
            )  # fmt: skip
    else:
        show_series(desk, found[0])
