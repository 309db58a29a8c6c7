"""Causes outside: the calendar, other inputs, another structure of the inputs, and a slow decay."""

from __future__ import annotations

from datetime import datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING

from monitor.causes.deployments import tell_suspect
from monitor.causes.suspects import gone_keys, new_keys, new_values, new_words
from monitor.causes.verdict import Verdict

if TYPE_CHECKING:
    from monitor.causes.situation import Situation
    from monitor.causes.suspects import Suspect

__all__ = ["weigh_calendar", "weigh_decay", "weigh_input", "weigh_schema"]

NEW_YEAR = timedelta(days=31)
"""A year slip that begins this early in a year is the calendar's."""
TURN = timedelta(hours=36)
"""So near to the first of a month or year, any change may be the calendar's."""
LONGER = 1.5
"""Change of the inputs' median length that is worth a sentence."""
STEADY = 1.0
"""Difference of log-likelihoods from which a steady rise is told from a step."""
EXPLAINS = 0.6
FEWEST = 50
"""Calls without which medians of lengths are not compared."""


def weigh_calendar(situation: Situation) -> Verdict:
    """The date moved on and the model did not."""
    verdict = Verdict()
    began = situation.best
    turned = datetime(began.year, 1, 1, tzinfo=began.tzinfo)
    behind = sum(
        written[:4].isdigit() and int(written[:4]) < at.year for written, at in situation.written
    )
    if situation.field and behind and timedelta(0) <= began - turned <= NEW_YEAR:
        verdict.for_it(
            4.5,
            f"the year turned and the model did not: {behind} of {len(situation.written)} examples"
            " carry a date of the year before",
        )
        return verdict
    month = began.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = (month + timedelta(days=32)).replace(day=1)
    nearest = min((month, following), key=lambda turn: abs(turn - began))
    year = nearest.month == 1
    if situation.low - TURN <= nearest <= situation.high + TURN:
        verdict.for_it(
            2.0 if year else 0.5, f"it began at the turn of the {'year' if year else 'month'}"
        )
    else:
        verdict.against(1.0, "it began at no turn of a month or year")
    return verdict


def weigh_schema(situation: Situation) -> Verdict:
    """The inputs come in another structure: a key has gone, come, or changed its type."""
    verdict = Verdict()
    found = sorted([*gone_keys(situation), *new_keys(situation)], key=lambda one: -one.explained)
    if not found:
        verdict.against(0.5, "the inputs have the structure that they had")
        return verdict
    tell_suspect(verdict, found[0], _structure(found[0]))
    if found[0].explained >= EXPLAINS:
        for other in found[1:3]:
            verdict.for_it(0.3, _structure(other))
    return verdict


def _structure(one: Suspect) -> str:
    name, _, kind = one.value.rpartition(" ")
    then, now = one.share_before, one.share_after
    if one.attribute == "input lacks":
        then, now = 1 - then, 1 - now
    moved = f"in {100 * then:.0f} % of the inputs before, {100 * now:.0f} % since"
    what = {"date": f"dates written as {name}", "line": f"lines that begin with {name}:"}
    return f"{what.get(kind, f'{name} as a {kind}')} {moved}"


def weigh_input(situation: Situation) -> Verdict:
    """Other calls come than before."""
    verdict = Verdict()
    named = ("tag ", "environment")
    attributes = sorted(
        {name for call in situation.calls for name in call.attributes if name.startswith(named)}
    )
    values = [one for name in attributes for one in new_values(situation, name)]
    suspects = sorted([*values, *new_words(situation)], key=lambda one: -one.explained)
    if suspects and suspects[0].explained >= EXPLAINS:
        tell_suspect(verdict, suspects[0], _coming(suspects[0]))
    for seen in situation.sightings[:3]:
        verdict.for_it(1.5, seen.sentence)
    if situation.inputs_watched and not situation.sightings:
        verdict.against(1.0, "the detectors of input drift see nothing")
    before = [call.size for call in situation.before]
    after = [call.size for call in situation.after]
    if min(len(before), len(after)) >= FEWEST:
        ratio = (median(after) + 1) / (median(before) + 1)
        if not 1 / LONGER < ratio < LONGER:
            verdict.for_it(0.7, f"the inputs are {ratio:.1f} times as long as before")
    if not verdict.speaks_for and len(after) >= FEWEST:
        verdict.against(0.5, "words, tags and lengths of the inputs are as before")
    return verdict


def _coming(one: Suspect) -> str:
    what = (
        f'"{one.value}" in the input'
        if one.attribute == "input says"
        else f"{one.attribute} {one.value}"
    )
    return f"{what} went from {100 * one.share_before:.1f} % to {100 * one.share_after:.1f} % of the calls"


def weigh_decay(situation: Situation) -> Verdict:
    """It gets worse little by little: the world moves away from what the model has learnt."""
    verdict = Verdict()
    if situation.ramp >= STEADY:
        verdict.for_it(
            1.0 + min(2.5, situation.ramp),
            "the rate rises little by little; a steady rise fits better than a step",
        )
    elif situation.ramp <= -STEADY:
        verdict.against(min(1.5, -situation.ramp / 2), "it came at once, not little by little")
    width = situation.high - situation.low
    if width >= timedelta(days=3):
        verdict.for_it(0.7, f"no one moment can be named: anywhere within {width.days} days fits")
    return verdict
