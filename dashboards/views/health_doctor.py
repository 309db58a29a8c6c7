"""What `outerloop doctor` would say, word for word: looked at in a thread, so that the page does not wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboards import words
from dashboards.health.growth import in_bytes
from dashboards.health.reads import examined
from dashboards.words import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.health.reads import Examined
    from dashboards.shell import Desk
    from monitor.examination import Finding

__all__ = ["show_doctor"]

STATES = ("problem", "warning", "ok")
EVERY_S = 1.0
"""Seconds between two looks whether the examination is done."""


def show_doctor(desk: Desk) -> None:
    """The findings as soon as they are there; until then the rest of the page is."""
    again = st.button("Look again", icon=":material/stethoscope:", key="doctor_again")
    answer = examined(desk.settings, desk.now, again=again)
    if answer.done():
        _show(answer.result())
        return

    @st.fragment(run_every=EVERY_S)
    def wait() -> None:
        if answer.done():
            st.rerun()
        st.info(
            "Looking at settings, connections, the ledger and the disk. It takes seconds where something does not"
            " answer; the rest of the page is below."
        )

    wait()


def _show(found: Examined) -> None:
    wrong = [one for one in found.findings if one.state != "ok"]
    counts = {state: sum(one.state == state for one in found.findings) for state in STATES}
    told = ", ".join(
        words.noun(many, state) if state != "ok" else f"{many} ok"
        for state, many in counts.items()
        if many
    )
    for one in sorted(wrong, key=lambda one: STATES.index(one.state)):
        said = f"**{plain(one.what)}**: {plain(one.told)}" + (
            f"  \n→ {plain(one.mend)}" if one.mend else ""
        )
        (st.error if one.state == "problem" else st.warning)(said)
    if not wrong:
        st.success(f"Nothing is wrong: {told}.")
    with st.expander(f"All findings: {told}"):
        _table(found.findings)
    if found.figures is not None:
        lag = found.figures.value("store_lag_seconds")
        held = found.figures.value("wal_bytes")
        st.caption(
            f"The collector at {plain(found.figures.url)} says: from arrival to store {lag:.1f} s in its last segment,"
            f" {words.noun(found.figures.value('waiting'), 'row')} waiting, {in_bytes(held)} in its log."
        )


def _table(findings: Sequence[Finding]) -> None:
    st.dataframe(
        pd.DataFrame(
            {
                "State": [one.state for one in findings],
                "What": [words.visible(one.what) for one in findings],
                "Found": [words.visible(one.told) for one in findings],
                "What to do": [words.visible(one.mend) for one in findings],
            }
        ),
        hide_index=True,
        column_config={
            "State": st.column_config.TextColumn(width=75),
            "What": st.column_config.TextColumn(width=110),
            "Found": st.column_config.TextColumn(width=520),
            "What to do": st.column_config.TextColumn(width=320),
        },
    )
