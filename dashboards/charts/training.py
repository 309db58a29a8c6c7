"""A dataset's members, and a candidate against production."""

from __future__ import annotations

import json
from typing import Any

import altair as alt
import pandas as pd

from dashboards.charts.look import BASELINE, CURE, FAULT, FRAME, OBSERVED, ROW, Drawn

__all__ = ["composition", "forest"]

NAMES = 270
"""Pixels that names of rows take at most."""
UNIT = "candidate's error rate minus production's (percentage points)"


def forest(frame: pd.DataFrame, *, margin: float = 0.0) -> Drawn:
    """Difference of error rates by part: left of 0 the candidate is better.

    Args:
        frame: columns part, difference, low, high, n, candidate, production, shown, and smallest: what
            the part's sample could have shown, as a pale band around 0.
        margin: rise up to which a part counts as not worse; 0 draws no line.
    """
    rows = frame.assign(
        meaning=[
            "better" if high < 0 else "worse" if low > 0 else "not told apart"
            for low, high in zip(frame["low"], frame["high"], strict=True)
        ],
        below=-frame["smallest"].astype("float64"),
        above=frame["smallest"].astype("float64"),
    )
    y = alt.Y(
        "part:N",
        title=None,
        sort=list(rows["part"]),
        axis=alt.Axis(labelLimit=NAMES, labelOverlap=False),
    )
    reach = _reach(rows, margin)
    scale = alt.Scale(domain=[-reach, reach], clamp=True)
    axis = alt.Axis(labelExpr="format(datum.value * 100, '+.1~f')", tickCount=6)
    base = alt.Chart(rows).encode(
        y=alt.Y("part:N", axis=None, sort=list(rows["part"])), tooltip=_tips()
    )
    unseen = base.mark_bar(color=BASELINE, opacity=0.18, height=14).encode(
        x=alt.X("below:Q", scale=scale, title=UNIT, axis=axis), x2="above:Q", y=y
    )
    colour = alt.Color(
        "meaning:N",
        title=None,
        scale=alt.Scale(
            domain=["better", "not told apart", "worse"], range=[CURE, BASELINE, FAULT]
        ),
        legend=alt.Legend(orient="top"),
    )
    bars = base.mark_rule(strokeWidth=3).encode(
        x=alt.X("low:Q", scale=scale, axis=None), x2="high:Q", color=colour
    )
    shapes = alt.Shape(
        "meaning:N",
        scale=alt.Scale(
            domain=["better", "not told apart", "worse"], range=["diamond", "circle", "square"]
        ),
        legend=None,
    )
    points = base.mark_point(filled=True, size=90).encode(
        x=alt.X("difference:Q", axis=None), color=colour, shape=shapes
    )
    told = base.mark_point(opacity=0).encode(x=alt.X("difference:Q", axis=None), y=_beside(rows))
    drawn: Drawn = (
        alt.layer(*_lines(margin, scale), unseen, bars, points, told)
        .resolve_axis(x="independent", y="independent")
        .properties(height=ROW * len(rows) + FRAME)
    )
    return drawn


def _reach(rows: pd.DataFrame, margin: float) -> float:
    """How far the axis goes either way: one part of few calls shall not squeeze all others."""
    most = float(rows[["low", "high"]].abs().to_numpy().max())
    first = float(rows[["low", "high"]].iloc[0].abs().max())
    return min(1.0, 1.1 * max(min(most, 4 * first), 2 * margin, 0.02))


def _tips() -> list[Any]:
    return [
        alt.Tooltip("part:N"),
        alt.Tooltip("production:Q", title="production wrong", format=".2%"),
        alt.Tooltip("candidate:Q", title="candidate wrong", format=".2%"),
        alt.Tooltip("difference:Q", format="+.2%"),
        alt.Tooltip("low:Q", title="95 % from", format="+.2%"),
        alt.Tooltip("high:Q", title="to", format="+.2%"),
        alt.Tooltip("smallest:Q", title="smallest difference shown", format=".2%"),
        alt.Tooltip("n:Q", format=","),
    ]


def _beside(rows: pd.DataFrame) -> alt.Y:
    """Both rates and n of every row, at its right end."""
    known = json.dumps(dict(zip(rows["part"], rows["shown"], strict=True)))
    return alt.Y(
        "part:N",
        title=None,
        sort=list(rows["part"]),
        axis=alt.Axis(
            orient="right",
            labelExpr=f"({known})[datum.label]",
            labelOverlap=False,
            labelLimit=NAMES,
            ticks=False,
            domain=False,
        ),
    )


def _lines(margin: float, scale: alt.Scale) -> list[alt.Chart]:
    """No difference, and the rise that would be too much."""
    drawn = [(0.0, BASELINE, [1, 0])] + ([(margin, FAULT, [6, 4])] if margin else [])
    return [
        alt.Chart(pd.DataFrame({"at": [at]}))
        .mark_rule(color=colour, strokeDash=dash)
        .encode(x=alt.X("at:Q", scale=scale, axis=None))
        for at, colour, dash in drawn
    ]


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
