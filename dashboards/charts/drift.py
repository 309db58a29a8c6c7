"""Drift: a series against its baseline, its evidence, texts on a map, fields before and now, dates by their lag."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from dashboards.charts.look import (
    BASELINE,
    CHANGE,
    CURE,
    FAULT,
    HEIGHT,
    OBSERVED,
    ROW,
    Drawn,
    bar_width,
    share_axis,
    time_axis,
)

__all__ = ["before_and_now", "lags", "level", "surprises", "text_map", "years"]

YEARS = ("the call's year", "the year after", "the year before", "another year")
"""Which year a date says, against that of its call."""
WINDOW_END = "end of the window looked at (UTC)"
CLUSTER_COLOURS = (FAULT, OBSERVED, CURE, CHANGE)
"""Of the clusters that moved, at most four; all others are grey."""
CLUSTER_SHAPES = ("circle", "square", "triangle-up", "diamond")
REST = "did not move"
STRETCHES = ["before", "now"]
MAP = 400
SHARE = "share of calls (%)"
SHARE_TIP = alt.Tooltip("share:Q", title="share of calls", format=".1%")
LAG = "date in the answer minus day of the call (days)"
AT = alt.Tooltip("window_end:T", title="until (UTC)", format="%Y-%m-%d %H:%M")


def level(frame: pd.DataFrame, *, title: str, share: bool, baseline: float | None = None) -> Drawn:
    """What was measured, run by run, with its 95 % interval, against its baseline.

    Args:
        frame: columns window_end, effect, low, high, n, status.
        title: of the axis, unit included.
        share: whether it is a share, shown in percent.
        baseline: a dashed line; none when None.
    """
    form = ".2%" if share else ",.1f"
    reach = _reach(frame, baseline)

    def axis(name: str) -> alt.Y:
        if share:
            limits = alt.Scale(domain=[0, reach], clamp=True)
            return share_axis(name, f"{title} (%)").scale(limits)
        return alt.Y(
            f"{name}:Q", title=title, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5)
        )

    tips: list[Any] = [
        AT,
        alt.Tooltip("effect:Q", title=title, format=form),
        alt.Tooltip("low:Q", title="95 % from", format=form),
        alt.Tooltip("high:Q", title="to", format=form),
        alt.Tooltip("n:Q", title="n", format=","),
        alt.Tooltip("status:N", title="verdict"),
    ]
    alarmed = alt.condition(
        alt.FieldOneOfPredicate("status", ["drift", "watch"]), alt.value(FAULT), alt.value(OBSERVED)
    )
    base = alt.Chart(frame).encode(x=time_axis("window_end", WINDOW_END))
    layers: list[alt.Chart] = [
        base.mark_area(opacity=0.2, color=OBSERVED).encode(y=axis("low"), y2="high:Q"),
        base.mark_line(strokeWidth=1.6, color=OBSERVED).encode(y=axis("effect")),
        base.mark_circle(size=36, opacity=1).encode(y=axis("effect"), color=alarmed, tooltip=tips),
    ]
    if baseline is not None:
        line = pd.DataFrame({"baseline": [baseline]})
        layers.insert(
            1,
            alt.Chart(line)
            .mark_rule(color=BASELINE, strokeDash=[6, 4], strokeWidth=2)
            .encode(
                y=axis("baseline"),
                tooltip=[alt.Tooltip("baseline:Q", title="baseline", format=form)],
            ),
        )
    return alt.layer(*layers).properties(height=HEIGHT)


def _reach(frame: pd.DataFrame, baseline: float | None) -> float:
    """How far up the axis goes: the interval of one run of few calls shall not squeeze all others."""
    usual = float(frame["high"].quantile(0.75))
    return min(1.0, max(1.2 * float(frame["effect"].max()), usual, 3 * (baseline or 0.0), 0.001))


def surprises(frame: pd.DataFrame) -> Drawn:
    """The calibrated p-value of each window alone. Columns window_end, p_value, status."""
    rows = frame.assign(shown=frame["p_value"].clip(lower=1e-6))
    axis = alt.Y(
        "shown:Q",
        title="p-value (log scale)",
        scale=alt.Scale(type="log", reverse=True, domain=[1e-6, 1]),
        axis=alt.Axis(values=[1, 0.1, 0.01, 0.001, 1e-4, 1e-6], format="~g"),
    )
    points = (
        alt.Chart(rows)
        .mark_circle(color=OBSERVED, size=44, opacity=1)
        .encode(
            x=time_axis("window_end", WINDOW_END),
            y=axis,
            tooltip=[AT, alt.Tooltip("p_value:Q", title="p-value", format=".2~g"), "status:N"],
        )
    )
    rule = (
        alt.Chart(pd.DataFrame({"shown": [0.01], "what": ["1 in 100 healthy windows lies above"]}))
        .mark_rule(color=BASELINE, strokeDash=[6, 4], strokeWidth=2)
        .encode(y=axis, tooltip="what:N")
    )
    return alt.layer(rule, points).properties(height=HEIGHT)


def text_map(frame: pd.DataFrame, names: list[str], explained: tuple[float, float]) -> Drawn:
    """Texts of one stretch on the plane of both stretches' first principal components.

    Args:
        frame: columns x, y, cluster (one of `names`, or `REST`), text, time; and of both stretches
            together low_x, high_x, low_y, high_y, so that two maps beside each other have one scale.
        names: the clusters that moved, at most four.
        explained: share of the variance along each axis.
    """
    domain = [*names, REST]

    def axis(of: int) -> dict[str, Any]:
        ends = [f"low_{'xy'[of]}", f"high_{'xy'[of]}"]
        domain = [float(frame[end].iloc[0]) if len(frame) else 0.0 for end in ends]
        return {
            "title": f"principal component {of + 1} ({explained[of]:.0%} of the variance)",
            "scale": alt.Scale(domain=domain, nice=False, padding=8),
            "axis": alt.Axis(labels=False, ticks=False, grid=False),
        }

    drawn: Drawn = (
        alt.Chart(frame)
        .mark_point(filled=True, size=34)
        .encode(
            x=alt.X("x:Q", **axis(0)),
            y=alt.Y("y:Q", **axis(1)),
            color=alt.Color(
                "cluster:N",
                title=None,
                scale=alt.Scale(domain=domain, range=[*CLUSTER_COLOURS[: len(names)], BASELINE]),
                legend=alt.Legend(orient="top", columns=1, labelLimit=420),
            ),
            shape=alt.Shape(
                "cluster:N",
                title=None,
                scale=alt.Scale(domain=domain, range=[*CLUSTER_SHAPES[: len(names)], "circle"]),
                legend=alt.Legend(orient="top", columns=1, labelLimit=420),
            ),
            opacity=alt.condition(
                alt.FieldEqualPredicate("cluster", REST), alt.value(0.35), alt.value(0.85)
            ),
            tooltip=[
                alt.Tooltip("text:N", title="text"),
                alt.Tooltip("time:T", title="at (UTC)", format="%Y-%m-%d %H:%M"),
                alt.Tooltip("cluster:N", title="cluster"),
            ],
        )
        .properties(height=MAP)
    )
    return drawn


def before_and_now(bars: pd.DataFrame, title: str, *, numeric: bool) -> Drawn:
    """One field's values in both stretches. Columns stretch, share; from and to of numbers, else value."""
    colour = alt.Color(
        "stretch:N",
        title=None,
        scale=alt.Scale(domain=STRETCHES, range=[BASELINE, OBSERVED]),
        legend=alt.Legend(orient="top", symbolOpacity=1),
    )
    base = alt.Chart(bars).encode(color=colour)
    return _histogram(base, title) if numeric else _bars(base, title, list(bars["value"]))


def _histogram(base: alt.Chart, title: str) -> Drawn:
    tips: list[Any] = [
        "stretch:N",
        alt.Tooltip("from:Q", format=",.4~g"),
        alt.Tooltip("to:Q", format=",.4~g"),
        SHARE_TIP,
    ]
    axis = alt.Axis(tickCount=6, format="~s")
    x = alt.X("from:Q", title=title, scale=alt.Scale(zero=False, nice=False), axis=axis)
    both = base.encode(x=x, y=share_axis("share", SHARE), tooltip=tips)
    old = both.transform_filter("datum.stretch == 'before'").mark_bar(opacity=0.55)
    new = both.transform_filter("datum.stretch == 'now'").mark_line(
        interpolate="step-after", strokeWidth=2.4
    )
    return alt.layer(old.encode(x2="to:Q", y2=alt.datum(0)), new).properties(height=HEIGHT)


def _bars(base: alt.Chart, title: str, values: list[str]) -> Drawn:
    order = list(dict.fromkeys(values))
    axis = alt.Axis(labelLimit=170, labelOverlap=False)
    drawn: Drawn = (
        base.mark_bar()
        .encode(
            y=alt.Y("value:N", title=title, sort=order, axis=axis),
            yOffset=alt.YOffset("stretch:N", sort=STRETCHES),
            x=alt.X("share:Q", title=SHARE, axis=alt.Axis(format=".1~%", tickCount=5)),
            tooltip=["value:N", "stretch:N", SHARE_TIP],
        )
        .properties(height=max(HEIGHT, 60 + ROW * len(order)))
    )
    return drawn


def years(frame: pd.DataFrame) -> Drawn:
    """Which year dates say, day by day. Columns day, year, dates, share, as `drift.story.years_written` makes them."""
    colour = alt.Color(
        "year:N",
        title=None,
        scale=alt.Scale(domain=list(YEARS), range=[OBSERVED, CURE, FAULT, CHANGE]),
        legend=alt.Legend(orient="top", columns=2),
    )
    drawn: Drawn = (
        alt.Chart(frame)
        .mark_bar(width=bar_width(int(frame["day"].nunique())))
        .encode(
            x=time_axis("day", "day of the call (UTC)"),
            y=share_axis("share", "share of its dates (%)"),
            color=colour,
            order=alt.Order("year:N"),
            tooltip=[
                alt.Tooltip("day:T", title="day (UTC)", format="%Y-%m-%d"),
                alt.Tooltip("year:N", title="says"),
                alt.Tooltip("dates:Q", format=","),
                alt.Tooltip("share:Q", format=".1%"),
            ],
        )
        .properties(height=HEIGHT)
    )
    return drawn


def lags(frame: pd.DataFrame, envelope: tuple[float, float] | None) -> Drawn:
    """Each date by when its call was and how far from that day it lies; slipped ones are marked.

    Args:
        frame: columns time, lag (days), slip ('' where there is none), value, why, trace.
        envelope: from and to which lag the field usually writes; None while that is not known.
    """
    rows = frame.assign(
        what=frame["slip"].where(frame["slip"] == "", "slipped").replace("", "usual")
    )
    y = alt.Y(
        "lag:Q",
        title=LAG,
        axis=alt.Axis(tickCount=8, format=",~r"),
    )
    tips: list[Any] = [
        alt.Tooltip("time:T", title="call (UTC)", format="%Y-%m-%d %H:%M"),
        alt.Tooltip("value:N", title="it says"),
        alt.Tooltip("lag:Q", title="days from the call", format="+,"),
        alt.Tooltip("slip:N", title="slipped"),
    ]
    domain = ["usual", "slipped"]
    points = (
        alt.Chart(rows)
        .mark_point(filled=True)
        .encode(
            x=time_axis("time"),
            y=y,
            color=alt.Color(
                "what:N",
                title=None,
                scale=alt.Scale(domain=domain, range=[OBSERVED, FAULT]),
                legend=alt.Legend(orient="top"),
            ),
            shape=alt.Shape(
                "what:N",
                scale=alt.Scale(domain=domain, range=["circle", "triangle-down"]),
                legend=None,
            ),
            size=alt.condition("datum.what == 'slipped'", alt.value(80), alt.value(18)),
            opacity=alt.condition("datum.what == 'slipped'", alt.value(1), alt.value(0.4)),
            tooltip=tips,
        )
    )
    if envelope is None:
        return alt.layer(points).properties(height=HEIGHT + 60)
    usual = pd.DataFrame({"low": [envelope[0]], "high": [envelope[1]]})
    band = (
        alt.Chart(usual)
        .mark_rect(color=BASELINE, opacity=0.2)
        .encode(
            y=alt.Y("low:Q", title=LAG),
            y2="high:Q",
            x=alt.value(0),
            x2=alt.value("width"),
            tooltip=[
                alt.Tooltip("low:Q", title="usual from (days)", format=",.0f"),
                alt.Tooltip("high:Q", title="to (days)", format=",.0f"),
            ],
        )
    )
    return alt.layer(band, points).properties(height=HEIGHT + 60)
