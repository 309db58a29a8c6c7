"""Charts: a frame in, an Altair chart out; no store, no widget, no clock.

Colours have meanings and no chart uses another: blue is what was observed, orange is a fault, grey
is the baseline or what is not ripe yet, green is the candidate or the cure, purple is a change that
people made. They stay apart for the colour-blind, and line dashes or shapes say the same again. Every
axis carries its unit; times are UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import altair as alt
import pandas as pd

from monitor.drift.intervals import wilson

if TYPE_CHECKING:
    from dashboards.trace import Placed

__all__ = [
    "comparison",
    "composition",
    "evidence",
    "forest",
    "incident_rate",
    "judge_spend",
    "latency",
    "ledger",
    "quality",
    "rates",
    "spend",
    "volume",
    "waterfall",
    "with_intervals",
]

Drawn: TypeAlias = "alt.Chart | alt.LayerChart | alt.FacetChart"
"""What every function here returns; `st.altair_chart` draws it."""
OBSERVED, FAULT, BASELINE, CURE, CHANGE = "#2b7bba", "#d95f02", "#888888", "#1b9e77", "#8f7ee7"
HEIGHT = 270
"""Pixels of a chart over time, its axes and legend included."""
ROW = 26
FRAME = 110
"""Pixels that axis, title and legend take of a chart whose height follows its rows."""
KINDS = {
    "call": "LLM call",
    "tool": "tool",
    "retriever": "retriever",
    "agent": "agent",
    "chain": "chain",
    "function": "function",
}


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


def _time(name: str, title: str = "time of the call (UTC)") -> alt.X:
    return alt.X(
        f"{name}:T",
        title=title,
        scale=alt.Scale(type="utc"),
        axis=alt.Axis(labelOverlap=True, tickCount=7, grid=False),
    )


def _share(name: str, title: str) -> alt.Y:
    return alt.Y(
        f"{name}:Q",
        title=title,
        axis=alt.Axis(format=".1~%", tickCount=5),
        scale=alt.Scale(zero=True),
    )


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
        .encode(x=_time("time"), color=colour, strokeDash=dash, tooltip=tips)
    )
    if not labelled:
        return [rules]
    labels = [
        alt.Chart(marks[marks["late"] == late])
        .mark_text(align="right" if late else "left", dx=-4 if late else 4, fontSize=11, limit=190)
        .encode(
            x=_time("time"),
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


def _with_marks(
    layers: Sequence[alt.Chart], marks: pd.DataFrame | None, *, labelled: bool = False
) -> Drawn:
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


def quality(frame: pd.DataFrame, marks: pd.DataFrame | None = None) -> Drawn:
    """Failing share of one score over time with its 95 % band; grey where it is not ripe.

    Args:
        frame: columns bucket, failures, n, immature.
        marks: columns time, what, meaning.
    """
    rows = with_intervals(frame)
    title = "failing share (%)"
    pale = alt.condition("datum.immature", alt.value(BASELINE), alt.value(OBSERVED))
    tips: list[Any] = [
        alt.Tooltip("bucket:T", title="from (UTC)", format="%Y-%m-%d %H:%M"),
        alt.Tooltip("rate:Q", title="failing", format=".2%"),
        alt.Tooltip("low:Q", title="95 % from", format=".2%"),
        alt.Tooltip("high:Q", title="to", format=".2%"),
        alt.Tooltip("n:Q", title="n", format=","),
        alt.Tooltip("immature:N", title="not ripe yet"),
    ]
    base = alt.Chart(rows).encode(x=_time("bucket"))
    band = base.mark_area(opacity=0.2, color=OBSERVED).encode(y=_share("low", title), y2="high:Q")
    line = base.mark_line(strokeWidth=1.6, color=OBSERVED).encode(y=_share("rate", title))
    points = base.mark_circle(size=44, opacity=1).encode(
        y=_share("rate", title), color=pale, tooltip=tips
    )
    return _with_marks([band, line, points], marks, labelled=True)


def volume(frame: pd.DataFrame, marks: pd.DataFrame | None = None) -> Drawn:
    """Calls over time, those that ended in an error on top. Columns bucket, calls, errors."""
    rows = frame.assign(answered=frame["calls"] - frame["errors"])
    long = rows.melt(["bucket"], ["answered", "errors"], "ended", "how_many")
    long["ended"] = long["ended"].map({"answered": "answered", "errors": "error"})
    bars = (
        alt.Chart(long)
        .mark_bar(binSpacing=0, width=_bar_width(len(rows)))
        .encode(
            x=_time("bucket"),
            y=alt.Y("how_many:Q", title="calls", axis=alt.Axis(tickCount=5, format="~s")),
            color=alt.Color(
                "ended:N",
                title=None,
                scale=alt.Scale(domain=["answered", "error"], range=[OBSERVED, FAULT]),
                legend=alt.Legend(orient="top"),
            ),
            order=alt.Order("ended:N"),
            tooltip=[
                alt.Tooltip("bucket:T", title="from (UTC)", format="%Y-%m-%d %H:%M"),
                "ended:N",
                alt.Tooltip("how_many:Q", title="calls", format=","),
            ],
        )
    )
    return _with_marks([bars], marks)


def _bar_width(bars: int) -> float:
    return max(2, min(26, 480 / max(1, bars)))


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
            x=_time("bucket"),
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
    return _with_marks([lines], marks)


def spend(frame: pd.DataFrame, marks: pd.DataFrame | None = None) -> Drawn:
    """Cost over time. Columns bucket, cost_usd, input_tokens, output_tokens."""
    bars = (
        alt.Chart(frame)
        .mark_bar(color=OBSERVED, width=_bar_width(len(frame)))
        .encode(
            x=_time("bucket"),
            y=alt.Y("cost_usd:Q", title="cost (USD)", axis=alt.Axis(tickCount=5, format="$~g")),
            tooltip=[
                alt.Tooltip("bucket:T", title="from (UTC)", format="%Y-%m-%d %H:%M"),
                alt.Tooltip("cost_usd:Q", title="USD", format=",.4f"),
                alt.Tooltip("input_tokens:Q", title="input tokens", format=","),
                alt.Tooltip("output_tokens:Q", title="output tokens", format=","),
            ],
        )
    )
    return _with_marks([bars], marks)


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
    base = alt.Chart(rows).encode(x=_time("bucket"))
    band = base.mark_area(color=OBSERVED, opacity=0.2).encode(
        y=_share("low", "faults per call (%)"), y2="high:Q"
    )
    line = base.mark_line(color=OBSERVED, strokeWidth=2).encode(
        y=_share("rate", "faults per call (%)")
    )
    points = base.mark_circle(color=OBSERVED, size=36).encode(
        y=_share("rate", "faults per call (%)"), tooltip=tips
    )
    level = (
        alt.Chart(pd.DataFrame({"baseline": [baseline]}))
        .mark_rule(color=BASELINE, strokeDash=[6, 4], strokeWidth=2)
        .encode(
            y=_share("baseline", "faults per call (%)"),
            tooltip=[alt.Tooltip("baseline:Q", title="baseline", format=".2%")],
        )
    )
    told = [{"time": started_at, "what": "began here", "meaning": "fault"}]
    if resolved_at is not None:
        told.append({"time": resolved_at, "what": "resolved", "meaning": "change"})
    return _with_marks([band, level, line, points], pd.DataFrame(told), labelled=True)


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
            x=_time("window_end", "end of the window looked at (UTC)"),
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


def waterfall(steps: Sequence[Placed], selected: int) -> Drawn:
    """Steps of a trace on its time axis, in tree order; the selected one is outlined."""
    rows = pd.DataFrame(
        {
            "step": [
                f"{place + 1:>2}  {'· ' * min(step.depth, 6)}{step.span.name or step.span.kind}"[
                    :46
                ]
                for place, step in enumerate(steps)
            ],
            "start": [step.start_ms for step in steps],
            "end": [max(step.end_ms, step.start_ms) for step in steps],
            "took": [step.span.duration_ms for step in steps],
            "what": [
                "error"
                if step.span.status == "error"
                else "LLM call"
                if step.span.kind == "call"
                else "other step"
                for step in steps
            ],
            "kind": [KINDS.get(step.span.kind, step.span.kind) for step in steps],
            "chosen": [place == selected for place in range(len(steps))],
        }
    )
    order = list(rows["step"])
    y = alt.Y(
        "step:N",
        sort=order,
        title=None,
        axis=alt.Axis(
            labelLimit=260,
            labelFont="monospace",
            labelAlign="left",
            labelPadding=210,
            ticks=False,
            domain=False,
        ),
    )
    tips: list[Any] = [
        "step:N",
        "kind:N",
        alt.Tooltip("start:Q", title="starts at (ms)", format=",.1f"),
        alt.Tooltip("took:Q", title="takes (ms)", format=",.1f"),
        "what:N",
    ]
    back = (
        alt.Chart(rows[rows["chosen"]])
        .mark_bar(color=BASELINE, opacity=0.25, height=ROW - 2)
        .encode(y=y, x=alt.value(0), x2=alt.value("width"))
    )
    bars = (
        alt.Chart(rows)
        .mark_bar(height=ROW * 0.55, minBandSize=2, cornerRadius=2)
        .encode(
            y=y,
            x=alt.X(
                "start:Q",
                title="time since the trace began (ms)",
                axis=alt.Axis(tickCount=6, format=",~r"),
            ),
            x2="end:Q",
            color=alt.Color(
                "what:N",
                title=None,
                scale=alt.Scale(
                    domain=["LLM call", "other step", "error"], range=[OBSERVED, BASELINE, FAULT]
                ),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=tips,
        )
    )
    ticks = (
        alt.Chart(rows)
        .mark_tick(thickness=2, size=ROW * 0.55)
        .encode(
            y=y,
            x="start:Q",
            color=alt.Color(
                "what:N",
                scale=alt.Scale(
                    domain=["LLM call", "other step", "error"], range=[OBSERVED, BASELINE, FAULT]
                ),
                legend=None,
            ),
            tooltip=tips,
        )
    )
    return alt.layer(back, bars, ticks).properties(height=ROW * len(steps) + FRAME)


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
            x=_time("bucket", "time of arrival (UTC)"),
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
            x=_time("day", "day (UTC)"),
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
