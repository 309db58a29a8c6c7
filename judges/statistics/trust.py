"""What a judge is worth: its verdicts beside what people (or outcomes) said of the same calls.

Pure: judged calls in, a `Trust` out. A raw mean of verdicts is in judge units; a level is shown only
once `MIN_LABELS` labels of people anchor it, and it is said when the judge helps those labels no further.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from judges.statistics.agreement import Confusion, agreement, cohen_kappa, confusion, gwet_ac1
from judges.statistics.calibration import MIN_PROBES, Transport, transport
from judges.statistics.rates import MIN_LABELS, Design, Level, Rate, level
from judges.statistics.sampling import WeightedMean, hajek

if TYPE_CHECKING:
    from collections.abc import Sequence

    from judges.statistics.position import Orders

__all__ = ["Judged", "Trust", "carried", "trust"]

STRATA = 10
"""A judge with so many different values at most is categorical."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One call with a verdict, and what people said of it where they did."""

    value: float
    probability: float = 1.0
    """With which the call was drawn for the judge."""
    label: float | None = None
    label_probability: float = 1.0
    """With which a judged call was drawn for people; only how it varies matters."""


@dataclass(frozen=True, slots=True)
class Trust:
    """One judge version against people."""

    n: int
    """Calls with a verdict and a label."""
    judged: int
    """Calls with a verdict."""
    failed: int
    """Calls for which the judge gave none: unreadable, refused, or an error."""
    invalid_share: float
    """Failed ones of all that were asked, 0 to 1."""
    raw: WeightedMean | None
    """Mean verdict over all calls, judge units, weighted by the inverse probability."""
    worst: float | None
    """The same mean, had every failed verdict been the lowest value that was given."""
    best: float | None
    agreement: Rate | None
    kappa: float | None
    """Weighted quadratically where there are more than two values."""
    ac1: float | None
    confusion: Confusion | None
    """Rows are people's labels, columns the judge's."""
    level: Level | None
    """The true mean anchored to the labels, and how much the judge helped; None below `MIN_LABELS`."""
    human_agreement: Rate | None
    """How often two people agree on one call, where calls were labelled twice."""
    human_kappa: float | None
    orders: Orders | None
    """Audit of the position bias of a judge of pairs."""
    finds: WeightedMean | None = None
    """Of a yes/no judge: the share of what people call bad (0) that it calls bad, labels weighted by design."""
    passes: WeightedMean | None = None
    """The share of what people call good (1) that it calls good."""

    @property
    def note(self) -> str:
        """What to make of it, in a sentence."""
        if self.level is None:
            return f"{self.n} of {MIN_LABELS} labels: verdicts show movement, and no level"
        if self.level.adds_nothing:
            return "the judge adds nothing here: use the labels alone"
        return f"one label counts as {self.level.gain:.2f} with the judge's help"


def trust(
    calls: Sequence[Judged],
    *,
    failed: int = 0,
    people: Sequence[tuple[float, float]] = (),
    orders: Orders | None = None,
) -> Trust:
    """Weigh one judge version.

    Args:
        calls: every call with a verdict.
        failed: calls for which the judge gave none.
        people: pairs of labels that two people gave to the same call.
        orders: of a judge of pairs, from `judges.statistics.position.both_orders`.

    >>> calls = [Judged(1, label=1), Judged(0, label=0)] * 20 + [Judged(1), Judged(0)] * 200
    >>> found = trust(calls)
    >>> found.kappa, found.level.adds_nothing, found.level.rate.value
    (1.0, False, 0.5)
    >>> trust([Judged(1, label=1)] * 29).note
    '29 of 30 labels: verdicts show movement, and no level'
    """
    pairs = [(one.label, one.value) for one in calls if one.label is not None]
    said, judged = [label for label, _ in pairs], [_category(value, calls) for _, value in pairs]
    said_too = [one for one, _ in people], [other for _, other in people]
    more = len({*said, *judged}) > 2
    raw = hajek([one.value for one in calls], [one.probability for one in calls])
    share = failed / (failed + len(calls)) if calls or failed else 0.0
    values = [one.value for one in calls] or [0.0]
    return Trust(
        n=len(pairs),
        judged=len(calls),
        failed=failed,
        invalid_share=share,
        raw=raw,
        worst=None if raw is None else (1 - share) * raw.value + share * min(*values, 0.0),
        best=None if raw is None else (1 - share) * raw.value + share * max(*values, 1.0),
        agreement=agreement(said, judged),
        kappa=cohen_kappa(said, judged, weights="quadratic" if more else "none"),
        ac1=gwet_ac1(said, judged),
        confusion=confusion(said, judged) if pairs else None,
        level=_level(calls),
        human_agreement=agreement(*said_too),
        human_kappa=cohen_kappa(*said_too),
        orders=orders,
        finds=_right_about(0.0, calls),
        passes=_right_about(1.0, calls),
    )


def carried(before: Sequence[Judged], here: Sequence[Judged]) -> Transport:
    """Whether verdicts mean on these calls what they meant on those before.

    What a verdict promises is the mean label that it had before (a straight line through it, for a
    judge with many values); `transport` says whether that is kept. Fewer than 30 labels before, or 50
    here, tell nothing.

    >>> before = [Judged(1, label=1), Judged(0, label=0)] * 50
    >>> carried(before, [Judged(1, label=0), Judged(0, label=0)] * 50).status
    'fail'
    """
    old = [(one.value, one.label) for one in before if one.label is not None]
    new = [one for one in here if one.label is not None]
    if len(old) < MIN_LABELS or len(new) < MIN_PROBES:
        return Transport("inconclusive", None, None, None, len(new))
    return transport(
        [one.label or 0.0 for one in new],
        _promises(old, [one.value for one in new]),
        probabilities=[one.probability * one.label_probability for one in new],
    )


def _category(value: float, calls: Sequence[Judged]) -> float:
    """A value of a judge with many of them, as a person would have had to say it."""
    labels = sorted({one.label for one in calls if one.label is not None})
    return min(labels, key=lambda label: (abs(label - value), label)) if labels else value


def _right_about(truth: float, calls: Sequence[Judged]) -> WeightedMean | None:
    """How often a yes/no judge says what people say of the calls about which they say this."""
    labelled = [one for one in calls if one.label is not None]
    if not {value for one in labelled for value in (one.label, one.value)} <= {0.0, 1.0}:
        return None
    about = [one for one in labelled if one.label == truth]
    return hajek(
        [float(one.value == truth) for one in about],
        [one.probability * one.label_probability for one in about],
    )


def _promises(old: Sequence[tuple[float, float]], values: Sequence[float]) -> list[float]:
    x, y = np.array([one for one, _ in old]), np.array([label for _, label in old])
    known = np.unique(x)
    if len(known) <= STRATA and set(values) <= set(known.tolist()):
        means = {float(value): float(y[x == value].mean()) for value in known}
        return [means[value] for value in values]
    if len(known) < 2:
        return [float(y.mean())] * len(values)
    slope, start = np.polyfit(x, y, 1)
    inside = np.clip(np.array(values), x.min(), x.max())
    return [float(one) for one in start + slope * inside]


def _level(calls: Sequence[Judged]) -> Level | None:
    labelled = [one for one in calls if one.label is not None]
    others = [one for one in calls if one.label is None]
    design = Design(
        labelled=[one.probability * one.label_probability for one in labelled],
        judged=[one.probability for one in labelled],
        others=[one.probability for one in others],
    )
    return level(
        [one.label or 0.0 for one in labelled],
        [one.value for one in labelled],
        [one.value for one in others],
        design=design,
    )
