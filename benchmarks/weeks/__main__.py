"""Eight simulated weeks through the product's own jobs, without a fault and with five.

    python -m benchmarks.weeks                      # all six stretches, one after the other
    python -m benchmarks.weeks --scenario healthy
    python -m benchmarks.weeks --scenario prompt --seed 3 --step-hours 1 --calls-per-day 2000

The traffic is autocorrelated: a rhythm of the week, good and bad days, sessions, retries that fail again, bots, a
batch on Sunday night, a holiday, a marketing spike that brings other users, five hours whose calls arrive late. It goes
straight into `calls` and `scores` of an embedded store of its own, in the order in which it arrives; the jobs run
through `monitor.scheduler.replay`. Jobs that need a model (`embed`, `judge`, `anchors`) are left out; the judge's
verdicts are written as it would have written them. Prints what was opened, and exits 1 when a stretch without a fault
pages more often than the budget allows, or a fault is not found with its cause first or second.
"""

from __future__ import annotations

import argparse
import logging
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

from benchmarks.embedded import embedded
from benchmarks.weeks.run import LEFT_OUT, Outcome, Plan, named, run

if TYPE_CHECKING:
    from monitor.incidents import Incident

BUDGET_PER_WEEK = 0.5


def main() -> None:
    """Play the stretches and print what they showed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--scenario", default="", help="the beginning of its name; default: all")
    parser.add_argument("--weeks", type=int, default=8)
    parser.add_argument("--calls-per-day", type=int, default=1500)
    parser.add_argument("--step-hours", type=float, default=6.0, help="how often the jobs run")
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    plan = Plan(given.weeks * 7, given.calls_per_day, timedelta(hours=given.step_hours), given.seed)
    chosen = named(given.scenario)
    if not chosen:
        parser.error(f"no scenario begins with {given.scenario!r}")
    print(f"{plan.days} days of {plan.per_day} calls, jobs every {plan.step}, seed {plan.seed};"
          f" without {', '.join(LEFT_OUT)}")  # fmt: skip
    good = True
    with embedded() as store:
        for number, scenario in enumerate(chosen):
            client = store.database(f"weeks_{number}")
            outcome = run(scenario, plan, client, store.folder / f"data_{number}")
            good &= _tell(outcome, plan)
            client.close()
    sys.exit(0 if good else 1)


def _tell(outcome: Outcome, plan: Plan) -> bool:
    """Print one stretch; says whether it went as it should."""
    busiest = sorted(outcome.job_seconds.items(), key=lambda one: -one[1])[:5]
    jobs = ", ".join(f"{name} {seconds:.0f}" for name, seconds in busiest)
    print(
        f"\n{outcome.scenario.name}: {outcome.calls:,} calls in {outcome.seconds:.0f} s (jobs: {jobs} s)"
    )
    for name, error in outcome.failures.items():
        print(f"  job {name} FAILED: {error[:300]}")
    false, allowed = outcome.false_pages, BUDGET_PER_WEEK * plan.days / 7
    good = len(false) <= allowed and not outcome.failures
    print(f"  pages without a fault: {len(false)} (budget {allowed:g})"
          + ("" if len(false) <= allowed else "  MISSED"))  # fmt: skip
    for one in sorted(outcome.incidents, key=lambda one: one.opened_at):
        print(f"    {_line(one)}")
    if outcome.scenario.begins is None:
        return good
    found = outcome.found
    if found is None:
        print(f"  fault of {outcome.scenario.begins:%d %b %H:%M}: NOT FOUND")
        return False
    delay, place = found.opened_at - outcome.scenario.begins, outcome.rank(found)
    told = [f"{one.cause} {one.score:.2f}" for one in found.details.causes[:3]] or [found.cause]
    print(f"  fault found after {delay / timedelta(hours=1):.0f} h ({found.severity}), by"
          f" {found.detector} on {found.series};"
          f" right cause {f'in place {place}' if place else 'NOT NAMED'}: {', '.join(told)}")  # fmt: skip
    return good and place is not None and place <= 2


def _line(one: Incident) -> str:
    end = f", resolved {one.resolved_at:%d %b}" if one.resolved_at else ""
    return (
        f"{one.opened_at:%d %b %H:%M} {one.severity:<6} {one.cause:<9} {one.title[:90]}"
        f" [{one.detector}: {one.series}]{end}"
    )


if __name__ == "__main__":
    main()
