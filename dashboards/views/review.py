"""The review queue: one call after the other, answered with the keyboard, blind to what judges said."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from dashboards import data, words
from dashboards.review.agreement import Pair, kappa_interval
from dashboards.review.sitting import Place, Sitting, begin
from dashboards.review.table import Table
from dashboards.shell import Desk, link, view
from dashboards.views import review_call
from dashboards.views.one_service import one_service
from dashboards.views.review_name import remember_name
from dashboards.words import plain
from monitor.clock import utcnow
from monitor.curation.dataset import DatasetSummary
from monitor.curation.queue import WINDOW, agreement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.curation.progress import Progress
    from monitor.curation.queue import Agreement

__all__ = ["show"]

QUEUE = "Review queue"
DATASETS = 20
"""Dataset versions that can be chosen, the newest."""
SITTING = "_sitting"
GOES_ON = timedelta(hours=1)
"""A sitting that was left for longer begins anew."""
WHY = {
    "random": "it was drawn at random",
    "reserved": "it was drawn at random for the test set",
    "second": "somebody else has answered it too",
    "drifted": "an open incident is about calls like it",
    "failed_check": "a check failed",
    "failed_outcome": "an outcome failed",
    "failed_review": "a person called it wrong",
    "low_judge": "a judge thought little of it",
    "thumbs_down": "a user was not content",
}
"""What the queue's reasons mean; told after the answer only."""


@view
def show(desk: Desk) -> None:
    """The page."""
    st.title("Review")
    service = one_service(desk)
    if not service:
        return
    dataset = _dataset(desk, service)
    remember_name(desk)
    if desk.actor == "dashboard":
        st.info(
            "Type your name in the side bar to begin: every label is kept with the name of the person who gave it,"
            " and two people's answers about the same call are compared."
        )
    else:
        _sit(desk, Place(desk.url, service, desk.actor, dataset))
    st.subheader("Do people agree?", anchor=False)
    _agreement(desk, service)


def _dataset(desk: Desk, service: str) -> str:
    """Which dataset version is labelled again; '' for the queue."""
    versions = data.store(desk.url).read("dataset_versions", DatasetSummary)
    known = [one.version for one in versions if one.service == service][:DATASETS]
    asked = str(st.query_params.get("label", ""))
    if not known and not asked:
        return ""
    options = [QUEUE, *known]
    chosen = st.selectbox(
        "What to label",
        options if not asked or asked in options else [*options, asked],
        key="label",
        bind="query-params",
        width=320,
        help="The review queue draws calls by its design; a dataset version has its members labelled again.",
    )
    return "" if chosen == QUEUE else chosen


@st.cache_resource
def _table(url: str) -> Table:
    """Where all reviewers of a store sit."""
    del url  # tells one store's table from another's
    return Table()


def _sit(desk: Desk, place: Place) -> None:
    """Begin a sitting, or go on with the one in hand, also after the page was loaded again."""
    now, table = utcnow(), _table(desk.url)
    sitting: Sitting | None = st.session_state.get(SITTING) or table.sittings.get(place)
    if sitting is not None and sitting.place != place:
        sitting = table.sittings.get(place)
    if sitting is None or now - max(sitting.said_at, sitting.fetched_at) > GOES_ON:
        with st.spinner("Choosing calls to ask about…"):
            sitting = begin(data.store(desk.url), desk.settings, place, now=now, table=table)
        table.remember(sitting)
    st.session_state[SITTING] = sitting
    _fragment(desk)


@st.fragment
def _fragment(desk: Desk) -> None:
    """What a click draws again: the call and nothing else of the page."""
    sitting: Sitting = st.session_state[SITTING]
    sitting.settle(data.store(desk.url), now=utcnow())
    if not sitting.waiting:
        with st.spinner("Choosing more calls…"):
            sitting.fetch(data.store(desk.url), desk.settings, now=utcnow())
            sitting.settle(data.store(desk.url), now=utcnow())
    _progress(sitting)
    if sitting.item is None:
        st.success(
            f"Nothing waits for {plain(sitting.place.reviewer)}. New calls come with the traffic; hard ones come first."
        )
        review_call.show_undo(desk, sitting)
    else:
        review_call.show(desk, sitting)
    _last(desk, sitting)


def _progress(sitting: Sitting) -> None:
    """How far this sitting is, and the review as a whole."""
    done = len(sitting.answered)
    minutes = (sitting.said_at - sitting.began).total_seconds() / 60
    pace = f", {done / minutes:.1f} a minute" if done > 1 and minutes > 0.1 else ""
    whole = sitting.progress
    total = done + max(len(sitting.waiting), whole.left if whole else 0)
    st.progress(
        done / total if total else 1.0, text=f"{words.noun(done, 'call')} answered now{pace}"
    )
    if whole is None or sitting.place.dataset:
        st.caption(
            f"{words.noun(len(sitting.waiting), 'member')} of the dataset in hand, those without a label first."
        )
        return
    labelled, about = whole.hard_labelled + whole.hard_waiting, "about " if whole.estimated else ""
    st.caption(
        f"This round, as of the last fetch, asks you about {words.noun(whole.hard_drawn, 'hard call')},"
        f" {whole.sample_waiting:,} of the random sample and {whole.second_waiting:,} for a second answer. Of the last"
        f" 30 days {whole.hard_labelled:,} of {about}{labelled:,} hard calls have a label, and of the test set"
        f" {whole.reserved_labelled:,} of {about}{whole.reserved:,}{_people(whole)}"
    )


def _people(whole: Progress) -> str:
    """Who has answered how much."""
    if not whole.answers:
        return ""
    most = sorted(whole.answers.items(), key=lambda one: -one[1])[:5]
    return " · " + ", ".join(f"{plain(words.cut(name, 30))} {words.count(n)}" for name, n in most)


def _last(desk: Desk, sitting: Sitting) -> None:
    """The call before, with what the judge and the outcome say: only now, so that the answer was blind."""
    if not sitting.answered:
        return
    last = sitting.answered[-1]
    with st.container(border=True):
        st.caption("The call before, and what else is known of it")
        said = f"You said **{plain(last.row.label)}**"
        why = WHY.get(last.item.why, words.cut(last.item.why.replace("_", " "), 60))
        st.markdown(f"{said}. It was asked about because {plain(why)}.")
        verdicts = [
            one
            for one in data.trace_scores(desk.url, last.item.trace_id, "")
            if one.source != "human" and one.span_id in {"", last.item.span_id}
        ]
        if verdicts:
            st.markdown(
                " · ".join(
                    plain(f"{one.source} {one.name}: {'failed' if one.failed else 'passed'}")
                    for one in verdicts[:6]
                )
            )
        else:
            st.caption("No judge, check, outcome or user has said anything of it yet.")
        link("Open the call", "calls", trace_id=last.item.trace_id)


def _agreement(desk: Desk, service: str) -> None:
    """Each two people's, on the calls of the last 30 days that both answered."""
    store, until = data.store(desk.url), utcnow()
    told = agreement(store, service=service, now=until)
    pairs = store.read("review_pairs", Pair, service=service, since=until - WINDOW, until=until)
    if not told:
        st.info(
            "No two people have answered about the same call yet. Of every ten questions one is about a call that"
            " somebody else has answered, so this fills by itself once two people review."
        )
        return
    st.dataframe(
        pd.DataFrame(
            {
                "People": [words.visible(" and ".join(one.people)) for one in told],
                "Calls both answered": [one.n for one in told],
                "Same answer": [_share(one) for one in told],
                "Cohen's kappa": [_kappa(one, pairs) for one in told],
                "Gwet's AC1": ["none" if one.ac1 is None else f"{one.ac1:.2f}" for one in told],
            }
        ),
        hide_index=True,
    )
    st.caption(
        "Kappa is agreement beyond chance: 0 is chance, 1 is perfect. Where nearly all answers are the same kappa is"
        " harsh; AC1 is not. Disagreements usually mean that the question is not clear enough."
    )


def _share(one: Agreement) -> str:
    same = one.same
    if same is None:
        return "none yet"
    return f"{words.percent(same.value)} ({words.percent(same.low)} to {words.percent(same.high)}, n = {one.n})"


def _kappa(one: Agreement, pairs: Sequence[Pair]) -> str:
    if one.kappa is None:
        return "none: all said the same"
    mine = [pair for pair in pairs if (pair.one, pair.other) == one.people]
    interval = kappa_interval(mine, rng=np.random.default_rng(7))
    if interval is None:
        return f"{one.kappa:.2f}"
    return f"{one.kappa:.2f} ({interval.low:.2f} to {interval.high:.2f})"
