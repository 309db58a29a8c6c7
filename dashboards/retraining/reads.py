"""What the retrains page reads of the store: cached for a moment, without a widget in sight."""

from __future__ import annotations

import streamlit as st

from dashboards.data import FRESH_S, QUESTIONS, store
from monitor.deliveries import Delivery
from monitor.exceptions import NotFoundError
from monitor.retrain.lineage import (
    DatasetLineage,
    ReleaseLineage,
    TraceLineage,
    dataset_lineage,
    release_lineage,
    trace_lineage,
)

__all__ = ["dataset", "deliveries", "release", "trace"]


@st.cache_data(ttl=FRESH_S, max_entries=50, show_spinner="Reading the lineage…")
def release(url: str, name: str) -> ReleaseLineage | None:
    """How a release was made and what was made of it; None where nothing is known."""
    try:
        return release_lineage(store(url), name)
    except NotFoundError:
        return None


@st.cache_data(ttl=FRESH_S, max_entries=50, show_spinner="Reading the lineage…")
def trace(url: str, trace_id: str) -> TraceLineage | None:
    """Which datasets and releases a call went into; None where there is no such call."""
    try:
        return trace_lineage(store(url), trace_id)
    except NotFoundError:
        return None


@st.cache_data(ttl=FRESH_S, max_entries=50, show_spinner=False)
def deliveries(url: str, retrain_id: str) -> list[Delivery]:
    """Every attempt to tell the outside something of a retrain, in order of time."""
    return store(url).read("retrain_deliveries", Delivery, package=QUESTIONS, retrain_id=retrain_id)


@st.cache_data(ttl=FRESH_S, max_entries=50, show_spinner="Reading the dataset…")
def dataset(url: str, version: str) -> DatasetLineage | None:
    """What went into a dataset version and came out of it; None where there is no record."""
    try:
        return dataset_lineage(store(url), version)
    except NotFoundError:
        return None
