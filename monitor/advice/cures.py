"""Every cure with what speaks for it, what against, what forbids it, what it would do and what it would take. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from monitor.advice.cure import Cure, Effect
from monitor.advice.situation import ENOUGH
from monitor.causes.verdict import Verdict
from monitor.drift import rate_difference

if TYPE_CHECKING:
    from collections.abc import Callable

    from monitor.advice.situation import Situation

__all__ = ["CURES", "weigh_cure"]

FITS: dict[str, dict[str, float]] = {
    "calendar": {"retrain": 2.5, "prompt": 1.0, "examples": 1.0},
    "input": {"retrain": 2.5, "examples": 1.0, "prompt": 0.5, "data": 0.5},
    "decay": {"retrain": 2.5, "examples": 0.5},
    "unknown": {"retrain": 1.5, "examples": 0.5},
    "prompt": {"rollback": 4.0, "prompt": 2.0},
    "model": {"rollback": 4.0},
    "provider": {"rollback": 4.0, "prompt": 1.0},
    "schema": {"data": 4.0, "prompt": 1.0},
    "judge": {"judge": 4.5},
}
"""Points that a cause, fully believed, gives to each cure; what is not named gets none."""
DEPLOYED = ("prompt", "model", "provider")
SUSPECTED = 0.25
"""Belief from which a deployment is worth taking back, also where it is not the likeliest cause."""
OPERATIONAL = "it is about how calls run, not about what they answer"
FEW_SHOT = 50
"""Up to so many labelled failing calls, a few of them in the prompt are quicker than a training."""


@dataclass(slots=True)
class _Weighed(Verdict):
    """A cure while it is being weighed."""

    points: float = 0.0
    forbidden: list[str] = field(default_factory=list)
    effect: Effect | None = None
    cost: str = ""


def weigh_cure(name: str, situation: Situation) -> Cure:
    """One of `CURES`, weighed."""
    weighed = _Weighed()
    for cause, belief in situation.causes.items():
        weighed.points += belief * FITS.get(cause, {}).get(name, 0.0)
    fit = FITS.get(situation.cause, {}).get(name, 0.0)
    if fit >= 1 and situation.severity != "watch":
        weighed.speaks_for.append(f"it fits the likeliest cause, {situation.cause}")
    CURES[name](weighed, situation)
    return Cure(
        name=name,
        points=weighed.points,
        speaks_for=tuple(weighed.speaks_for),
        speaks_against=tuple(weighed.speaks_against),
        forbidden=tuple(weighed.forbidden),
        effect=weighed.effect,
        cost=weighed.cost,
    )


def _excess(situation: Situation) -> Effect | None:
    """What there is to gain at most: the rise of the rate, with its interval."""
    after, before = situation.after, situation.before
    if not after.n or not before.n:
        return None
    interval = rate_difference(after.count, after.n, before.count, before.n)
    rise = max(0.0, after.rate - before.rate)
    return Effect(max(0.0, interval.low), max(0.0, interval.high), rise)


def _rollback(weighed: _Weighed, situation: Situation) -> None:
    promoted = situation.promoted
    if promoted is not None and promoted.worse:
        weighed.for_it(
            6.0, f"{promoted.release} was promoted and is worse than {promoted.previous}"
        )
        weighed.speaks_for += promoted.worse
    elif promoted is not None and promoted.regressed:
        weighed.against(1.0, f"{promoted.release} is no worse than {promoted.previous} was")
    deployed = max(situation.causes.get(cause, 0.0) for cause in DEPLOYED)
    suspected = deployed >= SUSPECTED or situation.cause in DEPLOYED
    if not suspected and not (promoted and promoted.worse):
        weighed.forbidden.append("no deployment that could be taken back is a likely cause")
    rise = _excess(situation)
    if rise is not None:
        weighed.effect = Effect(rise.low, rise.high, rise.best, "the whole rise goes with it")
    weighed.cost = "minutes"


def _prompt(weighed: _Weighed, situation: Situation) -> None:
    if situation.owner.kind == "own":
        weighed.against(
            0.5, "a model that was fine-tuned follows what it has learnt more than what it is told"
        )
    if situation.owner.kind == "provider":
        weighed.for_it(1.0, f"{situation.owner.why}: words are what can be changed")
    rise = _excess(situation)
    if rise is not None:
        why = "try it with `outerloop eval` before it is deployed"
        weighed.effect = Effect(0.0, rise.high, None, why)
    weighed.cost = "an hour of writing and an evaluation"
    if situation.costs.judge_usd_per_verdict is not None:
        usd = 100 * situation.costs.judge_usd_per_verdict
        weighed.cost += f" (100 verdicts: USD {usd:.2f})"


def _examples(weighed: _Weighed, situation: Situation) -> None:
    if situation.operational:
        weighed.forbidden.append(OPERATIONAL)
    labels, tokens = situation.labels, situation.costs.example_tokens
    right = labels.failing + labels.passing
    if not right:
        weighed.forbidden.append("no call since the change has a right answer that could be shown")
    elif labels.failing <= FEW_SHOT:
        weighed.for_it(0.5, f"{labels.failing} failing calls have a right answer to show")
    if situation.owner.kind == "own":
        weighed.against(0.8, "a retrain keeps the prompt short, and the model is yours")
    elif situation.owner.kind == "provider":
        weighed.for_it(1.2, f"{situation.owner.why}: examples in the prompt teach it all the same")
    _heed_learning(weighed, situation, 0.5)
    rise = _excess(situation)
    if rise is not None:
        why = "try it with `outerloop eval` before it is deployed"
        weighed.effect = Effect(0.0, rise.high, None, why)
    weighed.cost = (
        f"about {5 * tokens:,} more input tokens a call for five examples" if tokens else ""
    )


def _retrain(weighed: _Weighed, situation: Situation) -> None:
    labels = situation.labels
    if situation.operational:
        weighed.forbidden.append(OPERATIONAL)
    if situation.severity == "watch":
        weighed.forbidden.append("nothing is known to be wrong with the answers")
    if not situation.confirmed_by:
        weighed.forbidden.append("no judge, outcome or person has confirmed it yet")
    if situation.under_way:
        weighed.speaks_for.append(f"{situation.under_way} is under way")
    elif situation.cooling.until is not None and situation.cooling.until > situation.now:
        weighed.forbidden.append(situation.cooling.why)
    _heed_watch(weighed, situation)
    if labels.failing >= ENOUGH:
        weighed.for_it(
            1.0, f"{labels.failing:,} failing calls since the change have a right answer"
        )
    elif labels.failing:
        weighed.for_it(
            0.3, f"{labels.failing} failing calls have a right answer, {ENOUGH} are wanted"
        )
    else:
        weighed.against(0.5, f"no failing call has a right answer yet, {ENOUGH} are wanted")
    _heed_owner(weighed, situation)
    if not labels.before:
        weighed.against(0.3, "no labelled call from before the change guards what works")
    _heed_learning(weighed, situation, 1.0)
    weighed.effect = _of_retrain(situation)
    weighed.cost = _cost_of_retrain(situation)


def _heed_watch(weighed: _Weighed, situation: Situation) -> None:
    """While nobody knows how a promoted release does, no other one is trained to take its place."""
    own, other = situation.promoted, situation.waits_for
    if own is not None and not own.regressed:
        weighed.forbidden.append(
            f"{own.release} was promoted for this and is being watched; nothing says that it has regressed"
        )
    if other is not None:
        weighed.forbidden.append(
            f"{other.release} of retrain {other.retrain_id} is being watched for another incident: it may cure this too"
        )


def _heed_owner(weighed: _Weighed, situation: Situation) -> None:
    owner = situation.owner
    if owner.kind == "provider":
        weighed.forbidden.append(f"{owner.why}; nobody here can train it")
    elif owner.kind == "own":
        weighed.for_it(0.5, f"the model is yours to train: {owner.why}")
    else:
        weighed.against(0.3, f"whether the model is yours to train is not known: {owner.why}")


def _heed_learning(weighed: _Weighed, situation: Situation, points: float) -> None:
    for one in situation.learnable:
        if one.found:
            weighed.for_it(points, one.sentence)
        elif one.refuted:
            weighed.against(1.5 * points, one.sentence)
        else:
            weighed.speaks_against.append(f"{one.sentence}; too few to tell")


def _of_retrain(situation: Situation) -> Effect | None:
    rise, past = _excess(situation), situation.past
    if rise is None:
        return None
    if not past.retrains or rise.best is None:
        return Effect(
            0.0, rise.high, None, "no earlier retrain of this service says how much of it"
        )
    rate = situation.after.rate
    many = f"{past.retrains} earlier retrain{'s' if past.retrains > 1 else ''}"
    return Effect(
        rate * past.low, rate * past.high, rate * past.best,
        f"{many} of this service took {past.best:.0%} of the errors away ({past.low:.0%} to {past.high:.0%})",
    )  # fmt: skip


def _cost_of_retrain(situation: Situation) -> str:
    costs, labels = situation.costs, situation.labels
    said = [f"{costs.training_tokens:,} training tokens"] if costs.training_tokens else []
    if costs.training_usd is not None and said:
        said[0] += f" (USD {costs.training_usd:.2f})"
    elif said:
        said[0] += " (no price is set: OUTERLOOP_RETRAIN_USD_PER_MILLION_TOKENS)"
    if labels.missing:
        minutes = labels.missing * costs.seconds_per_label / 60
        pace = "at this team's pace" if costs.label_pace_measured else "at a minute each"
        said.append(f"{labels.missing} more labels, about {minutes:.0f} minutes {pace}")
    if costs.test_calls:
        said.append(f"{costs.test_calls:,} labelled test calls to compare it on")
        if costs.judge_usd_per_verdict is not None:
            said[-1] += (
                f" (judged twice: USD {2 * costs.test_calls * costs.judge_usd_per_verdict:.2f})"
            )
    return "; ".join(said)


def _data(weighed: _Weighed, situation: Situation) -> None:
    if situation.causes.get("schema", 0.0) + situation.causes.get("input", 0.0) < 0.1:
        weighed.forbidden.append("nothing has changed in how the inputs are made")
    rise = _excess(situation)
    if rise is not None:
        weighed.effect = Effect(rise.low, rise.high, rise.best, "where the structure is the cause")
    weighed.cost = "work of whoever makes the inputs"


def _judge(weighed: _Weighed, situation: Situation) -> None:
    if not situation.judge_alone:
        weighed.forbidden.append("others than a judge see it too")
    elif situation.causes.get("judge", 0.0) >= 0.2:
        weighed.speaks_for.append("nobody but a judge sees it")
    weighed.effect = Effect(
        0.0, 0.0, 0.0, "the answers stay as they are, and the numbers become right"
    )
    weighed.cost = f"about {20 * situation.costs.seconds_per_label / 60:.0f} minutes for 20 labels"


def _wait(weighed: _Weighed, situation: Situation) -> None:
    if situation.severity == "watch":
        weighed.for_it(6.0, "nothing is known to be wrong with the answers")
    elif situation.operational:
        weighed.for_it(2.0, f"{OPERATIONAL}: see to what serves the model")
    elif not situation.confirmed_by:
        weighed.for_it(1.5, "no judge, outcome or person has confirmed it yet")
    rise = _excess(situation)
    if rise is not None and rise.low <= 0:
        weighed.for_it(1.0, "the rise is within what chance would do")
    if situation.under_way:
        weighed.for_it(0.3, f"{situation.under_way} is under way")
    if situation.cooling.until is not None and situation.cooling.until > situation.now:
        weighed.for_it(0.5, situation.cooling.why)
    promoted = situation.promoted
    if promoted is not None and not promoted.regressed:
        weighed.for_it(5.0, _since_promotion(situation))
    weighed.effect = Effect(0.0, 0.0, 0.0, "nothing changes by itself")
    weighed.cost = "the faults go on meanwhile"


def _since_promotion(situation: Situation) -> str:
    promoted = situation.promoted
    if promoted is None:
        return ""
    hours = (situation.now - promoted.at).total_seconds() / 3600
    if not promoted.calls:
        return (
            f"no call of {promoted.release} has come since it was promoted {hours:.0f} h ago:"
            " see that the service reads its release pointer"
        )
    return f"{promoted.release} was promoted {hours:.0f} h ago and has answered {promoted.calls:,} calls"


CURES: dict[str, Callable[[_Weighed, Situation], None]] = {
    "rollback": _rollback,
    "judge": _judge,
    "data": _data,
    "prompt": _prompt,
    "examples": _examples,
    "retrain": _retrain,
    "wait": _wait,
}
"""What may be done, and who weighs it. Among equals the earlier one comes first: the cheaper one."""
