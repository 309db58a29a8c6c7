"""Causes that somebody deployed: a prompt, a release or model, and what a provider exchanged behind a name."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from monitor.causes.suspects import new_values
from monitor.causes.verdict import Verdict

if TYPE_CHECKING:
    from monitor.causes.situation import Situation
    from monitor.causes.suspects import Suspect

__all__ = ["tell_suspect", "weigh_model", "weigh_prompt", "weigh_provider"]

CONVINCING = 0.8
"""A suspect that explains this share of what the moment explains fits."""
WEAK = 0.4
DEPLOYED_BEFORE = timedelta(hours=48)
"""A deployment that was first seen so long before the change may still have caused it."""
ENOUGH_WEIGHT = 3.0
"""Log-likelihood ratio from which a suspect's fit is taken in full; with less to explain it counts less."""


def weigh_prompt(situation: Situation) -> Verdict:
    """A prompt was deployed: a new prompt version, or another system prompt under the same one."""
    verdict = Verdict()
    found = new_values(situation, "prompt version")
    if found:
        _weigh(verdict, situation, found[0], "prompt version")
        return verdict
    silent = [one for one in new_values(situation, "system prompt") if one.share_after > 0.2]
    if silent:
        _weigh(verdict, situation, silent[0], "system prompt (its version stayed the same)")
    else:
        verdict.against(0.5, "no new prompt version was seen")
    return verdict


def weigh_model(situation: Situation) -> Verdict:
    """A release or a model was deployed."""
    verdict = Verdict()
    found = [*new_values(situation, "release"), *new_values(situation, "model")]
    if found:
        best = max(found, key=lambda one: one.weight)
        _weigh(verdict, situation, best, best.attribute)
    else:
        verdict.against(0.5, "release and model have stayed the same")
    return verdict


def weigh_provider(situation: Situation) -> Verdict:
    """The provider answers with another model, or another fingerprint, under the same name."""
    verdict = Verdict()
    known = {
        call.attributes.get("model", "") for call in situation.before if "model" in call.attributes
    }
    after = situation.after
    same_name = [
        one
        for attribute in ("answering model", "fingerprint")
        for one in new_values(situation, attribute)
        if any(
            call.attributes.get(attribute) == one.value and call.attributes.get("model") in known
            for call in after
        )
    ]
    told = any(
        "answering model" in call.attributes or "fingerprint" in call.attributes for call in after
    )
    if same_name:
        best = max(same_name, key=lambda one: one.weight)
        name = "model that answers" if best.attribute == "answering model" else "fingerprint"
        _weigh(verdict, situation, best, f"{name}, under the same model name,")
        verdict.points += 0.5  # it moves by itself far more rarely than a release does
        return verdict
    verdict.against(
        0.5 if told else 0.0,
        "what answers under the model's name has stayed the same"
        if told
        else "the provider tells neither the answering model nor a fingerprint",
    )
    return verdict


def tell_suspect(verdict: Verdict, one: Suspect, what: str) -> None:
    """Weigh how much of the fault a suspect explains."""
    trust = min(1.0, max(0.0, one.weight) / ENOUGH_WEIGHT)
    rates = f"{_percent(one.rate)} of the calls with it are faults"
    if one.others_n >= 20:
        rates += f", {_percent(one.others_rate)} of those without"
    if one.explained >= CONVINCING:
        verdict.for_it(1.0 + 2.5 * trust, f"{what}: {rates}")
    elif one.explained >= WEAK:
        verdict.for_it(1.0 * trust, f"{what}: {rates}")
    else:
        verdict.against(1.5, f"{what} does not separate the faults: {rates}")


def _weigh(verdict: Verdict, situation: Situation, one: Suspect, what: str) -> None:
    named = f"{what} {one.value} was first seen at {one.first:%Y-%m-%d %H:%M} UTC"
    tell_suspect(verdict, one, named)
    if one.first > situation.high:
        verdict.against(2.0, f"it had begun before {one.value} came")
    elif one.first >= situation.low - timedelta(hours=1):
        verdict.for_it(1.0, "it came within the interval in which it began")
    elif one.first < situation.low - DEPLOYED_BEFORE:
        verdict.against(1.0, "it came more than two days before it began")


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
