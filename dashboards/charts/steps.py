"""The steps of one trace on its time axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import altair as alt
import pandas as pd

from dashboards.charts.look import BASELINE, FAULT, FRAME, OBSERVED, ROW, Drawn

if TYPE_CHECKING:
    from dashboards.trace import Placed

__all__ = ["waterfall"]

KINDS = {
    "call": "LLM call",
    "tool": "tool",
    "retriever": "retriever",
    "agent": "agent",
    "chain": "chain",
    "function": "function",
}


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
