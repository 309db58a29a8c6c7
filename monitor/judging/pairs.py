"""What rows of `scores` keep of a verdict beside its value: the order of a pair, and the judge's own family."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from judges.statistics.position import both_orders, first_share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from judges.statistics.position import Orders
    from judges.statistics.rates import Rate

__all__ = ["Told", "first_of", "orders_of", "read_details"]

SIDES = {"better": "1", "worse": "2", "tie": "tie"}
"""The candidate is 1, the other answer 2."""
OPPOSITE = {"1": "2", "2": "1"}


@dataclass(frozen=True, slots=True)
class Told:
    """One verdict's details."""

    given: str
    """Who won when the candidate was shown first: `1` (it), `2`, `tie`; '' where that was not asked or answered."""
    swapped: str
    """The same when the other answer was shown first."""
    order: str
    """In which order the verdict that counts was given: `given`, `swapped`, `both`, '' of no pair."""
    own_family: bool


def read_details(label: str, text: str) -> Told | None:
    """What a row says of its verdict; None where that is nothing.

    >>> read_details("better", '{"order": "swapped", "details": {"other_order": "tie"}}')
    Told(given='tie', swapped='1', order='swapped', own_family=False)
    """
    if not text:
        return None
    said = json.loads(text)
    order, parts = said.get("order", ""), said.get("details", {})
    given = parts.get("order_given", label if order == "given" else parts.get("other_order", ""))
    swapped = parts.get(
        "order_swapped", label if order == "swapped" else parts.get("other_order", "")
    )
    return Told(
        SIDES.get(given, ""), SIDES.get(swapped, ""), order, parts.get("own_family") is True
    )


def orders_of(said: Sequence[Told]) -> Orders | None:
    """Consistency, primacy and recency over the pairs that were asked in both orders; None without any."""
    both = [one for one in said if one.given and one.swapped]
    return both_orders([one.given for one in both], [one.swapped for one in both])


def first_of(said: Sequence[Told]) -> Rate | None:
    """How often the answer shown first won where the order was drawn; None of a judge of no pairs.

    Of a pair that was asked both ways only the drawn order counts.
    """
    winners = [
        one.given if one.order == "given" else OPPOSITE.get(one.swapped, one.swapped)
        for one in said
        if one.order in ("given", "swapped")
    ]
    return first_share(winners, first="1", second="2")
