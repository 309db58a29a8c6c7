"""Does the canary test keep its promise when it is looked at every hour, and how soon does it decide?

    python -m benchmarks.canary [--runs 400] [--hours 168] [--seed 20260301]

Simulated canaries through the code of the `canary` job (`monitor.retrain.canary`,
`monitor.drift.two_rates`): every hour so many calls of production and of the candidate, some of which
fail; after every hour the verdict is looked at, and what is said once counts, whatever is said later.
`night` lets the rate of both rise and fall over the day, `shifting` also the candidate's share. For
comparison stands the test that people use instead, a two-sample z-test at 5 % looked at every hour.
Exits 1 when `worse` is said of equal releases, or `safe` of one that is worse by the margin, in more
than 5 % of the canaries beyond chance, or when a doubled rate is missed too often.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from math import pi, sin
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from monitor.drift.two_rates import Block, evidence_path
from monitor.retrain.canary import ALPHA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator

MARGIN = 0.02


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of canary."""

    name: str
    production: float
    candidate: float
    """Failing share of each."""
    calls: int
    """Of production, an hour."""
    share: float
    """Of the candidate, in all calls."""
    night: bool = False
    shifting: bool = False
    least_worse: float = 0.0
    least_safe: float = 0.0
    """Share of the canaries that have to be called so."""


CASES = (
    Case("equal, 1 %", 0.01, 0.01, 400, 0.10, least_safe=0.8),
    Case("equal, 5 %", 0.05, 0.05, 400, 0.10),
    Case("equal, 5 %, half of the traffic", 0.05, 0.05, 400, 0.50, least_safe=0.8),
    Case("equal, 2 % at night, 8 % by day", 0.05, 0.05, 400, 0.10, night=True),
    Case(
        "equal, the same, share from 2 % to 50 %", 0.05, 0.05, 400, 0.10, night=True, shifting=True
    ),
    Case("equal, few calls", 0.05, 0.05, 20, 0.10),
    Case("worse by the margin, 5 % to 7 %", 0.05, 0.07, 400, 0.10),
    Case("worse by the margin, share shifting", 0.05, 0.07, 400, 0.10, night=True, shifting=True),
    Case("worse, 1 % to 2 %", 0.01, 0.02, 400, 0.10),
    Case("worse, 1 % to 5 % (the story)", 0.01, 0.05, 400, 0.10, least_worse=0.8),
    Case("worse, 5 % to 10 %", 0.05, 0.10, 400, 0.10, least_worse=0.8),
    Case("worse, 5 % to 10 %, few calls", 0.05, 0.10, 40, 0.10),
    Case("better, 5 % to 1 % (the cure)", 0.05, 0.01, 400, 0.10, least_safe=0.8),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table."""

    case: Case
    worse: float
    safe: float
    """Shares of the canaries of which it was ever said; of some, both at different times."""
    undecided: float
    hours: float
    """Median to the verdict; NaN without one."""
    z_test: float
    """Share that a z-test, looked at as often, calls worse."""
    good: bool


def simulate(case: Case, hours: int, rng: Generator) -> list[Block]:
    """One canary."""
    blocks = []
    for hour in range(hours):
        wave = 1 + 0.6 * sin(2 * pi * hour / 24) if case.night else 1.0
        share = 0.02 + 0.48 * hour / hours if case.shifting else case.share
        n = int(rng.binomial(case.calls, share))
        others_n = int(rng.poisson(case.calls * (1 - share)))
        p = case.production * wave
        q = p + case.candidate - case.production
        blocks.append(Block(int(rng.binomial(n, q)), n, int(rng.binomial(others_n, p)), others_n))
    return blocks


def verdicts(blocks: Sequence[Block]) -> dict[str, int]:
    """What is ever said, and after how many hours with calls of both it is said first."""
    paths = {
        "worse": evidence_path(blocks, 0.0, above=True),
        "safe": evidence_path(blocks, MARGIN, above=False),
    }
    first = {
        name: next((hour for hour, one in enumerate(path) if one >= 1 / ALPHA), None)
        for name, path in paths.items()
    }
    return {name: hour for name, hour in first.items() if hour is not None}


def naive(blocks: Sequence[Block]) -> bool:
    """Whether a two-sided z-test at 5 %, looked at every hour, ever says that it is worse."""
    told = np.asarray([[b.count, b.n, b.others, b.others_n] for b in blocks], dtype=float)
    count, n, others, others_n = np.cumsum(told, axis=0).T
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = (count + others) / (n + others_n)
        z = (count / n - others / others_n) / np.sqrt(
            pooled * (1 - pooled) * (1 / n + 1 / others_n)
        )
    return bool(np.nanmax(z, initial=-np.inf) > stats.norm.ppf(0.975))


def measure(case: Case, runs: int, hours: int, rng: Generator) -> Line:
    """A line over so many canaries."""
    told: list[dict[str, int]] = []
    fooled = 0
    for _ in range(runs):
        blocks = simulate(case, hours, rng)
        told.append(verdicts(blocks))
        fooled += naive(blocks)
    worse, safe = (sum(name in one for one in told) for name in ("worse", "safe"))
    at = [min(one.values()) for one in told if one]
    wrong = worse if case.candidate <= case.production else 0
    wrong += safe if case.candidate >= case.production + MARGIN - 1e-12 else 0
    kept = float(stats.binomtest(wrong, runs, ALPHA, "greater").pvalue) > 0.01
    seen = worse >= case.least_worse * runs and safe >= case.least_safe * runs
    return Line(
        case, worse / runs, safe / runs, told.count({}) / runs,
        float(np.median(at)) if at else float("nan"), fooled / runs, kept and seen,
    )  # fmt: skip


def main() -> int:
    """Measure every case and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--hours", type=int, default=168)
    parser.add_argument("--seed", type=int, default=20260301)
    given = parser.parse_args()
    print(
        f"margin {MARGIN:.0%}, level {ALPHA:.0%}, {given.runs} canaries of {given.hours} hours each,"
    )
    print("looked at after every hour; seed", given.seed)
    print(f"{'case':<42} {'worse':>7} {'safe':>7} {'open':>7} {'hours':>6} {'z-test':>7}")
    good = True
    for place, case in enumerate(CASES):
        line = measure(case, given.runs, given.hours, np.random.default_rng([given.seed, place]))
        good &= line.good
        mark = "" if line.good else "  <- not as promised"
        print(
            f"{case.name:<42} {line.worse:>7.1%} {line.safe:>7.1%} {line.undecided:>7.1%}"
            f" {line.hours:>6.0f} {line.z_test:>7.1%}{mark}",
            flush=True,
        )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
