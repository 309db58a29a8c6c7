"""One line of the overview: a service"s state, figures and quality."""

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

__all__ = ["ORDER", "show_card"]

SOURCES = {
    "outcome": "Outcome",
    "check": "Check",
    "judge": "Judge",
    "user": "User",
    "human": "Person",
}


ORDER = list(SOURCES)


DRIFT = {
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
    """One service: its state, figures and quality."""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(
                plain(line["service"] or "(no service name)"), anchor=False, width="content"
            )
            _badges(detectors)
            for one in open_ones[:3]:
                link(
                    f"{one.state}: {words.cut(one.title, 90)}",
                    "incidents",
                    incident=one.incident_id,
                )
        n = int(line["calls"])
        with st.container(horizontal=True, gap="small"):
            figure(
                "Calls",
                words.count(n),
                f"last {words.ago(line['last_call'].floor('us').to_pydatetime(), desk.now)}",
            )
            figure(
                "Errors",
                words.percent(line["error_share"]),
                _interval(round(line["error_share"] * n), n, n),
            )
            figure(
                "Latency p50 / p95",
                f"{words.duration(line['p50_ms'])} / {words.duration(line['p95_ms'])}",
                _first_token(line["ttft_p50_ms"]),
            )
            figure(
                "Tokens in / out",
                f"{words.short(line['input_tokens'])} / {words.short(line['output_tokens'])}",
                f"{line['output_tokens'] / n:,.0f} out per call",
            )
            figure(
                "Cost",
                "unknown" if line["unpriced"] == n else words.money(line["cost_usd"]),
                _unpriced(int(line["unpriced"]), n),
            )
        _quality(quality)


def _interval(failures: int, worth: int, n: int) -> str:
    """Of `failures` in the effective number of `n` scores, which is smaller where they were drawn unequally."""
    interval = wilson(failures, worth)
    return f"95 %: {words.percent(interval.low)} to {words.percent(interval.high)}, n = {words.count(n)}"


def _first_token(milliseconds: float) -> str:
    return (
        "first token: not streamed"
        if pd.isna(milliseconds)
        else f"first token p50 {words.duration(milliseconds)}"
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
    named = ", ".join(
        sorted({str(row["field"] or row["series"]) for _, row in drifting.iterrows()})[:3]
    )
    said = f"{label}: {plain(named)}" if named else f"{label} ({len(detectors)} series)"
    st.badge(said, color=colour)  # type: ignore[arg-type]  # a value of DRIFT


def _quality(quality: pd.DataFrame) -> None:
    if quality.empty:
        st.caption(
            "Quality: no outcome, check, judge or user has said anything about these calls yet."
        )
        return
    rank = {name: place for place, name in enumerate(ORDER)}
    rows = quality.assign(rank=quality["source"].map(rank).fillna(len(rank))).sort_values(
        ["rank", "name"]
    )
    with st.container(horizontal=True, gap="small"):
        for _, row in rows.head(8).iterrows():
            n, rate, worth = int(row["n"]), float(row["rate"]), round(row["n_eff"])
            label = f"{SOURCES.get(row['source'], row['source'])}: {row['name']}"
            if row["largest"] > 1:
                figure(label, f"mean {row['mean']:.2f}", f"n = {words.count(n)}")
            else:
                figure(
                    label,
                    f"{words.percent(rate)} failing",
                    _interval(round(rate * worth), worth, n) + _waiting(row),
                )


def _waiting(row: pd.Series) -> str:
    waiting = int(row["all_traces"]) - int(row["traces"])
    if row["source"] not in {"outcome", "user"} or waiting <= 0:
        return ""
    return f"; {words.count(waiting)} of {words.noun(row['all_traces'], 'trace')} not told yet"
