"""One trace as a debugger: its steps as waterfall or tree, where it first went wrong, and one step opened."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from dashboards import charts, data, words
from dashboards.address import choose
from dashboards.calls.finding import Opened, failing_neighbour
from dashboards.calls.tree import Placed, first_wrong, place, with_parents, wrongs
from dashboards.search import asked_search
from dashboards.shell import Desk, link
from dashboards.views.step import show_step
from dashboards.views.verdicts import show_scores
from dashboards.words import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboards.rows import Score, Span

__all__ = ["show_trace"]

WATERFALL_ROWS = 60
SHAPES = {"": "Waterfall", "tree": "Tree with costs"}
WATERFALL, TREE = "waterfall", "tree_table"


def show_trace(desk: Desk, trace_id: str) -> None:
    """A trace, opened at the step that first went wrong."""
    spans = data.trace_spans(desk.url, trace_id)
    _ways_out(desk, trace_id, spans)
    if not spans:
        st.title("Trace")
        st.warning(
            f"There is no trace {plain(words.cut(trace_id, 80))} in this store. It may have been"
            f" erased, be older than the {desk.settings.retention_days} days that rows are kept,"
            " or not have arrived yet."
        )
        return
    steps = place(spans)
    scores = data.trace_scores(
        desk.url, trace_id, next((span.session_id for span in spans if span.session_id), "")
    )
    wrong = wrongs(steps, scores)
    first = first_wrong(steps, wrong)
    _head(trace_id, steps, scores)
    here = _here(steps, first)
    _say_wrong(steps, wrong, first, here)
    shape = choose(
        st.segmented_control, "Steps as", SHAPES, name="steps", shown=SHAPES.__getitem__,
        required=True, label_visibility="collapsed",
    )  # fmt: skip
    if shape == "tree":
        _tree(steps, wrong, here)
    else:
        _waterfall(steps, wrong, here)
    _stepper(steps, here)
    show_step(desk, trace_id, steps[here], scores)
    show_scores(scores, spans)


def _ways_out(desk: Desk, trace_id: str, spans: list[Span]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("All calls", icon=":material/arrow_back:"):
            for name in ("trace_id", "span_id", "step"):
                st.query_params.pop(name, None)
            st.session_state.pop("call_list", None)
            st.rerun()
        if not spans:
            return
        times = [span.timestamp for span in spans]
        opened = Opened(trace_id, min(times), max(times))
        for label, key, later in (
            ("Previous failing trace", "Shift+K", False), ("Next failing trace", "Shift+J", True),
        ):  # fmt: skip
            st.button(
                label, icon=f":material/{'skip_next' if later else 'skip_previous'}:", shortcut=key,
                on_click=_to_failing, kwargs={"desk": desk, "opened": opened, "later": later},
                help="Of those that the filters and the search leave: an error, or a verdict that fails.",
            )  # fmt: skip
        if said := st.session_state.pop("no_failing", ""):
            st.caption(said)


def _to_failing(*, desk: Desk, opened: Opened, later: bool) -> None:
    """Runs once a click, before the page is drawn again."""
    found = failing_neighbour(
        desk.url, desk.filters, asked_search(st.query_params), of=opened, later=later
    )
    if found:
        st.query_params["trace_id"] = found
        st.query_params.pop("step", None)
    else:
        where = "after" if later else "before"
        st.session_state["no_failing"] = f"No trace {where} this one failed, within the filters."


def _head(trace_id: str, steps: list[Placed], scores: list[Score]) -> None:
    root = steps[0].span
    st.title(plain(words.cut(root.name, 120) or "Trace"), anchor=False)
    calls = [step.span for step in steps if step.span.kind == "call"]
    priced = [span.cost_usd for span in calls if span.cost_usd is not None]
    errors = sum(step.span.status == "error" for step in steps)
    facts = [
        words.when(root.timestamp),
        *([f"service {root.service}"] if root.service else []),
        *([f"release {root.release}"] if root.release else []),
        f"took {words.duration(max(step.end_ms for step in steps))}",
        words.noun(len(steps), "step"),
        words.noun(len(calls), "LLM call"),
        *([f"cost {words.money(sum(priced))}"] if priced else ["no price known"] if calls else []),
        words.noun(errors, "error"),
        words.noun(len(scores), "score"),
        *(f"{name} {value}" for name, value in sorted(root.tags.items())),
        *([f"user {root.user_id}"] if root.user_id else []),
    ]
    st.markdown(" · ".join(plain(words.cut(fact, 80)) for fact in facts))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"Trace {plain(words.cut(trace_id, 80))}", width="content")
        session = next((step.span.session_id for step in steps if step.span.session_id), "")
        if session:
            link(f"Session {words.cut(session, 60)} as one conversation", "calls", session=session)
    if len(steps) >= data.MOST_STEPS:
        st.warning(f"The first {words.count(data.MOST_STEPS)} steps are shown; the trace has more.")


def _here(steps: list[Placed], first: int | None) -> int:
    """The step that the address names, by place or span; else where it first went wrong, else the first call."""
    asked = str(st.query_params.get("step", ""))
    if asked.isascii() and asked.isdigit() and len(asked) < 9:
        return min(max(int(asked) - 1, 0), len(steps) - 1)
    named = str(st.query_params.get("span_id", ""))
    if named and (found := [at for at, step in enumerate(steps) if step.span.span_id == named]):
        return found[0]
    if first is not None:
        return first
    return next((index for index, step in enumerate(steps) if step.span.kind == "call"), 0)


def _go_to(step: int) -> None:
    """Runs once a click, before the page is drawn again."""
    st.query_params["step"] = str(step + 1)


def _say_wrong(steps: list[Placed], wrong: Mapping[int, str], first: int | None, here: int) -> None:
    if first is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f":orange[**First went wrong**]: step {first + 1},"
            f" {plain(words.cut(steps[first].span.name, 60))}: {plain(words.cut(wrong[first], 100))}"
            + (f" · {words.noun(len(wrong), 'step')} wrong in all" if len(wrong) > 1 else ""),
            width="content",
        )
        st.button(
            "Show that step", icon=":material/target:", shortcut="w", disabled=here == first,
            on_click=_go_to, args=(first,),
        )  # fmt: skip


def _waterfall(steps: list[Placed], wrong: Mapping[int, str], here: int) -> None:
    begin = max(0, min(here - WATERFALL_ROWS // 3, len(steps) - WATERFALL_ROWS))
    shown = range(begin, min(begin + WATERFALL_ROWS, len(steps)))
    st.altair_chart(
        charts.waterfall(steps, here, wrong=wrong, shown=shown),
        key=WATERFALL, on_select=_bar_chosen, selection_mode=charts.STEP,
    )  # fmt: skip
    if len(steps) > len(shown):
        st.caption(
            f"Steps {begin + 1} to {shown[-1] + 1} of {words.count(len(steps))} are drawn, around"
            " the one that is opened; the tree has all."
        )


def _bar_chosen() -> None:
    state: Any = st.session_state.get(WATERFALL)
    chosen = ((state or {}).get("selection") or {}).get(charts.STEP) or []
    if chosen and "place" in chosen[0]:
        _go_to(int(chosen[0]["place"]))


def _tree(steps: list[Placed], wrong: Mapping[int, str], here: int) -> None:
    shown = list(range(len(steps)))
    if wrong and len(steps) > WATERFALL_ROWS:
        many = f"Only what went wrong, and what it stands in ({len(wrong)} of {len(steps)} steps)"
        if st.toggle(many, value=True, key="only_wrong"):
            shown = sorted(with_parents(steps, [*wrong, here]))
    placed = [(index, steps[index]) for index in shown]
    rows = pd.DataFrame(
        {
            "here": ["▶" if index == here else "" for index in shown],
            "number": [index + 1 for index in shown],
            "step": [
                "\u2003" * step.depth + ("└ " if step.depth else "") + _name(step.span)
                for _, step in placed
            ],
            "kind": [charts.KINDS.get(step.span.kind, step.span.kind) for _, step in placed],
            "wrong": [words.visible(wrong.get(index, "")) for index in shown],
            "took": [step.span.duration_ms for _, step in placed],
            "own": [step.own_ms for _, step in placed],
            "cost": pd.Series([step.cost_usd for _, step in placed], dtype="float64"),
            "own_cost": pd.Series([step.span.cost_usd for _, step in placed], dtype="float64"),
        }
    )
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    st.dataframe(
        rows if rows["cost"].notna().any() else rows.drop(columns=["cost", "own_cost"]),
        hide_index=True, height=min(38 + 35 * len(rows), 430), key=TREE, placeholder="",
        on_select=functools.partial(_row_chosen, shown), selection_mode="single-row",
        column_config={
            "here": text("", width=30), "number": number("#", width=50),
            "step": text("Step", width=300), "kind": text("Kind", width=80),
            "wrong": text("What is wrong", width=160),
            "took": number("Took (ms)", format="%.1f", width=90),
            "own": number("Own time (ms)", format="%.1f", width=105),
            "cost": number("Cost (USD)", format="%.5f", width=90),
            "own_cost": number("Own cost (USD)", format="%.5f", width=110),
        },
    )  # fmt: skip
    st.caption(
        "Time and cost are with the steps below; own time is that in which no step below ran, own"
        " cost the step's alone. Choose a row to open its step."
    )


def _name(span: Span) -> str:
    return words.visible(" ".join(words.cut(span.name or span.kind, 80).split()))


def _row_chosen(shown: list[int]) -> None:
    state: Any = st.session_state.get(TREE)
    rows = ((state or {}).get("selection") or {}).get("rows") or []
    if rows and rows[0] < len(shown):
        _go_to(shown[int(rows[0])])


def _stepper(steps: list[Placed], here: int) -> None:
    """Previous and next; the step is in the address."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Previous step", icon=":material/chevron_left:", disabled=here == 0, shortcut="k",
            on_click=_go_to, args=(here - 1,),
        )  # fmt: skip
        st.button(
            "Next step", icon=":material/chevron_right:", icon_position="right",
            disabled=here == len(steps) - 1, shortcut="j", on_click=_go_to, args=(here + 1,),
        )  # fmt: skip
        st.markdown(f"Step **{here + 1}** of {words.count(len(steps))}", width="content")
