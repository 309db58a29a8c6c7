"""Whom the review queue asks about what next: pure, so that the design can be tested on made-up traffic.

Out of every ten questions to a person six are about hard calls, three about a random sample, one
about a call that somebody else has answered already; where one kind runs out the others take its
turns. Hard calls of the reserved share are asked about by chance alone, or the test set would be
made of failures.

Of each kind a hash draws as many as it has turns in a round, and twice as many when these are
answered. So the kinds go forward together, and the probability that is kept with an answer, which
weighs it back, is right for the hard calls as well, of which there are more than anybody can answer.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.curation.reserve import position, reserved

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from monitor.curation.traffic import TrafficCall

__all__ = ["DRAWN", "ROUND", "Asking", "asking_order", "pools"]

ROUND = 200
"""Questions after which a kind doubles its share: two sittings."""
TURNS = ("hard", "hard", "random", "hard", "reserved", "hard", "second", "hard", "random", "hard")
"""What is asked about at which turn; `reserved` is the random sample's other half: the test set."""
DRAWN = {name: ROUND * TURNS.count(name) // len(TURNS) for name in ("hard", "random", "reserved")}
"""Calls of each kind that the first round draws."""
SECOND_SHARE = 0.15
"""Share of answered calls that a second person is asked about too."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A call that somebody is to be asked about."""

    call: TrafficCall
    why: str
    """A hard call's first signal or `drifted`; else `random`, `reserved` or `second`."""
    probability: float
    """With which the design asks about such a call at all; of a second answer that of the first."""


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
    waiting: dict[str, list[tuple[TrafficCall, str]]] = {name: [] for name in DRAWN}
    done, second = Counter[str](), list[Asking]()
    for call, slipped in zip(calls, drifted, strict=True):
        kind, why = _kind(call, key, slipped=slipped)
        if not call.reviewers:
            if kind != "hard" or not call.label:
                waiting[kind].append((call, why))
            continue
        done[kind] += 1
        alone = len(call.reviewers) == 1 and reviewer not in call.reviewers
        if alone and position(call.trace_id, key, "second") < SECOND_SHARE:
            second.append(Asking(call, "second", call.asked_with))
    drawn = {name: _drawn(waiting[name], done[name], DRAWN[name], key) for name in DRAWN}
    return {**drawn, "second": second}


def _kind(call: TrafficCall, key: bytes, *, slipped: bool) -> tuple[str, str]:
    """Which turn asks about a call, and why. What the queue's own answers say does not make it hard."""
    if reserved(call.trace_id, key):
        return "reserved", "reserved"
    signals = [name for name in call.signals if not (call.reviewers and name == "failed_review")]
    if signals or slipped:
        return "hard", (*signals, "drifted")[0]
    return "random", "random"


def _drawn(
    waiting: Sequence[tuple[TrafficCall, str]], done: int, first: int, key: bytes
) -> list[Asking]:
    """Those that a hash draws with a share that doubles when all that it drew are answered.

    A call that the store's thinning kept with probability `kept` stands for 1 / `kept` of its kind.
    What an open incident shows is asked about for certain, unless it is of the test set.
    """
    certain = [Asking(call, why, 1.0) for call, why in waiting if call.shown and why != "reserved"]
    waiting = [(call, why) for call, why in waiting if not call.shown or why == "reserved"]
    size = sum(1 / call.kept for call, _ in waiting) + done
    share = min(1.0, first / size) if size else 1.0
    placed = [
        (position(call.trace_id + call.span_id, key, "review") * call.kept, call, why)
        for call, why in waiting
    ]
    lowest = min((place for place, _, _ in placed), default=0.0)
    while share <= lowest:
        share = min(1.0, 2 * share)
    drawn = [
        Asking(call, why, min(share, call.kept)) for place, call, why in placed if place < share
    ]
    return certain + drawn


def _ordered(asked: list[Asking], reviewer: str, key: bytes) -> list[Asking]:
    """Calls with many signals first where all are asked about; among equals each person's own order."""
    return sorted(
        asked,
        key=lambda one: (
            -len(one.call.signals) if one.probability == 1.0 else 0,
            position(f"{reviewer}\n{one.call.trace_id}\n{one.call.span_id}", key, "order"),
        ),
    )
