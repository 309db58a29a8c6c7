"""The samples of an evaluation: a table, the worst first, and one sample opened."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import pandas as pd
import streamlit as st

from dashboards import words
from dashboards.shell import link
from dashboards.words import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.evaluation.rows import EvaluationRow

__all__ = ["show_samples"]

SAMPLES_SHOWN = 1000
LONG = 400
"""Characters of a text from which on it scrolls in itself."""


def show_samples(rows: Sequence[EvaluationRow]) -> None:
    """The table and the sample that is chosen in it."""
    judges = list(dict.fromkeys(row.judge for row in rows))
    only = st.checkbox("Only what failed", value=any(row.failed for row in rows), key="failed")
    by_sample: dict[str, dict[str, EvaluationRow]] = {}
    for row in rows:
        by_sample.setdefault(row.sample_id, {})[row.judge] = row
    kept = [
        (name, verdicts)
        for name, verdicts in sorted(by_sample.items(), key=lambda item: _badness(item[1]))
        if not only or any(row.failed for row in verdicts.values())
    ][:SAMPLES_SHOWN]
    if not kept:
        st.success("No sample failed.")
        return
    st.caption(f"{words.noun(len(kept), 'sample')}, the worst first; choose a row to open it.")
    table = pd.DataFrame(
        [
            {
                "Sample": words.visible(name),
                **{judge: _cell(verdicts.get(judge)) for judge in judges},
                "Why": words.visible(_why(verdicts)),
                "Answer": words.visible(words.cut(next(iter(verdicts.values())).output, 300)),
            }
            for name, verdicts in kept
        ]
    )
    event = st.dataframe(
        table, hide_index=True, on_select="rerun", selection_mode="single-row", key="samples"
    )
    chosen = event.selection.rows
    _sample(*kept[chosen[0] if chosen and chosen[0] < len(kept) else 0])


def _badness(verdicts: Mapping[str, EvaluationRow]) -> tuple[int, float]:
    scores = [row.good for row in verdicts.values() if not math.isnan(row.value)]
    return -sum(row.failed for row in verdicts.values()), min(scores, default=math.inf)


def _cell(row: EvaluationRow | None) -> str:
    if row is None:
        return ""
    if not row.ok:
        return row.status.replace("_", " ")
    if row.kind == "yes_no":
        return f"{'✗' if row.failed else '✓'} {words.visible(row.label)}"
    return words.visible(row.label) if row.kind == "label" else f"{row.value:.3g}"


def _why(verdicts: Mapping[str, EvaluationRow]) -> str:
    told = [row for row in verdicts.values() if row.reason]
    return "; ".join(row.reason for row in [row for row in told if row.failed] or told[:1])


def _sample(name: str, verdicts: Mapping[str, EvaluationRow]) -> None:
    first = next(iter(verdicts.values()))
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**Sample {plain(name)}**", width="content")
            if first.trace_id:
                link("Open the call", "calls", trace_id=first.trace_id)
        columns = [("Input", first.input), ("Answer", first.output), ("Expected", first.expected)]
        shown = [(title, text) for title, text in columns if text]
        for place, (title, text) in zip(st.columns(len(shown) or 1), shown, strict=False):
            with place:
                st.caption(title)
                height: Literal["content"] | int = 220 if len(text) > LONG else "content"
                st.code(words.visible(text), language=None, wrap_lines=True, height=height)
        for row in verdicts.values():
            _verdict(row)


def _verdict(row: EvaluationRow) -> None:
    said = f"**{plain(row.judge)}**: {plain(_cell(row))}"
    if row.reason:
        said += f". {plain(row.reason)}"
    st.markdown(said)
    told = [f"version {row.judge_version}"]
    told += [f"model {row.judge_model}"] if row.judge_model else []
    told += [f"mode {row.mode}"] if row.mode else []
    told += [f"order {row.shown_order}"] if row.shown_order else []
    told += [words.money(row.cost_usd) if row.cost_usd is not None else "price unknown"]
    told += [words.duration(row.duration_ms)]
    told += (
        [words.noun(row.cache_hits, "reply", "replies") + " from the cache"]
        if row.cache_hits
        else []
    )
    st.caption(plain(" · ".join(told)))
    if row.raw:
        with st.expander("The judge's own words"):
            st.code(words.visible(row.raw), language=None, wrap_lines=True)
