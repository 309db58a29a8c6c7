"""Is the sidecar itself well? The doctor's word, the collector's account, jobs, messages, spend, the store's size."""

from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd
import streamlit as st

from dashboards import charts, data, words
from dashboards.filters import bucket_s
from dashboards.health.reads import arrivals, off_balance
from dashboards.shell import Desk, link, view
from dashboards.views.health_doctor import show_doctor
from dashboards.views.health_jobs import show_jobs
from dashboards.views.health_messages import show_messages
from dashboards.views.health_store import show_store
from dashboards.views.judge_spend import show_spend
from dashboards.words import plain

__all__ = ["show"]

MEANINGS = {
    "accepted": "taken and durable here",
    "stored": "in the store",
    "refused": "accepted, and refused by the store; kept in wal/refused/",
    "rejected": "turned away with a reason, never accepted",
    "dropped": "lost by an app before it was sent, by its own word",
    "duplicate": "sent again, and stored once",
}
LATELY = timedelta(days=30)


@view
def show(desk: Desk) -> None:
    """The health page."""
    st.title("Health")
    st.caption(
        f"Store at {plain(desk.url.split('@')[-1].removeprefix('http://'))}, {desk.range_words}."
    )
    st.subheader("What outerloop doctor says", anchor=False)
    show_doctor(desk)
    st.subheader("Collector's account", anchor=False)
    _ledger(desk)
    st.subheader("Lags", anchor=False)
    _lags(desk)
    st.subheader("Jobs", anchor=False)
    show_jobs(desk)
    st.subheader("Messages", anchor=False)
    show_messages(desk)
    st.subheader("Detectors", anchor=False)
    _detectors(desk)
    st.subheader("Judge spend", anchor=False)
    show_spend(desk)
    link("What judges are worth", "judges")
    st.subheader("Store", anchor=False)
    show_store(desk)


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
    _counting(desk)
    st.dataframe(
        account.assign(
            reason=account["reason"].map(words.visible),
            meaning=account["entry"].map(MEANINGS).fillna(""),
        ),
        hide_index=True,
        column_order=["signal", "entry", "count", "reason", "meaning"],
        column_config={
            "signal": "Signal",
            "entry": "What became of it",
            "reason": "Reason",
            "meaning": "That is",
            "count": st.column_config.NumberColumn("Records", format="localized"),
        },
    )
    over_time = data.kept(desk.url, "ledger_over_time", since, until, _bucket(desk))
    st.altair_chart(charts.ledger(over_time))


def _balance(account: pd.DataFrame) -> str:
    """The account in a sentence: accepted = stored + waiting + refused."""
    sums = account.groupby("entry")["count"].sum()
    accepted, stored, refused, rejected, dropped, duplicate = (
        int(sums.get(entry, 0))
        for entry in ("accepted", "stored", "refused", "rejected", "dropped", "duplicate")
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
    said += f" {words.count(rejected)} rejected" + (
        ", each with its reason below;" if rejected else ";"
    )
    said += f" {words.count(dropped)} dropped by apps before they were sent, by their own word."
    if duplicate:
        said += f" {words.count(duplicate)} came again and count once."
    return said


def _counting(desk: Desk) -> None:
    """Records are not calls: what the store counts of them, by the rule that every page follows."""
    minutes, records = off_balance(desk.url, desk.now)
    if minutes:
        st.warning(
            f"{words.noun(minutes, 'minute')} of the last day {'does' if minutes == 1 else 'do'} not balance, by"
            f" {records:+,} records: rows may still wait in the collector's log."
        )
    known = data.extent(desk.url)
    size = data.store_size(desk.url)
    on_disk = int(size.loc[size["table"] == "calls", "rows"].sum()) if not size.empty else 0
    said = (
        f"Of all time the store holds {words.noun(known.calls, 'LLM call')} by the counting rule: a span that is sent"
        " twice counts once, on every page."
    )
    if on_disk > known.calls:
        said += (
            f" {words.noun(on_disk - known.calls, 'repeated row')} on disk wait to be merged away."
        )
    st.caption(said + " A record is a span or a log record; not every span is an LLM call.")


def _bucket(desk: Desk) -> int:
    if desk.range_name != "all":
        return bucket_s(desk.filters.since, desk.filters.until)
    return 86_400


def _lags(desk: Desk) -> None:
    """How far behind the present the store is; the collector's own lag stands with the doctor's word."""
    came = arrivals(desk.url, desk.now - LATELY)
    known = data.extent(desk.url)
    if came.empty and not known.calls:
        st.info("Nothing has arrived in the last 30 days, so there is no lag to tell.")
        return
    rows = [
        (f"{signal} last accepted", accepted)
        for signal, accepted, _ in came.itertuples(index=False)
    ]
    rows += [
        (f"{signal} last stored", stored) for signal, _, stored in came.itertuples(index=False)
    ]
    if known.calls:
        rows.append(("newest LLM call, by its own clock", known.last_call))
    moments = [
        pd.Timestamp(moment).tz_convert("UTC").to_pydatetime() for _, moment in map(_aware, rows)
    ]
    st.dataframe(
        pd.DataFrame(
            {
                "What": [name for name, _ in rows],
                "When (UTC)": moments,
                "Ago": [_ago(moment, desk.now) for moment in moments],
            }
        ),
        hide_index=True,
        column_config={
            "When (UTC)": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm", timezone="UTC")
        },
    )
    st.caption(
        "Arrivals are counted by the minute. How far each job is behind stands with the jobs."
    )


def _aware(row: tuple[str, datetime]) -> tuple[str, pd.Timestamp]:
    moment = pd.Timestamp(row[1])
    return row[0], moment if moment.tzinfo else moment.tz_localize("UTC")


def _ago(moment: datetime, now: datetime) -> str:
    return "never" if moment.year < 1971 else words.ago(moment, now)


def _detectors(desk: Desk) -> None:
    series = data.detectors(desk.url, desk.filters.service, desk.filters.until)
    if series.empty:
        st.info(
            "No series is watched yet. A detector begins when a service has enough calls for a baseline."
        )
        return
    says = series["status"].str.replace("_", " ").value_counts()
    st.caption(
        f"{words.noun(len(series), 'series', 'series')}: "
        + ", ".join(f"{words.count(many)} {plain(status)}" for status, many in says.items())
        + ". The Drift page opens each."
    )
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
