"""One watched series: how it stands, how it went, what shows it."""

from __future__ import annotations

import json

import pandas as pd
import streamlit as st

from dashboards import charts, data, words
from dashboards.drift import reads
from dashboards.drift.series import KINDS, Series, gathered, state_of
from dashboards.drift.stretches import known_until
from dashboards.shell import CHART_WIDTH, Desk, link
from dashboards.views.drift_baseline import show_baseline
from dashboards.views.figure import figure
from dashboards.words import plain
from monitor.clock import parse_time

__all__ = ["TIERS", "baseline_of", "measured", "show_series"]

TIERS = {"": "Any tier", "page": "May wake somebody", "watch": "Is a ticket"}


EXAMPLES = 10


def show_series(desk: Desk, one: Series) -> None:
    """Its state, figures, history and examples."""
    st.title(plain(words.cut(one.series, 100)), anchor=False)
    name, colour = state_of(one.status)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(name, color=colour)
        st.markdown(
            plain(
                f"{KINDS[one.kind]}, detector {one.detector.replace('_', ' ')}, service {one.service}"
                + (f", release {one.release}" if one.release else "")
            )
        )
    if one.sentence:
        st.markdown(plain(one.sentence))
    if one.lacks:
        st.caption(
            "A baseline is what counts as normal. It takes that many looks, or events, over that much time; until then"
            " a series neither alarms nor is said to be fine."
        )
    _facts(desk, one)
    show_baseline(desk, one)
    history = reads.course(desk.url, one.key, known_until(desk.filters, desk.now))
    _history(one, history[history["window_end"] >= pd.Timestamp(desk.filters.since)], len(history))
    _others(desk, one)
    _examples(one)


def measured(one: Series) -> str:
    """What its last run saw, with interval and n."""
    if not one.n:
        return "no call in it" if one.baseline_n else "nothing yet"
    if one.kind == "descriptors":
        return f"{one.effect:,.1f} ({one.low:,.1f} to {one.high:,.1f}, n = {words.count(one.n)})"
    if one.is_rate:
        return words.rate(one.count, one.n)
    share = one.told.get("share")
    return f"{words.percent(float(share))} of a window" if share is not None else "see its history"


def baseline_of(one: Series) -> str:
    """What was usual, with its n."""
    if not one.baseline_n or not one.is_rate:
        return ""
    return f"{words.percent(one.baseline)} (n = {words.count(one.baseline_n)})"


def _facts(desk: Desk, one: Series) -> None:
    with st.container(horizontal=True, gap="small"):
        if one.is_rate or one.kind == "descriptors":
            figure("Last look", measured(one), f"until {words.when(one.window_end)}")
        if one.threshold:
            figure("Baseline", baseline_of(one) or "unknown", _whose(one))
            figure(
                "Evidence",
                f"e-value {one.e_value:,.0f}"
                if one.e_value >= 10
                else f"e-value {one.e_value:.2g}",
                f"alarms at {one.threshold:,.0f}; "
                + (f"{words.percent(one.nearness)} of the way" if one.nearness < 1 else "passed"),
            )
            if one.tier:
                figure("Tier", TIERS[one.tier], "what its alarm is worth")
        if one.needed is not None:
            figure(
                "To see a doubling",
                f"needs {words.count(one.needed)} more samples",
                "if the rate doubled now",
            )
        if one.began is not None:
            figure("Began", words.when(one.began), words.ago(one.began, desk.now))


def _whose(one: Series) -> str:
    release = str(one.told.get("baseline_release") or "")
    return f"learnt on {words.cut(release, 40)}" if release else "what was usual"


def _history(one: Series, history: pd.DataFrame, runs: int) -> None:
    """Its level and its evidence over the time that was chosen."""
    rated = history if history.empty else history[history["n"] > 0]
    if rated.empty:
        older = (
            f" It has {words.noun(runs, 'older run')}; choose a longer time above." if runs else ""
        )
        st.info(f"No run of this series with data ends in the chosen time.{older}")
        return
    with st.container(horizontal=True, gap="small"):
        if one.is_rate or one.kind == "descriptors":
            with st.container(width=CHART_WIDTH):
                band = "band: 95 % interval" + ("; dashed: baseline" if one.baseline_n else "")
                st.markdown(f"**Level** over time; {band}; orange: alarmed")
                st.altair_chart(
                    charts.level(
                        gathered(rated) if one.is_rate else rated,
                        title=one.unit,
                        share=one.kind != "descriptors",
                        baseline=one.baseline if one.baseline_n and one.is_rate else None,
                    )
                )
        if one.threshold and rated["e_value"].max() > 0:
            with st.container(width=CHART_WIDTH):
                st.markdown("**Evidence** against the line where it alarms")
                st.altair_chart(
                    charts.evidence(rated[["window_end", "e_value", "status"]], one.threshold)
                )
        told = rated[rated["p_value"].notna()]
        if not told.empty:
            with st.container(width=CHART_WIDTH):
                st.markdown("**Surprise** of each window by itself (calibrated)")
                st.altair_chart(charts.surprises(told))
    if not one.threshold:
        st.caption("This series is there to look at: it has no threshold and never alarms.")
    with st.expander(f"{words.noun(len(rated), 'run')} as a table"):
        st.dataframe(
            rated[
                [
                    "window_end",
                    "status",
                    "count",
                    "n",
                    "effect",
                    "low",
                    "high",
                    "e_value",
                    "threshold",
                ]
            ].iloc[::-1],
            hide_index=True,
        )
        st.download_button(
            "Download as CSV",
            rated.to_csv(index=False),
            "series.csv",
            "text/csv",
            on_click="ignore",
        )


def _others(desk: Desk, one: Series) -> None:
    """Incidents that this series opened, and the other detectors that watch the same."""
    for incident in data.incidents(desk.url):
        if (incident.service, incident.series) == (one.service, one.series):
            link(
                f"Incident: {words.cut(incident.title, 100)} ({incident.state})",
                "incidents", incident=incident.incident_id,
            )  # fmt: skip


def _examples(one: Series) -> None:
    """Calls that show it."""
    told = [each for each in one.told.get("examples") or [] if isinstance(each, dict)]
    if not told:
        return
    st.subheader("Calls that show it", anchor=False)
    for example in told[-EXAMPLES:][::-1]:
        trace = str(example.get("trace_id", ""))
        why = str(
            example.get("why") or json.dumps(example.get("value", "")).strip('"') or "an example"
        )
        at = words.when(parse_time(str(example["timestamp"]))) if example.get("timestamp") else ""
        link(words.cut(f"{at}  {why}".strip(), 160), "calls", trace_id=trace)
