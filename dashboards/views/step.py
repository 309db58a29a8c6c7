"""One step of a trace: its conversation, its answer against the right one, its scores."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from dashboards import data, words
from dashboards import trace as reading
from dashboards.address import choose
from dashboards.calls import reads
from dashboards.charts import KINDS
from dashboards.views.step_looks import show_nearby, show_raw, show_use
from dashboards.views.texts import show_messages, show_text
from dashboards.views.verdicts import show_comparison
from dashboards.words import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.calls.pairing import ToolRun
    from dashboards.calls.tree import Placed
    from dashboards.rows import Score, Span, StepTexts
    from dashboards.shell import Desk

__all__ = ["show_step"]

LOOKS = {
    "": "What was said",
    "similar": "Similar calls",
    "use": "Datasets and releases",
    "raw": "Raw span",
}
PANELS = {"similar": show_nearby, "use": show_use, "raw": show_raw}


def show_step(desk: Desk, trace_id: str, step: Placed, scores: Sequence[Score]) -> None:
    """What went in, what came out, and how that compares; or one of the other looks at it."""
    span = step.span
    kind = KINDS.get(span.kind, span.kind)
    st.subheader(plain(words.cut(f"{kind}: {span.name}", 160)), anchor=False)
    st.markdown(" · ".join(plain(words.cut(fact, 100)) for fact in _facts(step)))
    if span.status == "error":
        st.error(
            f"{plain(span.error_type or 'Error')}:"
            f" {plain(words.cut(span.error_message, 600)) or 'the sender gave no message'}"
        )
    elif span.status == "abandoned":
        st.warning("The app stopped reading before the end; this is what had arrived.")
    looks = LOOKS if span.kind == "call" else {name: LOOKS[name] for name in ("", "raw")}
    look = choose(
        st.segmented_control, "Look at", looks, name="look", shown=looks.__getitem__,
        required=True, label_visibility="collapsed",
    )  # fmt: skip
    if look:
        PANELS[look](desk, trace_id, span)
    else:
        _said(desk, trace_id, span, scores)


def _said(desk: Desk, trace_id: str, span: Span, scores: Sequence[Score]) -> None:
    texts = reads.step_texts(desk.url, trace_id, span)
    runs = reads.tool_runs(desk.url, trace_id, span.timestamp, texts.output_messages)
    left, right = st.columns(2)
    with left:
        st.markdown("**Input**")
        show_messages(
            reading.conversation(texts.input_messages), texts.input, _nothing(span, "input")
        )
        _say_cut(texts.input, texts.input_length)
    with right:
        st.markdown("**Output**")
        _output(span, texts, runs)
        _say_cut(texts.output, texts.output_length)
    show_comparison(span, texts.output, scores)
    if max(texts.input_length, texts.output_length) > data.LONGEST_TEXT:
        st.download_button(
            "Download the whole text",
            functools.partial(data.span_texts, desk.url, trace_id, span.span_id),
            "step.txt",
            "text/plain",
            on_click="ignore",
        )


def _nothing(span: Span, what: str) -> str:
    """Why there is no text, in words."""
    if what == "output" and span.status == "error":
        return "There is no output: it ended in the error above."
    if what == "output" and span.kind == "call" and span.name == "embeddings":
        return "An embedding has no text as its answer."
    return (
        f"The sender sent no {what} with this step"
        + (f" (its dialect is {plain(span.convention)})." if span.convention else ".")
        + " Capturing texts may be switched off there; the raw span shows all that it did send."
    )


def _facts(step: Placed) -> list[str]:
    span = step.span
    facts = [f"took {words.duration(span.duration_ms)}"]
    if step.steps > 1:
        facts[0] += f" (own time {words.duration(step.own_ms)})"
    if span.kind == "call":
        facts += _call_facts(span)
    elif step.cost_usd is not None:
        facts.append(f"cost with its children {words.money(step.cost_usd)}")
    return [*facts, f"dialect {span.convention}"] if span.convention else facts


def _call_facts(span: Span) -> list[str]:
    model = span.response_model or span.request_model
    asked = span.request_model if span.request_model != model else ""
    facts = [f"model {model}" + (f" (asked for {asked})" if asked else "")] if model else []
    if span.provider:
        facts.append(f"from {span.provider}")
    if span.input_tokens is None and span.output_tokens is None:
        facts.append("no token counts told")
    else:
        told = [
            f"{words.count(count)} tokens {way}"
            for count, way in ((span.input_tokens, "in"), (span.output_tokens, "out"))
            if count is not None
        ]
        facts.append(", ".join(told) + (" (estimated)" if span.usage_estimated else ""))
    facts.append(
        f"cost {words.money(span.cost_usd)}" if span.cost_usd is not None else "no price known"
    )
    if span.time_to_first_token_ms is not None:
        facts.append(f"first token after {words.duration(span.time_to_first_token_ms)}")
    if span.prompt_name or span.prompt_version:
        facts.append(f"prompt {span.prompt_name} {span.prompt_version}".strip())
    if span.finish_reason:
        facts.append(f"finished: {span.finish_reason}")
    return facts


def _output(span: Span, texts: StepTexts, runs: Sequence[ToolRun]) -> None:
    if not runs and reading.decoded(texts.output) is not None:
        show_text(texts.output, "")
        return
    messages = reading.conversation(texts.output_messages)
    if runs:  # shown below, each with its result
        messages = [one for one in map(_without_calls, messages) if one.parts]
    if messages or not runs:
        show_messages(messages, texts.output, _nothing(span, "output"))
    for run in runs:
        _tool(run)


def _without_calls(message: reading.Message) -> reading.Message:
    return replace(message, parts=tuple(p for p in message.parts if p.kind != "tool_call"))


def _tool(run: ToolRun) -> None:
    with st.container(border=True):
        st.caption(f":material/build: calls the tool {plain(words.cut(run.name, 80))}")
        show_text(run.arguments, "without arguments")
        if run.result is None:
            st.caption("What it answered is told nowhere in this trace.")
            return
        where = "the next call was sent" if run.told_by == "message" else "its own step says"
        st.caption(f"and gets (so {where})")
        show_text(run.result, "(an empty answer)")


def _say_cut(text: str, length: int) -> None:
    if length > len(text):
        st.caption(
            f"The first {words.count(len(text))} of {words.count(length)} characters are shown."
        )
