"""Words and colours of a retrain's states, advice, gates and troubles, and what to do about each trouble."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dashboards.words import Colour
from monitor.retrain.machine import TROUBLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.retrain.state import Retrain

__all__ = [
    "ADVICE",
    "CANARY",
    "CURES",
    "GATES",
    "REASONS",
    "STATES",
    "Saying",
    "cure_of",
    "name_of_author",
    "name_of_part",
    "place_of_trouble",
]


@dataclass(frozen=True, slots=True)
class Saying:
    """How something is said."""

    label: str
    colour: Colour
    meaning: str = ""


STATES = {
    "proposed": Saying("proposed", "violet"),
    "requested": Saying("requested", "violet"),
    "started": Saying("training", "violet"),
    "finished": Saying("trained", "violet"),
    "compared": Saying("waits for a person", "orange"),
    "approved": Saying("approved", "blue"),
    "promoted": Saying("promoted", "green"),
    "failed": Saying("failed", "red"),
    "lapsed": Saying("not heard of", "red"),
    "rejected": Saying("rejected", "gray"),
    "rolled_back": Saying("rolled back", "gray"),
}
"""Every standing of a retrain."""

ADVICE = {
    "better": Saying("better", "green", "It cures what failed and is not worse elsewhere."),
    "not_worse": Saying("not worse", "blue", "It neither cures what failed nor does harm."),
    "worse": Saying("worse", "red", "It is more often wrong, or liked less."),
    "blocked": Saying(
        "held up", "orange", "Right and wrong would do; its answers are invalid, slow or dear."
    ),
    "too_few": Saying(
        "too few to decide", "gray", "Wait for more outcomes, or label some, then compare again."
    ),
}
"""What a comparison advises."""

CANARY = {
    "worse": Saying("worse", "red", "Take the candidate's share of the traffic away."),
    "safe": Saying("safe", "green", "Not worse by the margin, in all that is watched."),
    "undecided": Saying("undecided", "gray", "Let it run on; it may be looked at at any time."),
}
"""What a canary says."""

GATES = {
    "passed": Saying("passed", "green", "check_circle"),
    "failed": Saying("failed", "red", "cancel"),
    "undecided": Saying("undecided", "gray", "help"),
}
"""States of a gate; the meaning is its sign."""

REASONS = {
    "failed_outcome": "the outcome said it was wrong",
    "failed_review": "a person said it was wrong",
    "thumbs_down": "a user's thumb was down",
    "failed_check": "a check failed",
    "low_judge": "a judge scored it low",
    "drifted": "it lies in the slice that drifted",
    "relabelled": "a person gave the right answer",
    "replay": "older, so that nothing is forgotten",
    "random": "drawn at random",
    "imported": "brought by somebody",
    "reserved": "random share kept for the test",
}
"""Why a call is in a dataset."""

CURES = {
    "undelivered": "It is told again by itself for 72 hours. See that the fine-tune job listens at"
    " OUTERLOOP_RETRAIN_WEBHOOK_URL and has the same secret; `outerloop retrain redeliver` tells it at once.",
    "lapsed": "What the job still reports is taken. See what became of it; then ask it again, or reject the retrain.",
    "comparison_failed": "See that the candidate's endpoint answers from this machine. The job `retrain` compares again"
    " every hour; `outerloop jobs run retrain` at once.",
    "failed": "This one is over. When the reason is gone, propose another one for the incident.",
    "pointer_failed": "The store knows the decision, the app's file does not. It is tried again every minute; see that"
    " the data directory can be written.",
    "announcement_failed": "The release counts all the same. See that OUTERLOOP_ALERT_WEBHOOK_URL answers;"
    " `outerloop retrain redeliver` tells it again.",
    "tainted": "The next dataset leaves those calls out. Whether a model trained on them may stay is yours to decide:"
    " reject or roll back this one and propose another.",
}
"""What to do after each event of trouble."""


def place_of_trouble(one: Retrain) -> str:
    """The event that the present trouble came with; '' while there is none."""
    if not one.trouble:
        return ""
    step = one.last(*TROUBLE)
    return step.event if step else ""


def cure_of(one: Retrain) -> str:
    """What to do about the present trouble."""
    return CURES.get(place_of_trouble(one), "")


def name_of_part(part: Mapping[str, Any]) -> str:
    """What a part of the calls is, as a person says it.

    >>> name_of_part({"attribute": "period", "value": "since"})
    'calls since the change'
    >>> name_of_part({"attribute": "tag tenant", "value": "acme"})
    'tag tenant: acme'
    """
    attribute, value = str(part.get("attribute", "")), str(part.get("value", ""))
    if attribute == "period":
        return f"calls {value} the change"
    if attribute == "failing slice":
        return f"failing slice: {value.replace('=', ' = ')}"
    return f"{attribute}: {value}"


def name_of_author(author: str) -> str:
    """Who gave a label.

    >>> name_of_author("human:ada"), name_of_author("model:big"), name_of_author("outcome")
    ('ada (a person)', 'big (a model)', 'outcome')
    """
    kind, colon, name = author.partition(":")
    if not colon:
        return author or "nobody named"
    kinds = {"human": "a person", "model": "a model", "import": "brought"}
    return f"{name or 'nobody named'} ({kinds.get(kind, kind)})"
