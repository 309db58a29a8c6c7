"""One line of the overview: how good, how much, how fast, how dear a service is; below it who says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboards import words
from dashboards.shell import Desk, link
from dashboards.views.figure import figure
from dashboards.words import plain
from monitor.drift.intervals import wilson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.incidents import Incident

__all__ = ["BUSINESS", "ORDER", "SIDES", "show_card"]

SOURCES = {
    "outcome": "Outcome",
    "user": "User",
    "judge": "Judge",
    "check": "Check",
    "human": "Person",
}
ORDER = list(SOURCES)
"""Whose word counts first."""
BUSINESS = ("outcome", "user")
SIDES = {True: "Business: outcomes and users", False: "Model: judges, checks and people"}
"""The two sides on which quality is shown, by whether a source is of the business."""
FIGURE_WIDTH = 142
MOST = 6
"""Scores of a side that are shown."""
DRIFT: dict[str, tuple[str, words.Colour]] = {
    "drift": ("Drift", "orange"),
    "stable": ("No drift", "green"),
    "insufficient_data": ("Learning its baseline", "gray"),
}


def show_card(
    desk: Desk,
    line: pd.Series,
    quality: pd.DataFrame,
    detectors: pd.DataFrame,
    open_ones: Sequence[Incident],
) -> None:
    """One service: its state, its figures in a line, and its quality from both sides."""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(
                plain(line["service"] or "(no service name)"), anchor=False, width="content"
            )
            _badges(detectors)
            _incidents(open_ones)
        ranked = _ranked(quality)
        with st.container(horizontal=True, gap="small"):
            _headline(ranked)
            _figures(desk, line)
        if len(ranked):
            _sides(ranked)


def _incidents(open_ones: Sequence[Incident]) -> None:
    if not open_ones:
        st.badge("No open incident", color="green")
        return
    st.badge(words.noun(len(open_ones), "open incident"), color="red")
    for one in open_ones[:3]:
        link(f"{one.state}: {words.cut(one.title, 90)}", "incidents", incident=one.incident_id)
    if len(open_ones) > 3:
        link(f"and {len(open_ones) - 3} more", "incidents")


def _figures(desk: Desk, line: pd.Series) -> None:
    n = int(line["calls"])
    figure(
        "Calls",
        words.count(n),
        f"last {words.ago(line['last_call'].floor('us').to_pydatetime(), desk.now)}",
        width=FIGURE_WIDTH,
    )
    figure(
        "Errors",
        words.percent(line["error_share"]),
        _interval(round(line["error_share"] * n), n, n),
        width=FIGURE_WIDTH,
    )
    figure(
        "Latency p50 / p95",
        f"{words.duration(line['p50_ms'])} / {words.duration(line['p95_ms'])}",
        _first_token(line),
        width=FIGURE_WIDTH,
    )
    figure(
        "Tokens in / out",
        f"{words.short(line['input_tokens'])} / {words.short(line['output_tokens'])}",
        f"{line['output_tokens'] / n:,.0f} out per call",
        width=FIGURE_WIDTH,
    )
    figure(
        "Cost",
        "unknown" if line["unpriced"] == n else words.money(line["cost_usd"]),
        _unpriced(int(line["unpriced"]), n),
        width=FIGURE_WIDTH,
    )


def _headline(ranked: pd.DataFrame) -> None:
    """The score whose word counts most, of those that are told of most calls."""
    rated = ranked[ranked["largest"] <= 1] if len(ranked) else ranked
    if rated.empty:
        figure("Quality", "nothing told", "no outcome, user, judge or check", width=FIGURE_WIDTH)
        return
    best = rated[rated["source"] != "user"]
    row = (best if len(best) else rated).iloc[0]
    n, worth = int(row["n"]), round(row["n_eff"])
    figure(
        f"Quality: {row['name']}",
        f"{words.percent(row['rate'])} failing",
        _interval(round(row["rate"] * worth), worth, n),
        width=FIGURE_WIDTH,
    )


def _interval(failures: int, worth: int, n: int) -> str:
    """Of `failures` in the effective number of `n` scores, which is smaller where they were drawn unequally."""
    interval = wilson(failures, worth)
    return f"95 %: {words.percent(interval.low)} to {words.percent(interval.high)}, n = {words.count(n)}"


def _first_token(line: pd.Series) -> str:
    if pd.isna(line["ttft_p50_ms"]):
        return "first token: nobody streams"
    return (
        f"first token {words.duration(line['ttft_p50_ms'])} / {words.duration(line['ttft_p95_ms'])}"
    )


def _unpriced(unpriced: int, n: int) -> str:
    return (
        f"{words.count(unpriced)} of {words.count(n)} calls have no known cost"
        if unpriced
        else f"{words.noun(n, 'call')}, all priced"
    )


def _badges(detectors: pd.DataFrame) -> None:
    if detectors.empty:
        st.badge("Drift: not watched yet", color="gray")
        return
    states = set(detectors["status"])
    state = next((name for name in DRIFT if name in states), "stable")
    label, colour = DRIFT[state]
    drifting = detectors[detectors["status"] == "drift"]
    named = sorted({str(row["field"] or row["series"]) for _, row in drifting.iterrows()})
    more = f" and {len(named) - 3} more" if len(named) > 3 else ""
    said = (
        f"{label}: {plain(', '.join(named[:3]))}{more}"
        if named
        else f"{label} ({words.noun(len(detectors), 'series', 'series')})"
    )
    st.badge(said, color=colour)


def _ranked(quality: pd.DataFrame) -> pd.DataFrame:
    """By whose word it is, then those with most verdicts first."""
    if quality.empty:
        return quality
    rank = {name: place for place, name in enumerate(ORDER)}
    return quality.assign(rank=quality["source"].map(rank).fillna(len(rank))).sort_values(
        ["rank", "n", "name"], ascending=[True, False, True]
    )


def _sides(ranked: pd.DataFrame) -> None:
    """What the business sees beside what the model's examiners see."""
    of_business = ranked["source"].isin(BUSINESS)
    with st.container(horizontal=True, gap="medium"):
        for side, name in SIDES.items():
            rows = ranked[of_business == side]
            with st.container(width=460, gap="small"):
                st.markdown(f"**{name}**")
                if rows.empty:
                    st.caption("Nothing has been told about these calls yet.")
                with st.container(horizontal=True, gap="small"):
                    for _, row in rows.head(MOST).iterrows():
                        _score(row)
                if len(rows) > MOST:
                    st.caption(f"{words.noun(len(rows) - MOST, 'score')} more not shown.")


def _score(row: pd.Series) -> None:
    n, rate, worth = int(row["n"]), float(row["rate"]), round(row["n_eff"])
    label = f"{SOURCES.get(row['source'], row['source'])}: {row['name']}"
    if row["largest"] > 1:
        figure(label, f"mean {row['mean']:.2f}", f"n = {words.count(n)}", width=FIGURE_WIDTH)
    elif row["source"] == "user":
        said = f"of {words.noun(row['all_traces'], 'trace')}; only people who said something count"
        figure(label, f"{words.count(row['failures'])} of {words.count(n)} bad", said, width=200)
    else:
        told = _interval(round(rate * worth), worth, n) + _waiting(row)
        figure(label, f"{words.percent(rate)} failing", told, width=FIGURE_WIDTH)


def _waiting(row: pd.Series) -> str:
    """How many outcomes are still to come, and how long they take."""
    waiting = int(row["all_traces"]) - int(row["traces"])
    if row["source"] != "outcome" or waiting <= 0:
        return ""
    late = pd.Timedelta(seconds=float(row["delay_p95_s"])).to_pytimedelta()
    return (
        f"; {words.count(waiting)} of {words.noun(row['all_traces'], 'trace')} not told yet"
        f" (95 % are within {words.span(late)})"
    )
