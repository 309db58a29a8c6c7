"""Is it still good? One line per service, then how it went, with changes and faults marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboards import data, words
from dashboards.shell import Desk, view
from dashboards.views.overview_cards import show_card
from dashboards.views.overview_trends import show_trends
from dashboards.words import plain

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["say_why_empty", "show"]

CARDS = 6
"""Services shown as cards; more of them are a table."""


@view
def show(desk: Desk) -> None:
    """The overview page."""
    st.title("Overview")
    services = data.asked(desk.url, "services", desk.filters)
    if services.empty:
        say_why_empty(desk)
        return
    quality = data.asked(desk.url, "quality", desk.filters)
    detectors = data.detectors(desk.url, desk.filters.service, desk.filters.until)
    open_ones = [one for one in data.incidents(desk.url) if one.state != "resolved"]
    st.caption(
        f"{words.noun(services['calls'].sum(), 'call')} of {words.noun(len(services), 'service')}, {desk.range_words}."
    )
    for _, line in services.head(CARDS).iterrows():
        mine = [one for one in open_ones if one.service == line["service"]]
        show_card(desk, line, _of(quality, line["service"]), _of(detectors, line["service"]), mine)
    if len(services) > CARDS:
        st.caption(
            f"The {CARDS} busiest services are above; all {len(services)} are in this table."
        )
    with st.expander("All services as a table", expanded=len(services) > CARDS):
        _table(services)
    show_trends(desk, services)


def say_why_empty(desk: Desk) -> None:
    """Say why there is nothing to see, and where there is something."""
    extent = data.extent(desk.url)
    if not extent.calls:
        st.info(
            'No call has arrived yet. Point an app at the collector: `monitor.init(service="…")`, or any OpenTelemetry'
            f" exporter, to {plain(desk.settings.told_url)}."
        )
        return
    chosen = ", ".join(f"{name} {plain(value)}" for name, value in desk.filters.facets().items())
    st.info(
        f"No call matches {desk.range_words}{' with ' + chosen if chosen else ''}. The store has"
        f" {words.noun(extent.calls, 'call')},"
        f" from {words.when(extent.first_call)} to {words.when(extent.last_call)}; choose"
        " another time or fewer filters above."
    )


def _of(frame: pd.DataFrame, service: str) -> pd.DataFrame:
    return frame if frame.empty else frame[frame["service"] == service]


def _table(services: pd.DataFrame) -> None:
    st.dataframe(
        services,
        hide_index=True,
        column_config={
            "service": "Service",
            "calls": st.column_config.NumberColumn("Calls", format="localized"),
            "errors": st.column_config.NumberColumn("Errors", format="localized"),
            "error_share": st.column_config.NumberColumn("Error share", format="percent"),
            "abandoned": st.column_config.NumberColumn("Abandoned", format="localized"),
            "p50_ms": st.column_config.NumberColumn("p50 (ms)", format="%.0f"),
            "p95_ms": st.column_config.NumberColumn("p95 (ms)", format="%.0f"),
            "p99_ms": st.column_config.NumberColumn("p99 (ms)", format="%.0f"),
            "ttft_p50_ms": st.column_config.NumberColumn("First token p50 (ms)", format="%.0f"),
            "ttft_p95_ms": st.column_config.NumberColumn("First token p95 (ms)", format="%.0f"),
            "input_tokens": st.column_config.NumberColumn("Input tokens", format="localized"),
            "output_tokens": st.column_config.NumberColumn("Output tokens", format="localized"),
            "cost_usd": st.column_config.NumberColumn("Cost (USD)", format="%.4f"),
            "unpriced": st.column_config.NumberColumn(
                "Calls without known cost", format="localized"
            ),
            "last_call": st.column_config.DatetimeColumn(
                "Last call (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"
            ),
        },
    )
    st.download_button(
        "Download as CSV",
        services.to_csv(index=False),
        "services.csv",
        "text/csv",
        on_click="ignore",
    )
