"""Measures the drift detectors: false alarms, run lengths, delays, power and localisation.

    python benchmarks/drift.py            # everything, a few minutes
    python benchmarks/drift.py --quick    # fewer runs, under a minute
    python benchmarks/drift.py --seed 7 --part rates --part fleet

Every figure is measured in this run, on synthetic streams that are made here from the seed; the
targets stand beside them. Exits 1 when one is missed.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from drift_cure import confirmation, recovery
from drift_january import Alarm, Story, january
from drift_rates import average_run_length, delays, fleet
from drift_slices import search

if TYPE_CHECKING:
    from collections.abc import Callable

WINTERS = 8


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of a table."""

    name: str
    value: float
    target: float | None = None
    at_most: bool = True
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether the target is reached; a line without one cannot miss."""
        if self.target is None:
            return True
        return self.value <= self.target if self.at_most else self.value >= self.target

    def __str__(self) -> str:
        sign = "<=" if self.at_most else ">="
        goal = f"{sign} {self.target:g}" if self.target is not None else ""
        verdict = "" if self.target is None else "met" if self.met else "MISSED"
        return f"  {self.name:<58}{self.value:>12,.4g} {goal:>12} {verdict:<7} {self.note}"


def rates(seed: int, *, quick: bool) -> list[Measure]:
    """(a) Bernoulli streams at a guaranteed average run length of 1e5 calls."""
    rng, measures, arl = np.random.default_rng(seed), [], 1e5
    runs, calls = (500, 10_000) if quick else (2_000, 20_000)
    for p0 in (0.01, 0.1):
        length, alarms = average_run_length(p0, arl, runs=runs, calls=calls, rng=rng)
        note = f"calls; {alarms} alarms"
        measures.append(Measure(f"ARL at {p0:.0%}", length, arl, at_most=False, note=note))
    for p0, p1, target in ((0.01, 0.05, 180), (0.01, 0.02, 1_400), (0.1, 0.15, 560)):
        for healthy in (5_000, 0):
            many = delays(p0, p1, arl, runs=runs, healthy=healthy, rng=rng)
            name = f"delay {p0:.0%} -> {p1:.0%}, change after {healthy:,} calls"
            note = f"calls, mean; p95 {np.quantile(many, 0.95):,.0f}"
            measures.append(
                Measure(name, float(many.mean()), target if healthy else None, note=note)
            )
    return measures


def winter(seed: int, *, quick: bool) -> list[Measure]:
    """(b) The January story: 1,000 calls a day, learnt in October and November, ARL 1e6."""
    stories = [Story("healthy", 0.01, 0), Story("1 -> 5 %", 0.05, 0)]
    if not quick:
        stories += [Story("1 -> 2 %", 0.02, 0), Story("healthy + disputes", 0.01, 0.1)]
    stories.append(Story("1 -> 5 % + disputes", 0.05, 0.1))
    told = [january(seed + k, stories) for k in range(3 if quick else WINTERS)]
    return [
        _winter(story, name, [winter[position].get(name) for winter in told])
        for position, story in enumerate(stories)
        for name in ("year-slip", "year-slip, ungrounded", "rollover, next_payment_due")
    ]


def _winter(story: Story, name: str, alarms: list[Alarm | None]) -> Measure:
    """One line: false alarms of a healthy story, delay of a faulty one."""
    raised = [alarm for alarm in alarms if alarm]
    if story.name.startswith("healthy"):
        legitimate = story.disputes and not name.startswith("rollover")
        label = f"{story.name}: {name}: alarms"
        return Measure(label, len(raised), None if legitimate else 0, note=f"of {len(alarms)}")
    found = [alarm.calls for alarm in raised if not alarm.before_turn]
    delay = float(np.median([*found, *[np.inf] * (len(alarms) - len(found))]))
    early = len(raised) - len(found)
    note = f"calls, median; max {max(found, default=0)}; seen {len(found)}/{len(alarms)}"
    target = 120 if story.name == "1 -> 5 %" else None
    label = f"{story.name}: {name}: delay"
    return Measure(label, delay, target, note=f"{note}, {early} early")


def many_series(seed: int, *, quick: bool) -> list[Measure]:
    """(c) 2,000 hourly series, budget 0.5 false alerts a week, 40 series triple."""
    worlds = 1 if quick else 5
    conditions = {"both": (0.3, 0.2, 0.0), "both, unequal traffic": (0.3, 0.2, 1.2)}
    if not quick:
        conditions |= {"iid": (0, 0, 0), "seasonality": (0.3, 0, 0), "day CV": (0, 0.2, 0)}
    measures = []
    for name, (seasonality, day_cv, inequality) in conditions.items():
        rng = np.random.default_rng(seed)
        runs = [
            fleet(500, seasonality=seasonality, day_cv=day_cv, inequality=inequality, rng=rng)
            for _ in range(worlds)
        ]
        false = float(np.mean([run.false_alerts_per_week for run in runs]))
        power = float(np.mean([run.power for run in runs]))
        delay = float(np.mean([run.median_delay_hours for run in runs]))
        note = f"{np.mean([run.watched for run in runs]):,.0f} of 2,000 have a sufficient baseline"
        measures += [
            Measure(f"{name}: false alerts per week", false, 1.0, note=note),
            Measure(f"{name}: power, x3 within 6 weeks", power, 0.93, at_most=False),
            Measure(f"{name}: median delay, hours", delay),
        ]
    return measures


def slices(seed: int, *, quick: bool) -> list[Measure]:
    """(d) One slice among 169 values of 12 attributes holds half of the errors."""
    rng, measures = np.random.default_rng(seed), []
    trials = 40 if quick else 200
    for errors in (30,) if quick else (8, 15, 30, 60):
        for depth, name in ((1, "single"), (2, "pair")):
            found = search(errors, depth, trials=trials, rng=rng)
            target = 0.9 if errors >= 30 else None
            note = f"top 3 {found.top3:.2f}; {found.ms:.0f} ms"
            label = f"{errors} errors, {name}: found exactly"
            measures.append(Measure(label, found.exact, target, at_most=False, note=note))
    return measures


def cure(seed: int, *, quick: bool) -> list[Measure]:
    """(e) Confirmation by labels against a 1 % baseline, and closing an incident of 5 %."""
    rng, measures = np.random.default_rng(seed), []
    runs = 200 if quick else 2_000
    quiet = confirmation(0.01, labels=1_000, runs=runs, rng=rng)
    measures.append(Measure("unchanged at 1 %: confirmed within 1,000 labels", quiet.share, 0.05))
    for rate in (0.03, 0.05, 0.1):
        found = confirmation(rate, labels=3_000, runs=runs // 4, rng=rng)
        note = f"labels, median; confirmed {found.share:.2f}"
        measures.append(Measure(f"1 % -> {rate:.0%}: confirmed after", found.labels, note=note))
    for cured in (0.0, 0.0005):
        back = recovery(0.05, cured, runs=runs // 4, rng=rng)
        label = f"5 % -> {cured:.2%}"
        measures += [
            Measure(f"{label}: closed too early, of 2,000 calls", back.too_early, 0.05),
            Measure(f"{label}: closed after", back.calls, note="calls, median, windows of 100"),
        ]
    return measures


PARTS: dict[str, Callable[..., list[Measure]]] = {
    "rates": rates,
    "january": winter,
    "fleet": many_series,
    "slices": slices,
    "cure": cure,
}


def main() -> int:
    """Run the parts that are asked for and print their tables; 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer runs, under a minute")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--part", action="append", choices=list(PARTS), help="only this part")
    options = parser.parse_args()
    missed = 0
    for name in options.part or PARTS:
        began = time.perf_counter()
        measures = PARTS[name](options.seed, quick=options.quick)
        spent = time.perf_counter() - began
        print(f"\n{(PARTS[name].__doc__ or '').splitlines()[0]} [{spent:.0f} s]")
        print("\n".join(map(str, measures)))
        missed += sum(not measure.met for measure in measures)
    print(f"\nseed {options.seed}: {missed} target(s) missed" if missed else "\nall targets met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
