"""What happened? The calls that match, one trace of them opened step by step, or a whole session."""

from __future__ import annotations

import streamlit as st

from dashboards.shell import Desk, view
from dashboards.views.call_list import show_list
from dashboards.views.session import show_session
from dashboards.views.trace import show_trace

__all__ = ["show"]


@view
def show(desk: Desk) -> None:
    """The list, or the trace or the session that the address names."""
    trace_id = str(st.query_params.get("trace_id", "")).strip()
    session_id = str(st.query_params.get("session", "")).strip()
    if trace_id:
        show_trace(desk, trace_id)
    elif session_id:
        show_session(desk, session_id)
    else:
        show_list(desk)
