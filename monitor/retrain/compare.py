"""Candidate against production on the same reserved calls: paired, with intervals. Pure.

A call is right when every field that its label names has the label's value. Differences are error
rate of the candidate minus error rate of production: below zero is better.

Two kinds of parts are told apart. Those that decide are few and named beforehand: the failing slice,
on which the candidate has to be better, and the calls before the change, on which it must not be
worse by more than the margin. To be called not worse *every* one of them has to pass, which needs no
correction (an intersection-union test, Berger 1982). All others (fields, prompt versions, tags) are
searched for harm, with Holm's correction over all of them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from judges.statistics.paired import mcnemar, paired_difference
from judges.statistics.power import smallest_shown
from monitor.drift.intervals import clopper_pearson
from monitor.retrain.answers import fields_of, is_json, is_right, right_in, structured
from monitor.retrain.findings import (
    Comparison,
    Gate,
    JudgeDifference,
    Limits,
    Measure,
    Rate,
    SliceDifference,
    TestCall,
)
from monitor.retrain.gates import Findings, advise, hold
from monitor.retrain.measures import measures

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from numpy.random import Generator

__all__ = [
    "Comparison",
    "Gate",
    "JudgeDifference",
    "Limits",
    "Measure",
    "Opinions",
    "Rate",
    "SliceDifference",
    "TestCall",
    "Trouble",
    "answers_differ",
    "compare_answers",
    "holm",
]

SMALLEST_SLICE = 10
"""Fewer labelled calls are no slice of their own."""
MOST_SLICES = 30
"""Values of attributes that are looked at, the most frequent first."""
EXACT_POWER_UP_TO = 3000
"""Pairs; with more the smallest difference is that of so many, which is on the safe side."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong, and where: tells the failing slice from the rest."""

    turn: datetime | None = None
    """When it began to go wrong."""
    field: str = ""
    """The output field that is concerned, or ''."""
    root: Mapping[str, str] | None = None
    """Attributes of the failing calls; none means all of them."""


@dataclass(frozen=True, slots=True)
class Opinions:
    """What checks and judges said of both answers."""

    judges: Sequence[JudgeDifference] = ()
    refused: str = ""


def compare_answers(  # noqa: PLR0913 - what was left out and on what is keyword-only
    calls: Sequence[TestCall],
    *,
    trouble: Trouble | None = None,
    limits: Limits | None = None,
    opinions: Opinions | None = None,
    valid: Callable[[str], bool] = is_json,
    unlabelled: int = 0,
    seen_in_training: int = 0,
    other_releases: int = 0,
    rng: Generator | None = None,
) -> Comparison:
    """Compare both models' answers with the labels, and hold the candidate to its limits.

    Args:
        calls: the calls with both answers; those without a label count for what needs none.
        trouble: what the candidate is to cure.
        limits: the gates' numbers.
        opinions: of checks and judges.
        valid: whether an answer is one that the service can use, where its answers are structured.
        unlabelled: how many reserved calls have no label, asked or not.
        seen_in_training: how many were left out as near-duplicates of training examples.
        other_releases: how many were left out because another release answered them.
        rng: of the bootstrap; None leaves durations, tokens and cost out.
    """
    trouble, limits, opinions = trouble or Trouble(), limits or Limits(), opinions or Opinions()
    labelled = [call for call in calls if call.label]
    whole = _difference("answers", "whole answer", labelled, is_right)
    deciding = _deciding(labelled, trouble)
    found = Findings(
        whole=whole,
        target=deciding[0] if deciding else whole,
        others=deciding[1:],
        searched=_searched(labelled),
        answers=answers_differ(calls, valid),
        judges=opinions.judges,
        measures=measures(calls, rng) if rng is not None else (),
        failing_field=trouble.field,
    )
    gates = hold(found, limits)
    advice, sentence = advise(found, gates, limits)
    if unlabelled:
        sentence += f" Labels are known for {whole.n} of {whole.n + unlabelled} calls."
    return Comparison(
        n=whole.n,
        candidate=whole.candidate,
        production=whole.production,
        difference=whole.difference,
        low=whole.low,
        high=whole.high,
        p_value=whole.p_value,
        slices=(*deciding, *found.searched, *([found.answers] if found.answers else [])),
        advice=advice,
        sentence=sentence,
        margin=limits.margin,
        request_failures=sum(call.candidate is None for call in calls),
        unlabelled=unlabelled,
        seen_in_training=seen_in_training,
        asked=len(calls),
        other_releases=other_releases,
        smallest=whole.smallest,
        measures=found.measures,
        judges=opinions.judges,
        judges_refused=opinions.refused,
        gates=gates,
    )


def answers_differ(
    calls: Sequence[TestCall], valid: Callable[[str], bool]
) -> SliceDifference | None:
    """Invalid answers of both; None for a service whose answers have no structure."""
    if not structured(call.production for call in calls):
        return None
    return _difference("answers", "invalid", calls, lambda _, text: valid(text))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values: all that are at most 5 % hold together at 5 %.

    Source: S. Holm (1979), Scandinavian Journal of Statistics 6.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, most = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        most = max(most, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = most
    return adjusted


def _deciding(calls: Sequence[TestCall], trouble: Trouble) -> list[SliceDifference]:
    """The failing slice first, then what must not get worse; empty when nobody says when it began."""
    turn, root = trouble.turn, trouble.root or {}
    if turn is None and not root:
        return []
    since = [call for call in calls if turn is None or call.timestamp >= turn]
    parts = [("since", since), ("before", [c for c in calls if turn and c.timestamp < turn])]
    found = [_difference("period", name, part, is_right) for name, part in parts if part and turn]
    inside = [c for c in since if all(c.attributes.get(k) == v for k, v in root.items())]
    if root and inside:
        name = ", ".join(f"{key}={value}" for key, value in root.items())
        return [_difference("failing slice", name, inside, is_right), *found]
    return found


def _searched(calls: Sequence[TestCall]) -> list[SliceDifference]:
    """Fields and attributes, with p-values that stand for all of them together."""
    named = {id(call): fields_of(call.label) for call in calls}
    fields = Counter(name for names in named.values() for name in names)
    found = [
        _difference("field", name, [c for c in calls if name in named[id(c)]], right_in(name))
        for name in sorted(fields)
    ]
    values = Counter(pair for call in calls for pair in call.attributes.items())
    # an attribute that all calls share tells nothing that the whole does not
    pairs = [pair for pair, n in values.most_common() if SMALLEST_SLICE <= n < len(calls)]
    found += [
        _difference(name, value, [c for c in calls if c.attributes.get(name) == value], is_right)
        for name, value in sorted(pairs[:MOST_SLICES])
    ]
    adjusted = holm([one.p_value for one in found])
    return [replace(one, adjusted_p=p) for one, p in zip(found, adjusted, strict=True)]


def _difference(
    attribute: str, value: str, calls: Sequence[TestCall], right: Callable[[str, str], bool]
) -> SliceDifference:
    candidate = [c.candidate is None or not right(c.label, c.candidate) for c in calls]
    production = [not right(call.label, call.production) for call in calls]
    change, between = mcnemar(production, candidate), paired_difference(production, candidate)
    n = len(calls)
    flips = (change.better + change.worse) / n if n else 0.0
    one, other = _rate(candidate), _rate(production)
    return SliceDifference(
        attribute=attribute,
        value=value,
        candidate=one,
        production=other,
        difference=one.value - other.value,
        low=between.low if between else -1.0,
        high=between.high if between else 1.0,
        p_value=change.p_value,
        n=n,
        smallest=smallest_shown(min(n, EXACT_POWER_UP_TO), flips),
    )


def _rate(wrong: Sequence[bool]) -> Rate:
    count, n = sum(wrong), len(wrong)
    interval = clopper_pearson(count, n)
    return Rate(count / n if n else 0.0, interval.low, interval.high, count, n)
