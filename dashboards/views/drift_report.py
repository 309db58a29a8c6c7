"""The full Evidently report of the two stretches: made at a click, kept, and opened in a tab of its own."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import streamlit as st

from dashboards import words
from dashboards.drift.making import begin, forget, job_of
from dashboards.shell import Desk
from dashboards.words import plain
from monitor.exceptions import OuterloopError
from monitor.report import report_at, reports
from monitor.report.library import missing

if TYPE_CHECKING:
    from pathlib import Path

    from dashboards.drift.making import Job
    from dashboards.drift.stretches import Stretches

__all__ = ["show"]

log = logging.getLogger(__name__)
LISTED = 20


def show(desk: Desk, service: str, stretches: Stretches) -> None:
    """Make the report of these stretches, or open it; then the ones that were made before."""
    st.markdown(
        "Every column of a sample of calls in both stretches, test by test, as"
        " [Evidently](https://docs.evidentlyai.com) draws it. It is there to look at: it never alarms."
    )
    path = report_at(desk.settings, service, stretches.now, stretches.before)
    job = job_of(path)
    if job is not None and not job.done.done():
        _wait(path)
    elif path.exists():
        forget(path)
        _open(path, f"Open the report of {service}", primary=True)
    elif lacking := missing():
        st.info(
            f"{plain(lacking)}. Then this page makes the report, and so does `outerloop report`."
        )
    else:
        if job is not None:
            _say_why(job)
        if st.button("Make the report", type="primary", icon=":material/lab_profile:"):
            begin(path, desk.url, desk.settings, service, stretches, now=desk.now)
            st.rerun()
    _kept(desk, path)


@st.fragment(run_every=2.0)
def _wait(path: Path) -> None:
    """Looks every other second whether it is there; the page around it stays as it is."""
    job = job_of(path)
    if job is None or job.done.done():
        st.rerun()
    st.status(
        "Making the report: some ten seconds to a minute. You may leave this page, it goes on; the report will be"
        " listed here.",
        state="running",
    )


def _say_why(job: Job) -> None:
    """Why the last attempt made none; what nobody foresaw is not hidden."""
    error = job.done.exception()
    if isinstance(error, OuterloopError):
        st.warning(plain(error))
    elif error is not None:
        log.error("a report could not be made", exc_info=error)
        st.error(
            f"The report could not be made: {plain(type(error).__name__)}. The dashboard's log has the reason;"
            " `outerloop report` makes the same one."
        )


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
