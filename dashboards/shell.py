"""What stands around every view: the gate, the filters above it and in the address, errors in words."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import streamlit as st
from clickhouse_connect.driver.exceptions import ClickHouseError

from dashboards import data, words
from dashboards.access import admit
from dashboards.address import asked, choose
from dashboards.filters import FACETS, Filters, moment, time_range
from monitor.clock import utcnow
from monitor.exceptions import ConfigurationError, StoreUnavailableError
from monitor.settings import Settings, load_settings

if TYPE_CHECKING:
    from streamlit.navigation.page import Page

__all__ = ["CHART_WIDTH", "Desk", "link", "remember", "run", "view"]

log = logging.getLogger(__name__)

CHART_WIDTH = 488
"""Pixels of a chart that stands beside another: two fit a laptop, one a narrow window."""
NO_SCHEMA = ("UNKNOWN_DATABASE", "UNKNOWN_TABLE")
RANGE_NAMES = {
    "1h": "1 hour",
    "6h": "6 hours",
    "24h": "24 hours",
    "7d": "7 days",
    "30d": "30 days",
    "all": "All",
    "custom": "Custom",
}
DAY = re.compile(r"\d{4}-\d\d-\d\d")
LABELS = {
    "service": "Service",
    "release": "Release",
    "environment": "Environment",
    "model": "Model",
    "prompt_version": "Prompt version",
    "tag": "Tag",
}


@dataclass(frozen=True, slots=True)
class Desk:
    """What a view works with."""

    settings: Settings
    url: str
    """The store's."""
    now: datetime
    filters: Filters
    range_name: str

    @property
    def actor(self) -> str:
        """Who acts: the name typed in the side bar, else `dashboard`."""
        return str(st.session_state.get("actor") or "").strip()[:80] or "dashboard"

    @property
    def range_words(self) -> str:
        """The chosen stretch of time in words, zone included."""
        if self.range_name == "all":
            return "all time"
        return f"{words.when(self.filters.since)} to {words.when(self.filters.until)}"


def remember(pages: Mapping[str, Page]) -> None:
    """Keep the pages of this run, so that any view can link to any other."""
    st.session_state["_pages"] = pages


def link(label: str, page: str, **query: str) -> None:
    """A link to a page that keeps the filters; the label may be a stranger's text."""
    st.page_link(
        st.session_state["_pages"][page],
        label=words.plain(label),
        query_params={**_shared(), **query},
    )


def _shared() -> dict[str, str]:
    """The filters of the address, which a link keeps."""
    return {
        name: st.query_params[name]
        for name in ("range", "since", "until", *FACETS)
        if name in st.query_params
    }


def run(page: Page) -> None:
    """Let people in, read the filters, run the page, and say in words what went wrong.

    The filters are drawn here and not by the page: only so does Streamlit keep them in the address
    when a person goes from page to page.
    """
    try:
        settings = load_settings()
        admit(settings)
        st.session_state["_desk"] = _desk(settings)
        page.run()
    except ConfigurationError as error:
        st.error(f"A setting is wrong. {words.plain(error)}")
    except (StoreUnavailableError, ClickHouseError, OSError) as error:
        _say_why_store_is_silent(error)


def view(show: Callable[[Desk], None]) -> Callable[[], None]:
    """Make a page of a function that wants the desk."""

    @functools.wraps(show)
    def page() -> None:
        show(st.session_state["_desk"])

    return page


def _say_why_store_is_silent(error: Exception) -> None:
    log.warning("the store gave no answer: %s", error)
    if any(code in str(error) for code in NO_SCHEMA):
        st.error(
            "The store has no Outerloop schema yet. Run `outerloop migrate`, or start everything"
            " with `outerloop up`."
        )
    else:
        st.error(
            "The store does not answer, so there is nothing to show. Start it with"
            " `outerloop store`, or check OUTERLOOP_STORE_URL; `outerloop doctor` says more."
        )
    st.button("Try again", type="primary")


def _desk(settings: Settings) -> Desk:
    now = utcnow()
    url = settings.store
    with st.sidebar:
        st.text_input(
            "Your name",
            key="actor",
            placeholder="dashboard",
            max_chars=80,
            help="Written beside what you do here: acknowledge, approve, promote.",
        )
        st.caption(f"Now: {words.when(now)}. All times are UTC.")
        if st.button("Refresh", icon=":material/refresh:", width="stretch"):
            st.cache_data.clear()
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="bottom", key="filters"):
        range_name, stretch = _range(now)
        chosen = _facets(url, *stretch)
    tag_key, _, tag_value = chosen.pop("tag").partition("=")
    return Desk(
        settings,
        url,
        now,
        Filters(stretch[0], stretch[1], tag_key=tag_key, tag_value=tag_value, **chosen),
        range_name,
    )


def _range(now: datetime) -> tuple[str, tuple[datetime, datetime]]:
    name = choose(
        st.selectbox,
        "Time",
        RANGE_NAMES,
        name="range",
        default="7d",
        shown=RANGE_NAMES.__getitem__,
        width=110,
    )
    if name != "custom":
        return name, time_range(name, now)
    since = _moment("From (UTC)", "since", now) or now - timedelta(days=7)
    until = _moment("To (UTC)", "until", now) or now
    start, end = sorted((since, until))
    return name, (start, max(end, start + timedelta(minutes=1)))


def _moment(label: str, name: str, now: datetime) -> datetime | None:
    """A time of the address; a day alone as the end of a stretch is included."""
    typed = st.text_input(
        label,
        key=name,
        bind="query-params",
        max_chars=40,
        placeholder="2024-01-31 06:00 or -3h",
        help="A day, a time (UTC, unless you write its zone: 2024-01-31T06:00+02:00), or how long ago: -90m, -3h, -7d.",
        width=190,
    )
    found = moment(typed, now) if typed else None
    if typed and found is None:
        st.warning(f"{words.plain(typed)} is no time. Write for example 2024-01-31 06:00, or -3h.")
    if found is not None and name == "until" and DAY.fullmatch(typed.strip()):
        return found + timedelta(days=1)
    return found


def _facets(url: str, since: datetime, until: datetime) -> dict[str, str]:
    """One box per facet that has something to choose; then how many calls each value leaves."""
    known = data.facets(url, since, until, asked("service"))
    chosen = {}
    for name in FACETS:
        wanted, counts = asked(name), known.get(name, {})
        values = list(counts) if wanted in counts or not wanted else [*counts, wanted]
        if not values:
            chosen[name] = ""
            continue
        chosen[name] = choose(
            st.selectbox,
            LABELS[name],
            ["", *values],
            name=name,
            shown=lambda value: words.cut(words.visible(value), 60) or "Any",
            width=145,
        )
    if known:
        with st.popover("Counts", help="How many calls each value leaves in this stretch of time."):
            _counts(known)
    return chosen


def _counts(known: Mapping[str, Mapping[str, int]]) -> None:
    st.dataframe(
        [
            {"Facet": LABELS[name], "Value": words.visible(value), "Calls": calls}
            for name in FACETS
            for value, calls in known.get(name, {}).items()
        ],
        hide_index=True,
        column_config={"Calls": st.column_config.NumberColumn(format="localized")},
    )
