"""The calls that match: a search line, facets, the figures, a time chart to brush, and the list in any order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboards import charts, data, words
from dashboards.address import asked, choose, put
from dashboards.calls import finding
from dashboards.filters import bucket_s
from dashboards.search import HELP, Search, asked_search
from dashboards.shell import Desk, link
from dashboards.views.call_table import STATUSES, show_table
from dashboards.views.overview import say_why_empty
from dashboards.words import plain

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from dashboards.rows import CallTotals, Found

__all__ = ["show_list"]

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
    if search.session_id:
        link(
            f"Session {words.cut(search.session_id, 60)} as one conversation", "calls",
            session=search.session_id,
        )  # fmt: skip
    order = choose(
        st.segmented_control, "Order", finding.ORDERS, name="sort", shown=finding.ORDERS.__getitem__,
        then=_newest, required=True, label_visibility="collapsed",
    )  # fmt: skip
    if order:
        _ordered(desk, search, order, whole)
    else:
        _newest_first(desk, search, whole)


def _newest_first(desk: Desk, search: Search, whole: CallTotals) -> None:
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
        _open(show_table(found.calls))
    _pages(found)


def _ordered(desk: Desk, search: Search, order: str, whole: CallTotals) -> None:
    """The first in another order: the store sorts all that match, not only what is on the page."""
    patient = "further" in st.query_params
    found = finding.ranked(
        desk.url,
        desk.filters,
        search,
        order,
        patience_s=PATIENCE_FURTHER_S if patient else data.PATIENCE_S,
    )
    looked = (
        ""
        if found.whole
        else f" of the calls from {words.when(found.searched_since)} to"
        f" {words.when(found.searched_until)}"
    )
    if not len(found.calls):
        st.info(f"No call{looked} matches the search. Take a word away, or choose another time.")
    else:
        n = len(found.calls)
        among = f" of {words.count(whole.calls)}" if not search.asks and found.whole else ""
        st.caption(
            f"{words.noun(n, 'call')}{among}{looked}, {finding.ORDERS[order].lower()}, put in order by"
            " the store over all that match. Choose a row to open its trace."
        )
        _open(show_table(found.calls))
    if not found.whole and not patient and st.button("Search further", icon=":material/search:"):
        st.query_params["further"] = "1"
        st.rerun()


def _open(trace_id: str) -> None:
    if trace_id:
        st.query_params["trace_id"] = trace_id
        st.query_params.pop("step", None)
        st.rerun()


def _search(desk: Desk) -> Search:
    left, *boxes = st.columns([3, 1, 1, 1])
    left.text_input(
        "Search",
        key="q",
        bind="query-params",
        placeholder="words, status:error, latency>2000, output.due_date:2023-01-15 …",
        max_chars=200,
        help=HELP,
        on_change=_newest,
    )
    ended = finding.endings(desk.url, desk.filters)
    facets: tuple[tuple[str, str, dict[str, int | None], dict[str, str]], ...] = (
        ("Ended", "status", {**ended}, STATUSES),
        ("Error", "error", {**_errors(desk, ended)}, {}),
        ("Failed score", "score", _failed_scores(desk), {}),
    )
    for box, (label, name, counts, said) in zip(boxes, facets, strict=True):
        _facet(box, label, name, counts, said)
    return asked_search(st.query_params)


def _errors(desk: Desk, ended: dict[str, int]) -> dict[str, int]:
    return finding.error_types(desk.url, desk.filters) if ended["error"] else {}


def _failed_scores(desk: Desk) -> dict[str, int | None]:
    """Counted ones first; what a detector finds is no rate and in no hourly sum, so it stands without its number."""
    counted = finding.failed_scores(desk.url, desk.filters)
    return {**counted, **{name: None for name in data.score_names(desk.url) if name not in counted}}


def _facet(
    box: DeltaGenerator,
    label: str,
    name: str,
    counts: dict[str, int | None],
    said: dict[str, str],
) -> None:
    """A choice with how many calls each value leaves; what the address asks for is one of them."""
    wanted = asked(name)
    values = [value for value in counts if counts[value] != 0 or value == wanted]
    if wanted and wanted not in values:
        values.append(wanted)

    def shown(value: str) -> str:
        if not value:
            return "Any"
        known = said.get(value) or words.cut(words.visible(value), 40)
        calls = counts.get(value, 0)
        return known if calls is None else f"{known} ({words.count(calls)})"

    choose(box.selectbox, label, ["", *values], name=name, shown=shown, then=_newest)


def _newest() -> None:
    """A new question begins with its newest answers."""
    for name in ("before", "further"):
        st.query_params.pop(name, None)


def _before() -> datetime | None:
    """The time up to which the address asks, on a later page."""
    try:
        return datetime.fromisoformat(str(st.query_params.get("before", ""))).astimezone(UTC)
    except ValueError:
        return None


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
