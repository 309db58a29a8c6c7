"""Which production calls are judged: a sample whose probabilities are known, so that its rates can be trusted.

Every call has the floor of its stratum (release and prompt version); a call that a cheap signal flags has more. The
probability that a call is drawn is the largest of these and is stored with its verdict, so that means weighted by
its inverse (Hájek) are those of all calls, however many flagged ones are among the judged.

A call is drawn once, on what is known of it then. A signal that comes later (a thumbs-down an hour after the draw)
changes neither whether it is judged nor its probability; otherwise flagged calls that were judged by luck would keep
a floor's probability, and weigh far too much.

How many are drawn follows from the change that is to be seen within a day and from the money, not from the traffic.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from judges.statistics.sampling import uniform

__all__ = ["SALT", "SIGNALS", "Candidate", "Draw", "Plan", "draw", "plan"]

SALT = "outerloop-judge"
SIGNALS: Mapping[str, float] = {
    "feedback": 1.0,
    "drifted": 1.0,
    "failed_check": 0.5,
    "doubt": 0.5,
    "novel": 0.25,
}
"""What makes a call more telling, and how much against the others: a user said no; it is in the slice of an open
incident; a structural check failed; the answer was cut short or filtered, or judge and people differed before in its
session; its text is far longer or shorter than usual."""
FLAGGED_SHARE = 0.5
"""At most this share of the verdicts goes to flagged calls; the rest is the floor."""
LEAST = 1e-6
"""No probability is smaller, so that no weight is without bound."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A call that may be drawn."""

    key: str
    """What tells it from all others."""
    release: str
    prompt_version: str
    signals: tuple[str, ...] = ()
    """Names of `SIGNALS` that are known of it now."""


@dataclass(frozen=True, slots=True)
class Draw:
    """What the draw said of one call."""

    key: str
    probability: float
    route: str
    """`floor`, or the signal that raised the probability."""
    drawn: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """Probabilities of one draw."""

    floors: Mapping[tuple[str, str], float]
    """By release and prompt version."""
    routes: Mapping[str, float]
    """By signal."""

    def probability(self, one: Candidate) -> tuple[float, str]:
        """The largest probability that the call is due, and by which route."""
        floor = self.floors[one.release, one.prompt_version]
        name = max(one.signals, key=_weight, default="")
        best = self.routes.get(name, 0.0)
        return (best, name) if best > floor else (max(LEAST, floor), "floor")


def plan(candidates: Sequence[Candidate], verdicts: float, *, share: float | None = None) -> Plan:
    """Probabilities under which about `verdicts` of the candidates are drawn.

    The floor is spread over strata by the square root of their traffic (power allocation, Bankier
    1988), so that a small or new release is seen as well as a large one. What signals may take on top
    is scaled so that flagged calls cost `FLAGGED_SHARE` at most.

    Args:
        candidates: the calls that may be drawn now.
        verdicts: how many are wanted, in the mean.
        share: the floor of every stratum, where it is given; flagged calls come on top of it.
    """
    sizes = Counter((one.release, one.prompt_version) for one in candidates)
    flagged = Counter(max(one.signals, key=_weight) for one in candidates if one.signals)
    for_flagged = FLAGGED_SHARE * verdicts if flagged else 0.0
    expected = sum(flagged.values())
    if share is None:
        floors = _spread(sizes, verdicts - min(for_flagged, expected))
    else:
        floors = dict.fromkeys(sizes, min(1.0, share))
    return Plan(floors, _scaled(flagged, for_flagged))


def draw(plan: Plan, candidates: Sequence[Candidate], *, salt: str = SALT) -> list[Draw]:
    """Draw from the candidates: by a hash of the call, so that the same draw comes out again."""
    drawn = []
    for one in candidates:
        probability, route = plan.probability(one)
        drawn.append(Draw(one.key, probability, route, drawn=uniform(one.key, salt) < probability))
    return drawn


def _weight(name: str) -> float:
    return SIGNALS.get(name, 0.0)


def _spread(sizes: Mapping[tuple[str, str], int], verdicts: float) -> dict[tuple[str, str], float]:
    """Floors that take `verdicts` in all, by the square root of each stratum's size, none above 1."""
    floors: dict[tuple[str, str], float] = {}
    left, money = dict(sizes), max(0.0, verdicts)
    while left:
        total = sum(map(sqrt, left.values()))
        full = {name for name, size in left.items() if money * sqrt(size) / total >= size}
        if not full:
            return floors | {name: money / total / sqrt(size) for name, size in left.items()}
        for name in full:
            floors[name] = 1.0
            money -= left.pop(name)
    return floors


def _scaled(flagged: Mapping[str, int], verdicts: float) -> dict[str, float]:
    """Probabilities in the proportion of the signals' weights that take `verdicts` in all, none above 1."""
    routes: dict[str, float] = {}
    left, money = {name: size for name, size in flagged.items() if _weight(name)}, verdicts
    while left:
        scale = money / sum(_weight(name) * size for name, size in left.items())
        full = {name for name in left if scale * _weight(name) >= 1}
        if not full:
            return routes | {name: scale * _weight(name) for name in left}
        for name in full:
            routes[name] = 1.0
            money -= left.pop(name)
    return routes
