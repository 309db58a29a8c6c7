"""The search line above the list of retrains: by a call, a dataset, a release, an incident or an id."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import streamlit as st

from dashboards import words
from dashboards.retraining import reads
from dashboards.shell import link
from dashboards.words import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.shell import Desk
    from monitor.retrain.state import Retrain

__all__ = ["asked_for"]

TRACE = re.compile(r"[0-9a-f]{32}")


def asked_for(desk: Desk, known: Sequence[Retrain]) -> list[Retrain]:
    """The retrains that the line leaves; what it found out about a call is said above them."""
    text = (
        st.text_input(
            "Find",
            key="find",
            bind="query-params",
            placeholder="a trace id, a dataset (ds-…), a release, an incident or a retrain",
            help="Of a call: the retrains whose dataset it was trained on, and the releases that came of them.",
            max_chars=200,
            width=520,
        )
        or ""
    ).strip()
    if not text:
        return list(known)
    found = _trained_on(desk, known, text) if TRACE.fullmatch(text) else _named(known, text)
    if not found:
        st.info(f"No retrain here has to do with {plain(words.cut(text, 80))}.")
    return found


def _named(known: Sequence[Retrain], text: str) -> list[Retrain]:
    wanted = text.casefold()
    return [
        one
        for one in known
        if any(
            wanted in name.casefold()
            for name in (
                one.retrain_id, one.incident_id, one.dataset_version, one.base_release, one.candidate_release
            )
        )
    ]  # fmt: skip


def _trained_on(desk: Desk, known: Sequence[Retrain], trace_id: str) -> list[Retrain]:
    lineage = reads.trace(desk.url, trace_id)
    if lineage is None:
        st.warning(
            "There is no call of that trace in the store; it may have aged out, or been erased."
        )
        return []
    for member in lineage.datasets:
        use = "trained on" if member.trained else "not trained on"
        st.caption(
            plain(
                f"In dataset {member.version}, split {member.split}, {use};"
                f" label by {member.label_author or 'nobody'}"
                + ("; tainted by an erasure" if member.tainted else "")
            )
        )
    if not lineage.datasets:
        st.caption("The call is in no dataset.")
    for release in lineage.releases:
        link(f"Release {release} was trained on it", "calls", release=release, range="all")
    link("Open the call", "calls", trace_id=trace_id)
    versions = {member.version for member in lineage.datasets}
    return [one for one in known if one.dataset_version in versions]
