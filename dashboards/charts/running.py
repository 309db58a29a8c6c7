"""How long the runs of a job take over time."""

from __future__ import annotations

import altair as alt
import pandas as pd

from dashboards.charts.look import FAULT, HEIGHT, OBSERVED, Drawn, time_axis

__all__ = ["run_lengths"]


def run_lengths(frame: pd.DataFrame) -> Drawn:
    """The median run, the longest, and where runs failed. Columns bucket, runs, failed, p50_ms, longest_ms."""
    rows = frame.assign(median_s=frame["p50_ms"] / 1000, longest_s=frame["longest_ms"] / 1000)
    axis = alt.Axis(tickCount=5)
    title = "run length (s)"
    base = alt.Chart(rows).encode(
        x=time_axis("bucket", "start of the run (UTC)"),
        tooltip=[
            alt.Tooltip("bucket:T", title="from (UTC)", format="%Y-%m-%d %H:%M"),
            alt.Tooltip("median_s:Q", title="median (s)", format=",.2f"),
            alt.Tooltip("longest_s:Q", title="longest (s)", format=",.2f"),
            alt.Tooltip("runs:Q", title="runs", format=","),
            alt.Tooltip("failed:Q", title="failed", format=","),
        ],
    )
    longest = base.mark_rule(color=OBSERVED, opacity=0.45, strokeWidth=3).encode(
        y=alt.Y("median_s:Q", title=title, axis=axis), y2="longest_s:Q"
    )
    median = base.mark_circle(color=OBSERVED, size=34, opacity=1).encode(
        y=alt.Y("median_s:Q", title=title, axis=axis)
    )
    failed = (
        base.transform_filter("datum.failed > 0")
        .mark_point(color=FAULT, shape="cross", size=80, filled=True, opacity=1)
        .encode(y=alt.Y("longest_s:Q", title=title, axis=axis))
    )
    drawn: Drawn = alt.layer(longest, median, failed).properties(height=HEIGHT // 2 + 60)
    return drawn
