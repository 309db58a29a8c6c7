"""Dates in answers against the day of their call: does the model still live in the present?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboards import charts, words
from dashboards.address import asked, choose
from dashboards.drift import reads
from dashboards.drift.dates import SLIP_WORDS, date_paths, lags_of, learnt, slipped_lags
from dashboards.drift.series import STATES
from dashboards.shell import Desk, link
from dashboards.words import plain
from monitor.report import Period

if TYPE_CHECKING:
    from dashboards.drift.stretches import Stretches
    from monitor.jobs.dates import DateField

__all__ = ["show"]

LISTED = 10


def show(desk: Desk, service: str, stretches: Stretches) -> None:
    """One field: every date by when its call was, the usual range, and the ones that slipped."""
    whole = Period(min(stretches.before.since, stretches.now.since), stretches.now.until)
    answers = reads.answers(desk.url, service, whole)
    known = {one.field: one for one in reads.date_fields(desk.url, service, desk.filters.until)}
    fields = list(dict.fromkeys([*known, *date_paths(answers)]))
    if not fields:
        st.info("No field of this service's answers holds dates in this time.")
        return
    wanted = asked("field")
    field = choose(
        st.selectbox,
        "Field",
        fields if not wanted or wanted in fields else [*fields, wanted],
        name="field",
        default=fields[0],
        shown=lambda name: words.cut(words.visible(name), 80),
        width=320,
    )
    of = learnt(known[field]) if field in known else None
    rows = _rows(desk, service, field, whole=whole, of=of)
    if rows.empty:
        st.info("No call of this time holds a date in this field.")
        return
    _say(service, field, rows, of)
    st.altair_chart(charts.lags(rows, (of.profile.low, of.profile.high) if of else None))
    _verdicts(desk, service, field)
    _slipped(rows)


def _rows(
    desk: Desk, service: str, field: str, *, whole: Period, of: DateField | None
) -> pd.DataFrame:
    """A sample of all dates, and every one that a detector marked."""
    sample = lags_of(reads.answers(desk.url, service, whole), field, of)
    marked = slipped_lags(reads.slipped_dates(desk.url, service, field, whole, tuple(SLIP_WORDS)))
    both = [one for one in (marked, sample) if not one.empty]
    if not both:
        return sample
    return (
        pd.concat(both, ignore_index=True).drop_duplicates(["trace", "value"]).sort_values("time")
    )


def _say(service: str, field: str, rows: pd.DataFrame, of: DateField | None) -> None:
    slipped = int((rows["slip"] != "").sum())
    usual = (
        f"usually {of.profile.low:,.0f} to {of.profile.high:,.0f} days from the day of the call (grey band;"
        f" learnt from {words.noun(of.n, 'answer')})"
        if of
        else "no usual range is known yet: it is learnt from 2,000 calls over a week"
    )
    st.markdown(
        plain(
            f"{field} of {service}: {words.noun(len(rows), 'date')} drawn, {words.count(slipped)} of them slipped;"
            f" {usual}."
        )
    )
    st.caption(
        "A random sample of calls, and every call that a detector marked: the share of slipped ones in the"
        " picture is therefore no rate. The rate is in the series below."
    )


def _verdicts(desk: Desk, service: str, field: str) -> None:
    for one in reads.latest_series(desk.url, service, desk.filters.until):
        if one.kind == "dates" and one.field == field:
            state = STATES.get(one.status, (one.status,))[0]
            rate = words.rate(one.count, one.n)
            link(
                f"{one.detector.replace('_', ' ')}: {state}, {rate} in its last look",
                "drift", series=one.series, detector=one.detector, of=one.service,
            )  # fmt: skip


def _slipped(rows: pd.DataFrame) -> None:
    slipped = rows[rows["slip"] != ""].iloc[::-1]
    if slipped.empty:
        return
    st.subheader("Dates that slipped", anchor=False)
    if len(slipped) > LISTED:
        st.caption(f"The latest {LISTED} of {words.count(len(slipped))}.")
    for _, one in slipped.head(LISTED).iterrows():
        why = str(one["why"]) or f"{one['value']}, {one['slip']}"
        link(
            words.cut(f"{words.when(one['time'])}  {why}", 170), "calls", trace_id=str(one["trace"])
        )
