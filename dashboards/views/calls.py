"""What happened? The calls that match, and one trace of them opened step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboards import charts, data, words
from dashboards import trace as reading
from dashboards.shell import Desk, view
from dashboards.views.overview import say_why_empty
from dashboards.views.step import show_scores, show_step
from dashboards.words import plain

if TYPE_CHECKING:
    import pandas as pd

    from dashboards.rows import Score

__all__ = ["show"]

STATUSES = {"": "Any end", "ok": "Answered", "error": "Error", "abandoned": "Abandoned"}
WATERFALL_ROWS = 60


@view
def show(desk: Desk) -> None:
    """The list, or the trace that the address names."""
    trace_id = str(st.query_params.get("trace_id", "")).strip()
    if trace_id:
        _trace(desk, trace_id)
    else:
        _list(desk)


def _list(desk: Desk) -> None:
    st.title("Calls")
    left, middle, right = st.columns([3, 1, 1])
    search = left.text_input(
        "Search",
        key="q",
        bind="query-params",
        placeholder="text in the input or output, or a trace id",
        max_chars=200,
    )
    status = middle.selectbox(
        "Ended", list(STATUSES), format_func=STATUSES.__getitem__, key="status", bind="query-params"
    )
    score = right.selectbox(
        "Failed score",
        _scores(desk),
        format_func=lambda name: words.visible(name) or "Any",
        key="score",
        bind="query-params",
    )
    totals = data.call_totals(desk.url, desk.filters, search.strip(), status, score)
    if not totals.calls:
        if search or status or score:
            st.info(
                "No call matches the search. Take a word away, or choose another time in the side bar."
            )
        else:
            say_why_empty(desk)
        return
    errors = words.rate(round((totals.error_share or 0) * totals.calls), totals.calls)
    st.markdown(
        f"**{words.noun(totals.calls, 'call')}** · errors {plain(errors)}"
        f" · cost {plain(words.money(totals.cost_usd))}"
        f"{f' ({words.count(totals.unpriced)} without known cost)' if totals.unpriced else ''}"
        f" · p50 {words.duration(totals.p50_ms)} · p99 {words.duration(totals.p99_ms)} · {desk.range_words}"
    )
    calls = data.call_list(desk.url, desk.filters, search.strip(), status, score)
    if totals.calls > len(calls):
        st.caption(
            f"The newest {words.count(len(calls))} of {words.count(totals.calls)} are listed."
            " Choose a row to open its trace."
        )
    else:
        st.caption("Choose a row to open its trace.")
    chosen = _table(calls)
    if chosen:
        st.query_params["trace_id"] = chosen
        st.rerun()


def _scores(desk: Desk) -> list[str]:
    asked = str(st.query_params.get("score", ""))
    names = ["", *data.score_names(desk.url)]
    return names if asked in names else [*names, asked]


def _table(calls: pd.DataFrame) -> str:
    """The list; returns the trace that was chosen, or ''."""
    shown = calls.assign(
        input=calls["input"].map(lambda text: words.visible(" ".join(text.split()))),
        output=calls["output"].map(lambda text: words.visible(" ".join(text.split()))),
        end=calls["status"].map(STATUSES).fillna(calls["status"]),
        tokens=calls["input_tokens"].fillna(0).astype("int64")
        + calls["output_tokens"].fillna(0).astype("int64"),
    )
    event = st.dataframe(
        shown,
        hide_index=True,
        height=560,
        key="call_list",
        on_select="rerun",
        selection_mode="single-row",
        column_order=[
            "timestamp",
            "input",
            "output",
            "end",
            "duration_ms",
            "cost_usd",
            "tokens",
            "release",
            "service",
            "request_model",
            "error_type",
            "trace_id",
        ],
        column_config={
            "timestamp": st.column_config.DatetimeColumn(
                "Time (UTC)", format="YYYY-MM-DD HH:mm:ss", timezone="UTC", width=150
            ),
            "input": st.column_config.TextColumn("Input", width=260),
            "output": st.column_config.TextColumn("Output", width=260),
            "end": st.column_config.TextColumn("Ended", width=80),
            "duration_ms": st.column_config.NumberColumn("Took (ms)", format="%.0f", width=80),
            "cost_usd": st.column_config.NumberColumn("Cost (USD)", format="%.5f", width=85),
            "tokens": st.column_config.NumberColumn("Tokens", format="localized", width=70),
            "release": "Release",
            "service": "Service",
            "request_model": "Model",
            "error_type": "Error",
            "trace_id": "Trace",
        },
    )
    st.download_button(
        "Download these rows as CSV",
        calls.to_csv(index=False),
        "calls.csv",
        "text/csv",
        on_click="ignore",
    )
    rows = event["selection"]["rows"]
    return str(calls.iloc[rows[0]]["trace_id"]) if rows else ""


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
