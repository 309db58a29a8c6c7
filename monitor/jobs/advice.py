"""The part of the incident job that says what to do: every open incident's advice, and the watch after a promotion."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from monitor.advice import advise
from monitor.advice.reading import situation_of
from monitor.incidents import CureAdvice, Hypothesis, tell
from monitor.retrain.state import append, retrain
from monitor.retrain.watch import WATCHED_FOR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.advice import Advice, Cure, Promoted
    from monitor.incidents import Incident
    from monitor.retrain.watch import Watch
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = ["ACTOR", "advise_again", "advised", "follow_promotion"]

ACTOR = "incident job"
PROPOSAL = "rollback_proposed"


def advised(store: Store, settings: Settings, one: Incident, watch: Watch) -> Incident:
    """The incident with the advice that fits what is known now."""
    return _with(one, advise(situation_of(store, settings, one, watch.now, watch=watch)))


def advise_again(store: Store, settings: Settings, one: Incident, watch: Watch) -> Incident | None:
    """Tell another advice where another cure fits by now, or one has become possible; None while it is the same."""
    after = advised(store, settings, one, watch)
    if _gist(after) == _gist(one):
        return None
    best = after.details.cures[0].name
    return tell(
        store, after, "advised", now=watch.now, actor=ACTOR, via="job", note=f"What fits: {best}."
    )


def follow_promotion(
    store: Store, settings: Settings, one: Incident, watch: Watch
) -> Incident | None:
    """Reopen an incident whose promoted release has regressed, and propose its rollback where that would help.

    Each is told once: a rollback that was proposed is on the retrain's record. None where nothing is to tell.
    """
    standing, now = watch.promotion(one), watch.now
    if standing is None or (one.state == "resolved" and now - standing.at > WATCHED_FOR):
        return None
    promoted = watch.promoted(one)
    if promoted is None or not promoted.regressed:
        return None
    cure = retrain(store, promoted.retrain_id)
    new = bool(promoted.worse) and all(step.event != PROPOSAL for step in cure.history)
    if one.state != "resolved" and not new:
        return None
    note = _note(promoted)
    after = advised(store, settings, _blamed(one, promoted) if promoted.worse else one, watch)
    if new:
        append(store, cure, PROPOSAL, now=now, actor=ACTOR, via="job", note=note)
    event = "reopened" if one.state == "resolved" else "grown"
    return tell(store, after, event, now=now, actor=ACTOR, via="job", note=note)


def _note(promoted: Promoted) -> str:
    if promoted.worse:
        return (
            f"{promoted.release} has regressed: {promoted.worse[0]}. Roll it back to {promoted.previous}:"
            f" `outerloop retrain rollback {promoted.retrain_id}`"
        )
    return f"{promoted.release} has regressed: {promoted.regressed[0]}."


def _blamed(one: Incident, promoted: Promoted) -> Incident:
    """The incident with the promoted release as its likeliest cause."""
    blamed = Hypothesis(cause="model", score=0.9, speaks_for=tuple(promoted.worse))
    others = [cause for cause in one.details.causes if cause.cause != "model"]
    rest = sum(cause.score for cause in others)
    shrunk = [
        cause.model_copy(update={"score": 0.1 * cause.score / rest}) for cause in others if rest
    ]
    summary = (
        f"Since {promoted.release} was promoted: {promoted.worse[0]}. Before: {one.details.summary}"
    )
    details = one.details.model_copy(
        update={"causes": (blamed, *shrunk), "release": promoted.release, "summary": summary}
    )
    return replace(one, cause="model", details=details)


def _with(one: Incident, advice: Advice) -> Incident:
    cures = tuple(map(_told, advice.cures))
    details = one.details.model_copy(update={"advice": advice.sentence, "cures": cures})
    return replace(one, details=details)


def _told(cure: Cure) -> CureAdvice:
    return CureAdvice(
        name=cure.name,
        points=cure.points,
        speaks_for=tuple(cure.speaks_for),
        speaks_against=tuple(cure.speaks_against),
        forbidden=tuple(cure.forbidden),
        effect=cure.effect.sentence if cure.effect else "",
        cost=cure.cost,
    )


def _gist(one: Incident) -> tuple[Iterable[str], ...]:
    """What an advice comes down to: which cure fits, and which ones are possible. Numbers alone are no news."""
    cures = one.details.cures
    return (
        [cure.name for cure in cures[:1]],
        sorted(cure.name for cure in cures if not cure.forbidden),
    )
