"""How large the store is, how it grows, and when its disk would be full."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboards import data, words
from dashboards.filters import ALL_TIME
from dashboards.health.growth import growth, in_bytes
from dashboards.health.reads import room, stored_by_day
from dashboards.words import plain

if TYPE_CHECKING:
    from datetime import datetime

    from dashboards.shell import Desk

__all__ = ["show_store"]

PACE_DAYS = 7


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def show_store(desk: Desk) -> None:
    """How large it is, how it grows, and when the disk is full."""
    size = data.store_size(desk.url)
    if size.empty:
        st.info("The store's tables are empty.")
        return
    kept = desk.settings.retention_days
    st.markdown(
        plain(
            f"{in_bytes(size['bytes'].sum())} on disk in {words.noun(len(size), 'table')}; "
            + (f"rows age out after {kept} days." if kept else "rows never age out.")
        )
    )
    st.markdown(plain(_outlook(desk, float(size["bytes"].sum()))))
    st.dataframe(
        pd.DataFrame(
            {
                "Table": size["table"],
                "Rows on disk": size["rows"],
                "MB": size["bytes"] / 1e6,
                "Bytes a row": size["bytes"] / size["rows"].clip(lower=1),
            }
        ),
        hide_index=True,
        column_config={
            "Rows on disk": st.column_config.NumberColumn(
                format="localized",
                help="Repeated deliveries count here until they are merged; every other figure counts them once.",
            ),
            "MB": st.column_config.NumberColumn(format="%.2f"),
            "Bytes a row": st.column_config.NumberColumn(format="%.0f"),
        },
    )


def _outlook(desk: Desk, size: float) -> str:
    """Growth, and days until the disk is full, in sentences."""
    disk = room(desk.url)
    known = (
        f"{in_bytes(disk[0])} of {in_bytes(disk[1])} are free on the store's disk."
        if disk
        else "The store does not tell its disk, so nobody here can say when it is full."
    )
    until = _midnight(desk.now)
    days = stored_by_day(desk.url, ALL_TIME[0], until + timedelta(days=1))
    if days.empty:
        return f"{known} No collector of ours has stored anything, so there is no pace to tell."
    moments = pd.to_datetime(days["day"], utc=True)
    lately = days.loc[(moments >= until - timedelta(days=PACE_DAYS)) & (moments < until), "records"]
    found = growth(
        size=size, stored=float(days["records"].sum()), per_day=float(lately.sum()) / PACE_DAYS,
        free=disk[0] if disk else None, retention_days=desk.settings.retention_days,
    )  # fmt: skip
    if found is None:
        return f"{known} Nothing was stored on the last {PACE_DAYS} whole days, so there is no pace to tell."
    said = f"{known} It grows by about {in_bytes(found.per_day)} a day (mean of the last {PACE_DAYS} whole days)"
    if found.settles_at is not None:
        said += f" and would settle at about {in_bytes(found.settles_at)}, when as much ages out as comes"
    if found.days_until_full is not None:
        return f"{said}: full in about {words.noun(found.days_until_full, 'day')}."
    return (
        f"{said}: it does not fill the disk."
        if disk and found.settles_at is not None
        else f"{said}."
    )
