"""The evidence of an incident: its figures, and the course of the series that alarmed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboards import charts, words
from dashboards.incident.course import pieces, width
from dashboards.incident.reads import LOOKS, history, stretch
from dashboards.shell import CHART_WIDTH, Desk
from dashboards.views.figure import figure
from dashboards.words import plain
from monitor.drift.intervals import wilson

if TYPE_CHECKING:
    from monitor.incidents import Alarm, Incident

__all__ = ["magnitude", "show_figures", "show_history"]

FIGURE = 152
"""Pixels of one of six figures, so that they stand in one row of a laptop's window."""


def show_figures(desk: Desk, one: Incident) -> None:
    """How bad, since when and how sure, side by side."""
    details = one.details
    with st.container(horizontal=True, gap="small"):
        _figure(
            "Rate since it began",
            words.percent(details.rate) if details.n else "unknown",
            f"95 %: {words.percent(details.low)} to {words.percent(details.high)}, n = {words.count(details.n)}"
            if details.n
            else "no rate told",
        )
        _figure(
            "Before",
            words.percent(details.baseline) if details.baseline_n else "unknown",
            _baseline_words(one),
        )
        _figure("Began", words.when(one.started_at), _began_words(one))
        _figure(
            "Opened",
            words.when(one.opened_at),
            f"{words.span(one.opened_at - one.started_at)} after it began",
        )
        if one.resolved_at is not None:
            _figure(
                "Resolved",
                words.when(one.resolved_at),
                f"it lasted {words.span(one.resolved_at - one.started_at)}",
            )
        else:
            _figure("Lasts", words.span(desk.now - one.started_at), f"state: {one.state}")
        if details.threshold:
            _figure(
                "How sure",
                f"e-value {magnitude(details.e_value)}",
                f"alarms at {magnitude(details.threshold)}; "
                + ("needed labels" if details.needed_labels else "needed no labels"),
            )
    if details.threshold:
        st.caption(plain(_how_sure(details.e_value, details.threshold)))


def _figure(label: str, value: str, below: str) -> None:
    figure(label, value, below, width=FIGURE)


def _baseline_words(one: Incident) -> str:
    details = one.details
    if not details.baseline_n:
        return "there is no baseline"
    level = _baseline(details.baseline, details.baseline_n)
    return f"95 %: {words.percent(level[1])} to {words.percent(level[2])}, n = {words.count(details.baseline_n)}"


def _began_words(one: Incident) -> str:
    change = one.details.change
    if change is None:
        return "no interval was told"
    how = "little by little, " if change.gradual else ""
    return f"{how}95 %: {words.when(change.low)} to {words.when(change.high)}"


def _how_sure(e_value: float, threshold: float) -> str:
    """The evidence in a sentence."""
    said = (
        f"How sure, in words: were nothing wrong, a false alarm of this series would come once in at least"
        f" {magnitude(threshold)} calls looked at, on average."
    )
    if e_value >= threshold:
        return f"{said} The evidence stands {magnitude(e_value / threshold)} times above that line."
    return (
        f"{said} The evidence passed that line within a look, and stood at {magnitude(e_value)} at its end"
        f" ({words.percent(e_value / threshold)} of the line)."
    )


def magnitude(number: float) -> str:
    """A number of any size, to be glanced at.

    >>> magnitude(176874813330.4), magnitude(44218.7), magnitude(0.25)
    ('1.8 x 10^11', '44,219', '0.25')
    """
    if number >= 1e6:
        exponent = int(f"{number:e}".split("e")[1])
        return f"{number / 10**exponent:.1f} x 10^{exponent}"
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


def _baseline(rate: float, n: int) -> tuple[float, float, float]:
    if not n:
        return rate, rate, rate
    interval = wilson(round(rate * n), n)
    return rate, interval.low, interval.high


def show_history(desk: Desk, one: Incident) -> None:
    """The rate and the evidence over time, of the series that alarmed first or of another that did."""
    alarm = _chosen(one)
    detector, series = (alarm.detector, alarm.series) if alarm else (one.detector, one.series)
    since, until = stretch(one, desk.now)
    looks = history(desk.url, one.service, detector, series, since=since, until=until)
    if looks.empty:
        st.info(
            f"No look of the detector {plain(detector)} at {plain(series)} is kept for this time, so there is no rate"
            f" to draw: rows are kept for {desk.settings.retention_days} days (0: for ever)."
        )
        return
    with st.container(horizontal=True, gap="small"):
        with st.container(width=CHART_WIDTH):
            _rate(one, looks)
        with st.container(width=CHART_WIDTH):
            _evidence(one, alarm, looks)
    if len(looks) == LOOKS:
        st.caption(f"The latest {words.count(LOOKS)} looks are drawn.")


def _chosen(one: Incident) -> Alarm | None:
    """The alarm whose series is drawn."""
    alarms = list({(told.detector, told.series): told for told in one.details.alarms}.values())
    alarms.sort(key=lambda told: (told.detector, told.series) != (one.detector, one.series))
    if len(alarms) < 2:
        return alarms[0] if alarms else None
    return st.selectbox(
        "Series that alarmed",
        alarms,
        format_func=lambda told: words.cut(
            words.visible(
                f"{told.series} (detector {told.detector}, {told.tier}, evidence as of {words.when(told.detected_at)})"
            ),
            140,
        ),
        key=f"alarm_{one.incident_id}",
        width=600,
        help="One incident, several alarms: each series has its own rate and its own evidence.",
    )


def _rate(one: Incident, looks: pd.DataFrame) -> None:
    seen = looks[looks["n"] > 0]
    if seen.empty:
        st.info("The detector has looked and found no call in this time, so there is no rate.")
        return
    size = width(seen)
    drawn = pieces(seen, size)
    last = seen.iloc[-1]
    level = _baseline(float(last["baseline"]), int(last["baseline_n"]))
    change = one.details.change
    st.markdown(
        f"**Faults per call**, looks summed up by {words.span(size)}. Upright lines: 95 % intervals; dashed: before,"
        f" {plain(words.percent(level[0]))} (n = {words.count(last['baseline_n'])})"
        + ("; orange band: 95 % interval of its beginning." if change else ".")
    )
    st.altair_chart(
        charts.incident_rate(
            drawn,
            baseline=level,
            began=(change.low, change.high) if change else None,
            marks=_marks(one),
        )
    )
    least, most = words.count(drawn["n"].min()), words.count(drawn["n"].max())
    st.caption(
        f"{words.noun(seen['n'].sum(), 'call')} looked at in {words.noun(len(seen), 'look')}; n = {least} to {most}"
        " a point, larger points are of more calls. Where nobody looked nothing is drawn."
    )


def _marks(one: Incident) -> pd.DataFrame:
    told = [{"time": one.started_at, "what": "began", "meaning": "fault"}]
    told.append({"time": one.opened_at, "what": "opened", "meaning": "change"})
    if one.resolved_at is not None:
        told.append({"time": one.resolved_at, "what": "resolved", "meaning": "change"})
    return pd.DataFrame(told)


def _evidence(one: Incident, alarm: Alarm | None, looks: pd.DataFrame) -> None:
    st.markdown(
        "**Evidence** that something is wrong, at the end of each look. The line is where it alarms."
    )
    threshold = (alarm.threshold if alarm else one.details.threshold) or float(
        looks["threshold"].max()
    )
    if threshold <= 0 or looks["e_value"].max() <= 0:
        st.info("This detector tells no e-value, so there is no evidence to draw over time.")
        return
    st.altair_chart(charts.evidence(looks[["window_end", "e_value", "status"]], threshold))
    passed = looks[looks["status"] == "drift"]
    if not passed.empty:
        first = passed["window_end"].iloc[0].to_pydatetime()
        st.caption(
            f"It alarmed in the look until {words.when(first)}: every call is tested on its own, so the evidence may"
            " pass the line within a look."
        )
