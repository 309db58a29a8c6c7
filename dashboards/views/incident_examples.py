"""Calls that show the fault, and one of them beside a call like it from before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboards import words
from dashboards.incident.comparing import compared_fields, differing_words, pinned_tags
from dashboards.incident.reads import alike_before, call_beside
from dashboards.shell import Desk, link
from dashboards.views.incident_slices import ranked_slices
from dashboards.words import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.incident.comparing import FieldBeside, Piece
    from dashboards.incident.reads import CallBeside
    from monitor.incidents import Example, Incident

__all__ = ["show_examples"]

EXAMPLES = 10
FIELDS = 40
"""Fields of an answer that are set side by side, those at fault first."""
TALL = 1200
"""Characters from which a text scrolls in a box of its own."""


def show_examples(desk: Desk, one: Incident) -> None:
    """The calls, and the chosen one beside a call from before."""
    examples = list(one.details.examples[:EXAMPLES])
    if not examples:
        st.info("No example call was kept with the evidence.")
        return
    for example in examples:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(words.cut(example.value, 120)) or '(empty)'}**", width="content")
            st.markdown(plain(words.cut(example.why, 300)), width="stretch")
            link(
                f"Open the call of {words.when(example.timestamp)}",
                "calls",
                trace_id=example.trace_id,
                span_id=example.span_id,
            )
    st.subheader("Before and since, side by side", anchor=False)
    _beside(desk, one, _pick(one, examples))


def _pick(one: Incident, examples: Sequence[Example]) -> Example:
    if len(examples) == 1:
        return examples[0]
    place: int = st.selectbox(
        "Example",
        range(len(examples)),
        format_func=lambda at: words.visible(
            f"{at + 1}: {words.cut(examples[at].value, 60) or '(empty)'}, {words.when(examples[at].timestamp)}"
        ),
        key=f"example_{one.incident_id}",
        width=360,
    )
    return examples[place]


def _beside(desk: Desk, one: Incident, example: Example) -> None:
    since = call_beside(desk.url, example.trace_id, example.span_id)
    if since is None:
        st.warning(
            "This call is not in the store any more: it was erased, or is older than the"
            f" {desk.settings.retention_days} days that rows are kept."
        )
        return
    before, where = _before(desk, one, since)
    left, right = st.columns(2)
    with left:
        _side("Before", before, f"of calls {where}, the one with the most alike input")
    with right:
        _side("Since", since, example.why)
    _answers(one, before, since)


def _before(desk: Desk, one: Incident, since: CallBeside) -> tuple[CallBeside | None, str]:
    """A call from before the change like one from after it, and where it was looked for."""
    change = one.details.change
    moment = min(change.low, since.timestamp) if change else one.started_at
    tags = pinned_tags(one, ranked_slices(one), since.tags)
    slice_ = ", ".join(f"{key} = {value}" for key, value in tags)
    wanted = [(tags, f"of the same service and slice ({slice_})")] if tags else []
    wanted.append(
        ((), "of the same service" + (", for there is none in the same slice" if tags else ""))
    )
    for pinned, where in wanted:
        found = alike_before(
            desk.url, one.service, since.input, pinned, since.environment, before=moment
        )
        if found:
            return call_beside(desk.url, found[0]), where
    return None, ""


def _side(name: str, call: CallBeside | None, why: str) -> None:
    """Which call it is, why it is here, and what went in."""
    if call is None:
        st.markdown(f"**{name}**")
        st.info(
            "No call of this service from the week before it began is in the store, so there is nothing to hold the"
            " other one against."
        )
        return
    release = f", release {plain(call.release)}" if call.release else ""
    st.markdown(f"**{name}**: {words.when(call.timestamp)}{release}")
    st.caption(plain(words.cut(why, 300)))
    link("Open this call", "calls", trace_id=call.trace_id, span_id=call.span_id)
    st.caption("Input")
    if call.input.strip():
        st.code(
            words.visible(call.input),
            language=None,
            wrap_lines=True,
            height=260 if len(call.input) > TALL else "content",
        )
    else:
        st.caption("The sender captured no input.")


def _answers(one: Incident, before: CallBeside | None, since: CallBeside) -> None:
    """What came out, the differences marked."""
    st.markdown("**Answers, differences marked**")
    old = before.output if before else ""
    pairs = compared_fields(old, since.output, since.expected, field=one.field)
    if pairs:
        st.markdown(_table(pairs[:FIELDS], known=bool(since.expected)))
        if len(pairs) > FIELDS:
            st.caption(f"The first {FIELDS} of {len(pairs)} fields are shown.")
        st.caption(
            "Marked: the field that the incident is about, and values that are known to be wrong. The two calls are"
            " different ones, so their other values may rightly differ."
            + ("" if since.expected else " Nobody has told the right answer of the later call yet.")
        )
        return
    left, right = st.columns(2)
    then, now = differing_words(old, since.output)
    left.markdown(_marked(then) if before else "no call")
    right.markdown(_marked(now) or "There is no output.")
    if since.expected:
        st.caption(f"The right answer: {plain(words.cut(since.expected, 1000))}")


def _table(pairs: Sequence[FieldBeside], *, known: bool) -> str:
    """The fields as a table whose faulty cells are coloured."""
    heads = ["Field", "Before", "Since", *(["Right answer"] if known else [])]
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    for pair in pairs:
        cells = [_cell(pair.field), _cell(pair.before), _cell(pair.since)]
        cells += [_cell(pair.right)] if known else []
        if pair.at_fault:
            cells[0] = f"**{cells[0]}**"
            cells[2] = f":orange-background[**{cells[2]}**]"
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return plain(words.cut(text, 200)) or " "


def _marked(pieces: Sequence[Piece]) -> str:
    return " ".join(
        f":orange-background[{said}]" if piece.differs else said
        for piece in pieces
        if (said := plain(piece.text))
    )
