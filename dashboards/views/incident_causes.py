"""Why, and what to do: causes and cures that were weighed, and who else has seen it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboards import words
from dashboards.views.incident_evidence import magnitude
from dashboards.words import plain

if TYPE_CHECKING:
    from monitor.incidents import Hypothesis, IncidentDetails

__all__ = ["CAUSES", "show_causes", "show_confirmations", "show_cures"]

CAUSES = {
    "calendar": "The calendar turned: nothing was deployed, the date moved on and the model did not.",
    "input": "The inputs moved: the model gets calls unlike those it got before.",
    "schema": "What comes from upstream is built differently.",
    "model": "The model moved: the same inputs get different answers.",
    "provider": "The provider serves another model under the same name.",
    "prompt": "A prompt was deployed.",
    "decay": "It got worse little by little: the world moved on and the model did not.",
    "judge": "The judge itself drifted: the answers may be as good as before.",
    "silence": "Traffic that used to come does not come.",
    "ingestion": "Rows are kept from being stored, or were lost.",
    "delivery": "Messages do not reach the people they are for.",
    "unknown": "The cause is not known yet.",
}


LIKELY = 0.05
"""Belief from which a cause has a line of its own; the others were weighed too, and share one."""


def show_causes(details: IncidentDetails) -> None:
    """What speaks for and against each cause that was weighed, the likeliest first."""
    likely = [one for one in details.causes if one.score >= LIKELY] or list(details.causes[:1])
    others = [one for one in details.causes if one not in likely]
    for found in likely:
        with st.expander(f"{found.cause}: {words.percent(found.score)} of belief", expanded=True):
            st.markdown(_weighed(found))
    if others:
        with st.expander("Also weighed: " + ", ".join(one.cause for one in others)):
            for found in others:
                st.markdown(f"**{found.cause}**, {words.percent(found.score)} of belief")
                st.markdown(_weighed(found))


def _weighed(found: Hypothesis) -> str:
    said = [("for", one) for one in found.speaks_for]
    said += [("against", one) for one in found.speaks_against]
    return "\n".join(f"- {side}: {plain(text)}" for side, text in said) or "nothing"


def show_cures(details: IncidentDetails) -> None:
    """Every cure that was weighed, the one that fits first, with its evidence."""
    for cure in details.cures:
        name = f"{cure.name}: not now" if cure.forbidden else cure.name
        with st.expander(plain(name)):
            said = [("not now", one) for one in cure.forbidden]
            said += [("for", one) for one in cure.speaks_for]
            said += [("against", one) for one in cure.speaks_against]
            said += [("expected", cure.effect)] if cure.effect else []
            said += [("takes", cure.cost)] if cure.cost else []
            st.markdown("\n".join(f"- {side}: {plain(text)}" for side, text in said) or "nothing")


def show_confirmations(details: IncidentDetails) -> None:
    """Other alarms of it, and witnesses beyond the detector."""
    for other in details.alarms:
        if other.e_value and other.threshold:
            st.markdown(
                plain(
                    f"Alarm of {other.detector} on {other.series} at"
                    f" {words.when(other.detected_at)}: e-value {magnitude(other.e_value)}"
                    f" against {magnitude(other.threshold)}"
                )
            )
    if not details.confirmations:
        st.caption("No second witness has confirmed it yet: no judge, outcome or user.")
        return
    for witness in details.confirmations:
        st.markdown(
            f"Confirmed by the {plain(witness.source)} **{plain(witness.name)}**:"
            f" {plain(words.percent(witness.rate))} failing"
            f" (95 %: {plain(words.percent(witness.low))} to"
            f" {plain(words.percent(witness.high))}, n = {words.count(witness.n)}),"
            f" before {plain(words.percent(witness.baseline))}."
        )
