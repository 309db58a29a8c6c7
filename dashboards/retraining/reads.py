"""What the retrains page reads of the store: cached for a moment, without a widget in sight."""

from __future__ import annotations

import streamlit as st

from dashboards.data import FRESH_S, store
from monitor.exceptions import NotFoundError
from monitor.retrain.lineage import DatasetLineage, ReleaseLineage, dataset_lineage, release_lineage

__all__ = ["dataset", "release"]


@st.cache_data(ttl=FRESH_S, max_entries=50, show_spinner="Reading the lineage…")
def release(url: str, name: str) -> ReleaseLineage | None:
    """How a release was made and what was made of it; None where nothing is known."""
    try:
        return release_lineage(store(url), name)
    except NotFoundError:
        return None


@st.cache_data(ttl=FRESH_S, max_entries=50, show_spinner="Reading the dataset…")
def dataset(url: str, version: str) -> DatasetLineage | None:
    """What went into a dataset version and came out of it; None where there is no record."""
    try:
        return dataset_lineage(store(url), version)
    except NotFoundError:
        return None
