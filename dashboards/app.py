"""The dashboards' entry: nine pages, one look. `python -m dashboards` runs it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboards.shell import remember, run
from dashboards.views import (
    calls,
    drift,
    evals,
    health,
    incidents,
    judges,
    overview,
    retrains,
    review,
)

st.set_page_config(
    page_title="Outerloop", page_icon=str(Path(__file__).with_name("icon.svg")), layout="wide"
)
pages = {
    "overview": st.Page(
        overview.show,
        title="Overview",
        icon=":material/monitoring:",
        default=True,
        url_path="overview",
    ),
    "calls": st.Page(calls.show, title="Calls", icon=":material/forum:", url_path="calls"),
    "incidents": st.Page(
        incidents.show, title="Incidents", icon=":material/error:", url_path="incidents"
    ),
    "drift": st.Page(drift.show, title="Drift", icon=":material/ssid_chart:", url_path="drift"),
    "review": st.Page(
        review.show, title="Review", icon=":material/rate_review:", url_path="review"
    ),
    "retrains": st.Page(
        retrains.show, title="Retrains", icon=":material/model_training:", url_path="retrains"
    ),
    "judges": st.Page(judges.show, title="Judges", icon=":material/gavel:", url_path="judges"),
    "evals": st.Page(evals.show, title="Evals", icon=":material/checklist:", url_path="evals"),
    "health": st.Page(health.show, title="Health", icon=":material/favorite:", url_path="health"),
}
remember(pages)
run(st.navigation(list(pages.values())))
