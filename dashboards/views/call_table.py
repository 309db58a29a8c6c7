"""A list of calls as a table, with downloads; a row that is chosen opens its trace."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import streamlit as st

from dashboards import words

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["STATUSES", "show_table"]

STATUSES = {"ok": "Answered", "error": "Error", "abandoned": "Abandoned"}


def show_table(calls: pd.DataFrame) -> str:
    """The list; returns the trace that was chosen, or ''."""
    shown = calls.assign(
        input=calls["input"].map(lambda text: words.visible(" ".join(text.split()))),
        output=calls["output"].map(lambda text: words.visible(" ".join(text.split()))),
        end=calls["status"].map(STATUSES).fillna(calls["status"]),
        tokens=calls["input_tokens"].fillna(0).astype("int64")
        + calls["output_tokens"].fillna(0).astype("int64"),
    )
    event = st.dataframe(
        shown,
        hide_index=True,
        height=560,
        key="call_list",
        on_select="rerun",
        selection_mode="single-row",
        column_order=[
            "timestamp",
            "input",
            "output",
            "end",
            "duration_ms",
            "cost_usd",
            "tokens",
            "release",
            "service",
            "request_model",
            "error_type",
            "trace_id",
        ],
        column_config={
            "timestamp": st.column_config.DatetimeColumn(
                "Time (UTC)", format="YYYY-MM-DD HH:mm:ss", timezone="UTC", width=150
            ),
            "input": st.column_config.TextColumn("Input", width=260),
            "output": st.column_config.TextColumn("Output", width=260),
            "end": st.column_config.TextColumn("Ended", width=80),
            "duration_ms": st.column_config.NumberColumn("Took (ms)", format="%.0f", width=80),
            "cost_usd": st.column_config.NumberColumn("Cost (USD)", format="%.5f", width=85),
            "tokens": st.column_config.NumberColumn("Tokens", format="localized", width=70),
            "release": "Release",
            "service": "Service",
            "request_model": "Model",
            "error_type": "Error",
            "trace_id": "Trace",
        },
    )
    _downloads(calls)
    rows = event["selection"]["rows"]
    return str(calls.iloc[rows[0]]["trace_id"]) if rows else ""


def _downloads(calls: pd.DataFrame) -> None:
    with st.container(horizontal=True):
        st.download_button(
            "Download these rows as CSV",
            lambda: calls.to_csv(index=False),
            "calls.csv",
            "text/csv",
            on_click="ignore",
        )
        st.download_button(
            "as Parquet",
            lambda: _parquet(calls),
            "calls.parquet",
            "application/vnd.apache.parquet",
            on_click="ignore",
        )


def _parquet(calls: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    calls.to_parquet(file, index=False)
    return file.getvalue()
