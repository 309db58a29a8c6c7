"""What a retrain learned from: members with reasons and authors, shares against the traffic, what was kept out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from dashboards import charts, data, words
from dashboards.retraining import reads
from dashboards.retraining.sayings import REASONS, name_of_author
from dashboards.retraining.tables import balance_frame
from dashboards.shell import CHART_WIDTH, Desk
from dashboards.words import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.retrain.state import Retrain

__all__ = ["show_dataset"]

SLICES = 20
KEPT_OUT = {
    "same_input": "had the input of a reserved call",
    "same_session": "went on a reserved conversation",
    "near_input": "had nearly the input of a reserved call",
    "too_long": "were too long",
}


def show_dataset(desk: Desk, one: Retrain) -> None:
    """Its composition, as it was built and as it is now."""
    if not one.dataset_version:
        st.info("No dataset has been built yet; it is when the retrain is requested.")
        return
    st.caption(f"Dataset version {plain(one.dataset_version)}")
    known = reads.dataset(desk.url, one.dataset_version)
    if known is not None and known.tainted:
        st.error(
            "Tainted: calls in it have been erased since. Nothing of it goes into a later dataset."
        )
    made_of = data.dataset_composition(desk.url, one.dataset_version)
    if made_of.empty:
        st.warning("The store has no members of this dataset version any more.")
    else:
        _members(made_of)
    built = one.details.get("dataset") or {}
    _waiting(built)
    left, right = st.columns(2)
    with left:
        _authors(dict(known.authors) if known else {})
    with right:
        _kept_out(built)
    _shares(built)


def _members(made_of: pd.DataFrame) -> None:
    totals = made_of.groupby("split")[["members", "labelled"]].sum()
    said = [
        f"{words.count(row['members'])} {split} ({words.count(row['labelled'])} labelled)"
        for split, row in totals.iterrows()
    ]
    st.markdown(
        plain("; ".join(said))
        + ". Only labelled ones of train and validation are exported. The reserved ones never are: they are the test."
    )
    named = made_of.assign(reason=[REASONS.get(name, name) for name in made_of["reason"]])
    st.altair_chart(charts.composition(named), width=2 * CHART_WIDTH)


def _waiting(built: Mapping[str, Any]) -> None:
    waiting, hard = int(built.get("unlabelled") or 0), int(built.get("hard_unlabelled") or 0)
    if waiting:
        st.warning(
            f"{words.noun(waiting, 'member')} waited for a label when it was built, {words.count(hard)} of them hard"
            " examples: nothing was learnt from these. `Review` asks for their answers."
        )


def _authors(authors: Mapping[str, int]) -> None:
    st.markdown("**Whose labels** it was trained on")
    if not authors:
        st.caption("Nothing was exported, or the members are gone.")
        return
    ranked = sorted(authors.items(), key=lambda one: -one[1])
    total = sum(authors.values())
    st.dataframe(
        pd.DataFrame(
            {
                "Author": [words.visible(name_of_author(name)) for name, _ in ranked],
                "Examples": [number for _, number in ranked],
                "Share": [words.percent(number / total) for _, number in ranked],
            }
        ),
        hide_index=True,
    )


def _kept_out(built: Mapping[str, Any]) -> None:
    st.markdown("**Kept out** of training")
    told = {
        str(why): int(number)
        for why, number in (built.get("left_out") or {}).items()
        if int(number) and not str(why).startswith("hard_")
    }
    if not told:
        near = int(built.get("near_duplicates") or 0)
        st.caption(
            f"{words.noun(near, 'call')} too near to a reserved one." if built else "Not on record."
        )
        return
    hard = built.get("left_out") or {}
    st.dataframe(
        pd.DataFrame(
            {
                "Calls that": [KEPT_OUT.get(why, why.replace("_", " ")) for why in told],
                "Calls": list(told.values()),
                "Hard examples among them": [int(hard.get(f"hard_{why}") or 0) for why in told],
            }
        ),
        hide_index=True,
    )
    if over := int(built.get("hard_over_limit") or 0):
        st.caption(f"{words.noun(over, 'hard example')} beyond the limit of a dataset's size.")


def _shares(built: Mapping[str, Any]) -> None:
    slices = [one for one in built.get("slices") or () if isinstance(one, dict)]
    if not slices:
        return
    st.markdown(
        "**Share of the training set against share of the traffic**, the largest gaps first"
    )
    st.dataframe(
        balance_frame(slices[:SLICES]),
        hide_index=True,
        column_config={
            "Times": st.column_config.NumberColumn(
                "Times its share", format="%.1f", help="1 is as in the traffic."
            )
        },
    )
    if len(slices) > SLICES:
        st.caption(f"The {SLICES} largest of {len(slices)} gaps.")
