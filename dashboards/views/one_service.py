"""For pages that are about one service: the one of the filters, else the busiest."""

from __future__ import annotations

import streamlit as st

from dashboards import data, words
from dashboards.shell import Desk
from dashboards.views.overview import say_why_empty
from dashboards.words import plain

__all__ = ["one_service"]


def one_service(desk: Desk) -> str:
    """Which service the page is about, said where it was not chosen; '' where there is none, which is said too."""
    if desk.filters.service:
        return desk.filters.service
    services = data.asked(desk.url, "services", desk.filters)
    if services.empty:
        say_why_empty(desk)
        return ""
    busiest = str(services.sort_values("calls", ascending=False).iloc[0]["service"])
    if len(services) > 1:
        st.caption(
            f"Calls of **{plain(words.cut(busiest, 60))}**, the busiest of {len(services)} services;"
            " choose another above."
        )
    return busiest
