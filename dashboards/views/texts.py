"""Strangers' texts on a page: a conversation, JSON set out, anything else as it is; never as markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboards import data, words
from dashboards import trace as reading
from dashboards.words import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["show_messages", "show_text"]

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
