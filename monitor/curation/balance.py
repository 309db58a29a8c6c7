"""A slice's share of the training set beside its share of the traffic: what a model sees too much of, or too little."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.curation.traffic import TrafficCall

__all__ = ["SliceBalance", "balance"]

MOST_VALUES = 20
"""Values of one attribute, those with the most traffic; a user id in a tag would make a slice of each."""


@dataclass(frozen=True, slots=True)
class SliceBalance:
    """One slice."""

    attribute: str
    """`release`, `model`, `tag NAME`, `signal` (what went wrong) or `incident` (in the slice that it is about)."""
    value: str
    traffic: int
    """Calls of the slice."""
    traffic_share: float
    training: int
    """Labelled members of train and validation."""
    training_share: float


def balance(
    calls: Sequence[TrafficCall], drifted: Iterable[bool], trained: set[tuple[str, str]]
) -> list[SliceBalance]:
    """Every slice's shares, those that differ most first.

    Args:
        calls: the traffic.
        drifted: for each call, whether it lies in what the incident is about.
        trained: trace and span of the members that are trained on.
    """
    all_, taken = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    members = 0
    for call, slipped in zip(calls, drifted, strict=True):
        slices = list(_slices(call, drifted=slipped))
        all_.update(slices)
        if (call.trace_id, call.span_id) in trained:
            members += 1
            taken.update(slices)
    shown = Counter[str]()
    told = []
    for (attribute, value), number in all_.most_common():
        shown[attribute] += 1
        if shown[attribute] > MOST_VALUES:
            continue
        mine = taken[attribute, value]
        told.append(
            SliceBalance(
                attribute,
                value,
                number,
                number / len(calls),
                mine,
                mine / members if members else 0.0,
            )
        )
    return sorted(
        told,
        key=lambda one: (-abs(one.training_share - one.traffic_share), one.attribute, one.value),
    )


def _slices(call: TrafficCall, *, drifted: bool) -> Iterator[tuple[str, str]]:
    yield "release", call.release
    yield "model", call.model
    yield from ((f"tag {name}", value) for name, value in call.tags.items())
    yield from (("signal", one) for one in call.signals)
    if drifted:
        yield "incident", "in its slice"
