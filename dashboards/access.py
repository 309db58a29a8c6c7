"""Who may look: on loopback everyone at this machine, elsewhere those who know OUTERLOOP_TOKEN."""

from __future__ import annotations

import hmac
import time

import streamlit as st

from monitor.settings import LOOPBACK, Settings

__all__ = ["admit"]

WRONG_TOKEN_WAIT_S = 1.0
"""A wrong token costs a second, so that guessing is hopeless."""


def admit(settings: Settings) -> None:
    """Return when this person may look; else ask for the token and show nothing more."""
    if settings.host in LOOPBACK or st.session_state.get("_admitted"):
        return
    expected = settings.token.get_secret_value() if settings.token else ""
    st.title("Outerloop")
    st.write("This dashboard can be reached from other machines, so it asks for its token.")
    with st.form("admission"):
        told = st.text_input(
            "Token",
            type="password",
            help="The value of OUTERLOOP_TOKEN on the machine that runs the dashboard.",
        )
        asked = st.form_submit_button("Open", type="primary")
    if asked:
        if expected and hmac.compare_digest(told.strip().encode(), expected.encode()):
            st.session_state["_admitted"] = True
            st.rerun()
        time.sleep(WRONG_TOKEN_WAIT_S)
        st.error(
            "That is not the token. It is the value of OUTERLOOP_TOKEN on the machine that runs the dashboard."
        )
    st.stop()
