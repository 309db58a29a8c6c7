"""The browser remembers the name that a reviewer typed, so that a reload does not end the sitting."""

from __future__ import annotations

import streamlit as st

from dashboards.shell import Desk

__all__ = ["remember_name"]

MEMORY = "name_memory"
NAMED = "_named"
LONGEST_NAME = 80
JS = """
const KEY = "outerloop.name";
export default function({ data, setTriggerValue }) {
  try {
    if (data.name) localStorage.setItem(KEY, data.name);
    else if (data.cleared) localStorage.removeItem(KEY);
    else if (localStorage.getItem(KEY)) setTriggerValue("name", localStorage.getItem(KEY));
  } catch (refused) {
    console.info("this browser keeps nothing: the name is typed again", refused.name);
  }
}
"""


def remember_name(desk: Desk) -> None:
    """Keep the typed name in the browser, or fill it in again; where people sign in there is nothing to keep."""
    if "actor" not in st.session_state:
        return
    named = desk.actor != "dashboard"
    cleared = not named and bool(st.session_state.get(NAMED))
    st.session_state[NAMED] = named
    st.components.v2.component("outerloop_name", js=JS)(
        key=MEMORY,
        data={"name": desk.actor if named else "", "cleared": cleared},
        on_name_change=_fill_in,
    )


def _fill_in() -> None:
    """Runs before the page is drawn again."""
    told = st.session_state[MEMORY].name
    if told:
        st.session_state["actor"] = str(told)[:LONGEST_NAME]
