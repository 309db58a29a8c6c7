"""Coverage of `two_phase` where calls were judged, and then labelled, with unequal probabilities.

The traffic is made of calls that a cheap signal flags (a tenth, twice in three wrong) and others (one
in thirty wrong). Flagged calls are judged four times as often; of the judged ones, those that the judge
finds wrong are labelled four times as often: about as many labels as a person gives in an hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.verdicts.row import Row, at_least
from judges.statistics.rates import Design, level, two_phase
from judges.statistics.sampling import Z

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.random import Generator

    from judges.statistics.estimators import Rate

__all__ = ["phases"]

SEED, REPEATS = 20_260_802, 4_000
LEAST = 0.92


@dataclass(frozen=True, slots=True)
class Traffic:
    """How often what happens."""

    name: str
    calls: int
    labels: int
    """Expected."""
    right: float
    """Share of verdicts that people agree with."""
    scored: bool = False
    """The judge gives a number, not a word."""


CASES = (
    Traffic("a good judge, 108 labels", 6_000, 108, 0.95),
    Traffic("a fair judge, 108 labels", 6_000, 108, 0.85),
    Traffic("a coin, 108 labels", 6_000, 108, 0.50),
    Traffic("a good judge, 50 labels", 6_000, 50, 0.95),
    Traffic("a good judge, 300 labels", 6_000, 300, 0.95),
    Traffic("a score, 108 labels", 6_000, 108, 0.95, scored=True),
)


def phases() -> Iterator[Row]:
    """As drawn, with the normal quantile and as `level` shows it: the labels alone where the judge adds nothing."""
    for case in CASES:
        rng = np.random.default_rng(SEED)
        plain, ours, widths = [], [], []
        for _ in range(REPEATS):
            truth, (y, f, rest, design) = _drawn(case, rng)
            normal = two_phase(y, f, rest, design, z=Z)
            plain.append(_holds(normal, truth))
            shown = level(list(y), list(f), list(rest), design=design)
            if shown is not None:
                ours.append(_holds(shown.rate, truth))
                widths.append(shown.rate.width)
        name = f"two_phase, {case.name}: coverage"
        yield Row("4.1", f"{name}, normal quantile", "", f"{np.mean(plain):.6f}", None)
        yield at_least("4.1", f"{name}, as shown", LEAST, float(np.mean(ours)))
        yield Row("4.1", "… mean width", "", f"{np.mean(widths):.6f}", None)


def _holds(rate: Rate | None, truth: float) -> bool:
    return rate is not None and rate.low <= truth <= rate.high


def _drawn(
    case: Traffic, rng: Generator
) -> tuple[float, tuple[np.ndarray, np.ndarray, np.ndarray, Design]]:
    """The rate of the process, and one day's judged and labelled calls."""
    flagged = rng.random(case.calls) < 0.1
    wrong = rng.random(case.calls) < np.where(flagged, 2 / 3, 1 / 30)
    truth = 1 - (0.1 * 2 / 3 + 0.9 / 30)
    y = 1.0 - wrong
    f = np.where(rng.random(case.calls) < case.right, y, 1 - y)
    if case.scored:
        f = np.clip(0.2 + 0.6 * f + rng.normal(0, 0.15, case.calls), 0, 1)
    judged = np.where(flagged, 0.6, 0.15)
    doubted = f < 0.5
    chance = np.where(doubted, 4.0, 1.0)
    share = case.labels / float((judged * chance).sum())
    labelled = np.minimum(1.0, share * chance)
    is_judged = rng.random(case.calls) < judged
    told = is_judged & (rng.random(case.calls) < labelled)
    rest = is_judged & ~told
    design = Design(labelled=(judged * labelled)[told], judged=judged[told], others=judged[rest])
    return truth, (y[told], f[told], f[rest], design)
