"""Why, and what to do: causes and cures that were weighed, and who else has seen it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboards import words
from dashboards.views.incident_evidence import magnitude
from dashboards.words import plain

if TYPE_CHECKING:
    from monitor.incidents import Hypothesis, IncidentDetails

__all__ = ["CAUSES", "show_alarms", "show_causes", "show_confirmations", "show_cures"]

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
"""Belief from which a cause has a box of its own; the others were weighed too, and share one."""


def show_causes(details: IncidentDetails) -> None:
    """What speaks for and against each cause that was weighed, the likeliest first."""
    if not details.causes:
        st.caption("No cause has been weighed yet.")
        return
    likely = [one for one in details.causes if one.score >= LIKELY] or list(details.causes[:1])
    others = [one for one in details.causes if one not in likely]
    for found in likely:
        with st.expander(_heading(found), expanded=True):
            _weighed(found)
    if others:
        names = ", ".join(f"{one.cause} {words.percent(one.score)}" for one in others)
        with st.expander(f"Also weighed: {plain(names)}"):
            for found in others:
                with st.container(border=True):
                    st.markdown(f"**{_heading(found)}**")
                    _weighed(found)


def _heading(found: Hypothesis) -> str:
    """The cause and how much it is believed in, of 100 % over all that were weighed."""
    meaning = CAUSES.get(found.cause, "").partition(":")[0].rstrip(".")
    said = f"{found.cause}, {words.percent(found.score)} of belief"
    return plain(f"{said}: {meaning}" if meaning else said)


def _weighed(found: Hypothesis) -> None:
    """For and against, beside each other."""
    sides = (("For", found.speaks_for), ("Against", found.speaks_against))
    for place, (name, said) in zip(st.columns(2), sides, strict=True):
        place.caption(f"{name} ({len(said)})")
        place.markdown("\n".join(f"- {plain(one)}" for one in said) or "nothing")


def show_cures(details: IncidentDetails) -> None:
    """Every cure that was weighed, the one that fits first, with its evidence."""
    for place, cure in enumerate(details.cures):
        name = f"{cure.name}: not now" if cure.forbidden else cure.name
        with st.expander(plain(name), expanded=place == 0 and not cure.forbidden):
            said = [("not now", one) for one in cure.forbidden]
            said += [("for", one) for one in cure.speaks_for]
            said += [("against", one) for one in cure.speaks_against]
            said += [("expected", cure.effect)] if cure.effect else []
            said += [("takes", cure.cost)] if cure.cost else []
            st.markdown("\n".join(f"- {side}: {plain(text)}" for side, text in said) or "nothing")


def show_alarms(details: IncidentDetails) -> None:
    """Every series that alarmed, and how sure each is."""
    told = list({(one.detector, one.series): one for one in details.alarms}.values())
    if not told:
        return
    with st.expander(
        f"{words.noun(len(told), 'series', 'series')} alarmed", expanded=len(told) > 1
    ):
        st.dataframe(
            pd.DataFrame(
                {
                    "Series": [words.visible(one.series) for one in told],
                    "Detector": [one.detector for one in told],
                    "Tier": [one.tier for one in told],
                    "Evidence as of (UTC)": [one.detected_at for one in told],
                    "e-value": [_evidence(one.e_value) for one in told],
                    "Alarms at": [_evidence(one.threshold) for one in told],
                }
            ),
            hide_index=True,
            column_config={
                "Series": st.column_config.TextColumn(width=320),
                "Evidence as of (UTC)": st.column_config.DatetimeColumn(
                    format="YYYY-MM-DD HH:mm", timezone="UTC"
                ),
            },
        )


def _evidence(number: float) -> str:
    return magnitude(number) if number else "tells none"


def show_confirmations(details: IncidentDetails) -> None:
    """Witnesses beyond the detector."""
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
