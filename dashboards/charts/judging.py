"""What judges say with its intervals, and what they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import pandas as pd

from dashboards.charts.look import BASELINE, CURE, FRAME, HEIGHT, OBSERVED, ROW, Drawn, time_axis

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

__all__ = ["judge_course", "judge_spend", "rates"]


def rates(frame: pd.DataFrame, title: str) -> Drawn:
    """Shares with their intervals, one under the other. Columns name, rate, low, high, n, meaning.

    `meaning` is `as judged`, which is a judge's own word, or `corrected`, which people's labels mend.
    """
    meanings = ["as judged", "corrected"]
    y = alt.Y(
        "name:N",
        title=None,
        sort=list(dict.fromkeys(frame["name"])),
        axis=alt.Axis(labelLimit=260, labelOverlap=False),
    )
    offset = alt.YOffset("meaning:N", scale=alt.Scale(domain=meanings, paddingOuter=0.4))
    colour = alt.Color(
        "meaning:N",
        title=None,
        scale=alt.Scale(domain=meanings, range=[OBSERVED, CURE]),
        legend=alt.Legend(orient="top") if len(set(frame["meaning"])) > 1 else None,
    )
    tips: list[Any] = [
        alt.Tooltip("name:N", title="judge"),
        "meaning:N",
        alt.Tooltip("rate:Q", title=title, format=".2%"),
        alt.Tooltip("low:Q", title="95 % from", format=".2%"),
        alt.Tooltip("high:Q", title="to", format=".2%"),
        alt.Tooltip("n:Q", title="n", format=","),
    ]
    base = alt.Chart(frame).encode(y=y, yOffset=offset, color=colour, tooltip=tips)
    bars = base.mark_rule(strokeWidth=3).encode(
        x=alt.X(
            "low:Q",
            title=f"{title} (%)",
            axis=alt.Axis(format=".1~%", tickCount=6),
            scale=alt.Scale(domain=[0, 1]),
        ),
        x2="high:Q",
    )
    points = base.mark_point(filled=True, size=90).encode(
        x="rate:Q",
        shape=alt.Shape(
            "meaning:N", scale=alt.Scale(domain=meanings, range=["circle", "diamond"]), legend=None
        ),
    )
    drawn: Drawn = alt.layer(bars, points).properties(
        height=ROW * max(2, frame["name"].nunique() * len(set(frame["meaning"]))) + FRAME
    )
    return drawn


def judge_spend(frame: pd.DataFrame, budget_usd: float | None) -> Drawn:
    """What judges cost by UTC day, against the daily budget. Columns day, purpose, usd, verdicts."""
    names = ["production", "evals"]
    bars = (
        alt.Chart(frame)
        .mark_bar(width=26)
        .encode(
            x=time_axis("day", "day (UTC)"),
            y=alt.Y("usd:Q", title="cost (USD)", axis=alt.Axis(tickCount=4, format="$~g")),
            color=alt.Color(
                "purpose:N",
                title=None,
                scale=alt.Scale(domain=names, range=[OBSERVED, CURE]),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=[
                alt.Tooltip("day:T", title="day (UTC)", format="%Y-%m-%d"),
                "purpose:N",
                alt.Tooltip("usd:Q", title="USD", format=",.4f"),
                alt.Tooltip("verdicts:Q", title="verdicts", format=","),
            ],
        )
    )
    if budget_usd is None:
        alone: Drawn = bars.properties(height=HEIGHT // 2 + 40)
        return alone
    limit = (
        alt.Chart(pd.DataFrame({"budget": [budget_usd]}))
        .mark_rule(color=BASELINE, strokeDash=[6, 4], strokeWidth=2)
        .encode(
            y=alt.Y("budget:Q", title="cost (USD)"),
            tooltip=[alt.Tooltip("budget:Q", title="budget of a day", format="$,.2f")],
        )
    )
    drawn: Drawn = alt.layer(bars, limit).properties(height=HEIGHT // 2 + 40)
    return drawn


def judge_course(
    frame: pd.DataFrame, marks: Sequence[tuple[datetime, str]], *, shares: bool
) -> Drawn:
    """A judge's mean over time with its intervals. Columns at, version, n, meaning, rate, low, high.

    `marks` are moments at which the judge became another measure.
    """
    meanings = ["as judged", "corrected"]
    shown = (
        frame.assign(low=frame["low"].clip(0, 1), high=frame["high"].clip(0, 1))
        if shares
        else frame
    )
    style = ".1~%" if shares else ".2~f"
    colour = alt.Color(
        "meaning:N",
        title=None,
        scale=alt.Scale(domain=meanings, range=[OBSERVED, CURE]),
        legend=alt.Legend(orient="top") if len(set(shown["meaning"])) > 1 else None,
    )
    base = alt.Chart(shown).encode(x=time_axis("at"), color=colour)
    y = alt.Y(
        "low:Q", title="mean verdict (%)" if shares else "mean verdict",
        axis=alt.Axis(format=style, tickCount=5), scale=alt.Scale(zero=False),
    )  # fmt: skip
    bands = base.mark_area(opacity=0.18).encode(y=y, y2="high:Q", detail=["version:N", "meaning:N"])
    tips: list[Any] = [
        alt.Tooltip("at:T", title="from (UTC)", format="%Y-%m-%d %H:%M"), "meaning:N",
        alt.Tooltip("rate:Q", title="mean", format=".2%" if shares else ".3f"),
        alt.Tooltip("low:Q", title="95 % from", format=".2%" if shares else ".3f"),
        alt.Tooltip("high:Q", title="to", format=".2%" if shares else ".3f"),
        alt.Tooltip("n:Q", title="n", format=","), "version:N",
    ]  # fmt: skip
    lines = base.mark_line(point=True).encode(
        y="rate:Q", detail=["version:N", "meaning:N"], tooltip=tips
    )
    layers = [bands, lines]
    if marks:
        rules = pd.DataFrame([{"at": at, "what": what} for at, what in marks])
        layers.append(
            alt.Chart(rules)
            .mark_rule(color=BASELINE, strokeDash=[6, 4], strokeWidth=2)
            .encode(x=time_axis("at"), tooltip=["what:N", alt.Tooltip("at:T", title="at (UTC)")])
        )
    drawn: Drawn = alt.layer(*layers).properties(height=HEIGHT // 2 + 60)
    return drawn
