"""What all charts share: colours with a meaning, sizes, axes with units, intervals, marks on the time axis.

Blue is what was observed, orange is a fault, grey is the baseline or what is not ripe yet, green is the
candidate or the cure, purple is a change that people made. They stay apart for the colour-blind, and line
dashes or shapes say the same again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import altair as alt
import pandas as pd

from monitor.drift.intervals import wilson

__all__ = [
    "BASELINE",
    "CHANGE",
    "CURE",
    "FAULT",
    "FRAME",
    "HEIGHT",
    "OBSERVED",
    "ROW",
    "Drawn",
    "bar_width",
    "share_axis",
    "time_axis",
    "with_intervals",
    "with_marks",
]

Drawn: TypeAlias = "alt.Chart | alt.LayerChart | alt.FacetChart"
"""What every chart function returns; `st.altair_chart` draws it."""
OBSERVED, FAULT, BASELINE, CURE, CHANGE = "#2b7bba", "#d95f02", "#888888", "#1b9e77", "#8f7ee7"
HEIGHT = 270
"""Pixels of a chart over time, its axes and legend included."""
ROW = 26
FRAME = 110
"""Pixels that axis, title and legend take of a chart whose height follows its rows."""


def with_intervals(frame: pd.DataFrame, failures: str = "failures", n: str = "n") -> pd.DataFrame:
    """The frame with `rate`, `low` and `high` (95 % Wilson) beside its counts.

    >>> rows = with_intervals(pd.DataFrame({"failures": [5], "n": [100]}))
    >>> rows[["rate", "low", "high"]].round(3).values.tolist()
    [[0.05, 0.022, 0.112]]
    """
    intervals = [
        wilson(round(bad), max(1, round(total)))
        for bad, total in zip(frame[failures], frame[n], strict=True)
    ]
    return frame.assign(
        rate=frame[failures] / frame[n],
        low=[interval.low for interval in intervals],
        high=[interval.high for interval in intervals],
    )


def time_axis(name: str, title: str = "time of the call (UTC)") -> alt.X:
    """A time, in UTC, along the bottom."""
    return alt.X(
        f"{name}:T",
        title=title,
        scale=alt.Scale(type="utc"),
        axis=alt.Axis(labelOverlap=True, tickCount=7, grid=False),
    )


def share_axis(name: str, title: str) -> alt.Y:
    """A share, in percent, from zero."""
    return alt.Y(
        f"{name}:Q",
        title=title,
        axis=alt.Axis(format=".1~%", tickCount=5),
        scale=alt.Scale(zero=True),
    )


def bar_width(bars: int) -> float:
    """Pixels of one bar of so many over time."""
    return max(2, min(26, 480 / max(1, bars)))


def _marks(marks: pd.DataFrame | None, *, labelled: bool) -> list[alt.Chart]:
    """Upright lines for changes and faults. Columns time, what, meaning (`change` or `fault`)."""
    if marks is None or marks.empty:
        return []
    colour = alt.Color(
        "meaning:N", scale=alt.Scale(domain=["change", "fault"], range=[CHANGE, FAULT]), legend=None
    )
    dash = alt.StrokeDash(
        "meaning:N",
        scale=alt.Scale(domain=["change", "fault"], range=[[5, 3], [1, 0]]),
        legend=None,
    )
    tips: list[Any] = [
        alt.Tooltip("what:N", title="mark"),
        alt.Tooltip("time:T", title="at (UTC)", format="%Y-%m-%d %H:%M"),
    ]
    rules = (
        alt.Chart(marks)
        .mark_rule(strokeWidth=2)
        .encode(x=time_axis("time"), color=colour, strokeDash=dash, tooltip=tips)
    )
    if not labelled:
        return [rules]
    labels = [
        alt.Chart(marks[marks["late"] == late])
        .mark_text(align="right" if late else "left", dx=-4 if late else 4, fontSize=11, limit=190)
        .encode(
            x=time_axis("time"),
            y=alt.Y("line:Q", axis=None, scale=None),
            text="what:N",
            color=colour,
            tooltip=tips,
        )
        for late in sorted(set(marks["late"]))
    ]
    return [rules, *labels]


def _middle(rows: pd.DataFrame) -> pd.Timestamp:
    """The middle of the time that a chart's rows span."""
    moments = rows.select_dtypes(["datetime", "datetimetz"]).iloc[:, 0]
    middle: pd.Timestamp = moments.min() + (moments.max() - moments.min()) / 2
    return middle


def with_marks(
    layers: Sequence[alt.Chart], marks: pd.DataFrame | None, *, labelled: bool = False
) -> Drawn:
    """The layers as one chart over time, with upright lines where something changed or went wrong."""
    if marks is not None and not marks.empty:
        marks = marks.sort_values("time").reset_index(drop=True)
        marks["line"] = [8 + 14 * (place % 5) for place in range(len(marks))]
        marks["late"] = marks["time"] > _middle(layers[-1].data)  # its words then stand left of it
    body = alt.layer(*layers)
    upright = _marks(marks, labelled=labelled)
    if not upright:
        alone: Drawn = body.properties(height=HEIGHT)
        return alone
    marked: Drawn = (
        alt.layer(body, *upright)
        .resolve_scale(color="independent", strokeDash="independent")
        .properties(height=HEIGHT)
    )
    return marked
