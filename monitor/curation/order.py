"""Whom the review queue asks about what next: pure, so that the design can be tested on made-up traffic.

Out of every ten questions to a person six are about hard calls, three about a random sample, one
about a call that somebody else has answered already; where one kind runs out the others take its
turns. Hard calls of the reserved share are asked about by chance alone, or the test set would be
made of failures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.curation.reserve import position, reserved

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from monitor.curation.traffic import TrafficCall

__all__ = ["Asking", "asking_order", "pools"]

TURNS = ("hard", "hard", "random", "hard", "reserved", "hard", "second", "hard", "random", "hard")
"""What is asked about at which turn; `reserved` is the random sample's other half: the test set."""
SAMPLE = 200
"""Calls of the reserved share, and as many of the others, that a random sample begins with."""
SECOND_SHARE = 0.15
"""Share of answered calls that a second person is asked about too."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A call that somebody is to be asked about."""

    call: TrafficCall
    why: str
    """A hard call's first signal or `drifted`; else `random`, `reserved` or `second`."""
    probability: float
    """With which the design asks about such a call: 1 for hard ones; within its half for the sample."""


def asking_order(
    calls: Sequence[TrafficCall],
    drifted: Iterable[bool],
    *,
    reviewer: str,
    key: bytes,
    answered: int,
) -> Iterator[Asking]:
    """What to ask this person about, the next first.

    Args:
        calls: traffic, with who has answered what.
        drifted: for each of the calls, whether an open incident is about it.
        reviewer: who is asked; two people get different orders, so that they seldom meet.
        key: the installation's reserve key.
        answered: how many this person has answered: where in the round of turns they are.
    """
    waiting = {
        name: iter(_ordered(asked, reviewer, key))
        for name, asked in pools(calls, drifted, reviewer=reviewer, key=key).items()
    }
    turn = answered
    while waiting:
        wanted = TURNS[turn % len(TURNS)]
        turn += 1
        for name in dict.fromkeys((wanted, *TURNS)):
            if name not in waiting:
                continue
            if (one := next(waiting[name], None)) is not None:
                yield one
                break
            del waiting[name]


def pools(
    calls: Sequence[TrafficCall], drifted: Iterable[bool], *, reviewer: str, key: bytes
) -> dict[str, list[Asking]]:
    """The calls that wait for this person's answer, by kind of turn."""
    hard, test, others, second = [], [], [], []
    for call, slipped in zip(calls, drifted, strict=True):
        people = [author for author in call.reviewers if author != reviewer]
        if len(people) < len(call.reviewers):
            continue
        if people:
            if len(people) == 1 and position(call.trace_id, key, "second") < SECOND_SHARE:
                second.append(Asking(call, "second", SECOND_SHARE))
        elif reserved(call.trace_id, key):
            test.append(call)
        elif call.signals or slipped:
            if not call.label:
                hard.append(Asking(call, (*call.signals, "drifted")[0], 1.0))
        else:
            others.append(call)
    done = [call for call in calls if call.reviewers]
    asked_test = sum(reserved(call.trace_id, key) for call in done)
    return {
        "hard": hard,
        "reserved": _sample(test, asked_test, "reserved", key),
        "random": _sample(others, len(done) - asked_test, "random", key),
        "second": second,
    }


def _sample(calls: Sequence[TrafficCall], done: int, why: str, key: bytes) -> list[Asking]:
    """Those that a hash draws with a share that doubles when all that it drew are answered."""
    size = len(calls) + done
    share = min(1.0, SAMPLE / size) if size else 1.0
    placed = [(position(call.trace_id + call.span_id, key, "review"), call) for call in calls]
    lowest = min(placed, key=lambda pair: pair[0])[0] if placed else 0.0
    while share <= lowest:
        share = min(1.0, 2 * share)
    return [Asking(call, why, share) for place, call in placed if place < share]


def _ordered(asked: list[Asking], reviewer: str, key: bytes) -> list[Asking]:
    """Calls with many signals first; among equals each person's own order."""
    return sorted(
        asked,
        key=lambda one: (
            -len(one.call.signals) if one.probability == 1.0 else 0,
            position(f"{reviewer}\n{one.call.trace_id}\n{one.call.span_id}", key, "order"),
        ),
    )
