"""Does the anchor test see a judge that was swapped, and leave a stable one alone?

    python -m benchmarks.anchors [--judges 200] [--runs 200] [--seed 20260301]

Simulated judges on a fixed set of anchors, through the code of the `anchors` job
(`judges.statistics.anchors`). A stable judge answers each anchor by its own chance of yes, drawn so
that the test-retest correlation (ICC) of one call is as given; a swapped one is another judge from
one run on; a sliding one moves a little in every run. Exits 1 when a stable judge is called shifted
more often than stated, or a swapped one is not caught within one run.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from judges.statistics.anchors import JUMP_ALPHA, SLOW_ALPHA, compare, deviation, slow_e_values

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

ANCHORS = 100
YES = 0.8
"""Share of the anchors that the judge says yes to."""
CAUGHT = 0.95
"""Share of swapped judges that the first run after the swap has to catch."""
SLID = 0.8
"""Share of sliding judges that has to be caught within the runs."""


@dataclass(frozen=True, slots=True)
class Line:
    """One case of the table."""

    case: str
    judges: int
    told: int
    """Judges that were called shifted."""
    delay: float
    """Median runs from the change to the alarm; NaN where nothing changed."""
    wanted: str
    good: bool


def chances(icc: float, rng: Generator) -> NDArray[np.float64]:
    """Each anchor's chance of a yes: a beta law whose test-retest correlation is `icc`."""
    if icc >= 1:
        return (np.arange(ANCHORS) < YES * ANCHORS).astype(float)
    both = (1 - icc) / icc
    return rng.beta(YES * both, (1 - YES) * both, ANCHORS)


def another(chance: NDArray[np.float64], differs: float, rng: Generator) -> NDArray[np.float64]:
    """Another judge: it says the opposite of so many anchors, whichever way."""
    turned = rng.permutation(ANCHORS) < round(differs * ANCHORS)
    return np.where(turned, 1 - chance, chance)


def first_alarm(passes: NDArray[np.float64], rng: Generator) -> int | None:
    """The first run (0 is the first after the baseline) that is called shifted; None where none is."""
    first, second = list(passes[0]), list(passes[1])
    moved = [deviation(first, second, list(now)) or 0.0 for now in passes[2:]]
    e_values = slow_e_values(moved, rng.random(len(moved)).tolist())
    for number, (now, e_value) in enumerate(zip(passes[2:], e_values, strict=True)):
        if compare(first, second, list(now), e_value=e_value).status in ("jump", "slow"):
            return number
    return None


def answers(chance: NDArray[np.float64], runs: int, rng: Generator) -> NDArray[np.float64]:
    """So many passes of one judge."""
    return (rng.random((runs, ANCHORS)) < chance).astype(float)


def stable(judges: int, runs: int, icc: float, rng: Generator) -> Line:
    """Judges that never change, each over so many runs."""
    told = 0
    for _ in range(judges):
        told += first_alarm(answers(chances(icc, rng), runs + 2, rng), rng) is not None
    stated = runs * JUMP_ALPHA + SLOW_ALPHA
    surprise = float(stats.binomtest(told, judges, min(1.0, stated), "greater").pvalue)
    return Line(
        f"stable, ICC {icc:g}, {runs} runs", judges, told, float("nan"),
        f"at most {stated:.3f}", surprise > 0.01,
    )  # fmt: skip


def swapped(judges: int, icc: float, differs: float, rng: Generator, *, bound: bool) -> Line:
    """Judges that are others from the third run on; caught means by that very run."""
    told, early = 0, 5
    for _ in range(judges):
        chance = chances(icc, rng)
        later = another(chance, differs, rng)
        passes = np.vstack([answers(chance, early + 2, rng), answers(later, 1, rng)])
        told += first_alarm(passes, rng) == early
    good = told >= CAUGHT * judges or not bound
    wanted = f"at least {CAUGHT:g}" if bound else "shown"
    return Line(
        f"swapped, ICC {icc:g}, differs on {100 * differs:.0f} %", judges, told, 0.0, wanted, good
    )


def sliding(judges: int, runs: int, step: float, rng: Generator) -> Line:
    """Judges that move by `step` of all verdicts in every run from the 20th on."""
    delays = []
    for _ in range(judges):
        chance, early = chances(0.9, rng), 20
        passes = [answers(chance, early + 2, rng)]
        for number in range(runs):
            lower = np.clip(chance * (1 - step * (number + 1) / YES), 0, 1)
            passes.append(answers(lower, 1, rng))
        alarm = first_alarm(np.vstack(passes), rng)
        if alarm is not None and alarm >= early:
            delays.append(alarm - early + 1)
    delay = float(np.median(delays)) if delays else float("nan")
    good = len(delays) >= SLID * judges
    case = f"sliding by {100 * step:g} % a run, {runs} runs"
    return Line(case, judges, len(delays), delay, f"at least {SLID:g}", good)


def main() -> int:
    """Print the table; 1 where a claim is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--judges", type=int, default=200)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20260301)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    lines = [stable(given.judges, given.runs, icc, rng) for icc in (1.0, 0.95, 0.9, 0.8)]
    lines += [
        swapped(given.judges, icc, differs, rng, bound=differs >= 0.25)
        for icc in (1.0, 0.9)
        for differs in (0.1, 0.15, 0.25, 0.4)
    ]
    lines.append(sliding(given.judges, 60, 0.005, rng))
    print(
        f"{ANCHORS} anchors; jump told at {JUMP_ALPHA:g} a run, slow shift at {SLOW_ALPHA:g} a judge"
    )
    for one in lines:
        delay = "" if np.isnan(one.delay) or not one.delay else f"after {one.delay:.0f} runs"
        mark = "ok" if one.good else "MISSED"
        print(
            f"{one.case:42} told {one.told:4} of {one.judges}  wanted {one.wanted:14} {mark:7}{delay}"
        )
    return 0 if all(one.good for one in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
