"""A fault over time: its rate against the baseline, and the evidence against its threshold."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import altair as alt
import pandas as pd

from dashboards.charts.look import (
    BASELINE,
    FAULT,
    HEIGHT,
    OBSERVED,
    Drawn,
    share_axis,
    time_axis,
    with_intervals,
    with_marks,
)

__all__ = ["evidence", "incident_rate"]


def incident_rate(
    frame: pd.DataFrame,
    *,
    baseline: float,
    started_at: datetime,
    resolved_at: datetime | None = None,
) -> Drawn:
    """The fault's rate with its band, its baseline and its start. Columns bucket, count, n."""
    rows = with_intervals(frame, "count", "n")
    tips: list[Any] = [
        alt.Tooltip("bucket:T", title="from (UTC)", format="%Y-%m-%d %H:%M"),
        alt.Tooltip("rate:Q", title="rate", format=".2%"),
        alt.Tooltip("low:Q", title="95 % from", format=".2%"),
        alt.Tooltip("high:Q", title="to", format=".2%"),
        alt.Tooltip("count:Q", title="faults"),
        alt.Tooltip("n:Q", title="calls", format=","),
    ]
    base = alt.Chart(rows).encode(x=time_axis("bucket"))
    band = base.mark_area(color=OBSERVED, opacity=0.2).encode(
        y=share_axis("low", "faults per call (%)"), y2="high:Q"
    )
    line = base.mark_line(color=OBSERVED, strokeWidth=2).encode(
        y=share_axis("rate", "faults per call (%)")
    )
    points = base.mark_circle(color=OBSERVED, size=36).encode(
        y=share_axis("rate", "faults per call (%)"), tooltip=tips
    )
    level = (
        alt.Chart(pd.DataFrame({"baseline": [baseline]}))
        .mark_rule(color=BASELINE, strokeDash=[6, 4], strokeWidth=2)
        .encode(
            y=share_axis("baseline", "faults per call (%)"),
            tooltip=[alt.Tooltip("baseline:Q", title="baseline", format=".2%")],
        )
    )
    told = [{"time": started_at, "what": "began here", "meaning": "fault"}]
    if resolved_at is not None:
        told.append({"time": resolved_at, "what": "resolved", "meaning": "change"})
    return with_marks([band, level, line, points], pd.DataFrame(told), labelled=True)


def evidence(frame: pd.DataFrame, threshold: float) -> Drawn:
    """The e-value over time against its threshold. Columns window_end, e_value, status."""
    rows = frame.assign(shown=frame["e_value"].clip(lower=0.1))
    axis = alt.Y(
        "shown:Q",
        title="evidence (e-value, log scale)",
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(tickCount=5, format="~s", grid=True),
    )
    line = (
        alt.Chart(rows)
        .mark_line(color=OBSERVED, strokeWidth=2, interpolate="step-after")
        .encode(
            x=time_axis("window_end", "end of the window looked at (UTC)"),
            y=axis,
            tooltip=[
                alt.Tooltip("window_end:T", title="until (UTC)", format="%Y-%m-%d %H:%M"),
                alt.Tooltip("e_value:Q", title="e-value", format=",.3~g"),
                "status:N",
            ],
        )
    )
    level = pd.DataFrame({"shown": [threshold], "what": [f"alarms at {threshold:,.0f}"]})
    rule = alt.Chart(level).mark_rule(color=FAULT, strokeDash=[6, 4], strokeWidth=2).encode(y=axis)
    label = (
        alt.Chart(level)
        .mark_text(color=FAULT, align="left", baseline="bottom", dx=4, dy=-3, fontSize=11)
        .encode(y=axis, x=alt.value(0), text="what:N")
    )
    return alt.layer(line, rule, label).properties(height=HEIGHT)
