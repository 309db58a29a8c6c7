"""Fields of answers, tags, scores and figures of calls: how their values were spread before and are now."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboards import charts, words
from dashboards.drift import reads
from dashboards.drift.stretches import known_until
from dashboards.shell import CHART_WIDTH, Desk, link
from dashboards.words import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.drift.fields import Distribution
    from dashboards.drift.looks import FieldLook, Seen
    from dashboards.drift.series import Series
    from dashboards.drift.stretches import Stretches

__all__ = ["show"]

DRAWN = 4
DESCRIPTORS = 4
LONGEST = 60
COMMONEST = 3
"""Values of a field that are told."""


def show(desk: Desk, service: str, stretches: Stretches) -> None:
    """What moved most, as pictures; everything as a table; how texts look, day by day."""
    found = reads.distribution_list(desk.url, service, stretches.before, stretches.now)
    if not found:
        st.info(
            "One of the two stretches has no call, or no field that both have. Choose another time above."
        )
    else:
        _pictures(found)
        _table(found)
    _looks(reads.looks(desk.url, service, stretches.before, stretches.now))
    st.subheader("How texts look", anchor=False)
    _descriptors(desk, service)


def _looks(found: Sequence[FieldLook]) -> None:
    """How often each field of the answers is missing, and what it holds, then and now."""
    st.subheader("Missing fields and types", anchor=False)
    if not found:
        st.info(
            "The answers of this service have no fields: they are no JSON objects and call no tool."
        )
        return
    moved = sum(one.moved for one in found)
    st.markdown(
        f"**{words.noun(moved, 'field')}** of {len(found)} {'is' if moved == 1 else 'are'} missing more or less often"
        " than before, or hold another type, by more than chance makes of it (99.9 % intervals)."
    )
    st.dataframe(
        pd.DataFrame(
            {
                "Field": [words.cut(words.visible(one.path), LONGEST) for one in found],
                "Moved": ["yes" if one.moved else "no" for one in found],
                "Missing before": [
                    words.rate(one.before.missing, one.before.answers) for one in found
                ],
                "Missing now": [words.rate(one.now.missing, one.now.answers) for one in found],
                "Types before": [_types(one.before) for one in found],
                "Types now": [_types(one.now) for one in found],
                "Commonest before": [_values(one.before) for one in found],
                "Commonest now": [_values(one.now) for one in found],
            }
        ),
        hide_index=True,
        height=min(420, 38 + 35 * len(found)),
    )


def _types(seen: Seen) -> str:
    n = seen.types.total()
    return ", ".join(f"{name} {words.percent(many / n)}" for name, many in seen.types.most_common())


def _values(seen: Seen) -> str:
    told = [
        f"{words.cut(words.visible(value), 24)} ({words.count(many)})"
        for value, many in seen.held.most_common(COMMONEST)
    ]
    more = len(seen.held) - len(told)
    return ", ".join([*told, f"{words.count(more)} more"] if more > 0 else told)


def _pictures(found: Sequence[Distribution]) -> None:
    moved = [one for one in found if one.moved]
    st.markdown(
        f"**{words.noun(len(moved), 'column')}** of {len(found)} moved by more than chance makes of"
        f" {words.noun(found[0].n_before, 'call')} before and {words.count(found[0].n_now)} now, drawn at random."
    )
    names = [one.name for one in found]
    picked = st.multiselect(
        "Columns",
        names,
        default=names[:DRAWN],
        format_func=lambda name: words.cut(words.visible(name), LONGEST),
        key="columns",
        max_selections=12,
    )
    with st.container(horizontal=True, gap="small"):
        for one in found:
            if one.name in picked:
                with st.container(width=CHART_WIDTH):
                    st.markdown(f"**{plain(words.cut(one.name, LONGEST))}**: {plain(_said(one))}")
                    st.altair_chart(
                        charts.before_and_now(
                            _harmless(one.bars),
                            words.cut(words.visible(one.title), LONGEST),
                            numeric=one.numeric,
                        )
                    )


def _harmless(bars: pd.DataFrame) -> pd.DataFrame:
    """Values that came with the traffic, cut and with their control characters seen."""
    if "value" not in bars:
        return bars
    return bars.assign(
        value=[
            words.cut(words.visible(str(value)), LONGEST) or "(empty)" for value in bars["value"]
        ]
    )


def _said(one: Distribution) -> str:
    return f"{'moved' if one.moved else 'as before'}, distance {one.distance:.2f} (chance makes up to {one.noise:.2f})"


def _table(found: Sequence[Distribution]) -> None:
    with st.expander(f"All {words.noun(len(found), 'column')}"):
        st.dataframe(
            pd.DataFrame(
                {
                    "Column": [words.visible(one.name) for one in found],
                    "Moved": ["yes" if one.moved else "no" for one in found],
                    "Distance (0 to 1)": [one.distance for one in found],
                    "Chance makes up to": [one.noise for one in found],
                    "Calls before": [one.n_before for one in found],
                    "Calls now": [one.n_now for one in found],
                }
            ),
            hide_index=True,
            column_config={
                "Distance (0 to 1)": st.column_config.NumberColumn(format="%.3f"),
                "Chance makes up to": st.column_config.NumberColumn(format="%.3f"),
            },
        )
        st.caption(
            "Numbers: Kolmogorov-Smirnov distance; categories: total variation. By itself each column would pass"
            " its line by chance in about 1 of 100 comparisons; the series under “Fields of answers” are the"
            " ones that are watched with a known rate of false alarms."
        )


def _descriptors(desk: Desk, service: str) -> None:
    """Length and make-up of texts by day, which the job `descriptors` writes."""
    known = reads.latest_series(desk.url, service, known_until(desk.filters, desk.now))
    mine = [one for one in known if one.kind == "descriptors"]
    if not mine:
        st.info(
            "No descriptors yet: the daily job `descriptors` writes them, and it needs the extra `reports`"
            " (`pip install 'outerloop[reports]'`)."
        )
        return
    order = sorted(mine, key=lambda one: (not one.series.endswith("characters"), one.series))
    with st.container(horizontal=True, gap="small"):
        for one in order[:DESCRIPTORS]:
            with st.container(width=CHART_WIDTH):
                _descriptor(desk, one)
    if len(order) > DESCRIPTORS:
        for one in order[DESCRIPTORS:]:
            link(one.series, "drift", series=one.series, detector=one.detector, of=one.service)


def _descriptor(desk: Desk, one: Series) -> None:
    history = reads.course(desk.url, one.key, known_until(desk.filters, desk.now))
    since = max(desk.filters.since, one.window_end - timedelta(days=90))
    rated = history[(history["n"] > 0) & (history["window_end"] >= pd.Timestamp(since))]
    name = one.series.removeprefix(f"{one.service}/").replace("/", ", ")
    st.markdown(f"**{plain(name)}**, mean of a day; band: 95 % interval")
    if rated.empty:
        st.caption("No day of the chosen time was described.")
    else:
        st.altair_chart(charts.level(rated, title=one.unit, share=False))
