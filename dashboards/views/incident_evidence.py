"""The evidence of an incident: figures, history, slices, calls to look at."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboards import charts, data, words
from dashboards.filters import bucket_s
from dashboards.shell import CHART_WIDTH, Desk, link
from dashboards.views.figure import figure
from dashboards.words import plain

if TYPE_CHECKING:
    from monitor.incidents import Incident, IncidentDetails

__all__ = ["magnitude", "show_examples", "show_figures", "show_history", "show_slices"]


def show_figures(desk: Desk, one: Incident) -> None:
    """How bad, since when and how sure, side by side."""
    details = one.details
    with st.container(horizontal=True, gap="small"):
        figure(
            "Rate now",
            words.percent(details.rate) if details.n else "unknown",
            f"95 %: {words.percent(details.low)} to {words.percent(details.high)}, n = {words.count(details.n)}"
            if details.n
            else "no rate told",
        )
        figure(
            "Before",
            words.percent(details.baseline) if details.baseline_n else "unknown",
            f"baseline of {words.noun(details.baseline_n, 'call')}",
        )
        figure("Began", words.when(one.started_at), words.ago(one.started_at, desk.now))
        figure(
            "Opened",
            words.when(one.opened_at),
            f"{words.span(one.opened_at - one.started_at)} after it began",
        )
        figure(
            "How sure",
            f"e-value {magnitude(details.e_value)}",
            f"alarms at {magnitude(details.threshold)}; "
            + ("needed labels" if details.needed_labels else "needed no labels"),
        )
    if details.e_value and details.threshold:
        st.caption(
            "In words: were nothing wrong, a false alarm would be expected once in"
            f" {magnitude(details.threshold)} looks at most;"
            f" the evidence stands {magnitude(details.e_value / details.threshold)} times"
            f" {'above' if details.e_value >= details.threshold else 'the share of'} that line."
        )


def magnitude(number: float) -> str:
    """A number of any size, to be glanced at."""
    if number >= 1e6:
        exponent = int(f"{number:e}".split("e")[1])
        return f"{number / 10**exponent:.1f} x 10^{exponent}"
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


def show_history(desk: Desk, one: Incident) -> None:
    """The rate and the evidence over time."""
    history = data.series_history(desk.url, one.detector, one.series)
    rated = (
        history
        if history.empty
        else history[(history["status"] != "insufficient_data") & (history["n"] > 0)]
    )
    if rated.empty:
        st.info(
            "The detector has left no history of this series, so there is no rate to draw; the"
            " store may have aged it out."
        )
        return
    first, last = rated["window_end"].min(), rated["window_end"].max()
    size = max(bucket_s(first.to_pydatetime(), last.to_pydatetime() + timedelta(seconds=1)), 3600)
    short = rated[
        (rated["window_end"] - rated["window_start"]) <= pd.Timedelta(seconds=max(size, 172_800))
    ]
    bars = (
        short.assign(bucket=short["window_start"].dt.floor(f"{size}s"))
        .groupby("bucket", as_index=False)[["count", "n"]]
        .sum()
    )
    baseline = one.details.baseline or float(rated["baseline"].iloc[-1])
    with st.container(horizontal=True, gap="small"):
        with st.container(width=CHART_WIDTH):
            st.markdown(
                f"**Faults per call**, by {words.span(timedelta(seconds=size))}; band: 95 %"
                f" interval; dashed: baseline {plain(words.percent(baseline))}"
            )
            if bars.empty:
                st.info(
                    "Every run looked at more than a bar's time at once, so there is no rate over time to draw."
                )
            else:
                st.altair_chart(
                    charts.incident_rate(
                        bars,
                        baseline=baseline,
                        started_at=one.started_at,
                        resolved_at=one.resolved_at,
                    )
                )
        with st.container(width=CHART_WIDTH):
            st.markdown(
                f"**Evidence** of the detector {plain(one.detector)} on {plain(one.series)}"
            )
            threshold = one.details.threshold or float(rated["threshold"].max())
            if threshold > 0 and rated["e_value"].max() > 0:
                st.altair_chart(
                    charts.evidence(rated[["window_end", "e_value", "status"]], threshold)
                )
            else:
                st.info(
                    "This detector tells no e-value, so there is no evidence to draw over time."
                )


def show_slices(details: IncidentDetails) -> None:
    """Where the faults sit, ranked."""
    if not details.slices:
        st.info(
            "No slice stands out: the fault is spread over the traffic, or there are too few faults to tell."
        )
        return
    ranked = sorted(
        details.slices,
        key=lambda part: part.share_of_faults * (part.rate - part.rate_elsewhere),
        reverse=True,
    )
    st.dataframe(
        pd.DataFrame(
            {
                "Slice": [words.visible(f"{part.attribute} = {part.value}") for part in ranked],
                "Lift": [
                    f"{part.rate / part.rate_elsewhere:.1f} x"
                    if part.rate_elsewhere
                    else "only here"
                    for part in ranked
                ],
                "Fault rate inside": [_with_n(part.rate, part.n) for part in ranked],
                "Elsewhere": [words.percent(part.rate_elsewhere) for part in ranked],
                "Share of all faults (%)": [part.share_of_faults * 100 for part in ranked],
            }
        ),
        hide_index=True,
        column_config={
            "Share of all faults (%)": st.column_config.ProgressColumn(
                format="%.0f %%", min_value=0, max_value=100
            )
        },
    )


def _with_n(rate: float, n: int) -> str:
    return words.rate(min(n, round(rate * n)), n)


def show_examples(details: IncidentDetails) -> None:
    """Calls that show it."""
    if not details.examples:
        st.info("No example call was kept with the evidence.")
        return
    for example in details.examples[:10]:
        with st.container(border=True), st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(words.cut(example.value, 120)) or '(empty)'}**", width="content")
            st.markdown(plain(words.cut(example.why, 300)), width="stretch")
            link(
                f"Open the call of {words.when(example.timestamp)}",
                "calls",
                trace_id=example.trace_id,
            )
