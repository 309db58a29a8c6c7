"""A person's word on what is normal for a series: accept what it does now, take that back, and who said what before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboards import data, words
from dashboards.drift import reads
from dashboards.shell import Desk
from dashboards.words import plain
from monitor.exceptions import OuterloopError
from monitor.watching import baselines
from monitor.watching.acceptance import accept_incident
from monitor.watching.baselines import Word

if TYPE_CHECKING:
    from collections.abc import Callable

    from dashboards.drift.reads import Said
    from dashboards.drift.series import Series
    from monitor.incidents import Incident

__all__ = ["show_baseline"]

SAID = {
    "accepted": "accepted what it does since {since} as the new normal",
    "pinned": "holds it against {since} to {until}",
    "dataset": "holds it against dataset {dataset}",
    "unpinned": "lets it learn its baseline by itself again",
}


def show_baseline(desk: Desk, one: Series) -> None:
    """What was said, and what can be said now; only rates have a baseline that a person can set."""
    if one.detector != "rate":
        return
    said = reads.said_of_series(desk.url, one.service, one.series)
    for each in said:
        st.caption(plain(f"{words.when(each.said_at)}: {_sentence(each)}"))
    moved = one.status in {"drift", "watch"} and one.began is not None
    held = bool(said) and said[0].status != "unpinned"
    if not moved and not held:
        return
    with st.expander(
        "Is this the new normal?" if moved else "Let it learn by itself again?", expanded=False
    ):
        if moved:
            _accept(desk, one)
        else:
            _let_go(desk, one)


def _sentence(said: Said) -> str:
    told = SAID.get(said.status, said.status).format(
        since=words.when(said.since), until=words.when(said.until), dataset=said.dataset
    )
    return f"{said.actor or 'somebody'} {told}" + (f": {said.note}" if said.note else ".")


def _accept(desk: Desk, one: Series) -> None:
    incident = _incident_of(desk, one)
    names = baselines.moved_with(data.store(desk.url), one.service, one.series)
    with_others = incident is not None and len(names) > 1
    st.markdown(
        plain(
            f"Accept it where the change is real and here to stay, for example after stricter limits upstream. The"
            f" baseline is then learnt anew from what came since {words.when(one.began)}"
            + (
                f", and so it is of {words.noun(len(names) - 1, 'slice')} that moved with it"
                if with_others
                else ""
            )
            + (", and its incident is resolved." if incident is not None else ".")
        )
    )

    def accept(word: Word) -> None:
        store = data.store(desk.url)
        if incident is not None:
            accept_incident(store, incident, word, via="dashboard", since=one.began)
        else:
            began = one.began or baselines.changed_at(store, one.service, one.series)
            baselines.accept(store, one.service, one.series, began, word)

    _say(desk, one, "Accept as the new normal", accept)


def _let_go(desk: Desk, one: Series) -> None:
    st.markdown(
        "Its baseline is then chosen as that of every other series: learnt from its own calls."
    )
    _say(
        desk,
        one,
        "Learn it again",
        lambda word: baselines.unpin(data.store(desk.url), one.service, one.series, word),
    )


def _say(desk: Desk, one: Series, label: str, do: Callable[[Word], None]) -> None:
    """Ask for the reason and do it, by a name."""
    named = desk.actor != "dashboard"
    if not named:
        st.info("Type your name in the side bar first: who says it is kept with the series.")
    note = st.text_input(
        "Reason",
        key=f"reason_{one.detector}_{one.service}_{one.series}",
        placeholder="why (kept with your name)",
        max_chars=500,
    ).strip()
    if not st.button(label, type="primary", disabled=not named):
        return
    if not note:
        st.error(f"{label} did not happen: write the reason first, it is kept with your name.")
        return
    try:
        do(Word(desk.actor, desk.now, note))
    except OuterloopError as error:
        st.error(f"{label} did not happen: {plain(error)}")
        return
    st.cache_data.clear()
    st.toast("It is on record. The job `rates` follows at its next run.")
    st.rerun()


def _incident_of(desk: Desk, one: Series) -> Incident | None:
    """The incident that is open because of this series."""
    return next(
        (
            each
            for each in data.incidents(desk.url)
            if (each.service, each.detector, each.series) == one.key and each.state != "resolved"
        ),
        None,
    )
