"""What is said of a call: its answer against the right one, and the scores of every source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboards import trace as reading
from dashboards import words
from dashboards.views.texts import show_text
from dashboards.words import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.rows import Score, Span

__all__ = ["show_comparison", "show_scores"]

TRUSTED = {"human": 0, "outcome": 1, "user": 2}
"""Whose right answer counts where several were told."""


def show_comparison(span: Span, output: str, scores: Sequence[Score]) -> None:
    """Field by field against what a person said, else what turned out, else what another told."""
    known = [one for one in scores if one.expected and one.span_id in {span.span_id, ""}]
    if not known or span.kind != "call":
        return
    told = min(known, key=lambda one: (TRUSTED.get(one.source, 9), -one.timestamp.timestamp()))
    st.markdown(
        f"**Against the right answer** (told by {plain(told.source)} {plain(told.name)},"
        f" {words.when(told.observed_at)})"
    )
    pairs = reading.field_pairs(output, told.expected)
    if not pairs:
        same = output.strip() == told.expected.strip()
        st.markdown("It is the same text." if same else "The texts differ. The right one is:")
        if not same:
            show_text(told.expected, "(empty)")
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
                "Field": [words.visible(words.cut(pair.field, 120)) for pair in pairs],
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
