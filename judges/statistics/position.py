"""What a judge of pairs owes to the order in which it was shown them.

Every pair was judged twice, once in each order, and both verdicts are written in the numbering of
the first order, so a fair judge gives the same twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from judges.statistics.rates import Rate, wilson

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Orders", "both_orders", "first_share"]

FIRST, SECOND, TIE = "1", "2", "tie"


@dataclass(frozen=True, slots=True)
class Orders:
    """A judge's pairs in both orders; each is a share of the pairs, with Wilson's interval."""

    consistent: Rate
    """The same verdict in both orders; twice none is not consistent."""
    primacy: Rate
    """Whatever was shown first won, both times."""
    recency: Rate
    """Whatever was shown second won, both times."""
    accuracy: Rate | None
    """Right verdicts of all calls, both orders; None where no right answer is known."""
    both_right: Rate | None
    """Right in both orders."""


def both_orders(
    given: Sequence[str], swapped: Sequence[str], truth: Sequence[str] | None = None
) -> Orders | None:
    """Consistency and bias of verdicts in both orders.

    Args:
        given: verdict when 1 was shown first: `"1"`, `"2"` or `"tie"`; anything else is none.
        swapped: verdict on the same pair when 2 was shown first, in the same numbering.
        truth: the better one, where it is known.

    Returns:
        None without pairs.

    Raises:
        ValueError: the lengths differ.

    >>> orders = both_orders(["1", "1", "2", "1"], ["1", "2", "2", "1"], ["1", "1", "2", "2"])
    >>> orders.consistent.value, orders.primacy.value, orders.accuracy.value, orders.both_right.value
    (0.75, 0.25, 0.625, 0.5)
    """
    pairs = list(zip(given, swapped, strict=True))
    consistent = wilson(sum(a == b and a in (FIRST, SECOND, TIE) for a, b in pairs), len(pairs))
    primacy = wilson(pairs.count((FIRST, SECOND)), len(pairs))
    recency = wilson(pairs.count((SECOND, FIRST)), len(pairs))
    if consistent is None or primacy is None or recency is None:
        return None
    if truth is None:
        return Orders(consistent, primacy, recency, None, None)
    right = [(a == t, b == t) for (a, b), t in zip(pairs, truth, strict=True)]
    return Orders(
        consistent,
        primacy,
        recency,
        accuracy=wilson(sum(map(sum, right)), 2 * len(right)),
        both_right=wilson(sum(map(all, right)), len(right)),
    )


def first_share(choices: Sequence[str], *, first: str, second: str) -> Rate | None:
    """Share of decided pairs that went to the place shown first; ties leave the denominator.

    Where the places were drawn at random, half is fair: what is over is position bias.

    >>> first_share(["A", "A", "B", "tie"], first="A", second="B").value
    0.6666666666666666
    """
    wins = sum(one == first for one in choices)
    return wilson(wins, wins + sum(one == second for one in choices))
