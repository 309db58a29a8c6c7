"""What stands around every view: the gate, the filters above it and in the address, errors in words."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import streamlit as st
from clickhouse_connect.driver.exceptions import ClickHouseError

from dashboards import words
from dashboards.access import admit
from dashboards.bar import read_bar
from dashboards.filters import FACETS, Filters
from dashboards.keyboard import show_keys
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
REFUSED = re.compile(r"DB::Exception.*\(([A-Z_]{4,60})\)", re.DOTALL)
"""An answer of the store that is an error; its name."""
LIVE = ("overview", "calls", "incidents", "drift", "retrains", "health")
"""Pages that are read anew by themselves; on the others a person is in the middle of something."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What a view works with."""

    settings: Settings
    url: str
    """The store's."""
    now: datetime
    filters: Filters
    range_name: str
    person: str = ""
    """E-mail address of who is logged in; '' where nobody logs in."""

    @property
    def actor(self) -> str:
        """Who acts: the e-mail of the login, else the name typed in the side bar, else `dashboard`."""
        if self.person:
            return self.person
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


def link(label: str, page: str, /, **query: str) -> None:
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
        for name in ("range", "since", "until", "live", *FACETS)
        if name in st.query_params
    }


def run(page: Page) -> None:
    """Let people in, read the filters, run the page, and say in words what went wrong.

    The filters are drawn here and not by the page: only so does Streamlit keep them in the address
    when a person goes from page to page.
    """
    try:
        settings = load_settings()
        person = admit(settings)
        st.session_state["_desk"] = _desk(settings, person, page.url_path or "overview")
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
    elif named := REFUSED.search(str(error)):
        st.error(
            f"The store refused a question of this page ({named[1]}). Its schema may be older than this program:"
            " run `outerloop migrate`. The dashboard's log has the whole error."
        )
    else:
        st.error(
            "The store does not answer, so there is nothing to show. Start it with"
            " `outerloop store`, or check OUTERLOOP_STORE_URL; `outerloop doctor` says more."
        )
    st.button("Try again", type="primary")


def _desk(settings: Settings, person: str, page: str) -> Desk:
    """What the page works with; draws what stands above and beside it."""
    now = utcnow()
    _who(person, now)
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="bottom", key="filters"):
        range_name, filters = read_bar(settings.store, now)
        show_keys(settings.store, page, live=page in LIVE and range_name != "custom")
    return Desk(settings, settings.store, now, filters, range_name, person)


def _who(person: str, now: datetime) -> None:
    """Who acts, beside the time that the pages take for now."""
    with st.sidebar:
        if person:
            st.caption(
                f"Logged in as {words.plain(person)}; what you do here is recorded as yours."
            )
            st.button("Log out", icon=":material/logout:", width="stretch", on_click=st.logout)
        else:
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
