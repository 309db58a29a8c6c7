"""Retrains: what each learned from, how its candidate compares, and the person's decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from dashboards import charts, data, words
from dashboards.shell import Desk, link, view
from dashboards.words import plain
from monitor.exceptions import OuterloopError
from monitor.retrain import lifecycle, promotion
from monitor.retrain.state import Retrain, retrains

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["show"]

STAGES = ("proposed", "requested", "started", "finished", "compared", "approved", "promoted")
COLOURS = {
    "promoted": "green",
    "approved": "blue",
    "compared": "orange",
    "failed": "red",
    "rejected": "gray",
    "rolled_back": "gray",
}
ADVICE = {"better": "green", "not_worse": "blue", "worse": "red", "too_few": "gray"}


@view
def show(desk: Desk) -> None:
    """The list, or the retrain that the address names."""
    known = retrains(data.store(desk.url))
    retrain_id = str(st.query_params.get("retrain", "")).strip()
    if not retrain_id:
        _list(desk, known)
        return
    if st.button("All retrains", icon=":material/arrow_back:"):
        st.query_params.pop("retrain", None)
        st.rerun()
    found = next((one for one in known if one.retrain_id == retrain_id), None)
    if found is None:
        st.title("Retrain")
        st.warning(
            f"There is no retrain {plain(words.cut(retrain_id, 80))} in this store; the list has those there are."
        )
        return
    _retrain(desk, found)


def _list(desk: Desk, known: Sequence[Retrain]) -> None:
    st.title("Retrains")
    mine = [one for one in known if desk.filters.service in {"", one.service}]
    if not mine:
        st.info(
            "No retrain yet. One is proposed when an incident is confirmed and a retrain could"
            " cure it; `outerloop retrain propose` does it by hand."
        )
        return
    for one in mine[:50]:
        with st.container(border=True):
            with st.container(horizontal=True, vertical_alignment="center"):
                _badge(one)
                link(
                    f"{one.service}: {one.base_release} → {one.candidate_release or 'no candidate yet'}",
                    "retrains",
                    retrain=one.retrain_id,
                )
            st.caption(
                plain(
                    f"{one.retrain_id} · proposed {words.when(one.proposed_at)} · last change"
                    f" {words.when(one.updated_at)}"
                )
            )
    if len(mine) > 50:
        st.caption(
            f"The newest 50 of {len(mine)} are listed; choose a service in the side bar to narrow them."
        )


def _badge(one: Retrain) -> None:
    st.badge(one.state.replace("_", " "), color=COLOURS.get(one.state, "violet"))  # type: ignore[arg-type]  # a value of COLOURS


def _retrain(desk: Desk, one: Retrain) -> None:
    st.title(
        plain(f"{one.service}: {one.base_release} → {one.candidate_release or 'no candidate yet'}"),
        anchor=False,
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        _badge(one)
        st.markdown(
            plain(f"retrain {one.retrain_id}, proposed {words.when(one.proposed_at)}"),
            width="content",
        )
        if one.incident_id:
            link("For this incident", "incidents", incident=one.incident_id)
    if one.trouble:
        st.error(f"What went wrong last: {plain(words.cut(one.trouble, 600))}")
    if one.approval is not None and one.approval.actor == lifecycle.AUTO:
        st.warning("OUTERLOOP_AUTO_APPROVE approved and promoted this candidate; no person did.")
    elif desk.settings.auto_approve:
        st.warning("OUTERLOOP_AUTO_APPROVE is on: what is better is promoted without a person.")
    _stages(one)
    _decide(desk, one)
    st.subheader("Candidate against production", anchor=False)
    _comparison(one.details.get("comparison") or {})
    st.subheader("What it learned from", anchor=False)
    _dataset(desk, one)
    st.subheader("What happened", anchor=False)
    _timeline(one)


def _stages(one: Retrain) -> None:
    reached = {step.event: step.timestamp for step in one.history}
    with st.container(horizontal=True, gap="small"):
        for stage in STAGES:
            with st.container(width=126, gap="xxsmall"):
                done = stage in reached
                sign = "check_circle" if done else "radio_button_unchecked"
                st.markdown(
                    f":material/{sign}: **{stage}**" if done else f":material/{sign}: {stage}"
                )
                st.caption(plain(words.when(reached[stage])) if done else "not yet")
    for stage in ("failed", "rejected", "rolled_back"):
        if stage in reached:
            st.markdown(
                f":material/cancel: **{stage.replace('_', ' ')}** {plain(words.when(reached[stage]))}"
            )


def _decide(desk: Desk, one: Retrain) -> None:
    """Buttons for what may follow now; an approval carries a person's name, so it waits for one."""
    actions = _actions(desk, one)
    if not actions:
        st.caption("Nothing is left to decide about this retrain.")
        return
    named = desk.actor != "dashboard"
    if not named:
        st.info("Type your name in the side bar to decide: who decided is kept with the retrain.")
    reason = st.text_input(
        "Reason",
        key=f"reason_{one.retrain_id}",
        placeholder="why (kept with the decision)",
        max_chars=500,
    )
    with st.container(horizontal=True):
        for place, (label, act) in enumerate(actions.items()):
            if st.button(label, type="primary" if place == 0 else "secondary", disabled=not named):
                _do(label, act, reason)


def _actions(desk: Desk, one: Retrain) -> dict[str, Callable[[str], Retrain]]:
    store, settings, now = data.store(desk.url), desk.settings, desk.now
    who = {"actor": desk.actor, "via": "dashboard"}
    possible: dict[str, tuple[str, Callable[[str], Retrain]]] = {
        "requested": (
            "Ask the fine-tune job",
            lambda _: lifecycle.request(
                store, settings, one.retrain_id, now=now, actor=desk.actor, via="dashboard"
            ),
        ),
        "approved": (
            "Approve",
            lambda note: lifecycle.approve(store, one.retrain_id, now=now, note=note, **who),
        ),
        "promoted": (
            "Promote",
            lambda note: promotion.promote(
                store, settings, one.retrain_id, now=now, note=note, **who
            ),
        ),
        "rolled_back": (
            "Roll back",
            lambda note: promotion.rollback(
                store, settings, one.retrain_id, now=now, note=note, **who
            ),
        ),
        "rejected": (
            "Reject",
            lambda note: lifecycle.reject(store, one.retrain_id, now=now, note=note, **who),
        ),
    }
    offered = dict(possible[event] for event in possible if event in one.possible)
    if one.state == "requested" and not one.delivered:
        offered = {"Ask the fine-tune job again": possible["requested"][1], **offered}
    return offered


def _do(label: str, act: Callable[[str], Retrain], reason: str) -> None:
    try:
        after = act(reason)
    except OuterloopError as error:
        st.error(f"{label} did not happen: {plain(error)}")
        return
    st.toast(f"{label}: the retrain is {plain(after.state.replace('_', ' '))} now.")
    st.rerun()


def _comparison(comparison: Mapping[str, Any]) -> None:
    if not comparison:
        st.info(
            "The candidate has not been compared with production yet. That follows by itself"
            " when the fine-tune job has finished."
        )
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        advice = str(comparison.get("advice", "unknown"))
        st.badge(plain(advice.replace("_", " ")), color=ADVICE.get(advice, "gray"))  # type: ignore[arg-type]  # a value of ADVICE
        st.markdown(plain(str(comparison.get("sentence", ""))))
    who = pd.DataFrame(
        [
            {"who": name, **comparison[name]}
            for name in ("production", "candidate")
            if isinstance(comparison.get(name), dict)
        ]
    )
    if not who.empty:
        st.altair_chart(charts.comparison(who.rename(columns={"value": "rate"})))
    parts = [part for part in comparison.get("slices", []) if isinstance(part, dict)]
    if parts:
        whole = {
            "attribute": "all",
            "value": "reserved calls",
            **{name: comparison[name] for name in ("difference", "low", "high", "n")},
        }
        st.markdown(
            "**Difference of the error rates**, part by part: left of 0 the candidate is better; bar: 95 % interval"
        )
        st.altair_chart(charts.forest(pd.DataFrame([_part(part) for part in [whole, *parts]])))
    left_out = [
        f"{comparison.get('unlabelled', 0)} reserved calls have no label yet",
        f"{comparison.get('seen_in_training', 0)} left out because a training example has the same input",
        f"{comparison.get('request_failures', 0)} candidate requests failed and count as wrong",
    ]
    st.caption(
        f"On {words.noun(comparison.get('n', 0), 'labelled call')} of the reserved set, which no"
        f" training run ever sees. {'; '.join(left_out)}."
    )


def _part(part: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "part": words.cut(words.visible(f"{part['attribute']}: {part['value']}"), 48),
        "n": part["n"],
        "difference": part["difference"],
        "low": part["low"],
        "high": part["high"],
    }


def _dataset(desk: Desk, one: Retrain) -> None:
    if not one.dataset_version:
        st.info("No dataset has been built yet; it is when the retrain is requested.")
        return
    made_of = data.dataset_composition(desk.url, one.dataset_version)
    st.caption(f"Dataset version {plain(one.dataset_version)}")
    if made_of.empty:
        st.warning("The store has no members of this dataset version.")
        return
    totals = made_of.groupby("split")[["members", "labelled"]].sum()
    said = [
        f"{words.count(row['members'])} {split} ({words.count(row['labelled'])} labelled)"
        for split, row in totals.iterrows()
    ]
    st.markdown(
        plain("; ".join(said)) + ". The reserved ones are never exported: they are the test."
    )
    st.altair_chart(charts.composition(made_of))


def _timeline(one: Retrain) -> None:
    st.dataframe(
        pd.DataFrame(
            {
                "Time (UTC)": [step.timestamp for step in one.history],
                "What": [step.event.replace("_", " ") for step in one.history],
                "Who": [words.visible(step.actor) for step in one.history],
                "By way of": [step.via for step in one.history],
                "Note": [words.visible(step.note) for step in one.history],
            }
        ),
        hide_index=True,
        column_config={
            "Time (UTC)": st.column_config.DatetimeColumn(
                format="YYYY-MM-DD HH:mm:ss", timezone="UTC"
            ),
            "Note": st.column_config.TextColumn(width=420),
        },
    )
