"""The keyboard and the clock of every page: a palette, keys listed under `?`, figures that renew themselves."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import streamlit as st

from dashboards import words
from dashboards.filters import FACETS
from dashboards.jump import Place, find, places
from monitor.clock import wall_now

__all__ = ["EVERY_S", "remember_address", "show_keys"]

EVERY_S = 30
"""Seconds after which a page reads its figures anew, while somebody looks and nobody types."""
PAUSED = "paused"
KEY = "keys"
LETTERS = {
    "overview": "o",
    "calls": "c",
    "incidents": "i",
    "drift": "d",
    "review": "v",
    "retrains": "t",
    "judges": "j",
    "evals": "e",
    "health": "h",
}
"""After `g`, where each leads."""
HERE = Path(__file__).parent
HTML, CSS, JS = ((HERE / f"keys.{kind}").read_text() for kind in ("html", "css", "js"))
KEPT = ("range", "since", "until", "live", *FACETS)


def show_keys(url: str, page: str, *, live: bool) -> None:
    """Draw the strip with the figures' age, the pause and the palette; go where it was told to.

    Args:
        url: the store's.
        page: the name of the page in the address.
        live: the page may be read anew by itself.
    """
    component = st.components.v2.component("outerloop_keys", html=HTML, css=CSS, js=JS)
    told: Any = component(
        key=KEY,
        data={
            "read": wall_now().isoformat(),
            "every_s": EVERY_S,
            "live": live,
            "paused": st.query_params.get("live") == PAUSED,
            "pages": _pages(page),
            "places": [asdict(one) for one in places(url)],
        },
        width="content",
        on_go_change=lambda: None,
        on_renew_change=lambda: None,
        on_pause_change=_pause,
        on_resume_change=_resume,
    )
    if told.go:
        _go(url, told.go)


def remember_address() -> None:
    """At a login: come back to the address that was asked for, once somebody is let in."""
    st.components.v2.component("outerloop_wanted", js=(HERE / "wanted.js").read_text())(
        key="wanted", height=1
    )


def _pages(here: str) -> list[dict[str, object]]:
    known = st.session_state["_pages"]
    return [
        {
            "page": name,
            "label": known[name].title,
            "letter": letter,
            "here": name == here,
        }
        for name, letter in LETTERS.items()
        if name in known
    ]


def _pause() -> None:
    st.query_params["live"] = PAUSED


def _resume() -> None:
    st.query_params.pop("live", None)


def _go(url: str, wish: Any) -> None:
    """Open what was chosen from the list, or what has the typed id."""
    if not isinstance(wish, dict):
        return
    typed = str(wish.get("typed") or "")
    found = find(url, typed) if typed else Place(str(wish.get("page")), _texts(wish.get("query")))
    if found is None or found.page not in st.session_state["_pages"]:
        st.warning(
            f"No trace, session, incident or retrain of this store has the id {words.plain(words.cut(typed, 80))}."
        )
        return
    kept = {name: st.query_params[name] for name in KEPT if name in st.query_params}
    st.switch_page(st.session_state["_pages"][found.page], query_params={**kept, **found.query})


def _texts(query: Any) -> dict[str, str]:
    pairs = query.items() if isinstance(query, dict) else ()
    return {str(name): str(value) for name, value in pairs}
