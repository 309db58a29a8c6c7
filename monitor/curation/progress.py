"""How far the review of a service is: counted on the calls that the queue looks at; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.curation.order import pools
from monitor.curation.reserve import reserved

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from monitor.curation.traffic import TrafficCall

__all__ = ["Progress", "progress_of"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the review of a service is."""

    hard_waiting: int
    """Hard calls without a label."""
    hard_labelled: int
    hard_drawn: int
    """Hard calls that wait for this person in the present round."""
    sample_waiting: int
    """Calls of the random sample, test set included, that wait for this person in the present round."""
    reserved: int
    """Calls of the test set."""
    reserved_labelled: int
    second_waiting: int
    """Calls that wait for a second answer by this person."""
    answers: Mapping[str, int]
    """By person."""
    estimated: bool = False
    """Of so many calls the queue looks at some: those that wait, and the test set, are reckoned up from these."""

    @property
    def left(self) -> int:
        """Questions that wait for this person in the present round."""
        return self.hard_drawn + self.sample_waiting + self.second_waiting


def progress_of(
    calls: Sequence[TrafficCall], drifted: Sequence[bool], *, reviewer: str, key: bytes
) -> Progress:
    """How far it is, from the calls that the queue looks at."""
    waiting = pools(calls, drifted, reviewer=reviewer, key=key)
    test = [call for call in calls if reserved(call.trace_id, key)]
    hard = [
        call
        for call, slipped in zip(calls, drifted, strict=True)
        if (call.signals or slipped) and not reserved(call.trace_id, key)
    ]
    people = sorted({name for call in calls for name in call.reviewers})
    return Progress(
        hard_waiting=_many(call for call in hard if not call.label),
        hard_labelled=_many(call for call in hard if call.label),
        hard_drawn=len(waiting["hard"]),
        sample_waiting=len(waiting["reserved"]) + len(waiting["random"]),
        reserved=_many(test),
        reserved_labelled=_many(call for call in test if call.label),
        second_waiting=len(waiting["second"]),
        answers={one: sum(one in call.reviewers for call in calls) for one in people},
        estimated=any(call.kept < 1 for call in calls),
    )


def _many(calls: Iterable[TrafficCall]) -> int:
    """As many as these stand for; one that was answered, or that an incident shows, for itself."""
    return round(sum(1.0 if call.reviewers or call.shown else 1 / call.kept for call in calls))
