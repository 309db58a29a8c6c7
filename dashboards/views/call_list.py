"""The calls that match: a search line, the figures, a time chart to brush, and the list, page by page."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboards import charts, data, words
from dashboards.address import choose, put
from dashboards.filters import bucket_s
from dashboards.search import HELP, Search, parse_search
from dashboards.shell import Desk
from dashboards.views.overview import say_why_empty
from dashboards.words import plain

if TYPE_CHECKING:
    import pandas as pd

    from dashboards.rows import CallTotals, Found

__all__ = ["STATUSES", "show_list"]

STATUSES = {"": "Any end", "ok": "Answered", "error": "Error", "abandoned": "Abandoned"}
PATIENCE_FURTHER_S = 5.0
"""Seconds that a person waits who has asked to look further back."""
CHART = "brushed"


def show_list(desk: Desk) -> None:
    """The list; a row that is chosen opens its trace."""
    st.title("Calls")
    search = _search(desk)
    whole = data.call_totals(desk.url, desk.filters)
    if not whole.calls:
        say_why_empty(desk)
        return
    _figures(whole, desk.range_words)
    _chart(desk)
    found = data.call_list(
        desk.url,
        desk.filters,
        search,
        before=_before(),
        patience_s=PATIENCE_FURTHER_S if "before" in st.query_params else data.PATIENCE_S,
    )
    if search.asks:
        _matches(desk, search, found)
    if not len(found.calls):
        st.info(
            "No call matches the search"
            + ("." if found.whole else f" since {words.when(found.searched_since)}.")
            + " Take a word away, or choose another time above."
        )
    else:
        _say_what_is_listed(found, whole, search)
        chosen = _table(found.calls)
        if chosen:
            st.query_params["trace_id"] = chosen
            st.rerun()
    _pages(found)


def _search(desk: Desk) -> Search:
    left, middle, right = st.columns([3, 1, 1])
    line = left.text_input(
        "Search",
        key="q",
        bind="query-params",
        placeholder="words, status:error, latency>2000, output.due_date:2023-01-15 …",
        max_chars=200,
        help=HELP,
        on_change=_newest,
    )
    status = choose(
        middle.selectbox,
        "Ended",
        STATUSES,
        name="status",
        shown=STATUSES.__getitem__,
        then=_newest,
    )
    score = choose(
        right.selectbox,
        "Failed score",
        _scores(desk),
        name="score",
        shown=lambda name: words.visible(name) or "Any",
        then=_newest,
    )
    typed = parse_search(line.strip())
    return replace(typed, status=status or typed.status, score=score or typed.score)


def _newest() -> None:
    """A new question begins with its newest answers."""
    st.query_params.pop("before", None)


def _before() -> datetime | None:
    """The time up to which the address asks, on a later page."""
    try:
        return datetime.fromisoformat(str(st.query_params.get("before", ""))).astimezone(UTC)
    except ValueError:
        return None


def _scores(desk: Desk) -> list[str]:
    asked = str(st.query_params.get("score", ""))
    names = ["", *data.score_names(desk.url)]
    return names if asked in names else [*names, asked]


def _figures(totals: CallTotals, where: str) -> None:
    errors = words.rate(round((totals.error_share or 0) * totals.calls), totals.calls)
    st.markdown(
        f"**{words.noun(totals.calls, 'call')}** · errors {plain(errors)}"
        f" · cost {plain(words.money(totals.cost_usd))}"
        f"{f' ({words.count(totals.unpriced)} without known cost)' if totals.unpriced else ''}"
        f" · p50 {words.duration(totals.p50_ms)} · p99 {words.duration(totals.p99_ms)} · {where}"
    )


def _chart(desk: Desk) -> None:
    known = data.extent(desk.url)
    since = max(desk.filters.since, known.first_call)
    until = min(desk.filters.until, known.last_call + timedelta(seconds=1))
    size = bucket_s(since, max(since, until))
    traffic = data.asked(desk.url, "traffic", desk.filters, size)
    st.altair_chart(
        charts.brushable(traffic, size),
        key=CHART,
        on_select=lambda: _brush(size),
        selection_mode=charts.BRUSH,
    )


def _brush(size: int) -> None:
    """A stretch that was drawn on the chart becomes the time of all views; runs before the page is drawn again."""
    state: Any = st.session_state.get(CHART)
    ends = next(iter((state or {}).get("selection", {}).get(charts.BRUSH, {}).values()), None)
    if not ends:
        return
    since, until = (
        datetime.fromtimestamp(float(end) / 1000, UTC) for end in (min(ends), max(ends))
    )
    until = max(until, since + timedelta(seconds=min(size, 60))) + timedelta(minutes=1)
    put("range", "custom")
    st.session_state["since"] = f"{since:%Y-%m-%d %H:%M}"
    st.session_state["until"] = f"{until:%Y-%m-%d %H:%M}"
    _newest()


def _matches(desk: Desk, search: Search, found: Found) -> None:
    """The figures of what matches, in the part that has been searched."""
    until = _before() or desk.filters.until
    stretch = replace(
        desk.filters, since=max(desk.filters.since, found.searched_since), until=until
    )
    totals = data.call_totals(desk.url, stretch, search)
    where = "all that match" if found.whole and _before() is None else (
        f"matches since {words.when(found.searched_since)}; older ones are not counted yet"
    )  # fmt: skip
    _figures(totals, where)


def _say_what_is_listed(found: Found, whole: CallTotals, search: Search) -> None:
    n = len(found.calls)
    if not search.asks and whole.calls > n:
        st.caption(
            f"{words.noun(n, 'call')} of {words.count(whole.calls)}, newest first. Choose a row to open its trace."
        )
    else:
        st.caption(f"{words.noun(n, 'call')}, newest first. Choose a row to open its trace.")


def _pages(found: Found) -> None:
    """Older and newest; the place is a time in the address, so a page stays what it is while calls arrive."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if "before" in st.query_params and st.button("Newest", icon=":material/first_page:"):
            _newest()
            st.rerun()
        if found.whole:
            return
        label = "Older calls" if len(found.calls) >= data.LISTED else "Search further back"
        if st.button(label, icon=":material/chevron_right:"):
            st.query_params["before"] = found.searched_since.isoformat()
            st.rerun()
        st.caption(f"Listed back to {words.when(found.searched_since)}.")


def _table(calls: pd.DataFrame) -> str:
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
