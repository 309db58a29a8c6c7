"""The full Evidently report of the two stretches: made at a click, kept, and opened in a tab of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboards import data, words
from dashboards.shell import Desk
from dashboards.words import plain
from monitor.exceptions import ConfigurationError, NotFoundError
from monitor.report import report_at, reports, write_report
from monitor.report.library import missing

if TYPE_CHECKING:
    from pathlib import Path

    from dashboards.drift.stretches import Stretches

__all__ = ["show"]

LISTED = 20


def show(desk: Desk, service: str, stretches: Stretches) -> None:
    """Make the report of these stretches, or open it; then the ones that were made before."""
    st.markdown(
        "Every column of a sample of calls in both stretches, test by test, as"
        " [Evidently](https://docs.evidentlyai.com) draws it. It is there to look at: it never alarms."
    )
    path = report_at(desk.settings, service, stretches.now, stretches.before)
    if path.exists():
        _open(path, f"Open the report of {service}", primary=True)
    elif lacking := missing():
        st.info(
            f"{plain(lacking)}. Then this page makes the report, and so does `outerloop report`."
        )
    elif st.button("Make the report", type="primary", icon=":material/lab_profile:"):
        _make(desk, service, stretches)
    _kept(desk, path)


def _make(desk: Desk, service: str, stretches: Stretches) -> None:
    with st.spinner("Making the report: some ten seconds…"):
        try:
            write_report(
                data.store(desk.url),
                desk.settings,
                service,
                stretches.now,
                stretches.before,
                now=desk.now,
            )
        except (NotFoundError, ConfigurationError) as error:
            st.warning(plain(error))
            return
    st.rerun()


def _open(path: Path, label: str, *, primary: bool = False) -> None:
    st.download_button(
        words.plain(label),
        path.read_bytes,
        path.name,
        "text/html",
        key=f"report_{path.parent.name}_{path.name}",
        on_click="ignore",
        type="primary" if primary else "secondary",
        icon=":material/download:",
        help="An HTML file that needs no network; it opens in any browser.",
    )


def _kept(desk: Desk, shown: Path) -> None:
    others = [one for one in reports(desk.settings) if one.path != shown]
    mine = [one for one in others if desk.filters.service in {"", one.service}]
    if not mine:
        return
    st.subheader("Made before", anchor=False)
    for one in mine[:LISTED]:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                plain(
                    f"{one.service}: {words.when(one.current.since)} to {words.when(one.current.until)} against"
                    f" {words.when(one.reference.since)} to {words.when(one.reference.until)},"
                    f" {words.noun(one.calls, 'call')}, made {words.when(one.made_at)}"
                ),
                width="stretch",
            )
            _open(one.path, "Open")
