"""Who may look: on loopback everyone at this machine, elsewhere those who log in or know OUTERLOOP_TOKEN."""

from __future__ import annotations

import hmac
import threading
import time
from typing import NoReturn

import streamlit as st

from dashboards.keyboard import remember_address
from dashboards.login import refusal
from dashboards.words import plain
from monitor.clock import wall_now
from monitor.settings import LOOPBACK, Settings

__all__ = ["MOST_WAITING", "NOT_THE_TOKEN", "NOT_YET", "Turns", "admit"]

WRONG_TOKEN_WAIT_S = 1.0
"""What a wrong token costs. Guesses wait for each other, so that many windows guess no faster than one."""
MOST_WAITING = 20
"""Guesses that wait; more of them are turned away unread."""
NOT_YET = "Too many people are giving a token at this moment. Try again in a minute."
NOT_THE_TOKEN = "That is not the token. It is the value of OUTERLOOP_TOKEN on the machine that runs the dashboard."  # noqa: S105 - a sentence


class Turns:
    """One guess at a time in this process, and not many in the queue."""

    def __init__(self, *, wait_s: float = WRONG_TOKEN_WAIT_S) -> None:
        self._wait_s = wait_s
        self._one = threading.Lock()
        self._places = threading.BoundedSemaphore(MOST_WAITING)

    def judge(self, told: str, expected: str) -> str:
        """What is wrong with a token, in a sentence; '' where nothing is."""
        if not self._places.acquire(blocking=False):
            return NOT_YET
        try:
            with self._one:
                if expected and hmac.compare_digest(told.encode(), expected.encode()):
                    return ""
                time.sleep(self._wait_s)
                return NOT_THE_TOKEN
        finally:
            self._places.release()


TURNS = Turns()


def admit(settings: Settings) -> str:
    """Return when this person may look, with who they are by their login; '' where nobody vouches for a name.

    Else ask them to log in or for the token, and show nothing more.
    """
    if settings.oidc_metadata_url is not None:
        return _by_login(settings)
    if settings.host not in LOOPBACK and not st.session_state.get("_admitted"):
        _by_token(settings.token.get_secret_value() if settings.token else "")
    return ""


def _by_login(settings: Settings) -> str:
    """The e-mail address of a person whom the provider vouches for and the settings allow."""
    if not st.user.is_logged_in:
        st.title("Outerloop")
        st.write(
            "People who look at this dashboard log in; what they do here is recorded under their e-mail."
        )
        st.button("Log in", type="primary", on_click=st.login)
        remember_address()
        st.stop()
    claims = st.user.to_dict()
    if why := refusal(claims, settings.oidc_allowed, wall_now()):
        _turn_away(why)
    return str(claims["email"]).strip()


def _turn_away(why: str) -> NoReturn:
    st.title("Outerloop")
    st.error(
        plain(
            f"{why} Log in again, perhaps as somebody else, or ask the person who runs this dashboard to add you to"
            " OUTERLOOP_OIDC_ALLOWED."
        )
    )
    st.button("Log out", type="primary", on_click=st.logout)
    st.stop()


def _by_token(expected: str) -> None:
    st.title("Outerloop")
    st.write("This dashboard can be reached from other machines, so it asks for its token.")
    with st.form("admission"):
        told = st.text_input(
            "Token",
            type="password",
            max_chars=500,
            help="The value of OUTERLOOP_TOKEN on the machine that runs the dashboard.",
        )
        asked = st.form_submit_button("Open", type="primary")
    if asked:
        wrong = TURNS.judge(told.strip(), expected)
        if not wrong:
            st.session_state["_admitted"] = True
            st.rerun()
        st.error(wrong)
    st.stop()
