"""Texts on a map: what people ask and what is answered, before and now, with the clusters that moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboards import charts, words
from dashboards.address import choose
from dashboards.charts.drift import CLUSTER_COLOURS, REST
from dashboards.drift import reads
from dashboards.drift.series import STATES
from dashboards.drift.stretches import known_until
from dashboards.shell import CHART_WIDTH, Desk, link
from dashboards.words import plain
from monitor.jobs.embed import missing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.drift.embedding_map import Cluster, Mapped
    from dashboards.drift.reads import MapRead, VectorsKept
    from dashboards.drift.stretches import Stretches

__all__ = ["show"]

PARTS = {"input": "Inputs", "output": "Outputs"}
NAMED = len(CLUSTER_COLOURS)
LONGEST_TIP, LONGEST_NAME = 160, 60
WORDS = 6
"""Typical words of a cluster that are told."""


def show(desk: Desk, service: str, stretches: Stretches) -> None:
    """The map of inputs or outputs, what moved, and what the detectors say."""
    kept = reads.vectors_kept(desk.url, service)
    if not kept:
        st.info(f"No text of this service has an embedding, so there is no map. {_why_none(desk)}")
        return
    part = choose(
        st.segmented_control,
        "Texts",
        PARTS,
        name="texts",
        default="input",
        shown=PARTS.__getitem__,
        required=True,
        label_visibility="collapsed",
    )
    mine = _of_one_model([one for one in kept if one.part == part], desk.settings.embedding_model)
    if mine is None:
        st.info(f"No {part} of this service has an embedding.")
        return
    _verdicts(desk, service, f"{part} text")
    read = reads.text_map(desk.url, mine, stretches.before, stretches.now)
    if read.drawn is None:
        st.info(
            "One of the two stretches has hardly any embedded text, so there is nothing to compare. Embeddings"
            f" there are from {words.when(mine.first_text)} to {words.when(mine.last_text)}; choose another"
            " time above."
        )
        return
    _maps(read, read.drawn)
    _moved(read, read.drawn)


def _why_none(desk: Desk) -> str:
    """What makes embeddings, and what it lacks here."""
    if lacking := missing(desk.settings):
        return f"Here {plain(lacking)}. Then the job `embed` makes them every hour, for earlier calls too."
    if not desk.settings.embeddings_per_day:
        return "They are turned off here: set OUTERLOOP_EMBEDDINGS_PER_DAY to a number of texts above 0."
    return (
        "The job `embed` makes them every hour; it has not run since calls came. `Health` says when it ran last,"
        " and `outerloop run embed` runs it now."
    )


def _of_one_model(kept: Sequence[VectorsKept], wanted: str) -> VectorsKept | None:
    """The vectors of the present model, else of the one with most: two models' have no common map."""
    return next((one for one in kept if one.model == wanted), kept[0] if kept else None)


def _verdicts(desk: Desk, service: str, series: str) -> None:
    """What the detectors of this series say: the map is a picture, they are the judgement."""
    for one in reads.latest_series(desk.url, service, known_until(desk.filters, desk.now)):
        if one.kind == "texts" and one.series == series:
            state = f"{STATES.get(one.status, (one.status,))[0]}."
            said = one.sentence if one.status == "insufficient_data" else f"{state} {one.sentence}"
            link(
                words.cut(f"{one.detector}: {said}", 220),
                "drift", series=one.series, detector=one.detector, of=one.service,
            )  # fmt: skip


def _names(drawn: Mapped) -> dict[int, str]:
    """By number: what the clusters that moved most are called; no two alike."""
    names: dict[int, str] = {}
    for one in drawn.clusters:
        if one.moved and len(names) < NAMED:
            name = words.cut(words.visible(one.name), LONGEST_NAME)
            names[one.number] = f"{name} ({one.number + 1})" if name in names.values() else name
    return names


def _maps(read: MapRead, drawn: Mapped) -> None:
    names = _names(drawn)
    x, y = drawn.places[:, 0], drawn.places[:, 1]
    frame = pd.DataFrame(
        {
            "x": x,
            "y": y,
            "cluster": [names.get(int(number), REST) for number in drawn.cluster_of],
            "text": [
                words.cut(" ".join(words.visible(text).split()), LONGEST_TIP)
                or "(the text is gone)"
                for text in read.texts["text"]
            ],
            "time": read.texts["time"],
        }
    ).assign(low_x=x.min(), high_x=x.max(), low_y=y.min(), high_y=y.max())
    is_now = read.texts["now"].to_numpy(dtype=bool)
    with st.container(horizontal=True, gap="small"):
        for title, rows in (("Before", frame[~is_now]), ("Now", frame[is_now])):
            with st.container(width=CHART_WIDTH):
                st.markdown(f"**{title}**, {words.noun(len(rows), 'text')} drawn at random")
                st.altair_chart(charts.text_map(rows, list(names.values()), drawn.explained))
    st.caption(
        "Texts that mean the like lie near each other; both maps have the same axes, which have no unit. The map is"
        " for looking: the detectors above decide, with a known rate of false alarms."
    )


def _moved(read: MapRead, drawn: Mapped) -> None:
    st.subheader("What moved", anchor=False)
    moved = [one for one in drawn.clusters if one.moved]
    if not moved:
        st.success("No cluster's share changed by more than chance makes of so many texts.")
    for one in moved:
        _cluster(read, one)
    with st.expander(f"All {words.noun(len(drawn.clusters), 'cluster')}"):
        st.dataframe(
            pd.DataFrame(
                {
                    "Typical words": [
                        words.visible(", ".join(one.words)) or one.name for one in drawn.clusters
                    ],
                    "Texts before": [one.before for one in drawn.clusters],
                    "Texts now": [one.now for one in drawn.clusters],
                    "Change of its share": [_change(one) for one in drawn.clusters],
                }
            ),
            hide_index=True,
        )


def _change(one: Cluster) -> str:
    points = (one.difference, one.change.low, one.change.high)
    change, low, high = (f"{100 * value:+.1f}" for value in points)
    return f"{change} percentage points (99 %: {low} to {high})"


def _cluster(read: MapRead, one: Cluster) -> None:
    with st.container(border=True):
        st.markdown(f"**{plain(words.cut(', '.join(one.words[:WORDS]) or one.name, 160))}**")
        st.caption(
            plain(
                f"{'Grew' if one.difference > 0 else 'Shrank'} by {_change(one)}:"
                f" {words.noun(one.before, 'text')} before, {one.now} now."
            )
        )
        for row in one.examples:
            line = read.texts.iloc[row]
            text = " ".join(str(line["text"]).split()) or "(the text is gone)"
            link(words.cut(text, 140), "calls", trace_id=str(line["trace"]))
