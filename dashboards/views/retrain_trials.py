"""A candidate on live traffic: in the shadow of production, and as a canary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboards import charts, words
from dashboards.retraining.sayings import CANARY, Saying
from dashboards.retraining.tables import canary_frame, forest_frame, parts_of
from dashboards.views.retrain_comparison import show_advice, show_gates
from dashboards.words import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.retrain.state import Retrain

__all__ = ["show_trials"]


def show_trials(one: Retrain, *, shadow_share: float) -> None:
    """Both, as far as there is something to tell."""
    shadow, canary = one.details.get("shadow"), one.details.get("canary")
    failed = one.last("shadow_failed", "shadowed")
    if failed is not None and failed.event == "shadow_failed":
        st.warning(
            plain(
                f"{words.when(failed.timestamp)}: the candidate did not answer in the shadow of live calls:"
                f" {words.cut(failed.note, 400)}"
            )
            + " The job `shadow` tries again with the next calls."
        )
    if not shadow and not canary:
        said = (
            f"{words.percent(shadow_share)} of the live calls go to a compared candidate (OUTERLOOP_SHADOW_SHARE)."
            if shadow_share
            else "No live call goes to a candidate unless OUTERLOOP_SHADOW_SHARE is above 0."
        )
        st.info(
            f"Nothing from live traffic yet. {said} A canary begins when your application gives the candidate's"
            " release a share of the traffic."
        )
        return
    if shadow:
        _shadow(shadow)
    if canary:
        _canary(canary)


def _shadow(told: Mapping[str, Any]) -> None:
    asked = int(told.get("asked") or 0)
    st.markdown("**In the shadow**: live calls that the candidate answered too, unseen by users")
    show_advice(told)
    if asked:
        same = int(told.get("same") or 0)
        st.markdown(
            plain(
                f"Both say the same on {words.percent(same / asked)} of {words.noun(asked, 'call')};"
                f" {words.count(told.get('n', 0))} of these have a label."
            )
        )
    with st.expander("Gates and parts in the shadow"):
        show_gates(told)
        parts = parts_of(told)
        if parts:
            st.altair_chart(
                charts.forest(forest_frame(parts), margin=float(told.get("margin") or 0))
            )


def _canary(told: Mapping[str, Any]) -> None:
    verdict = str(told.get("verdict", "unknown"))
    saying = CANARY.get(verdict, Saying(verdict, "gray"))
    st.markdown("**As a canary**: both releases answered shares of the same hours")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(plain(saying.label), color=saying.colour)
        st.markdown(f"**{plain(saying.meaning)}**", width="content")
    st.markdown(plain(str(told.get("sentence", ""))))
    series = [one for one in told.get("series", ()) if isinstance(one, dict)]
    if series:
        st.dataframe(canary_frame(series), hide_index=True)
        st.caption(
            "The test may be looked at at any time. `worse` needs evidence above 20 for each series that is"
            f" watched, `safe` (no rise of {words.percent(float(told.get('margin') or 0))} or more) above 20."
        )
