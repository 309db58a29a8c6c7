"""How a service went over time, with releases, prompts and incidents marked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboards import charts, data, words
from dashboards.address import choose
from dashboards.filters import bucket_s
from dashboards.shell import CHART_WIDTH, Desk
from dashboards.views.overview_cards import BUSINESS, ORDER, SIDES
from dashboards.words import plain

if TYPE_CHECKING:
    from dashboards.filters import Filters

__all__ = ["show_trends"]

TRAFFIC_BARS, QUALITY_POINTS = 90, 30
"""Points in time at most; a rate needs more calls a point than a count does."""


CHARTED = 6


def show_trends(desk: Desk, services: pd.DataFrame) -> None:
    """How one service went: quality, volume, latency, cost."""
    st.subheader("Over time", anchor=False)
    names = list(services["service"])
    service = (
        names[0]
        if len(names) == 1
        else choose(
            st.segmented_control,
            "Service",
            names[:CHARTED],
            name="trend",
            default=names[0],
            shown=lambda name: words.cut(words.visible(name), 40),
            required=True,
        )
    )
    filters = replace(desk.filters, service=service)
    marks = _marks(desk, service)
    _quality_over_time(desk, service, filters, marks)
    traffic = data.asked(desk.url, "traffic", filters, _bucket(desk, TRAFFIC_BARS))
    with st.container(horizontal=True, gap="small"):
        with st.container(width=CHART_WIDTH):
            st.markdown("**Volume**: calls")
            st.altair_chart(charts.volume(traffic, marks))
        with st.container(width=CHART_WIDTH):
            st.markdown("**Latency**: p50 and p95, within 1 % of the exact quantile")
            st.altair_chart(charts.latency(traffic, marks))
    st.markdown("**Cost**: US dollars of the calls whose cost is known")
    if traffic["cost_usd"].sum() > 0:
        st.altair_chart(charts.spend(traffic, marks))
    else:
        st.info(
            "No call in this stretch has a known cost: the sender gave none, and the model has"
            " no row in the table `prices`."
        )


def _quality_over_time(desk: Desk, service: str, filters: Filters, marks: pd.DataFrame) -> None:
    size = _bucket(desk, QUALITY_POINTS)
    st.markdown(
        f"**Quality** of {plain(service)}: failing share by"
        f" {words.span(timedelta(seconds=size))} of the call; band: 95 % interval"
    )
    st.caption(
        "Upright lines: orange, an incident began; purple and dashed, a release or a prompt"
        " came. Grey rings without a line: so young that most outcomes are not told yet."
    )
    over_time = data.asked(desk.url, "quality_over_time", filters, size)
    if over_time.empty:
        st.info(
            "No two-valued score has been told about these calls, so there is no failing share to draw."
        )
        return
    ripe = _ripe(over_time, data.asked(desk.url, "quality", filters), desk)
    shown = ripe.groupby("score")["n"].sum().sort_values(ascending=False).index[:CHARTED]
    _quality_sides(ripe[ripe["score"].isin(shown)], marks)
    rest = ripe["score"].nunique() - len(shown)
    if rest:
        st.caption(f"{words.noun(rest, 'score')} with fewer verdicts not drawn.")


def _quality_sides(ripe: pd.DataFrame, marks: pd.DataFrame) -> None:
    """The business's charts on the left, the model's on the right, each in the order of whose word counts."""
    with st.container(horizontal=True, gap="small"):
        for side, name in SIDES.items():
            mine = ripe[ripe["source"].isin(BUSINESS) == side]
            with st.container(width=CHART_WIDTH):
                st.markdown(f"**{name}**")
                if mine.empty:
                    st.caption("Nothing has been told about these calls yet.")
                for score in sorted(mine["score"].unique(), key=_rank):
                    _one_score(score, mine[mine["score"] == score], marks)


def _one_score(score: str, rows: pd.DataFrame, marks: pd.DataFrame) -> None:
    """A rate over time; of what only people say who care to, the number, for their share is nobody's rate."""
    told = words.count(rows["n"].sum())
    if score.startswith("user: "):
        st.markdown(plain(f"{score} ({told} said something)"))
        st.altair_chart(charts.voices(rows, marks))
        return
    st.markdown(plain(f"{score} (n = {told})"))
    st.altair_chart(charts.quality(rows, marks))


def _rank(score: str) -> tuple[int, str]:
    source = score.partition(":")[0]
    return (ORDER.index(source) if source in ORDER else len(ORDER), score)


def _bucket(desk: Desk, most: int) -> int:
    """Seconds of a bar, for the part of the stretch in which there are calls."""
    extent = data.extent(desk.url)
    since, until = (
        max(desk.filters.since, extent.first_call),
        min(desk.filters.until, extent.last_call + timedelta(seconds=1)),
    )
    return bucket_s(since, max(until, since), most=most)


def _ripe(frame: pd.DataFrame, totals: pd.DataFrame, desk: Desk) -> pd.DataFrame:
    """Mark the outcomes of calls younger than 95 % of outcomes take as not ripe yet."""
    delays = {
        (row["source"], row["name"]): float(row["delay_p95_s"]) for _, row in totals.iterrows()
    }
    ripe_until = [
        pd.Timestamp(desk.now) - pd.Timedelta(seconds=delays.get((source, name), 0.0))
        if source in {"outcome", "user"}
        else pd.Timestamp(desk.now)
        for source, name in zip(frame["source"], frame["name"], strict=True)
    ]
    return frame.assign(
        score=frame["source"] + ": " + frame["name"],
        immature=frame["bucket"] > pd.Series(ripe_until, index=frame.index),
    )


def _marks(desk: Desk, service: str) -> pd.DataFrame:
    """Releases and prompts first seen in this stretch, and incidents that began in it."""
    seen = data.asked(desk.url, "releases", replace(desk.filters, service=service))
    rows = []
    if not seen.empty:
        first = seen["first_seen"].min()
        for _, row in seen.drop_duplicates("release").iterrows():
            if row["first_seen"] > first:
                rows.append(
                    {
                        "time": row["first_seen"],
                        "what": f"release {words.cut(str(row['release']), 40)}",
                        "meaning": "change",
                    }
                )
        for _, row in seen.drop_duplicates("prompt_version").iterrows():
            if row["first_seen"] > first and row["prompt_version"]:
                rows.append(
                    {
                        "time": row["first_seen"],
                        "what": f"prompt {words.cut(str(row['prompt_version']), 40)}",
                        "meaning": "change",
                    }
                )
    rows += [
        {
            "time": pd.Timestamp(one.started_at),
            "what": f"incident: {words.cut(words.visible(one.field or one.title), 40)}",
            "meaning": "fault",
        }
        for one in data.incidents(desk.url)
        if one.service == service and desk.filters.since <= one.started_at < desk.filters.until
    ]
    return pd.DataFrame(rows, columns=["time", "what", "meaning"])
