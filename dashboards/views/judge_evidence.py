"""Behind a judge: its rate over time, the calls about which people differ from it, and what more would buy."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING
from urllib.parse import quote

import pandas as pd
import streamlit as st

from dashboards import charts, data, words
from dashboards.filters import bucket_s
from dashboards.shell import CHART_WIDTH
from dashboards.views.figure import figure
from dashboards.words import plain
from judges.statistics.outlook import outlook
from judges.statistics.rates import MIN_LABELS
from judges.statistics.sampling import Z
from monitor.judging.anchors import ENOUGH
from monitor.judging.production import labels_of
from monitor.watching.judged import Quality

if TYPE_CHECKING:
    from dashboards.shell import Desk
    from monitor.judging.trust import JudgeHealth

__all__ = ["show_anchors", "show_course", "show_disagreements", "show_outlook"]

MOST_SHOWN = 50
FEWEST = 5
"""Verdicts below which a piece of time has no point of its own."""


def show_course(desk: Desk, one: JudgeHealth) -> None:
    """Its mean verdict over time, and for a yes/no judge with labels what people would have said."""
    since, until = max(desk.filters.since, one.first_call), min(desk.filters.until, one.last_call)
    found = data.of_judge(
        desk.url, "judge_course", desk.filters, service=one.service, judge=one.judge,
        bucket_s=max(3600, bucket_s(since, until, most=40)),
    )  # fmt: skip
    found = found[found["n"] >= FEWEST] if not found.empty else found
    if len(found) < 2:
        st.caption("Over time: too few verdicts yet.")
        return
    half = found["variance"].map(lambda variance: Z * sqrt(variance))
    judged = found.assign(
        meaning="as judged", rate=found["mean"], low=found["mean"] - half, high=found["mean"] + half
    )
    shares = bool(found["mean"].between(0, 1).all())
    frame = pd.concat([judged, _corrected(one, found)] if shares else [judged], ignore_index=True)
    marks = [(crossed.crossed_at, "the judge changed") for crossed in one.breaks]
    st.caption("Mean verdict over time (bands: 95 %); a break marks where the judge changed")
    st.altair_chart(charts.judge_course(frame, marks, shares=shares), width=CHART_WIDTH * 2)


def _corrected(one: JudgeHealth, found: pd.DataFrame) -> pd.DataFrame:
    """The same pieces as people would have judged them; empty where labels do not say."""
    quality, rows = Quality.of(one), []
    if quality is None:
        return pd.DataFrame()
    mine = found[found["version"] == one.version]
    columns = ("at", "n", "mean", "n_eff")
    for at, n, mean, n_eff in zip(*(mine[name].tolist() for name in columns), strict=True):
        worth = max(1, round(n_eff))
        told = quality.correct(round((1 - mean) * worth), worth)
        if told is not None:
            rows.append(
                {
                    "at": at, "version": one.version, "n": n, "meaning": "corrected",
                    "rate": 1 - told.rate, "low": 1 - told.high, "high": 1 - told.low,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def show_anchors(desk: Desk, one: JudgeHealth) -> None:
    """Whether it was tested again on the calls that people labelled, and when."""
    tests, last = data.store(desk.url).rows(
        "anchors_tested", judge=one.judge, since=one.first_call
    )[0]
    if not tests:
        people = one.trust.n - one.outcomes
        st.caption(
            f"Not yet tested for changes of its own: that begins with {ENOUGH} labels of people"
            f" ({words.count(people)} now, beside {words.count(one.outcomes)} of outcomes)."
        )
        return
    moved = [crossed for crossed in one.breaks if crossed.crossed_at >= one.first_call]
    found = f"{words.noun(len(moved), 'change')} found" if moved else "no change found"
    st.caption(
        plain(
            f"Tested on calls that people labelled: {words.noun(tests, 'verdict')}, last {words.when(last)}; {found}."
        )
    )


def show_disagreements(desk: Desk, one: JudgeHealth) -> None:
    """Calls to look at, each a click away."""
    found = data.of_judge(
        desk.url, "judge_disagreements", desk.filters, service=one.service, judge=one.judge,
        version=one.version, labels=list(labels_of(desk.settings).get(one.judge, ())), how_many=MOST_SHOWN,
    )  # fmt: skip
    if found.empty:
        if one.trust.n:
            st.caption("No labelled call of this stretch is judged otherwise than people did.")
        return
    more = f", the newest {MOST_SHOWN}" if len(found) == MOST_SHOWN else ""
    with st.expander(f"{words.noun(len(found), 'call')} to look at: judge and people differ{more}"):
        st.dataframe(
            pd.DataFrame(
                {
                    "Call": [f"/calls?trace_id={quote(str(trace))}" for trace in found["trace_id"]],
                    "Time (UTC)": [words.when(at) for at in found["called_at"]],
                    "Judge": [f"{value:g}" for value in found["said"]],
                    "People": [f"{value:g}" for value in found["truth"]],
                    "By": [words.visible(by) for by in found["by"]],
                    "The judge's reason": [words.visible(words.cut(why, 300)) for why in found["reason"]],
                    "Their note": [words.visible(words.cut(note, 300)) for note in found["note"]],
                }
            ),
            hide_index=True,
            column_config={"Call": st.column_config.LinkColumn(display_text="open")},
        )  # fmt: skip


def show_outlook(one: JudgeHealth) -> None:
    """What more labels or dollars would buy."""
    level, asked = one.trust.level, one.trust.judged + one.trust.failed
    if level is None:
        st.caption(
            f"What more would buy: {MIN_LABELS - one.trust.n} more labels of judged calls show a corrected level;"
            " the Review page draws the calls."
        )
        return
    price = None if one.cost_usd is None or not asked else one.cost_usd / asked
    st.caption(
        "What more would buy: the corrected 95 % interval, in points above and below the rate"
    )
    with st.container(horizontal=True, gap="small"):
        for way in outlook(level, one.trust.judged, usd_per_verdict=price):
            title = "Now"
            told = f"{words.count(level.rate.n)} labels, {words.count(one.trust.judged)} verdicts"
            if way.labels:
                title, told = f"+{way.labels} labels", "of people"
            elif way.verdicts:
                cost = "at an unknown price" if way.usd is None else f"for {words.money(way.usd)}"
                title, told = "Twice the verdicts", f"+{words.count(way.verdicts)} {cost}"
            figure(title, f"±{50 * way.width:.2f}", told)
