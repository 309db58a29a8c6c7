"""What changed? Every watched series with its evidence; texts, fields and dates before and now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboards import data
from dashboards.drift.stretches import choose_stretches
from dashboards.shell import Desk, view
from dashboards.views import drift_dates, drift_fields, drift_report, drift_series, drift_texts
from dashboards.views.one_service import one_service

if TYPE_CHECKING:
    from collections.abc import Callable

    from dashboards.drift.stretches import Stretches

__all__ = ["show"]

SERIES = "Series"
PICTURES: dict[str, Callable[[Desk, str, Stretches], None]] = {
    "Texts": drift_texts.show,
    "Fields": drift_fields.show,
    "Dates": drift_dates.show,
    "Report": drift_report.show,
}
"""Parts of the page beside the list of series, by their name in the address."""


@view
def show(desk: Desk) -> None:
    """The page: one of its parts, or the series that the address names."""
    series = str(st.query_params.get("series", "")).strip()
    if series:
        drift_series.show_one(desk, series)
        return
    st.title("Drift")
    part = st.segmented_control(
        "Part of the page",
        [SERIES, *PICTURES],
        default=SERIES,
        required=True,
        key="part",
        bind="query-params",
        label_visibility="collapsed",
    )
    if part not in PICTURES:
        drift_series.show_list(desk)
        return
    service = one_service(desk)
    if not service:
        return
    stretches = choose_stretches(desk.filters, data.extent(desk.url))
    st.caption(stretches.sentence)
    PICTURES[part](desk, service, stretches)
