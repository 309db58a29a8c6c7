"""The call that is asked about: its texts, the keys that answer, and the form that corrects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboards import data, words
from dashboards import trace as reading
from dashboards.review.fields import corrected, fields_of
from dashboards.shell import Desk
from dashboards.views.texts import show_messages, show_text
from dashboards.words import plain
from monitor.clock import utcnow
from monitor.curation.queue import LabelError

if TYPE_CHECKING:
    from dashboards.review.fields import Field
    from dashboards.review.sitting import Sitting
    from monitor.curation.queue import ReviewItem

__all__ = ["show", "show_undo"]

LONGEST_NOTE = 2_000
TEXT_HEIGHT = 360
FOCUS = """
export default function({ data }) {
  const first = document.querySelector(`.st-key-${data.form} input, .st-key-${data.form} textarea`);
  if (first && document.activeElement !== first) first.focus();
}
"""
"""Puts the cursor into the form that a key has opened: without it a hand would have to go to the mouse."""


def show(desk: Desk, sitting: Sitting) -> None:
    """The call, and what can be said of it."""
    item = sitting.item
    assert item is not None, "the caller has looked"
    st.caption(
        plain(
            f"{item.service} · {words.when(item.timestamp)}"
            + (f" · release {words.cut(item.release, 40)}" if item.release else "")
        )
    )
    left, right = st.columns(2)
    with left:
        st.markdown("**Input**")
        with st.container(height=TEXT_HEIGHT, key="review_input"):
            _said(item.input_messages, item.input, "The sender captured no input.")
    with right:
        st.markdown("**Is this answer right?**")
        if sitting.correcting:
            _correct(desk, sitting)
        else:
            with st.container(height=TEXT_HEIGHT, key="review_output"):
                _answer(item)
    if sitting.complaint:
        st.error(plain(sitting.complaint))
    if not sitting.correcting:
        _keys(desk, sitting)


def _said(messages: str, text: str, otherwise: str) -> None:
    conversation = reading.conversation(messages) if len(messages) <= 10 * data.LONGEST_TEXT else []
    show_messages(conversation, text[: data.LONGEST_TEXT], otherwise)
    if len(text) > data.LONGEST_TEXT:
        st.caption(
            f"The first {words.count(data.LONGEST_TEXT)} of {words.count(len(text))} characters are shown."
        )


def _answer(item: ReviewItem) -> None:
    if reading.decoded(item.output) is not None:
        show_text(item.output, "")
    else:
        _said(item.output_messages, item.output, "There is no output.")


def _keys(desk: Desk, sitting: Sitting) -> None:
    """One key an answer."""
    note = f"note_{sitting.serial}"
    st.text_input(
        "Note (optional, kept with your answer)",
        key=note,
        max_chars=LONGEST_NOTE,
        placeholder="why; Tab leaves this field, then the keys below work again",
    )
    with st.container(horizontal=True):
        for label, verdict, key, icon in (
            ("Right", "right", "1", "check"),
            ("Wrong", "wrong", "2", "close"),
        ):
            st.button(
                label, key=f"say_{verdict}", shortcut=key, icon=f":material/{icon}:",
                type="primary", on_click=_say, args=(desk, sitting, verdict, note),
            )  # fmt: skip
        st.button(
            "Wrong, and correct it", key="correct", shortcut="3", icon=":material/edit:",
            on_click=_open, args=(sitting,),
        )  # fmt: skip
        st.button(
            "Unclear", key="say_unclear", shortcut="4", icon=":material/help:",
            on_click=_say, args=(desk, sitting, "unclear", note),
            help="Nobody could tell from this: the call does not come again.",
        )  # fmt: skip
        st.button(
            "Later", key="skip", shortcut="n", icon=":material/skip_next:",
            on_click=sitting.skip, help="Puts the call behind the others.",
        )  # fmt: skip
        show_undo(desk, sitting)


def show_undo(desk: Desk, sitting: Sitting) -> None:
    """Take back the latest answer, also one of an earlier day."""
    st.button(
        "Undo", key="undo", shortcut="z", icon=":material/undo:",
        on_click=_undo, args=(desk, sitting), help="Takes back your latest answer.",
    )  # fmt: skip


def _say(desk: Desk, sitting: Sitting, verdict: str, note: str) -> None:
    """Runs once a click, before the call is drawn again."""
    _keep(desk, sitting, verdict, note=str(st.session_state.get(note, "")))


def _keep(desk: Desk, sitting: Sitting, verdict: str, *, right: str = "", note: str = "") -> None:
    try:
        sitting.say(data.store(desk.url), verdict, now=utcnow(), right=right, note=note.strip())
    except LabelError as error:
        sitting.complaint = str(error)


def _undo(desk: Desk, sitting: Sitting) -> None:
    if not sitting.take_back(data.store(desk.url), now=utcnow()):
        sitting.complaint = "You have given no answer that could be taken back."


def _open(sitting: Sitting) -> None:
    sitting.correcting, sitting.complaint = True, ""


def _close(sitting: Sitting) -> None:
    sitting.correcting, sitting.complaint = False, ""


def _correct(desk: Desk, sitting: Sitting) -> None:
    """The answer as a form: Enter keeps it as the right one."""
    found = fields_of(sitting.given)
    form = f"correction_{sitting.serial}"
    with st.form(form, height=TEXT_HEIGHT), st.container(key=f"{form}_fields"):
        for place, one in enumerate(found):
            _field(sitting, one, f"{form}_{place}")
        if not found:
            st.text_area(
                "The right answer", value=sitting.given, key=f"{form}_text", height=200,
                help="Ctrl and Enter keep it.",
            )  # fmt: skip
        st.text_input("Note (optional)", key=f"{form}_note", max_chars=LONGEST_NOTE)
        st.form_submit_button(
            "Keep as the right answer" + (" (Enter)" if found else " (Ctrl and Enter)"),
            type="primary", on_click=_keep_correction, args=(desk, sitting, form, found),
        )  # fmt: skip
    st.button(
        "Back",
        key="back",
        shortcut="esc",
        icon=":material/arrow_back:",
        on_click=_close,
        args=(sitting,),
    )
    _focus(f"{form}_fields")


def _field(sitting: Sitting, one: Field, key: str) -> None:
    label = plain(words.cut(one.name, 60))
    offered = sitting.choices.get(one.name)
    if offered:
        options = offered if one.text in offered else [one.text, *offered]
        st.selectbox(
            label, options, index=options.index(one.text), key=key, accept_new_options=True,
            format_func=words.visible,
        )  # fmt: skip
    else:
        st.text_input(label, value=one.text, key=key)


def _keep_correction(desk: Desk, sitting: Sitting, form: str, found: list[Field]) -> None:
    """Runs once, when the form is sent."""
    note = str(st.session_state.get(f"{form}_note", ""))
    if found:
        typed = {
            one.name: str(st.session_state.get(f"{form}_{place}", one.text))
            for place, one in enumerate(found)
        }
        right = corrected(sitting.given, typed)
    else:
        text = str(st.session_state.get(f"{form}_text", ""))
        right = "" if text == sitting.given else text
    if not right.strip():
        sitting.complaint = (
            "Nothing was changed. Change what is wrong, or go back and say Right or Wrong."
        )
        return
    _keep(desk, sitting, "wrong", right=right, note=note)


def _focus(form: str) -> None:
    st.components.v2.component("outerloop_focus", js=FOCUS)(data={"form": form}, key="focus")
