"""The causes ranked: every one gets a score and the sentences that speak for it and against it. Pure."""

from __future__ import annotations

from math import exp
from typing import TYPE_CHECKING

from monitor.causes.deployments import weigh_model, weigh_prompt, weigh_provider
from monitor.causes.measuring import weigh_judge
from monitor.causes.world import weigh_calendar, weigh_decay, weigh_input, weigh_schema
from monitor.incidents.details import Hypothesis

if TYPE_CHECKING:
    from collections.abc import Callable

    from monitor.causes.situation import Situation
    from monitor.causes.verdict import Verdict

__all__ = ["CAUSES", "weigh"]

CAUSES: dict[str, Callable[[Situation], Verdict]] = {
    "prompt": weigh_prompt,
    "model": weigh_model,
    "provider": weigh_provider,
    "schema": weigh_schema,
    "input": weigh_input,
    "calendar": weigh_calendar,
    "judge": weigh_judge,
    "decay": weigh_decay,
}
"""What may be the cause, and who weighs it. Among equals the earlier one comes first: the more particular change."""
DEPLOYED = ("prompt", "model", "provider", "schema")
UNKNOWN = 1.0
"""Points that a cause must have to be believed more than that it is none of these."""


def weigh(situation: Situation) -> list[Hypothesis]:
    """Every cause with its share of belief, the likeliest first; `unknown` is one of them.

    Points are log-odds: one sentence that fits is worth one to three of them, and the shares are their softmax. They
    rank; they are no probabilities that anybody has calibrated.
    """
    verdicts = {cause: judge(situation) for cause, judge in CAUSES.items()}
    strongest = max(DEPLOYED, key=lambda cause: verdicts[cause].points)
    for cause, verdict in verdicts.items():
        if cause in DEPLOYED or cause == "judge":
            continue
        if verdicts[strongest].points > UNKNOWN:
            verdict.against(1.5, f"{verdicts[strongest].speaks_for[0]}, which explains it as well")
        elif cause == "decay" or (cause == "calendar" and verdict.points > 0):
            verdict.for_it(0.5, "nothing was deployed near the change")
    total = exp(UNKNOWN) + sum(exp(verdict.points) for verdict in verdicts.values())
    ranked = [
        Hypothesis(
            cause=cause,
            score=exp(verdict.points) / total,
            speaks_for=tuple(verdict.speaks_for),
            speaks_against=tuple(verdict.speaks_against),
        )
        for cause, verdict in verdicts.items()
    ]
    ranked.append(
        Hypothesis(
            cause="unknown",
            score=exp(UNKNOWN) / total,
            speaks_for=("none of the known causes fits well",) if _none(verdicts) else (),
        )
    )
    return sorted(ranked, key=lambda one: -one.score)


def _none(verdicts: dict[str, Verdict]) -> bool:
    return all(verdict.points < UNKNOWN for verdict in verdicts.values())
