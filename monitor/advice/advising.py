"""Which cure fits an incident: every one weighed, the best that is possible first, and one plain sentence. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.advice.cures import CURES, weigh_cure

if TYPE_CHECKING:
    from monitor.advice.cure import Cure
    from monitor.advice.situation import Situation

__all__ = ["Advice", "advise"]

LEADS = {
    "prompt": "Mend the prompt: say there what has changed.",
    "examples": "Put a few labelled examples of the failing calls into the prompt.",
    "retrain": "Retrain with labelled examples from after the change.",
    "data": "Mend the structure of the inputs where they are made, or the prompt that reads them.",
    "judge": "Look at the judge first: a few labels tell whether the answers have changed at all. Retrain nothing.",
}
"""What to do, in words; rollback and wait say why as well."""
BACK = {
    "prompt": "Take the prompt back first; it is cheaper than a retrain.",
    "model": "Roll the release back first; it is cheaper than a retrain.",
    "provider": "Ask for a dated version of the model, or for another model; a retrain of yours changes nothing there.",
}


@dataclass(frozen=True, slots=True)
class Advice:
    """What fits, the best first, and why."""

    cures: Sequence[Cure]
    """Those that are possible first, the best first among them."""
    sentence: str

    @property
    def cure(self) -> str:
        """The name of the one that fits."""
        return self.cures[0].name

    @property
    def retrain(self) -> bool:
        """Whether a retrain is the answer: then, and only then, one is proposed."""
        return self.cure == "retrain"


def advise(situation: Situation) -> Advice:
    """Weigh every cure against a situation.

    Points rank and are no probabilities: what a cause that is fully believed gives a cure (`FITS`), and what each
    fact adds or takes. Waiting is always possible, so there is always an answer.

    >>> from datetime import UTC, datetime
    >>> from monitor.advice.situation import Labels, Situation
    >>> told = Situation("s", "page", {"calendar": 0.9}, datetime(2024, 1, 2, tzinfo=UTC))
    >>> advise(told).cure
    'wait'
    >>> from dataclasses import replace
    >>> sure = replace(told, confirmed_by=("outcome right",), labels=Labels(failing=14, before=900))
    >>> advise(sure).cure, advise(replace(sure, severity="watch")).cure
    ('retrain', 'wait')
    """
    order = list(CURES)
    weighed = [weigh_cure(name, situation) for name in order]
    ranked = sorted(weighed, key=lambda one: (not one.possible, -one.points, order.index(one.name)))
    if not situation.confirmed_by and situation.severity != "watch":
        ranked = _unconfirmed(ranked, situation)
    return Advice(tuple(ranked), _sentence(ranked[0], ranked, situation))


def _unconfirmed(ranked: list[Cure], situation: Situation) -> list[Cure]:
    """Until somebody has confirmed it: look at it, at the judge that says so, or roll back what regressed."""
    if situation.promoted is not None and situation.promoted.worse:
        return ranked
    if ranked[0].name == "judge":
        return ranked
    return sorted(ranked, key=lambda one: one.name != "wait")


def _sentence(best: Cure, ranked: Sequence[Cure], situation: Situation) -> str:
    parts = [_lead(best, situation)]
    if best.name == "retrain":
        parts += [_first(best.speaks_for[1:])]
    if best.name in ("retrain", "prompt", "examples"):
        parts += [f"Expected: {best.effect.sentence}." if best.effect else ""]
        parts += [f"It takes {best.cost}." if best.cost else ""]
    other = next((one for one in ranked if one.name == "retrain" and one is not best), None)
    if other is not None and other.forbidden and situation.confirmed_by and best.name != "judge":
        parts += [f"No retrain: {other.forbidden[0]}."]
    if situation.confirmed_by:
        parts += [f"Confirmed by {', '.join(situation.confirmed_by)}."]
    return " ".join(part for part in parts if part)


def _first(said: Sequence[str]) -> str:
    return f"{said[0][:1].upper()}{said[0][1:]}." if said else ""


def _lead(best: Cure, situation: Situation) -> str:
    promoted = situation.promoted
    if best.name == "wait":
        return _waiting(best, situation)
    if best.name != "rollback":
        return LEADS[best.name]
    if promoted is not None and promoted.worse:
        return (
            f"Roll {promoted.release} back to {promoted.previous}: {promoted.worse[0]}."
            f" `outerloop retrain rollback {promoted.retrain_id}`"
        )
    return BACK[max(BACK, key=lambda cause: situation.causes.get(cause, 0.0))]


def _waiting(best: Cure, situation: Situation) -> str:
    if situation.severity == "watch":
        return (
            "Nothing is known to be wrong with the answers: look at the examples, label some."
            " No retrain for this."
        )
    if situation.promoted is not None and not situation.promoted.regressed:
        return f"Wait: {best.speaks_for[-1]}."
    if not situation.confirmed_by:
        return "Look at the examples. No judge or outcome has confirmed it yet; a retrain waits for that."
    return "Wait, and look at the examples."
