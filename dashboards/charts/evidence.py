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

TITLE = "faults per call (%)"
FEW = 14
"""Pieces up to which each has its n written above it."""


def incident_rate(
    pieces: pd.DataFrame,
    *,
    baseline: tuple[float, float, float],
    began: tuple[datetime, datetime] | None = None,
    marks: pd.DataFrame | None = None,
) -> Drawn:
    """The fault's rate, piece by piece, each with its interval; no line joins what nobody looked at.

    Args:
        pieces: columns start, end, count, n.
        baseline: the rate before, and its 95 % interval.
        began: the 95 % interval of the moment when it began, drawn as a band.
        marks: columns time, what, meaning (`change` or `fault`).
    """
    rows = with_intervals(pieces, "count", "n")
    rows = rows.assign(
        middle=rows["start"] + (rows["end"] - rows["start"]) / 2,
        said=[f"n = {n:,.0f}" for n in rows["n"]],
    )
    top = min(
        float(rows["high"].max()),
        max(float(rows["rate"].max()) * 1.5, float(rows["high"].median()) * 2),
    )
    top = max(top, baseline[2]) or 0.01
    scale = alt.Scale(domain=[0, top * 1.08])
    y = share_axis("rate", TITLE).scale(scale)
    whiskers = (
        alt.Chart(rows)
        .mark_rule(color=OBSERVED, opacity=0.5, strokeWidth=2, clip=True)
        .encode(x=time_axis("middle"), y=share_axis("low", TITLE).scale(scale), y2="high:Q")
    )
    steps = (
        alt.Chart(rows)
        .mark_rule(color=OBSERVED, strokeWidth=3, clip=True)
        .encode(x=time_axis("start"), x2="end:T", y=y)
    )
    points = (
        alt.Chart(rows)
        .mark_circle(color=OBSERVED, opacity=1, clip=True)
        .encode(
            x=time_axis("middle"),
            y=y,
            size=alt.Size("n:Q", legend=None, scale=alt.Scale(range=[25, 110])),
            tooltip=_tips(),
        )
    )
    layers = [*_level(baseline, rows, scale), whiskers, steps]
    if len(rows) <= FEW:
        layers.append(_counts(rows, scale, top))
    if began is not None and began[1] > began[0]:
        layers.insert(0, _band(began))
    return with_marks([*layers, points], marks, labelled=True)


def _tips() -> list[Any]:
    return [
        alt.Tooltip("start:T", title="from (UTC)", format="%Y-%m-%d %H:%M"),
        alt.Tooltip("end:T", title="to (UTC)", format="%Y-%m-%d %H:%M"),
        alt.Tooltip("rate:Q", title="rate", format=".2%"),
        alt.Tooltip("low:Q", title="95 % from", format=".2%"),
        alt.Tooltip("high:Q", title="to", format=".2%"),
        alt.Tooltip("count:Q", title="faults"),
        alt.Tooltip("n:Q", title="calls looked at", format=","),
    ]


def _counts(rows: pd.DataFrame, scale: alt.Scale, top: float) -> alt.Chart:
    """How many calls each piece is of, above its interval; where that reaches beyond the axis, the tooltip says it."""
    counts: alt.Chart = (
        alt.Chart(rows[rows["high"] <= top])
        .mark_text(color=BASELINE, fontSize=10, baseline="bottom", dy=-3)
        .encode(x=time_axis("middle"), y=share_axis("high", TITLE).scale(scale), text="said:N")
    )
    return counts


def _level(
    baseline: tuple[float, float, float], rows: pd.DataFrame, scale: alt.Scale
) -> list[alt.Chart]:
    """The rate before, dashed, with its interval as a grey band."""
    rate, low, high = baseline
    frame = pd.DataFrame(
        {"start": [rows["start"].min()], "end": [rows["end"].max()], "rate": [rate], "low": [low], "high": [high]}
    )  # fmt: skip
    tips = [
        alt.Tooltip("rate:Q", title="before", format=".2%"),
        alt.Tooltip("low:Q", title="95 % from", format=".2%"),
        alt.Tooltip("high:Q", title="to", format=".2%"),
    ]
    base = alt.Chart(frame).encode(x=time_axis("start"), x2="end:T", tooltip=tips)
    return [
        base.mark_rect(color=BASELINE, opacity=0.2, clip=True).encode(
            y=share_axis("low", TITLE).scale(scale), y2="high:Q"
        ),
        base.mark_rule(color=BASELINE, strokeDash=[6, 4], strokeWidth=2, clip=True).encode(
            y=share_axis("rate", TITLE).scale(scale)
        ),
    ]


def _band(began: tuple[datetime, datetime]) -> alt.Chart:
    """Between which moments it began, 95 %."""
    frame = pd.DataFrame({"start": [began[0]], "end": [began[1]]})
    band: alt.Chart = (
        alt.Chart(frame)
        .mark_rect(color=FAULT, opacity=0.18)
        .encode(
            x=time_axis("start"),
            x2="end:T",
            tooltip=[
                alt.Tooltip("start:T", title="began after (UTC), 95 %", format="%Y-%m-%d %H:%M"),
                alt.Tooltip("end:T", title="and before (UTC)", format="%Y-%m-%d %H:%M"),
            ],
        )
    )
    return band


def evidence(frame: pd.DataFrame, threshold: float) -> Drawn:
    """The e-value over time against its threshold. Columns window_end, e_value, status."""
    rows = frame.assign(shown=frame["e_value"].clip(lower=0.1))
    axis = alt.Y(
        "shown:Q",
        title="evidence (e-value, log scale)",
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(tickCount=5, format="~s", grid=True),
    )
    base = alt.Chart(rows).encode(
        x=time_axis("window_end", "end of the window looked at (UTC)"),
        y=axis,
        tooltip=[
            alt.Tooltip("window_end:T", title="until (UTC)", format="%Y-%m-%d %H:%M"),
            alt.Tooltip("e_value:Q", title="e-value", format=",.3~g"),
            "status:N",
        ],
    )
    line = base.mark_line(color=OBSERVED, strokeWidth=2, interpolate="step-after")
    points = base.mark_circle(color=OBSERVED, size=26, opacity=1)
    level = pd.DataFrame({"shown": [threshold], "what": [f"alarms at {threshold:,.0f}"]})
    rule = alt.Chart(level).mark_rule(color=FAULT, strokeDash=[6, 4], strokeWidth=2).encode(y=axis)
    label = (
        alt.Chart(level)
        .mark_text(color=FAULT, align="left", baseline="bottom", dx=4, dy=-3, fontSize=11)
        .encode(y=axis, x=alt.value(0), text="what:N")
    )
    return alt.layer(line, points, rule, label).properties(height=HEIGHT)
