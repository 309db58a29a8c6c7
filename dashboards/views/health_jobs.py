"""The jobs: how far behind, how often they fail and why, how long they take."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboards import charts, data, words
from dashboards.filters import bucket_s
from dashboards.health.reads import job_lengths, job_standings
from dashboards.words import plain
from monitor.examination.contents import LATE
from monitor.jobs.schedule import SCHEDULE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.health.reads import JobStanding
    from dashboards.shell import Desk

__all__ = ["show_jobs"]

RUNS = 100
PERIODS = {job.name: job.every for job in SCHEDULE}


def show_jobs(desk: Desk) -> None:
    """The summary, the errors, one job's runs over time, and the newest runs."""
    jobs = job_standings(desk.url, desk.filters.since, desk.filters.until)
    if not jobs:
        st.info(
            "No job ran in this stretch. Start the scheduler with `outerloop scheduler`, or"
            " everything with `outerloop up`."
        )
        return
    failing = [one.job for one in jobs if one.last_outcome == "failed"]
    if failing:
        st.error(
            f"The last run failed of: {plain(', '.join(failing))}. `outerloop run JOB` runs one now."
        )
    else:
        st.success(f"The last run of each of {words.noun(len(jobs), 'job')} went well.")
    _summary(desk, jobs)
    for one in jobs:
        if one.failed:
            _error(one)
    _lengths(desk, jobs)
    _newest(desk, sum(one.runs for one in jobs))


def _behind(desk: Desk, one: JobStanding) -> tuple[str, str]:
    """How far a job's last window ended before now, and whether that is late by its period."""
    behind = max(timedelta(), desk.now - one.last_window_end)
    period = PERIODS.get(one.job)
    late = period is not None and behind > LATE * period
    return words.span(behind), "late" if late else ""


def _summary(desk: Desk, jobs: Sequence[JobStanding]) -> None:
    behind = [_behind(desk, one) for one in jobs]
    st.dataframe(
        pd.DataFrame(
            {
                "Job": [one.job for one in jobs],
                "Every": [
                    words.span(PERIODS[one.job]) if one.job in PERIODS else "" for one in jobs
                ],
                "Last outcome": [one.last_outcome for one in jobs],
                "Last run (UTC)": [one.last_started for one in jobs],
                "Behind by": [length for length, _ in behind],
                "Late": [late for _, late in behind],
                "Runs": [one.runs for one in jobs],
                "Failed": [one.failed for one in jobs],
                "Median (ms)": [one.p50_ms for one in jobs],
                "p95 (ms)": [one.p95_ms for one in jobs],
                "Longest (ms)": [one.longest_ms for one in jobs],
            }
        ),
        hide_index=True,
        column_config={
            "Job": st.column_config.TextColumn(width=95),
            "Every": st.column_config.TextColumn(width=85),
            "Last run (UTC)": st.column_config.DatetimeColumn(
                format="YYYY-MM-DD HH:mm:ss", timezone="UTC", width=150
            ),
            "Behind by": st.column_config.TextColumn(
                help="From the end of what it has looked at to now", width=85
            ),
            "Late": st.column_config.TextColumn(
                help=f"More than {LATE} of its periods behind", width=50
            ),
            "Runs": st.column_config.NumberColumn(format="localized", width=65),
            "Failed": st.column_config.NumberColumn(format="localized", width=65),
            **{
                name: st.column_config.NumberColumn(format="%.0f", width=85)
                for name in ("Median (ms)", "p95 (ms)", "Longest (ms)")
            },
        },
    )


def _error(one: JobStanding) -> None:
    """What went wrong last, in full."""
    still = "its last run failed" if one.last_outcome == "failed" else "it has run well since"
    with st.expander(
        f"{plain(one.job)}: {words.noun(one.failed, 'failed run')} of {words.count(one.runs)},"
        f" the last {words.when(one.last_error_at)}; {still}",
        expanded=one.last_outcome == "failed",
    ):
        st.code(
            words.visible(one.last_error) or "no error was told", language=None, wrap_lines=True
        )


def _lengths(desk: Desk, jobs: Sequence[JobStanding]) -> None:
    """One job's run lengths; the slowest unless another is chosen."""
    ran = sorted((one for one in jobs if one.runs > one.skipped), key=lambda one: -one.p95_ms)
    if not ran:
        return
    job = st.selectbox("Run lengths of", [one.job for one in ran], key="length_of", width=220)
    since, until = desk.filters.since, desk.filters.until
    size = 3600 if desk.range_name == "all" else bucket_s(since, until)
    lengths = job_lengths(desk.url, job, since, until, size)
    if lengths.empty:
        st.info("No run of this job in this stretch.")
        return
    st.markdown(
        f"**Run lengths of {plain(job)}**, by {words.span(timedelta(seconds=size))}: point the median, line up to the"
        " longest, cross where a run failed."
    )
    st.altair_chart(charts.run_lengths(lengths))


def _newest(desk: Desk, many: int) -> None:
    with st.expander("Newest runs"):
        runs = data.kept(
            desk.url, "job_runs", desk.filters.since, desk.filters.until, how_many=RUNS
        )
        st.dataframe(
            runs.assign(error=runs["error"].map(words.visible)),
            hide_index=True,
            column_config={
                "started_at": st.column_config.DatetimeColumn(
                    "Started (UTC)", format="YYYY-MM-DD HH:mm:ss", timezone="UTC"
                ),
                "job": "Job",
                "outcome": "Outcome",
                "duration_ms": st.column_config.NumberColumn("Took (ms)", format="%.0f"),
                "window_start": st.column_config.DatetimeColumn(
                    "Window from (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"
                ),
                "window_end": st.column_config.DatetimeColumn(
                    "to (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"
                ),
                "counts": "Counts",
                "error": st.column_config.TextColumn("Error", width=320),
            },
        )
        st.caption(f"The newest {words.count(len(runs))} of {words.noun(many, 'run')}.")
