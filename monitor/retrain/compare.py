"""Candidate against production on the same reserved calls: paired, with intervals. Pure.

A call is right when every field that its label names has the label's value. Differences are error
rate of the candidate minus error rate of production: below zero is better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitor.drift.intervals import clopper_pearson, paired_difference
from monitor.retrain.messages import answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

__all__ = ["MARGIN", "Comparison", "Rate", "SliceDifference", "TestCall", "compare_answers"]

MARGIN = 0.02
"""Non-inferiority: a slice is not worse when its interval excludes a rise of the error rate above
this."""
WHOLE = "whole answer"


@dataclass(frozen=True, slots=True)
class TestCall:
    """One labelled reserved call, answered by both."""

    __test__ = False  # not a test class, whatever pytest makes of the name

    timestamp: datetime
    label: str
    production: str
    candidate: str | None
    """None: the request failed."""


@dataclass(frozen=True, slots=True)
class Rate:
    """An error rate with its exact 95 % interval."""

    value: float
    low: float
    high: float
    count: int
    n: int


@dataclass(frozen=True, slots=True)
class SliceDifference:
    """One part of the calls, or one field of the answers."""

    attribute: str
    """`period` or `field`."""
    value: str
    candidate: Rate
    production: Rate
    difference: float
    low: float
    high: float
    p_value: float
    n: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the reserved calls say about a candidate."""

    n: int
    candidate: Rate
    production: Rate
    difference: float
    """Candidate's error rate minus production's; below zero is better."""
    low: float
    high: float
    p_value: float
    """Exact McNemar test, two-sided."""
    slices: Sequence[SliceDifference]
    advice: str
    """`better`, `not_worse`, `worse` or `too_few`."""
    sentence: str
    margin: float
    request_failures: int
    unlabelled: int
    """Reserved calls whose right answer nobody knows yet; they are not in n."""
    seen_in_training: int
    """Reserved calls left out because a training example has the same input."""


def compare_answers(
    calls: Sequence[TestCall],
    *,
    turn: datetime | None,
    failing_field: str = "",
    unlabelled: int = 0,
    seen_in_training: int = 0,
) -> Comparison:
    """Compare both models' answers with the labels.

    Args:
        calls: the labelled calls with both answers.
        turn: when it began to go wrong; calls before and since are compared apart, because the
            newer ones are what the candidate is for and the older ones what it must not forget.
        failing_field: the field of the incident, or ''.
        unlabelled: how many reserved calls have no label.
        seen_in_training: how many were left out as near-duplicates of training examples.
    """
    whole = _difference(WHOLE, "", calls, _right)
    periods = _periods(calls, turn)
    fields = sorted({name for call in calls for name in _fields(call.label)})
    by_field = [
        _difference("field", name, [c for c in calls if name in _fields(c.label)], _right_in(name))
        for name in fields
    ]
    target = next((one for one in periods if one.value == "since"), whole)
    advice, sentence = _advise(whole, target, periods)
    if unlabelled:
        sentence += (
            f" Labels are known for {len(calls)} of {len(calls) + unlabelled} reserved calls."
        )
    if failing_field and (
        failing := next((one for one in by_field if one.value == failing_field), None)
    ):
        sentence += f" {failing_field}: {_versus(failing)}."
    return Comparison(
        n=len(calls),
        candidate=whole.candidate,
        production=whole.production,
        difference=whole.difference,
        low=whole.low,
        high=whole.high,
        p_value=whole.p_value,
        slices=(*periods, *by_field),
        advice=advice,
        sentence=sentence,
        margin=MARGIN,
        request_failures=sum(call.candidate is None for call in calls),
        unlabelled=unlabelled,
        seen_in_training=seen_in_training,
    )


def _periods(calls: Sequence[TestCall], turn: datetime | None) -> list[SliceDifference]:
    if turn is None:
        return []
    before = [call for call in calls if call.timestamp < turn]
    since = [call for call in calls if call.timestamp >= turn]
    return [
        _difference("period", name, part, _right)
        for name, part in (("before", before), ("since", since))
        if part
    ]


def _difference(
    attribute: str, value: str, calls: Sequence[TestCall], right: Callable[[str, str], bool]
) -> SliceDifference:
    candidate = [call.candidate is not None and right(call.label, call.candidate) for call in calls]
    production = [right(call.label, call.production) for call in calls]
    pairs = list(zip(candidate, production, strict=True))
    paired = paired_difference(pairs.count((False, True)), pairs.count((True, False)), len(pairs))
    return SliceDifference(
        attribute,
        value,
        _rate(candidate),
        _rate(production),
        paired.difference,
        paired.low,
        paired.high,
        paired.p_value,
        len(pairs),
    )


def _rate(right: Sequence[bool]) -> Rate:
    count, n = right.count(False), len(right)
    interval = clopper_pearson(count, n)
    return Rate(count / n if n else 0.0, interval.low, interval.high, count, n)


def _fields(label: str) -> Mapping[str, Any]:
    right = answer(label)
    return right if isinstance(right, dict) else {}


def _right(label: str, text: str) -> bool:
    """Every field that the label names is right; a label that is no object must match whole."""
    right, given = answer(label), answer(text)
    if isinstance(right, dict):
        return isinstance(given, dict) and all(
            name in given and given[name] == value for name, value in right.items()
        )
    return bool(right == given)


def _right_in(name: str) -> Callable[[str, str], bool]:
    def right(label: str, text: str) -> bool:
        given = answer(text)
        return isinstance(given, dict) and name in given and given[name] == _fields(label)[name]

    return right


def _advise(
    whole: SliceDifference, target: SliceDifference, periods: Sequence[SliceDifference]
) -> tuple[str, str]:
    """The gate: better where it failed, and not worse anywhere else by more than the margin."""
    parts = periods or [whole]
    worse = next((one for one in parts if one.low > 0), None)
    if worse:
        return "worse", f"The candidate is worse{_where(worse)}: {_versus(worse)}."
    unsure = next((one for one in parts if one is not target and one.high > MARGIN), None)
    if target.high < 0 and not unsure:
        return (
            "better",
            f"The candidate is better{_where(target)}: {_versus(target)}, and not worse elsewhere.",
        )
    if target.high <= MARGIN and not unsure:
        return (
            "not_worse",
            f"The candidate is neither better nor worse{_where(target)}: {_versus(target)}.",
        )
    doubt = unsure or target
    return "too_few", (
        f"{doubt.n} labelled calls{_where(doubt)} are too few to decide: {_versus(doubt)};"
        f" the interval must lie below {MARGIN:+.0%}."
        " Wait for more outcomes or label some, then compare again."
    )


def _where(one: SliceDifference) -> str:
    return f" on calls {one.value} the change" if one.attribute == "period" else ""


def _versus(one: SliceDifference) -> str:
    return (
        f"{one.candidate.value:.1%} wrong against {one.production.value:.1%} in production"
        f" (difference {one.difference:+.1%}, 95 % interval {one.low:+.1%} to"
        f" {one.high:+.1%}, n={one.n})"
    )
