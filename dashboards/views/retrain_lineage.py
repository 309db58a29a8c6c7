"""Lineage both ways: from the candidate back to its base, dataset and calls, and on to what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboards import words
from dashboards.retraining import reads
from dashboards.shell import Desk, link
from dashboards.words import plain

if TYPE_CHECKING:
    from monitor.retrain.lineage import DatasetLineage, ReleaseLineage
    from monitor.retrain.state import Retrain

__all__ = ["show_lineage"]

SHOWN = 8


def show_lineage(desk: Desk, one: Retrain) -> None:
    """Where it comes from on the left, what came of it on the right."""
    dataset = reads.dataset(desk.url, one.dataset_version) if one.dataset_version else None
    release = reads.release(desk.url, one.candidate_release) if one.candidate_release else None
    left, right = st.columns(2)
    with left:
        st.markdown("**Where it comes from**")
        _bases(one, release)
        _dataset(dataset)
    with right:
        st.markdown("**What came of it**")
        _candidate(one, release)
        _descendants(release, dataset, one)


def _bases(one: Retrain, release: ReleaseLineage | None) -> None:
    if one.base_release:
        link(f"Base: release {one.base_release}", "calls", release=one.base_release, range="all")
    for name in (release.ancestors if release else ())[1:]:
        link(f"which was made of release {name}", "calls", release=name, range="all")
    if one.incident_id:
        link(f"Cause: incident {one.incident_id}", "incidents", incident=one.incident_id)


def _dataset(dataset: DatasetLineage | None) -> None:
    if dataset is None:
        st.caption("No dataset yet.")
        return
    st.markdown(
        plain(
            f"Dataset {dataset.version}: trained on {words.noun(dataset.trained, 'labelled call')}"
            f" of {words.noun(len(dataset.traces), 'trace')}"
        )
    )
    with st.expander("Some of the calls it was trained on"):
        for trace in dataset.traces[:SHOWN]:
            link(trace, "calls", trace_id=trace)
        if not dataset.traces:
            st.caption("None are in the store any more.")
        elif len(dataset.traces) > SHOWN:
            st.caption(
                f"{SHOWN} of {words.count(len(dataset.traces))}; `outerloop lineage` has all."
            )
    for event in dataset.events:
        by = f" by {event.actor}" if event.actor else ""
        st.caption(plain(f"{words.when(event.timestamp)}: {event.event}{by}"))


def _candidate(one: Retrain, release: ReleaseLineage | None) -> None:
    if not one.candidate_release:
        st.caption("No candidate yet.")
        return
    candidate = one.details.get("candidate") or {}
    st.markdown(plain(f"Release {one.candidate_release}"))
    told = [
        f"{name}: {candidate[name]}"
        for name in ("model", "endpoint", "artifact")
        if candidate.get(name)
    ]
    told += [f"{name}: {value}" for name, value in dict(candidate.get("metrics") or {}).items()]
    for line in told:
        st.text(words.visible(words.cut(line, 200)))  # an address of the job's is no link of ours
    answering = release.answering if release else ()
    for each in answering:
        link(
            f"{words.noun(each.calls, 'call')} of {each.service} answered by it, {words.when(each.first)} to"
            f" {words.when(each.last)}",
            "calls", release=one.candidate_release, range="all",
        )  # fmt: skip
    if not answering:
        st.caption("It has answered no call of production.")


def _descendants(
    release: ReleaseLineage | None, dataset: DatasetLineage | None, one: Retrain
) -> None:
    made = {*(release.descendants if release else ()), *(dataset.releases if dataset else ())}
    for name in sorted(made - {one.candidate_release}):
        link(
            f"Release {name} was made of it, or of its dataset", "calls", release=name, range="all"
        )
    for name in dataset.retrains if dataset else ():
        if name != one.retrain_id:
            link(f"Retrain {name} used the same dataset", "retrains", retrain=name)
