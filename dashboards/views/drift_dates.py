"""Dates in answers against the day of their call: does the model still live in the present?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboards import charts, words
from dashboards.address import asked, choose
from dashboards.charts.drift import LAG
from dashboards.drift import reads
from dashboards.drift.dates import SLIP_WORDS, date_paths, lags_of, learnt, slipped_lags
from dashboards.drift.fields import Distribution, distributions
from dashboards.drift.series import STATES
from dashboards.drift.story import story_of, years_written
from dashboards.drift.stretches import known_until
from dashboards.shell import CHART_WIDTH, Desk, link
from dashboards.words import plain
from monitor.report import Period
from monitor.report.frames import Columns

if TYPE_CHECKING:
    from dashboards.drift.stretches import Stretches
    from monitor.jobs.dates import DateField

__all__ = ["show"]

LISTED = 10


def show(desk: Desk, service: str, stretches: Stretches) -> None:
    """One field: every date by when its call was, the usual range, and the ones that slipped."""
    whole = Period(min(stretches.before.since, stretches.now.since), stretches.now.until)
    answers = reads.answers(desk.url, service, whole)
    known = {
        one.field: one
        for one in reads.date_fields(desk.url, service, known_until(desk.filters, desk.now))
    }
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
    sample = lags_of(answers, field, of)
    rows = _with_marked(desk, service, field, whole=whole, sample=sample)
    if rows.empty:
        st.info("No call of this time holds a date in this field.")
        return
    st.markdown("  \n".join(plain(line) for line in story_of(rows, sample, of)))
    _say(service, field, rows, of)
    st.caption(
        "A random sample of calls, and every call that a detector marked: the share of slipped ones in the"
        " first picture is therefore no rate. The rate is in the series below."
    )
    st.altair_chart(charts.lags(rows, (of.profile.low, of.profile.high) if of else None))
    _pictures(sample, stretches)
    _verdicts(desk, service, field)
    _slipped(rows)


def _with_marked(
    desk: Desk, service: str, field: str, *, whole: Period, sample: pd.DataFrame
) -> pd.DataFrame:
    """The sample of all dates, and every one that a detector marked."""
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


def _pictures(sample: pd.DataFrame, stretches: Stretches) -> None:
    """Of the random sample alone: which year dates say, day by day, and how far they lie from the call."""
    if sample.empty:
        return
    with st.container(horizontal=True, gap="small"):
        with st.container(width=CHART_WIDTH):
            st.markdown("**Which year they say**, against the year of the call")
            st.altair_chart(charts.years(years_written(sample)))
        with st.container(width=CHART_WIDTH):
            st.markdown("**Days from the call**, before and now")
            profile = _profile(sample, stretches)
            if profile is None:
                st.caption("One of the two stretches has no date of this field.")
            else:
                st.altair_chart(charts.before_and_now(profile.bars, LAG, numeric=True))
                st.caption(
                    f"{words.noun(profile.n_before, 'date')} before, {words.count(profile.n_now)} now."
                )


def _profile(sample: pd.DataFrame, stretches: Stretches) -> Distribution | None:
    parts = [
        sample[
            (sample["time"] >= pd.Timestamp(one.since)) & (sample["time"] < pd.Timestamp(one.until))
        ]
        for one in (stretches.before, stretches.now)
    ]
    return next(iter(distributions(parts[0], parts[1], Columns((), ("lag",), ()))), None)


def _verdicts(desk: Desk, service: str, field: str) -> None:
    for one in reads.latest_series(desk.url, service, known_until(desk.filters, desk.now)):
        if one.kind == "dates" and one.field == field:
            state = STATES.get(one.status, (one.status,))[0]
            seen = words.rate(one.count, one.n) if one.n else "no call"
            link(
                f"{one.detector.replace('_', ' ')}: {state}, {seen} in its last look",
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
