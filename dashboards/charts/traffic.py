"""Calls over time: how many, how good, how fast, how dear; and the collector's account of them."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from dashboards.charts.look import (
    BASELINE,
    CHANGE,
    FAULT,
    HEIGHT,
    OBSERVED,
    Drawn,
    bar_width,
    share_axis,
    time_axis,
    with_intervals,
    with_marks,
)

__all__ = ["BRUSH", "brushable", "latency", "ledger", "quality", "spend", "voices", "volume"]

BRUSH = "stretch"
"""Name of the selection of a chart that can be brushed."""
LOW = 110


def quality(frame: pd.DataFrame, marks: pd.DataFrame | None = None) -> Drawn:
    """Failing share of one score over time with its 95 % band; where it is not ripe, grey rings alone.

    Args:
        frame: columns bucket, failures, n, immature.
        marks: columns time, what, meaning.
    """
    rows = with_intervals(frame)
    title = "failing share (%)"
    tips: list[Any] = [
        alt.Tooltip("bucket:T", title="from (UTC)", format="%Y-%m-%d %H:%M"),
        alt.Tooltip("rate:Q", title="failing", format=".2%"),
        alt.Tooltip("low:Q", title="95 % from", format=".2%"),
        alt.Tooltip("high:Q", title="to", format=".2%"),
        alt.Tooltip("n:Q", title="n", format=","),
        alt.Tooltip("immature:N", title="not ripe yet"),
    ]
    base = alt.Chart(rows).encode(x=time_axis("bucket"))
    # a line that went on into what is not told yet would look like a drop
    ripe = base.transform_filter("!datum.immature")
    layers = [
        ripe.mark_area(opacity=0.2, color=OBSERVED).encode(y=share_axis("low", title), y2="high:Q"),
        ripe.mark_line(strokeWidth=1.6, color=OBSERVED).encode(y=share_axis("rate", title)),
        ripe.mark_circle(size=44, opacity=1, color=OBSERVED).encode(
            y=share_axis("rate", title), tooltip=tips
        ),
        base.transform_filter("datum.immature")
        .mark_point(size=44, color=BASELINE, strokeWidth=1.6)
        .encode(y=share_axis("rate", title), tooltip=tips),
    ]
    return with_marks(layers, marks, labelled=True)


def voices(frame: pd.DataFrame, marks: pd.DataFrame | None = None) -> Drawn:
    """What people said of their own accord, good and bad, over time: a number, for no rate is hidden in it.

    Columns bucket, failures, n.
    """
    rows = frame.assign(good=frame["n"] - frame["failures"])
    told = rows.melt(["bucket"], ["good", "failures"], "said", "how_many")
    told["said"] = told["said"].map({"good": "good", "failures": "bad"})
    return with_marks([_stacked(told, "said", ["good", "bad"], "people's words")], marks)


def volume(frame: pd.DataFrame, marks: pd.DataFrame | None = None) -> Drawn:
    """Calls over time, those that ended in an error on top. Columns bucket, calls, errors."""
    rows = frame.assign(answered=frame["calls"] - frame["errors"])
    long = rows.melt(["bucket"], ["answered", "errors"], "ended", "how_many")
    long["ended"] = long["ended"].map({"answered": "answered", "errors": "error"})
    return with_marks([_stacked(long, "ended", ["answered", "error"], "calls")], marks)


def _stacked(rows: pd.DataFrame, kind: str, names: list[str], unit: str) -> alt.Chart:
    """Bars over time, the fault on top. Columns bucket, `kind`, how_many."""
    drawn: alt.Chart = (
        alt.Chart(rows)
        .mark_bar(binSpacing=0, width=bar_width(rows["bucket"].nunique()))
        .encode(
            x=time_axis("bucket"),
            y=alt.Y("how_many:Q", title=unit, axis=alt.Axis(tickCount=5, format="~s")),
            color=alt.Color(
                f"{kind}:N",
                title=None,
                scale=alt.Scale(domain=names, range=[OBSERVED, FAULT]),
                legend=alt.Legend(orient="top"),
            ),
            order=alt.Order("fault:N"),
            tooltip=[
                alt.Tooltip("bucket:T", title="from (UTC)", format="%Y-%m-%d %H:%M"),
                f"{kind}:N",
                alt.Tooltip("how_many:Q", title=unit, format=","),
            ],
        )
        .transform_calculate(fault=f"datum.{kind} == '{names[-1]}'")
    )
    return drawn


def brushable(frame: pd.DataFrame, bucket_s: int) -> alt.Chart:
    """Calls over time as a low strip on which a stretch of time can be drawn. Columns bucket, calls, errors."""
    rows = frame.assign(end=frame["bucket"] + pd.Timedelta(seconds=bucket_s))
    brush = alt.selection_interval(name=BRUSH, encodings=["x"])
    drawn: alt.Chart = (
        alt.Chart(rows, height=LOW)
        .mark_bar(color=OBSERVED, binSpacing=1)
        .encode(
            x=time_axis("bucket", "drag to choose a stretch of time (UTC)"),
            x2="end:T",
            y=alt.Y("calls:Q", title="calls", axis=alt.Axis(tickCount=3, format="~s")),
            y2=alt.datum(0),
            opacity=alt.condition(brush, alt.value(1.0), alt.value(0.45)),
            tooltip=[
                alt.Tooltip("bucket:T", title="from (UTC)", format="%Y-%m-%d %H:%M"),
                alt.Tooltip("calls:Q", format=","),
                alt.Tooltip("errors:Q", format=","),
            ],
        )
        .add_params(brush)
    )
    return drawn


def latency(frame: pd.DataFrame, marks: pd.DataFrame | None = None) -> Drawn:
    """Median and 95 % quantile of the latency. Columns bucket, p50_ms, p95_ms."""
    long = frame.melt(["bucket"], ["p50_ms", "p95_ms"], "quantile", "ms")
    long["quantile"] = long["quantile"].map(
        {"p50_ms": "p50 (half are faster)", "p95_ms": "p95 (1 in 20 is slower)"}
    )
    names = ["p50 (half are faster)", "p95 (1 in 20 is slower)"]
    lines = (
        alt.Chart(long)
        .mark_line(strokeWidth=1.8, point=alt.OverlayMarkDef(size=22))
        .encode(
            x=time_axis("bucket"),
            y=alt.Y("ms:Q", title="latency (ms)", axis=alt.Axis(tickCount=5, format=",~r")),
            color=alt.Color(
                "quantile:N",
                title=None,
                scale=alt.Scale(domain=names, range=[OBSERVED, "#c08a1e"]),
                legend=alt.Legend(orient="top", labelLimit=260),
            ),
            strokeDash=alt.StrokeDash(
                "quantile:N", scale=alt.Scale(domain=names, range=[[1, 0], [5, 3]]), legend=None
            ),
            tooltip=[
                alt.Tooltip("bucket:T", title="from (UTC)", format="%Y-%m-%d %H:%M"),
                "quantile:N",
                alt.Tooltip("ms:Q", title="ms", format=",.0f"),
            ],
        )
    )
    return with_marks([lines], marks)


def spend(frame: pd.DataFrame, marks: pd.DataFrame | None = None) -> Drawn:
    """Cost over time. Columns bucket, cost_usd, input_tokens, output_tokens."""
    bars = (
        alt.Chart(frame)
        .mark_bar(color=OBSERVED, width=bar_width(len(frame)))
        .encode(
            x=time_axis("bucket"),
            y=alt.Y("cost_usd:Q", title="cost (USD)", axis=alt.Axis(tickCount=5, format="$~g")),
            tooltip=[
                alt.Tooltip("bucket:T", title="from (UTC)", format="%Y-%m-%d %H:%M"),
                alt.Tooltip("cost_usd:Q", title="USD", format=",.4f"),
                alt.Tooltip("input_tokens:Q", title="input tokens", format=","),
                alt.Tooltip("output_tokens:Q", title="output tokens", format=","),
            ],
        )
    )
    return with_marks([bars], marks)


def ledger(frame: pd.DataFrame) -> Drawn:
    """What the collector accepted, stored and refused over time. Columns bucket, entry, count."""
    names = sorted(frame["entry"].unique())
    meaning = {
        "accepted": BASELINE,
        "stored": OBSERVED,
        "rejected": FAULT,
        "refused": FAULT,
        "dropped": FAULT,
        "duplicate": CHANGE,
    }
    drawn: Drawn = (
        alt.Chart(frame)
        .mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=24))
        .encode(
            x=time_axis("bucket", "time of arrival (UTC)"),
            y=alt.Y("count:Q", title="records", axis=alt.Axis(tickCount=5, format="~s")),
            color=alt.Color(
                "entry:N",
                title=None,
                scale=alt.Scale(
                    domain=names, range=[meaning.get(name, "#c08a1e") for name in names]
                ),
                legend=alt.Legend(orient="top"),
            ),
            strokeDash=alt.StrokeDash("entry:N", legend=None),
            tooltip=[
                alt.Tooltip("bucket:T", title="from (UTC)", format="%Y-%m-%d %H:%M"),
                "entry:N",
                alt.Tooltip("count:Q", format=","),
            ],
        )
        .properties(height=HEIGHT)
    )
    return drawn
