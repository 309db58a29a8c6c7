"""A session as one conversation: what was said turn by turn, nothing twice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import streamlit as st

from dashboards import trace as reading
from dashboards import words
from dashboards.calls import reads
from dashboards.calls.turns import Turn, unfolded
from dashboards.shell import Desk, link
from dashboards.views.texts import show_messages
from dashboards.words import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.calls.turns import SessionCall
    from dashboards.rows import TurnTexts

__all__ = ["show_session"]

PAGE = 20
"""Turns on one page."""


def show_session(desk: Desk, session_id: str) -> None:
    """Every call of a session, whatever the filters say."""
    if st.button("All calls", icon=":material/arrow_back:"):
        for name in ("session", "turn"):
            st.query_params.pop(name, None)
        st.rerun()
    calls = reads.session(desk.url, session_id)
    name = plain(words.cut(session_id, 80))
    if not calls:
        st.title("Session")
        st.warning(
            f"There is no session {name} with an LLM call in this store. It may have been erased,"
            f" be older than the {desk.settings.retention_days} days that rows are kept, or not"
            " have arrived yet."
        )
        return
    st.title(f"Session {name}", anchor=False)
    failing = reads.failures(desk.url, tuple(sorted({call.trace_id for call in calls})))
    _head(calls, failing)
    turns = unfolded(calls)
    first = _first(len(turns))
    shown = turns[first : first + PAGE]
    texts = reads.turn_texts(
        desk.url, session_id, shown[0].call.timestamp, shown[-1].call.timestamp,
        {turn.call.span_id: turn.new_from for turn in shown},
    )  # fmt: skip
    for number, turn in enumerate(shown, first + 1):
        _turn(number, turn, texts.get(turn.call.span_id), failing.get(turn.call.trace_id, (0, 0)))
    _pages(first, len(turns))


def _head(calls: Sequence[SessionCall], failing: dict[str, tuple[int, int]]) -> None:
    priced = [call.cost_usd for call in calls if call.cost_usd is not None]
    errors = sum(call.status == "error" for call in calls)
    failed = sum(bad > 0 for _, bad in failing.values())
    facts = [
        words.noun(len(calls), "LLM call"),
        words.noun(len({call.trace_id for call in calls}), "trace"),
        f"{words.when(calls[0].timestamp)} to {words.when(calls[-1].timestamp)}",
        f"cost {words.money(sum(priced))}" if priced else "no price known",
        words.noun(errors, "error"),
        f"{words.noun(failed, 'trace')} with a verdict that fails",
        *sorted({call.service for call in calls if call.service}),
    ]
    st.markdown(" · ".join(plain(words.cut(fact, 80)) for fact in facts))
    if len(calls) >= reads.MOST_TURNS:
        st.warning(
            f"The first {words.count(reads.MOST_TURNS)} calls are shown; the session has more."
        )


def _first(turns: int) -> int:
    asked = str(st.query_params.get("turn", ""))
    wanted = int(asked) - 1 if asked.isascii() and asked.isdigit() and len(asked) < 9 else 0
    return min(max(wanted, 0), turns - 1) // PAGE * PAGE


def _turn(number: int, turn: Turn, texts: TurnTexts | None, verdicts: tuple[int, int]) -> None:
    call = turn.call
    facts = [
        f"{call.timestamp:%Y-%m-%d %H:%M:%S} UTC",
        f"took {words.duration(call.duration_ms)}",
        *([call.model] if call.model else []),
        *([f"cost {words.money(call.cost_usd)}"] if call.cost_usd is not None else []),
        *([f"{verdicts[1]} of {words.noun(verdicts[0], 'verdict')} fail"] if verdicts[1] else []),
    ]
    st.divider()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{number}**", width="content")
        st.caption(" · ".join(plain(words.cut(fact, 80)) for fact in facts), width="content")
        link("Open the trace", "calls", trace_id=call.trace_id)
    if texts is None:
        st.caption("This call has gone meanwhile.")
        return
    if turn.new_system:
        with st.expander("Instructions (system prompt), new from here on"):
            show_messages(_messages(texts.instructions), "", "")
    if turn.repeated:
        st.caption(f"{words.noun(turn.repeated, 'earlier message')} sent again, not repeated here.")
    show_messages(_messages(texts.said), "", "Its input was not captured.")
    if call.status == "error":
        st.error(f"{plain(texts.error_type or 'Error')}: {plain(texts.error_message)}")
    else:
        show_messages(_messages(texts.answered), "", "There is no answer.")


def _messages(texts: Sequence[str]) -> list[reading.Message]:
    """Messages of their JSON; each was valid when the store took it apart."""
    return reading.conversation(f"[{','.join(texts)}]") or [
        reading.Message("message", (reading.Part("text", "", json.dumps(text)),)) for text in texts
    ]


def _to(turn: int) -> None:
    """Runs once a click, before the page is drawn again."""
    st.query_params["turn"] = str(turn + 1)


def _pages(first: int, turns: int) -> None:
    if turns <= PAGE:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Earlier", icon=":material/chevron_left:", disabled=first == 0, on_click=_to,
            args=(first - PAGE,),
        )  # fmt: skip
        st.button(
            "Later", icon=":material/chevron_right:", disabled=first + PAGE >= turns, on_click=_to,
            args=(first + PAGE,),
        )  # fmt: skip
        st.markdown(f"Calls {first + 1} to {min(first + PAGE, turns)} of {turns}", width="content")
