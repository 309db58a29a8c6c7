"""What happened? The calls that match, and one trace of them opened step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboards import charts, data, words
from dashboards import trace as reading
from dashboards.shell import Desk, view
from dashboards.views.call_list import show_list
from dashboards.views.step import show_scores, show_step
from dashboards.words import plain

if TYPE_CHECKING:
    from dashboards.rows import Score

__all__ = ["show"]

WATERFALL_ROWS = 60


@view
def show(desk: Desk) -> None:
    """The list, or the trace that the address names."""
    trace_id = str(st.query_params.get("trace_id", "")).strip()
    if trace_id:
        _trace(desk, trace_id)
    else:
        show_list(desk)


def _trace(desk: Desk, trace_id: str) -> None:
    if st.button("All calls", icon=":material/arrow_back:"):
        _leave()
    spans = data.trace_spans(desk.url, trace_id)
    if not spans:
        st.title("Trace")
        st.warning(
            f"There is no trace {plain(words.cut(trace_id, 80))} in this store. It may have been"
            " erased, be older than the"
            f" {desk.settings.retention_days} days that rows are kept, or not have arrived yet."
        )
        return
    steps = reading.place(spans)
    scores = data.trace_scores(
        desk.url, trace_id, next((span.session_id for span in spans if span.session_id), "")
    )
    _head(trace_id, steps, scores)
    place = _stepper(steps)
    st.altair_chart(charts.waterfall(steps[:WATERFALL_ROWS], place))
    if len(steps) > WATERFALL_ROWS:
        st.caption(
            f"The first {WATERFALL_ROWS} of {len(steps)} steps are drawn; step through the rest with the buttons."
        )
    show_step(desk, trace_id, steps[place], scores)
    show_scores(scores, spans)


def _leave() -> None:
    for name in ("trace_id", "step"):
        st.query_params.pop(name, None)
    st.session_state.pop("call_list", None)
    st.rerun()


def _head(trace_id: str, steps: list[reading.Placed], scores: list[Score]) -> None:
    root = steps[0].span
    st.title(plain(root.name or "Trace"), anchor=False)
    calls = [step.span for step in steps if step.span.kind == "call"]
    priced = [span.cost_usd for span in calls if span.cost_usd is not None]
    errors = sum(step.span.status == "error" for step in steps)
    facts = [
        words.when(root.timestamp),
        f"service {root.service or 'unknown'}",
        f"release {root.release or 'unknown'}",
        f"took {words.duration(max(step.end_ms for step in steps))}",
        words.noun(len(steps), "step"),
        words.noun(len(calls), "LLM call"),
        f"cost {words.money(sum(priced))}" if priced else "cost unknown",
        words.noun(errors, "error"),
        words.noun(len(scores), "score"),
        *(f"{name} {value}" for name, value in sorted(root.tags.items())),
        *([f"session {root.session_id}"] if root.session_id else []),
        *([f"user {root.user_id}"] if root.user_id else []),
    ]
    st.markdown(" · ".join(plain(words.cut(fact, 80)) for fact in facts))
    st.caption(f"Trace {plain(words.cut(trace_id, 80))}")


def _go_to(place: int) -> None:
    """Runs once a click, before the page is drawn again."""
    st.query_params["step"] = str(place + 1)


def _stepper(steps: list[reading.Placed]) -> int:
    """Previous and next; the step is in the address, and begins where things first went wrong."""
    asked = str(st.query_params.get("step", ""))
    place = int(asked) - 1 if asked.isdigit() else reading.first_wrong(steps)
    place = min(max(place, 0), len(steps) - 1)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Previous step",
            icon=":material/chevron_left:",
            disabled=place == 0,
            shortcut="k",
            on_click=_go_to,
            args=(place - 1,),
        )
        st.button(
            "Next step",
            icon=":material/chevron_right:",
            icon_position="right",
            disabled=place == len(steps) - 1,
            shortcut="j",
            on_click=_go_to,
            args=(place + 1,),
        )
        st.markdown(f"Step **{place + 1}** of {len(steps)}", width="content")
    return place
