"""A dataset's members, and a candidate against production."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from dashboards.charts.look import BASELINE, CURE, FAULT, FRAME, OBSERVED, ROW, Drawn

__all__ = ["comparison", "composition", "forest"]


def comparison(frame: pd.DataFrame) -> Drawn:
    """Error rates of production and candidate. Columns who, rate, low, high, n."""
    colour = alt.Color(
        "who:N",
        scale=alt.Scale(domain=["production", "candidate"], range=[OBSERVED, CURE]),
        legend=None,
    )
    y = alt.Y("who:N", title=None, sort=["production", "candidate"])
    tips: list[Any] = [
        "who:N",
        alt.Tooltip("rate:Q", format=".2%"),
        alt.Tooltip("low:Q", title="95 % from", format=".2%"),
        alt.Tooltip("high:Q", title="to", format=".2%"),
        alt.Tooltip("n:Q", format=","),
    ]
    base = alt.Chart(frame).encode(y=y, color=colour, tooltip=tips)
    bars = base.mark_rule(strokeWidth=3).encode(
        x=alt.X(
            "low:Q",
            title="error rate on the reserved set (%)",
            axis=alt.Axis(format=".1~%", tickCount=6),
            scale=alt.Scale(zero=True),
        ),
        x2="high:Q",
    )
    points = base.mark_point(filled=True, size=120).encode(
        x="rate:Q",
        shape=alt.Shape(
            "who:N",
            scale=alt.Scale(domain=["production", "candidate"], range=["circle", "diamond"]),
            legend=None,
        ),
    )
    return alt.layer(bars, points).properties(height=2 * ROW + FRAME)


def forest(frame: pd.DataFrame) -> Drawn:
    """Difference of error rates by part. Columns part, difference, low, high, n."""
    rows = frame.assign(
        meaning=[
            "better" if high < 0 else "worse" if low > 0 else "not told apart"
            for low, high in zip(frame["low"], frame["high"], strict=True)
        ]
    )
    colour = alt.Color(
        "meaning:N",
        title=None,
        scale=alt.Scale(
            domain=["better", "not told apart", "worse"], range=[CURE, BASELINE, FAULT]
        ),
        legend=alt.Legend(orient="top"),
    )
    y = alt.Y(
        "part:N",
        title=None,
        sort=list(rows["part"]),
        axis=alt.Axis(labelLimit=260, labelOverlap=False),
    )
    tips: list[Any] = [
        "part:N",
        alt.Tooltip("difference:Q", format="+.2%"),
        alt.Tooltip("low:Q", title="95 % from", format="+.2%"),
        alt.Tooltip("high:Q", title="to", format="+.2%"),
        alt.Tooltip("n:Q", format=","),
    ]
    base = alt.Chart(rows).encode(y=y, color=colour, tooltip=tips)
    bars = base.mark_rule(strokeWidth=3).encode(
        x=alt.X(
            "low:Q",
            title="candidate's error rate minus production's (percentage points)",
            axis=alt.Axis(format="+.1~%", tickCount=6),
        ),
        x2="high:Q",
    )
    points = base.mark_point(filled=True, size=90).encode(x="difference:Q")
    zero = (
        alt.Chart(pd.DataFrame({"zero": [0.0]}))
        .mark_rule(color=BASELINE, strokeDash=[6, 4])
        .encode(x="zero:Q")
    )
    return alt.layer(zero, bars, points).properties(height=ROW * len(rows) + FRAME)


def composition(frame: pd.DataFrame) -> Drawn:
    """Dataset members by reason and split. Columns split, reason, members, labelled."""
    splits = ["train", "validation", "reserved"]
    drawn: Drawn = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            y=alt.Y(
                "reason:N",
                title="why it is in",
                sort="-x",
                axis=alt.Axis(labelLimit=200, labelOverlap=False),
            ),
            x=alt.X("members:Q", title="members (calls)", axis=alt.Axis(tickCount=6, format="~s")),
            color=alt.Color(
                "split:N",
                title=None,
                sort=splits,
                scale=alt.Scale(domain=splits, range=[OBSERVED, "#56b4e9", BASELINE]),
                legend=alt.Legend(orient="top"),
            ),
            order=alt.Order("split:N"),
            tooltip=[
                "split:N",
                "reason:N",
                alt.Tooltip("members:Q", format=","),
                alt.Tooltip("labelled:Q", format=","),
            ],
        )
        .properties(height=ROW * int(frame["reason"].nunique()) + FRAME + 40)
    )
    return drawn
