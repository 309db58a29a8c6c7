"""One step of a trace: its conversation, its answer against the right one, its scores."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboards import data, words
from dashboards import trace as reading
from dashboards.words import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.rows import Score, Span
    from dashboards.shell import Desk

__all__ = ["show_messages", "show_scores", "show_step", "show_text"]

AVATARS = {
    "user": "user",
    "assistant": "assistant",
    "system": ":material/settings:",
    "tool": ":material/build:",
}
PART_NAMES = {
    "tool_call": "calls the tool",
    "tool_result": "the tool answers",
    "reasoning": "thinks",
}
MOST_MESSAGES = 50


def show_step(desk: Desk, trace_id: str, step: reading.Placed, scores: Sequence[Score]) -> None:
    """What went in, what came out, and how that compares."""
    span = step.span
    st.subheader(
        plain(f"{'LLM call' if span.kind == 'call' else span.kind}: {span.name}"), anchor=False
    )
    st.markdown(" · ".join(plain(words.cut(fact, 100)) for fact in _facts(span)))
    if span.status == "error":
        st.error(
            f"{plain(span.error_type or 'Error')}:"
            f" {plain(words.cut(span.error_message, 600)) or 'the sender gave no message'}"
        )
    elif span.status == "abandoned":
        st.warning("The app stopped reading before the end; this is what had arrived.")
    left, right = st.columns(2)
    with left:
        st.markdown("**Input**")
        show_messages(
            reading.conversation(span.input_messages), span.input, "The sender captured no input."
        )
        _say_cut(span.input, span.input_length)
    with right:
        st.markdown("**Output**")
        _output(span)
        _say_cut(span.output, span.output_length)
    _comparison(span, scores)
    if max(span.input_length, span.output_length) > data.LONGEST_TEXT:
        st.download_button(
            "Download the whole text",
            functools.partial(data.span_texts, desk.url, trace_id, span.span_id),
            "step.txt",
            "text/plain",
            on_click="ignore",
        )


def _facts(span: Span) -> list[str]:
    facts = [f"took {words.duration(span.duration_ms)}"]
    if span.kind == "call":
        model = span.response_model or span.request_model or "model unknown"
        facts += [model, span.provider or "provider unknown"]
        guessed = " (estimated)" if span.usage_estimated else ""
        facts.append(
            f"{_known(span.input_tokens)} tokens in, {_known(span.output_tokens)} out{guessed}"
        )
        facts.append(
            f"cost {words.money(span.cost_usd)}" if span.cost_usd is not None else "cost unknown"
        )
        if span.time_to_first_token_ms is not None:
            facts.append(f"first token after {words.duration(span.time_to_first_token_ms)}")
        if span.prompt_name or span.prompt_version:
            facts.append(f"prompt {span.prompt_name} {span.prompt_version}".strip())
        if span.finish_reason:
            facts.append(f"finished: {span.finish_reason}")
    return [*facts, f"told in {span.convention}"] if span.convention else facts


def _known(number: int | None) -> str:
    return "unknown" if number is None else words.count(number)


def show_messages(messages: Sequence[reading.Message], text: str, otherwise: str) -> None:
    """A conversation, its last messages; the text where there is none."""
    if not messages:
        show_text(text, otherwise)
        return
    for message in messages[-MOST_MESSAGES:]:
        with st.chat_message(
            message.role if message.role in {"user", "assistant"} else "tool",
            avatar=AVATARS.get(message.role),
        ):
            st.caption(plain(message.role))
            for part in message.parts:
                if part.kind != "text":
                    st.caption(plain(f"{PART_NAMES.get(part.kind, part.kind)} {part.name}".strip()))
                show_text(part.content, "(empty)")
    if len(messages) > MOST_MESSAGES:
        st.caption(f"The last {MOST_MESSAGES} of {len(messages)} messages are shown.")


def _output(span: Span) -> None:
    if reading.decoded(span.output) is not None:
        show_text(span.output, "")
        return
    show_messages(reading.conversation(span.output_messages), span.output, "There is no output.")


def show_text(text: str, otherwise: str) -> None:
    """A stranger's text: JSON set out, everything else as it is; never as markup."""
    if not text.strip():
        st.caption(otherwise)
        return
    document = reading.decoded(text) if len(text) <= data.LONGEST_TEXT else None
    if document is not None:
        st.code(words.visible(reading.pretty(document)), language="json", wrap_lines=True)
    else:
        st.code(
            words.visible(words.cut(text, data.LONGEST_TEXT)),
            language=None,
            wrap_lines=True,
            height=420 if len(text) > 3000 else "content",
        )


def _say_cut(text: str, length: int) -> None:
    if length > len(text):
        st.caption(
            f"The first {words.count(len(text))} of {words.count(length)} characters are shown."
        )


def _comparison(span: Span, scores: Sequence[Score]) -> None:
    told = next(
        (score for score in scores if score.expected and score.span_id in {span.span_id, ""}), None
    )
    if told is None or span.kind != "call":
        return
    pairs = reading.field_pairs(span.output, told.expected)
    st.markdown(
        f"**Against the right answer** (told by {plain(told.source)} {plain(told.name)},"
        f" {words.when(told.observed_at)})"
    )
    if not pairs:
        st.code(
            words.visible(words.cut(told.expected, data.LONGEST_TEXT)),
            language=None,
            wrap_lines=True,
        )
        return
    wrong = sum(not pair.same for pair in pairs)
    st.markdown(
        f"{wrong} of {words.noun(len(pairs), 'field')} differ."
        if wrong
        else f"All {words.noun(len(pairs), 'field')} agree."
    )
    st.dataframe(
        pd.DataFrame(
            {
                "Same": ["yes" if pair.same else "NO" for pair in pairs],
                "Field": [words.visible(pair.field) for pair in pairs],
                "Answer": [words.visible(words.cut(pair.answer, 300)) for pair in pairs],
                "Right answer": [words.visible(words.cut(pair.expected, 300)) for pair in pairs],
            }
        ),
        hide_index=True,
        column_config={"Same": st.column_config.TextColumn(width=60)},
    )


def show_scores(scores: Sequence[Score], spans: Sequence[Span]) -> None:
    """Every verdict on the trace, whoever gave it."""
    st.subheader("Scores", anchor=False)
    if not scores:
        st.caption("Nobody has scored this trace yet: no check, judge, person, user or outcome.")
        return
    names = {span.span_id: span.name for span in spans}
    st.dataframe(
        pd.DataFrame(
            {
                "Verdict": [
                    "fails"
                    if score.failed
                    else "passes"
                    if score.value <= 1
                    else f"{score.value:g}"
                    for score in scores
                ],
                "Source": [score.source for score in scores],
                "Name": [words.visible(score.name) for score in scores],
                "Value": [score.value for score in scores],
                "Label": [words.visible(score.label) for score in scores],
                "Why": [words.visible(score.explanation) for score in scores],
                "About": [names.get(score.span_id) or score.target for score in scores],
                "By": [words.visible(score.author) for score in scores],
                "True since (UTC)": [score.observed_at for score in scores],
                "Told (UTC)": [score.timestamp for score in scores],
            }
        ),
        hide_index=True,
        column_config={
            "Verdict": st.column_config.TextColumn(width=70),
            "Value": st.column_config.NumberColumn(format="%g", width=60),
            "Why": st.column_config.TextColumn(width=320),
            "True since (UTC)": st.column_config.DatetimeColumn(
                format="YYYY-MM-DD HH:mm", timezone="UTC"
            ),
            "Told (UTC)": st.column_config.DatetimeColumn(
                format="YYYY-MM-DD HH:mm", timezone="UTC"
            ),
        },
    )
