"""Judges: what each says of production, what people say of it, whether it moved, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboards import charts, data, words
from dashboards.shell import CHART_WIDTH, Desk, link, view
from dashboards.views.judge_card import corrected, show_judge
from dashboards.views.judge_spend import show_spend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.judging.trust import JudgeHealth

__all__ = ["show"]


@view
def show(desk: Desk) -> None:
    """The page."""
    st.title("Judges")
    health = data.judge_health(desk.url, desk.settings, desk.filters)
    _alarms(desk)
    st.subheader("Spend", anchor=False)
    show_spend(desk)
    st.subheader("In production", anchor=False)
    if not health:
        st.info(
            "No judge has judged a call of this stretch. A definition in the data directory's folder `judges`"
            " that names `services` does; `outerloop eval` judges files. Longer stretches are chosen above."
        )
    latest = sorted(
        (one for one in health if one.latest), key=lambda one: (-one.trust.n, -one.trust.judged)
    )
    _rates(latest)
    for one in latest:
        older = [
            other
            for other in health
            if not other.latest and (other.service, other.judge) == (one.service, one.judge)
        ]
        show_judge(desk, one, older)
    st.subheader("Evals", anchor=False)
    _evals(desk)


def _alarms(desk: Desk) -> None:
    """Open incidents about judges: one shifted, got worse, or gives no verdicts."""
    for one in data.incidents(desk.url):
        mine = not desk.filters.service or desk.filters.service in one.service.split(", ")
        if one.cause == "judge" and one.state != "resolved" and mine:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.badge("alarm", color="red", icon=":material/warning:")
                link(words.cut(one.title, 110), "incidents", incident=one.incident_id)


def _rates(latest: Sequence[JudgeHealth]) -> None:
    """All of them in one picture: as judged, and where people's labels allow it, corrected."""
    rows = []
    for one in latest:
        name = words.cut(words.visible(f"{one.service}: {one.judge}"), 44)
        for meaning, rate in (("as judged", one.trust.raw), ("corrected", corrected(one.trust))):
            if rate is not None and 0 <= rate.value <= 1 and rate.low < rate.high:
                rows.append(
                    {
                        "name": name, "meaning": meaning, "rate": rate.value, "n": rate.n,
                        "low": max(0.0, rate.low), "high": min(1.0, rate.high),
                    }
                )  # fmt: skip
    if rows:
        st.markdown(
            "**Mean verdict** of the latest version, all calls of the stretch; bars: 95 % intervals. A judge's"
            " own word shows how a rate moves; only the corrected one says where it is."
        )
        st.altair_chart(charts.rates(pd.DataFrame(rows), "mean verdict"), width=CHART_WIDTH * 2)


def _evals(desk: Desk) -> None:
    runs = data.evaluation_runs(desk.url)
    if runs.empty:
        st.info("No evaluation yet; `outerloop eval` makes one.")
        return
    newest = runs.drop_duplicates("run_id").head(5)
    for _, one in newest.iterrows():
        link(
            words.cut(
                f"{words.when(one['timestamp'])} · {one['dataset']} · {one['candidate']}", 110
            ).rstrip(" ·"),
            "evals",
            run=str(one["run_id"]),
        )
