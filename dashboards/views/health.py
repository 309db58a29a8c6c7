"""Is the sidecar itself well? The collector's account, jobs, detectors, the store's size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboards import charts, data, words
from dashboards.filters import bucket_s
from dashboards.shell import Desk, view
from dashboards.words import plain

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["show"]

RUNS = 100
BYTES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


@view
def show(desk: Desk) -> None:
    """The health page."""
    st.title("Health")
    st.caption(
        f"Store at {plain(desk.url.split('@')[-1].removeprefix('http://'))}, {desk.range_words}."
    )
    st.subheader("Collector's account", anchor=False)
    _ledger(desk)
    st.subheader("Jobs", anchor=False)
    _jobs(desk)
    st.subheader("Detectors", anchor=False)
    _detectors(desk)
    st.subheader("Store", anchor=False)
    _size(desk)


def _ledger(desk: Desk) -> None:
    since, until = desk.filters.since, desk.filters.until
    account = data.kept(desk.url, "ledger_balance", since, until)
    if account.empty:
        st.info(
            "The collector has counted nothing in this stretch: nobody sent anything, or it"
            " does not run. `outerloop doctor` says which."
        )
        return
    st.markdown(_balance(account))
    st.dataframe(
        account,
        hide_index=True,
        column_config={
            "signal": "Signal",
            "entry": "What became of it",
            "reason": "Reason",
            "count": st.column_config.NumberColumn("Records", format="localized"),
        },
    )
    over_time = data.kept(desk.url, "ledger_over_time", since, until, _bucket(desk, since, until))
    st.altair_chart(charts.ledger(over_time))


def _balance(account: pd.DataFrame) -> str:
    """The account in a sentence: accepted = stored + waiting + refused."""
    sums = account.groupby("entry")["count"].sum()
    accepted, stored, refused, rejected, dropped = (
        int(sums.get(entry, 0))
        for entry in ("accepted", "stored", "refused", "rejected", "dropped")
    )
    said = f"**{words.noun(accepted, 'record')} accepted, {words.count(stored)} stored**"
    waiting = accepted - stored - refused
    if refused:
        said += f", {words.count(refused)} refused by the store"
    if waiting == 0:
        said += ": the account balances."
    elif waiting > 0:
        said += f": {words.count(waiting)} wait in the write-ahead log for the store."
    else:
        said += f": {words.count(-waiting)} of them were accepted before this stretch."
    if rejected:
        said += f" {words.count(rejected)} rejected, each with its reason below."
    if dropped:
        said += f" {words.count(dropped)} dropped by apps before they were sent, by their own word."
    return said


def _bucket(desk: Desk, since: datetime, until: datetime) -> int:
    if desk.range_name != "all":
        return bucket_s(since, until)
    return 86_400


def _jobs(desk: Desk) -> None:
    since, until = desk.filters.since, desk.filters.until
    jobs = data.kept(desk.url, "job_summary", since, until)
    if jobs.empty:
        st.info(
            "No job ran in this stretch. Start the scheduler with `outerloop scheduler`, or"
            " everything with `outerloop up`."
        )
        return
    failing = jobs[jobs["last_outcome"] == "failed"]
    if failing.empty:
        st.success(f"The last run of each of {words.noun(len(jobs), 'job')} went well.")
    else:
        st.error(
            f"The last run failed of: {plain(', '.join(failing['job']))}. `outerloop run JOB` runs one now."
        )
    st.dataframe(
        jobs.assign(last_error=jobs["last_error"].map(words.visible)),
        hide_index=True,
        column_config={
            "job": "Job",
            "runs": st.column_config.NumberColumn("Runs", format="localized"),
            "failed": st.column_config.NumberColumn("Failed", format="localized"),
            "p95_ms": st.column_config.NumberColumn("Takes p95 (ms)", format="%.0f"),
            "last_started": st.column_config.DatetimeColumn(
                "Last run (UTC)", format="YYYY-MM-DD HH:mm:ss", timezone="UTC"
            ),
            "last_outcome": "Last outcome",
            "last_error": st.column_config.TextColumn("Last error", width=320),
        },
    )
    with st.expander("Newest runs"):
        runs = data.kept(desk.url, "job_runs", since, until, how_many=RUNS)
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
                "error": "Error",
            },
        )
        st.caption(
            f"The newest {words.count(len(runs))} of {words.noun(jobs['runs'].sum(), 'run')}."
        )


def _detectors(desk: Desk) -> None:
    series = data.detectors(desk.url, desk.filters.service, desk.filters.until)
    if series.empty:
        st.info(
            "No series is watched yet. A detector begins when a service has enough calls for a baseline."
        )
        return
    shown = pd.DataFrame(
        {
            "Series": series["series"].map(words.visible),
            "Detector": series["detector"],
            "Says": series["status"].str.replace("_", " "),
            "Rate in its last look": [
                words.rate(int(count), int(n))
                for count, n in zip(series["count"], series["n"], strict=True)
            ],
            "Baseline": [
                f"{words.percent(rate)} (n = {words.count(n)})"
                for rate, n in zip(series["baseline"], series["baseline_n"], strict=True)
            ],
            "e-value": series["e_value"],
            "Alarms at": series["threshold"],
            "Looked until (UTC)": series["window_end"],
        }
    )
    st.dataframe(
        shown,
        hide_index=True,
        column_config={
            "e-value": st.column_config.NumberColumn(format="compact"),
            "Alarms at": st.column_config.NumberColumn(format="compact"),
            "Looked until (UTC)": st.column_config.DatetimeColumn(
                format="YYYY-MM-DD HH:mm", timezone="UTC"
            ),
        },
    )


def _size(desk: Desk) -> None:
    size = data.store_size(desk.url)
    if size.empty:
        st.info("The store's tables are empty.")
        return
    st.markdown(
        plain(
            f"{_bytes(size['bytes'].sum())} on disk in {words.noun(len(size), 'table')}; rows"
            f" age out after {desk.settings.retention_days} days (0: never)."
        )
    )
    st.dataframe(
        pd.DataFrame(
            {
                "Table": size["table"],
                "Rows on disk": size["rows"],
                "Size": [_bytes(value) for value in size["bytes"]],
            }
        ),
        hide_index=True,
        column_config={
            "Rows on disk": st.column_config.NumberColumn(
                format="localized",
                help="Repeated deliveries count here until they are merged; every other figure counts them once.",
            )
        },
    )


def _bytes(number: float) -> str:
    for size, unit in BYTES:
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number:.0f} bytes"
