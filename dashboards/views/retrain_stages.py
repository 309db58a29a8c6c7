"""How far a retrain is: its stages with their times, what went wrong and what to do, and every event."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboards import words
from dashboards.retraining.sayings import STATES, cure_of
from dashboards.words import plain
from monitor.retrain.lifecycle import AUTO

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.retrain.state import Retrain

__all__ = ["show_badge", "show_stages", "show_timeline", "show_trouble"]

STAGES = ("proposed", "requested", "started", "finished", "compared", "approved", "promoted")
ENDS = ("failed", "lapsed", "rejected", "rolled_back")
STAGE_WIDTH = 126


def show_badge(one: Retrain) -> None:
    """Where it stands, in a word."""
    saying = STATES.get(one.standing)
    label = saying.label if saying else one.standing.replace("_", " ")
    st.badge(label, color=saying.colour if saying else "gray")


def show_stages(one: Retrain) -> None:
    """Every stage with its time and how long the one before it took; what ended it below."""
    reached = {step.event: step for step in one.history}
    before: datetime | None = None
    with st.container(horizontal=True, gap="small"):
        for stage in STAGES:
            step = reached.get(stage)
            at = step.timestamp if step else None
            with st.container(width=STAGE_WIDTH, gap="xxsmall"):
                sign = "check_circle" if at else "radio_button_unchecked"
                name = stage.replace("_", " ")
                st.markdown(f":material/{sign}: **{name}**" if at else f":material/{sign}: {name}")
                st.caption(plain(words.when(at)) if at else "not yet")
                if step is not None:
                    after = f"after {words.span(step.timestamp - before)}, " if before else ""
                    st.caption(plain(f"{after}by {words.cut(step.actor, 40)} ({step.via})"))
            before = at or before
    for stage in ENDS:
        step = one.last(stage)
        if step is not None:
            st.markdown(
                f":material/cancel: **{stage.replace('_', ' ')}** {plain(words.when(step.timestamp))}"
                f" by {plain(step.actor)}"
                + (f": {plain(words.cut(step.note, 300))}" if step.note else "")
            )
    _progress(one)


def _progress(one: Retrain) -> None:
    """How far the training is, while it goes on."""
    step = one.last("progress")
    if one.state != "started" or step is None:
        return
    told = step.details.get("progress") or {}
    done, of, loss = (told.get(name) for name in ("step", "steps", "loss"))
    if isinstance(done, int | float) and isinstance(of, int | float) and of > 0:
        said = f"step {done:,} of {of:,}" + (
            f", loss {loss:.4g}" if isinstance(loss, int | float) else ""
        )
        st.progress(min(1.0, done / of), text=plain(f"{said}, told {words.when(step.timestamp)}"))


def show_trouble(one: Retrain, *, automatic: bool) -> None:
    """What went wrong last and what to do about it; what the watch proposes; who decides here."""
    if one.trouble:
        cure = cure_of(one)
        st.error(
            f"What went wrong: {plain(words.cut(one.trouble, 600))}"
            + (f"\n\nWhat to do: {plain(cure)}" if cure else "")
        )
    proposed = one.last("rollback_proposed")
    if proposed is not None and one.state == "promoted":
        st.warning(
            plain(
                f"{words.when(proposed.timestamp)}, {proposed.actor} proposes to roll back:"
                f" {words.cut(proposed.note, 600)}"
            )
        )
    if one.approval is not None and one.approval.actor == AUTO:
        st.warning("OUTERLOOP_AUTO_APPROVE approved and promoted this candidate; no person did.")
    elif automatic:
        st.warning("OUTERLOOP_AUTO_APPROVE is on: what is better is promoted without a person.")


def show_timeline(one: Retrain) -> None:
    """Every event, the newest first."""
    history = one.history[::-1]
    st.dataframe(
        pd.DataFrame(
            {
                "Time (UTC)": [step.timestamp for step in history],
                "What": [step.event.replace("_", " ") for step in history],
                "Who": [words.visible(step.actor) for step in history],
                "By way of": [step.via for step in history],
                "Note": [words.visible(step.note) for step in history],
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
