"""The steps of one trace on its time axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import altair as alt
import pandas as pd

from dashboards import words
from dashboards.charts.look import BASELINE, FAULT, FRAME, OBSERVED, ROW, Drawn

if TYPE_CHECKING:
    from dashboards.calls.tree import Placed

__all__ = ["KINDS", "STEP", "waterfall"]

STEP = "step"
"""Name of the selection: the step that a person clicks."""
KINDS = {
    "call": "LLM call",
    "tool": "tool",
    "retriever": "retriever",
    "agent": "agent",
    "chain": "chain",
    "function": "function",
    "span": "step",
    "db": "database",
    "http": "HTTP request",
}
LONGEST_NAME = 46
COLOUR = alt.Scale(
    domain=["LLM call", "other step", "went wrong"], range=[OBSERVED, BASELINE, FAULT]
)


def waterfall(
    steps: Sequence[Placed],
    selected: int,
    *,
    wrong: Mapping[int, str] | None = None,
    shown: range | None = None,
) -> Drawn:
    """Steps of a trace on its time axis, in tree order; the selected one is outlined.

    Args:
        steps: all of them.
        selected: index of the one that is opened.
        wrong: what is wrong with a step, by its index.
        shown: which steps are drawn; all where it is not given.
    """
    rows = _rows(steps, selected, wrong or {}, shown or range(len(steps)))
    y = alt.Y(
        "step:N",
        sort=list(rows["step"]),
        title=None,
        axis=alt.Axis(
            labelLimit=260, labelFont="monospace", labelAlign="left", labelPadding=210,
            ticks=False, domain=False,
        ),
    )  # fmt: skip
    x = alt.X(
        "start:Q",
        title="time since the trace began (ms)",
        axis=alt.Axis(tickCount=6, format=",~r"),
    )
    colour = alt.Color(
        "what:N", title=None, scale=COLOUR, legend=alt.Legend(orient="top", labelLimit=200)
    )
    back = (
        alt.Chart(rows[rows["chosen"]])
        .mark_bar(color=BASELINE, opacity=0.25, height=ROW - 2)
        .encode(y=y, x=alt.value(0), x2=alt.value("width"))
    )
    bars = (
        alt.Chart(rows)
        .mark_bar(height=ROW * 0.55, minBandSize=2, cornerRadius=2, cursor="pointer")
        .encode(y=y, x=x, x2="end:Q", color=colour, tooltip=_tips())
    )
    ticks = (
        alt.Chart(rows)
        .mark_tick(thickness=2, size=ROW * 0.55)
        .encode(y=y, x="start:Q", color=colour, tooltip=_tips())
    )
    click = alt.selection_point(name=STEP, fields=["place"], on="click", empty=False)
    return alt.layer(back, ticks, bars.add_params(click)).properties(height=ROW * len(rows) + FRAME)


def _rows(
    steps: Sequence[Placed], selected: int, wrong: Mapping[int, str], shown: range
) -> pd.DataFrame:
    drawn = [(place, steps[place]) for place in shown]
    return pd.DataFrame(
        {
            "place": list(shown),
            "step": [_label(place, step) for place, step in drawn],
            "start": [step.start_ms for _, step in drawn],
            "end": [max(step.end_ms, step.start_ms) for _, step in drawn],
            "took": [step.span.duration_ms for _, step in drawn],
            "own": [step.own_ms for _, step in drawn],
            "cost": [
                "unknown" if step.cost_usd is None else words.money(step.cost_usd)
                for _, step in drawn
            ],
            "what": [_meaning(place, step, wrong) for place, step in drawn],
            "kind": [KINDS.get(step.span.kind, step.span.kind) for _, step in drawn],
            "wrong": [words.visible(wrong.get(place, "")) for place in shown],
            "chosen": [place == selected for place in shown],
        }
    )


def _label(place: int, step: Placed) -> str:
    name = words.visible(" ".join((step.span.name or step.span.kind).split()))
    return words.cut(f"{place + 1:>2}  {'· ' * min(step.depth, 6)}{name}", LONGEST_NAME)


def _meaning(place: int, step: Placed, wrong: Mapping[int, str]) -> str:
    if place in wrong:
        return "went wrong"
    return "LLM call" if step.span.kind == "call" else "other step"


def _tips() -> list[Any]:
    return [
        "step:N",
        "kind:N",
        alt.Tooltip("start:Q", title="starts at (ms)", format=",.1f"),
        alt.Tooltip("took:Q", title="takes (ms)", format=",.1f"),
        alt.Tooltip("own:Q", title="own time (ms)", format=",.1f"),
        alt.Tooltip("cost:N", title="cost with children"),
        alt.Tooltip("wrong:N", title="what is wrong"),
    ]
