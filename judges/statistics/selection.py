"""Which judged calls people look at, so that each label says most.

A share is drawn uniformly, a share among the calls on which judges differ, the rest by strata of
the judge's verdict: first a pilot in proportion, then, where the pilot shows that the judge is
informative, after Neyman (more labels where a verdict leaves more doubt). Every call's probability
is kept with it, so that `judges.statistics.rates` can weigh it back. Reviewers do not see the verdict.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from judges.statistics.sampling import sampled, uniform
from judges.statistics.worth import correlation

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

__all__ = ["Item", "Review", "allocate", "double_labelled", "neyman", "pilot_size", "review"]

PILOT_SHARE = 0.2
UNIFORM_SHARE = 0.2
DISAGREEMENT_SHARE = 0.2
DOUBLE_SHARE = 0.15
"""Labelled by two people, so that their own agreement is known."""
INFORMATIVE = 0.3
"""Below this correlation of labels and verdicts in the pilot, Neyman costs more than it saves."""
LEAST = 2
"""Labels in every stratum: fewer have no variance."""


@dataclass(frozen=True, slots=True)
class Item:
    """A judged call that may be looked at."""

    key: str
    verdict: Hashable
    """The judge's label; the stratum."""
    disputed: bool = False
    """Judges, or a judge and a user, differ on it."""


@dataclass(frozen=True, slots=True)
class Review:
    """A call that was drawn for people."""

    key: str
    verdict: Hashable
    probability: float
    """With which it was drawn among the judged calls."""
    double: bool
    """Two people label it."""


def pilot_size(n: int, strata: int) -> int:
    """Labels of the pilot: a fifth, and at least two a stratum, but never more than all.

    >>> pilot_size(100, 2), pilot_size(10, 3)
    (20, 6)
    """
    return min(n, max(LEAST * strata, round(PILOT_SHARE * n)))


def neyman(
    shares: Mapping[Hashable, float], spreads: Mapping[Hashable, float], n: int
) -> dict[Hashable, int]:
    """Labels per stratum in proportion to share times sd, each at least two; they sum to n.

    Neyman (1934). With equal sds this is the proportional allocation.

    Raises:
        ValueError: fewer labels than two per stratum.

    >>> neyman({"yes": 0.8, "no": 0.2}, {"yes": 0.1, "no": 0.5}, 90)
    {'yes': 40, 'no': 50}
    """
    wanted = {key: shares[key] * spreads[key] for key in shares}
    if not any(wanted.values()):
        wanted = dict(shares)
    if n < LEAST * len(shares):
        raise ValueError(f"{n} labels are too few for {len(shares)} strata, two each")
    return _apportioned(wanted, n, dict.fromkeys(shares, LEAST))


def allocate(
    shares: Mapping[Hashable, float],
    pilot: Mapping[Hashable, Sequence[float]],
    n: int,
    *,
    verdict_values: Mapping[Hashable, float] | None = None,
) -> dict[Hashable, int]:
    """Labels per stratum, those of the pilot included, after the pilot has been labelled.

    Neyman's allocation with the pilot's sds, where its labels and verdicts correlate by 0.3 or
    more; in proportion otherwise, since with a useless judge Neyman costs about 14 %. The sd of
    yes/no labels is √(m(1 - m)) with m = (k + 1/2)/(n + 1) (Jeffreys), so that a stratum whose few pilots are all
    right still gets some.

    Args:
        shares: of each stratum among the judged calls.
        pilot: labels of each stratum so far.
        n: labels in all.
        verdict_values: each verdict as a number, where the verdicts are not numbers; without it the
            correlation is that with the stratum's own mean (the correlation ratio).

    >>> pilot = {"yes": [1] * 15 + [0], "no": [0, 1, 0, 0]}
    >>> allocate({"yes": 0.8, "no": 0.2}, pilot, 100)
    {'yes': 71, 'no': 29}
    """
    spreads = {key: _spread(pilot.get(key, ())) for key in shares}
    if _informative(pilot, verdict_values) < INFORMATIVE:
        spreads = dict.fromkeys(shares, 1.0)
    had = {key: len(pilot.get(key, ())) for key in shares}
    wanted = {key: shares[key] * spreads[key] for key in shares}
    return _apportioned(wanted, max(n, sum(had.values())), {k: max(LEAST, had[k]) for k in had})


def review(
    items: Sequence[Item],
    n: int,
    *,
    allocation: Mapping[Hashable, float] | None = None,
    salt: str = "outerloop-review",
) -> list[Review]:
    """Draw about n calls for people, each with its own known probability.

    pi = n (u/M + d/M_d + (1 - u - d) a_h/M_h), at most 1: u = 20 % of the labels uniformly, d = 20 %
    among the M_d disputed calls (none disputed: they go to the strata), the rest by stratum h as
    allocated. A call is drawn where its hash is below pi, so the number drawn varies around n.

    Args:
        items: judged calls.
        n: labels wished for.
        allocation: labels per stratum from `allocate`; None is in proportion, as for a pilot.
        salt: of the hash; another one for every round of review.

    >>> calls = [Item(f"call-{k}", "yes" if k % 5 else "no") for k in range(1000)]
    >>> drawn = review(calls, 100, allocation={"yes": 40, "no": 60})
    >>> len(drawn), sum(one.verdict == "no" for one in drawn)
    (96, 48)
    """
    sizes: dict[Hashable, int] = {}
    for item in items:
        sizes[item.verdict] = sizes.get(item.verdict, 0) + 1
    disputed = sum(item.disputed for item in items)
    part = DISAGREEMENT_SHARE if disputed else 0.0
    given = {key: float((allocation or sizes).get(key, 0)) for key in sizes}
    total = math.fsum(given.values()) or 1.0
    rate = {key: (1 - UNIFORM_SHARE - part) * given[key] / total / sizes[key] for key in sizes}
    drawn = []
    for item in items:
        chance = UNIFORM_SHARE / len(items) + rate[item.verdict]
        chance = min(1.0, n * (chance + (part / disputed if item.disputed else 0.0)))
        if uniform(item.key, salt) < chance:
            drawn.append(Review(item.key, item.verdict, chance, double_labelled(item.key, salt)))
    return drawn


def double_labelled(key: str, salt: str = "outerloop-review") -> bool:
    """Whether two people label this call: 15 % of them, whatever the verdict.

    >>> sum(double_labelled(f"call-{k}") for k in range(10_000))
    1489
    """
    return sampled(key, DOUBLE_SHARE, f"{salt}:double")


def _spread(labels: Sequence[float]) -> float:
    y = np.asarray(labels, dtype=float)
    if ((y == 0) | (y == 1)).all():
        middle = (float(y.sum()) + 0.5) / (len(y) + 1)
        return math.sqrt(middle * (1 - middle))
    return float(y.std(ddof=1)) if len(y) > 1 else 0.0


def _informative(
    pilot: Mapping[Hashable, Sequence[float]], values: Mapping[Hashable, float] | None
) -> float:
    """How far labels follow verdicts in the pilot, 0 to 1; labels all alike cannot say, and do no harm."""
    labels = [float(y) for key in pilot for y in pilot[key]]
    if len(set(labels)) <= 1:
        return 1.0
    means = {key: math.fsum(pilot[key]) / len(pilot[key]) for key in pilot if len(pilot[key])}
    said = [float((values or means)[key]) for key in pilot for _ in pilot[key]]
    return correlation(labels, said) or 0.0


def _apportioned(
    wanted: Mapping[Hashable, float], n: int, least: Mapping[Hashable, int]
) -> dict[Hashable, int]:
    """Whole numbers in proportion to `wanted`, none below its least, summing to n.

    Strata that are entitled to less than their least are fixed at it, and the rest shared again.
    """
    fixed: dict[Hashable, int] = {}
    while True:
        free = {key: value for key, value in wanted.items() if key not in fixed}
        left, total = n - sum(fixed.values()), math.fsum(free.values())
        exact = {key: left * (one / total if total else 1 / len(free)) for key, one in free.items()}
        short = {key for key, one in exact.items() if one < least[key]}
        if not short:
            break
        fixed.update({key: least[key] for key in short})
    given = {key: int(one) for key, one in exact.items()}
    spare = n - sum(fixed.values()) - sum(given.values())
    by_rest = sorted(exact, key=lambda key: given[key] - exact[key])
    for key in by_rest[: max(0, spare)]:
        given[key] += 1
    return {key: fixed[key] if key in fixed else given[key] for key in wanted}
