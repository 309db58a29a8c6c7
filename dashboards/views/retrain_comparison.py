"""Candidate against production on the reserved calls: gates, forest plot, measures, judges, answers that changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboards import charts, words
from dashboards.retraining.sayings import ADVICE, GATES, Saying
from dashboards.retraining.tables import (
    forest_frame,
    judge_frame,
    measure_frame,
    parts_of,
    rates_frame,
)
from dashboards.shell import link
from dashboards.words import plain
from monitor.clock import parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.retrain.state import Retrain

__all__ = ["show_advice", "show_changed", "show_comparison", "show_gates"]

AT_ONCE = 3
"""Changed answers that are open at once."""


def show_comparison(one: Retrain) -> None:
    """All that the reserved calls say."""
    comparison = one.details.get("comparison") or {}
    if not comparison:
        st.info(
            "The candidate has not been compared with production yet. That follows by itself"
            " when the fine-tune job has finished."
        )
        return
    show_advice(comparison)
    show_gates(comparison)
    _rates(comparison)
    _measures(comparison)
    _judges(comparison)
    show_changed([each for each in one.details.get("changed", ()) if isinstance(each, dict)])


def show_advice(comparison: Mapping[str, Any]) -> None:
    """What the figures advise, in a word and in a sentence."""
    told = str(comparison.get("advice", "unknown"))
    saying = ADVICE.get(told, Saying(told.replace("_", " "), "gray"))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(plain(saying.label), color=saying.colour)
        if saying.meaning:
            st.markdown(f"**{plain(saying.meaning)}**", width="content")
    st.markdown(plain(str(comparison.get("sentence", ""))))


def show_gates(comparison: Mapping[str, Any]) -> None:
    """Every condition, whether it was met, and on which figures."""
    gates = [gate for gate in comparison.get("gates", ()) if isinstance(gate, dict)]
    if not gates:
        return
    st.markdown("**Gates**: what a candidate has to meet")
    for gate in gates:
        saying = GATES.get(str(gate.get("state")), GATES["undecided"])
        soft = (
            "" if gate.get("decides", True) or saying.label != "undecided" else ", holds nobody up"
        )
        st.markdown(
            f":{saying.colour}[:material/{saying.meaning}: **{saying.label}{soft}**] · "
            f"**{plain(str(gate.get('name', '')))}** · {plain(str(gate.get('sentence', '')))}"
        )


def _rates(comparison: Mapping[str, Any]) -> None:
    parts = parts_of(comparison)
    margin = float(comparison.get("margin") or 0.0)
    if parts:
        st.markdown(
            "**Wrong answers**, part by part: left of 0 the candidate is better. Bar: 95 % interval; pale band:"
            " smaller differences than these calls could have shown"
            + (f"; dashed: a rise of {words.percent(margin)}, the margin" if margin else "")
            + ". At the right: production → candidate."
        )
        st.altair_chart(charts.forest(forest_frame(parts), margin=margin))
        with st.expander("The same as a table, with p-values"):
            frame = rates_frame(parts)
            st.dataframe(frame, hide_index=True)
            st.download_button(
                "Download as CSV",
                frame.to_csv(index=False),
                "comparison.csv",
                "text/csv",
                on_click="ignore",
            )
    else:
        st.info("No reserved call has a label yet, so there is no rate of wrong answers.")
    st.caption(plain(_left_out(comparison)))


def _left_out(comparison: Mapping[str, Any]) -> str:
    said = [
        f"{words.noun(comparison.get('unlabelled', 0), 'reserved call')} without a label yet",
        f"{words.count(comparison.get('seen_in_training', 0))} left out because a training example has the same input",
        f"{words.count(comparison.get('other_releases', 0))} answered by another release",
        f"{words.noun(comparison.get('request_failures', 0), 'candidate request')} failed and count as wrong",
    ]
    return (
        f"On {words.noun(comparison.get('n', 0), 'labelled call')} of the reserved set, which no training run ever"
        f" sees; {'; '.join(said)}."
    )


def _measures(comparison: Mapping[str, Any]) -> None:
    measures = [one for one in comparison.get("measures", ()) if isinstance(one, dict)]
    if measures:
        st.markdown("**Latency and cost** of an answer, on the same calls")
        st.dataframe(measure_frame(measures), hide_index=True)


def _judges(comparison: Mapping[str, Any]) -> None:
    judges = [one for one in comparison.get("judges", ()) if isinstance(one, dict)]
    if judges:
        st.markdown("**Checks and judges** on both answers; pairs are asked in both orders")
        frame = judge_frame(judges)
        if not frame.empty:
            st.dataframe(frame, hide_index=True)
    for one in judges:
        if one.get("refused"):
            st.caption(plain(f"{one['judge']} was not asked: {one['refused']}"))
    if comparison.get("judges_refused"):
        st.caption(plain(f"Judges: {comparison['judges_refused']}"))


def show_changed(changed: Sequence[Mapping[str, Any]]) -> None:
    """Calls on which one is right and the other wrong, side by side."""
    kinds = {
        "worse": [one for one in changed if one.get("change") == "worse"],
        "better": [one for one in changed if one.get("change") == "better"],
    }
    if not any(kinds.values()):
        return
    st.markdown("**Answers that changed** from right to wrong, or back: a random few of each")
    names = [f"Got worse ({len(kinds['worse'])})", f"Got better ({len(kinds['better'])})"]
    for tab, told in zip(st.tabs(names), kinds.values(), strict=True):
        with tab:
            if not told:
                st.caption("None among the calls that were asked.")
            for one in told[:AT_ONCE]:
                _side_by_side(one)
            if told[AT_ONCE:]:
                with st.expander(f"{len(told) - AT_ONCE} more"):
                    for one in told[AT_ONCE:]:
                        _side_by_side(one)


def _side_by_side(one: Mapping[str, Any]) -> None:
    at = parse_time(str(one["timestamp"]))
    with st.container(border=True):
        link(f"Call of {words.when(at)}", "calls", trace_id=str(one["trace_id"]))
        columns = st.columns(3)
        right = "check_circle" if one["change"] == "better" else "cancel"
        wrong = "cancel" if one["change"] == "better" else "check_circle"
        told = (
            ("Right answer", "flag", str(one["label"])),
            ("Production", wrong, str(one["production"])),
            ("Candidate", right, str(one["candidate"]) or f"no answer: {one.get('problem', '')}"),
        )
        for column, (name, sign, text) in zip(columns, told, strict=True):
            with column:
                st.markdown(f":material/{sign}: {name}")
                st.code(words.visible(_indented(text)), language=None, wrap_lines=True)


def _indented(text: str) -> str:
    """JSON with a line a field, so that what differs is seen; other text as it is."""
    try:
        told = json.loads(text)
    except ValueError:
        return text
    return json.dumps(told, ensure_ascii=False, indent=1) if isinstance(told, dict | list) else text
