"""Measures the dead-man check: false alarms and delays over simulated services of many habits.

    python benchmarks/silence.py            # under a minute
    python benchmarks/silence.py --runs 40  # more services of each kind
    python benchmarks/silence.py --seed 7

Every service is simulated in bins of ten minutes: a rhythm of the week, good and bad days and
weeks, bursts where its kind has them, and a change to summer time in the middle. The first two
weeks are history; the others are watched as the job watches them, the habit learnt anew every day
from at most six weeks.
Then, at random moments, the service stops or falls to a tenth; hours are counted from the first
call that it would have sent. Exits 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from monitor.drift.silence import (
    DROP_SPANS,
    HABIT_WEEKS,
    SMALL_FRACTION,
    Habit,
    alarm_level,
    learn_habit,
    quiet,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
BINS, DAY, WEEK = 6, 24, 168
"""Bins in an hour; hours in a day and in a week."""
FIRST_WEEKS, WATCHED_WEEKS = 2, 14
"""Weeks of history at the first look, and weeks watched from then on."""
SERVICES = 10
"""Services of the deployment that shares the budget."""
BUDGET = 0.25
"""False alarms that a deployment may have in a week."""
STOPS = 12
"""Times that each service is stopped, and slowed down."""
GIVE_UP_HOURS = 21 * DAY
HOURS = np.arange(WEEK)


def office(peak: float) -> Floats:
    """Monday to Friday with soft edges, next to nothing otherwise."""
    shape = np.interp(
        HOURS % DAY, [0, 7, 9, 12, 13, 16, 18, 20, 24], [0, 0, 1, 1, 0.7, 1, 0.3, 0, 0]
    )
    return peak * shape * (HOURS < 5 * DAY)


def daily(mean: float, swing: float = 0.6) -> Floats:
    """All day and night, more by day, less at the weekend."""
    wave = 1 + swing * np.sin(2 * np.pi * (HOURS % DAY - 8) / DAY)
    return mean * wave * np.where(HOURS < 5 * DAY, 1.1, 0.75)


def batch(calls: float, hours: tuple[int, ...]) -> Floats:
    """All calls in a few hours of the week."""
    return np.where(np.isin(HOURS, hours), calls, 0.0)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of service, with the targets of its delays."""

    name: str
    profile: Floats
    stop_hours: float
    """Median hours until a full stop must be seen."""
    day_cv: float = 0.2
    burst: float = 1.0
    """Mean calls in a cluster that comes at once."""
    summer_time: bool = False


KINDS = (
    Kind("24x7, 2,000 an hour", daily(2000), 0.5),
    Kind("24x7, 50 an hour", daily(50), 1.0),
    Kind("24x7, 50 an hour, days differ by half", daily(50), 8.0, day_cv=0.5),
    Kind("24x7, 50 an hour, agents of 20 calls", daily(50), 12.0, burst=20),
    Kind("24x7, 1 an hour", daily(1, 0.3), 24.0),
    Kind("1 a day", daily(1 / 24, 0), 18 * DAY),
    Kind("office hours, 120 an hour", office(120), 2.5, summer_time=True),
    Kind("office hours, 5 an hour", office(5), 14.0, summer_time=True),
    Kind(
        "nightly batch of 300",
        batch(100, tuple(h for h in range(WEEK) if h % DAY in (2, 3, 4))),
        4.5,
    ),
    Kind("weekly batch of 600", batch(600, (26,)), 2.5),
)


def simulate(kind: Kind, weeks: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Calls of one service in every bin."""
    rates = np.tile(kind.profile, weeks)
    if kind.summer_time:
        turn = 8 * WEEK
        rates = np.concatenate([rates[:turn], np.roll(rates[turn:], -1)])
    days = np.exp(
        rng.normal(-np.log1p(kind.day_cv**2) / 2, np.sqrt(np.log1p(kind.day_cv**2)), weeks * 7)
    )
    level = np.exp(rng.normal(0, 0.1, weeks))
    rates = rates * np.repeat(days, DAY) * np.repeat(level, WEEK)
    clusters = rng.poisson(np.repeat(rates, BINS) / BINS / kind.burst)
    if kind.burst == 1:
        return clusters
    extra = rng.poisson((kind.burst - 1) * clusters)
    return clusters + extra


def habit_on(hourly: NDArray[np.int64], day: int) -> Habit:
    """What the job has learnt by the beginning of a day."""
    end = day * DAY
    weeks = min(HABIT_WEEKS, end // WEEK)
    return learn_habit(hourly[end - weeks * WEEK : end], first_weekday=day % 7)


def silences(bins: NDArray[np.int64], habits: dict[int, Habit]) -> int:
    """Gaps of the watched weeks that alarm: each is judged at its end, where it is longest."""
    since = FIRST_WEEKS * WEEK * BINS
    calls = np.flatnonzero(bins)
    found = 0
    for before, after in pairwise(calls):
        if after < since or after - before < 2:
            continue
        habit = habits[max(int(before // BINS // DAY), FIRST_WEEKS * 7)]
        hours = (after - before - 1) / BINS
        level = alarm_level(habit, services=SERVICES, alerts_per_week=BUDGET / 2)
        found += (
            quiet(habit, [(hours, 0)], hour_of_week=after / BINS % WEEK, level=level) is not None
        )
    return found


def drops(hourly: NDArray[np.int64], habits: dict[int, Habit], first: int, last: int) -> int | None:
    """The first hour at whose beginning the calls of the last hours are far too few, or None."""
    sums = np.concatenate([[0], np.cumsum(hourly)])
    for hour in range(first, last):
        if not _suspicious(sums, habits, hour):
            continue
        habit = habits[max((hour - max(DROP_SPANS)) // DAY, FIRST_WEEKS * 7)]
        level = alarm_level(habit, services=SERVICES, alerts_per_week=BUDGET / 2, looks=WEEK)
        spans = [(float(span), int(sums[hour] - sums[hour - span])) for span in DROP_SPANS]
        if quiet(habit, spans, hour_of_week=hour % WEEK, level=level) is not None:
            return hour
    return None


def _suspicious(sums: NDArray[np.int64], habits: dict[int, Habit], hour: int) -> bool:
    """Whether a span might be a fall at all; `Habit.least` is never more than what this expects."""
    week = _weeks(habits, max((hour - max(DROP_SPANS)) // DAY, FIRST_WEEKS * 7))
    spans = np.array(DROP_SPANS)
    end = hour % WEEK + WEEK + 1
    expected = week[end] - week[end - spans]
    return bool((sums[hour] - sums[hour - spans] <= SMALL_FRACTION * expected).any())


def _weeks(habits: dict[int, Habit], day: int) -> Floats:
    """Calls that a habit expects from a Monday on, up to each hour of three weeks."""
    sums: Floats = np.concatenate([[0.0], np.cumsum(np.tile(habits[day].hourly, 3))])
    return sums


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was measured of one kind."""

    false_per_week: float
    """False alarms of one such service in a week."""
    stop: Floats
    """Hours until each stop was seen."""
    drop: Floats
    """Hours until each fall to a tenth was seen."""


def measure(kind: Kind, runs: int, rng: np.random.Generator) -> Outcome:
    """Simulate some services of a kind, healthy and then broken."""
    weeks = FIRST_WEEKS + WATCHED_WEEKS + GIVE_UP_HOURS // WEEK
    false, stop, drop = 0, [], []
    for _ in range(runs):
        bins = simulate(kind, weeks, rng)
        hourly = bins.reshape(-1, BINS).sum(axis=1)
        habits = {day: habit_on(hourly, day) for day in range(FIRST_WEEKS * 7, weeks * 7)}
        watched = (FIRST_WEEKS + WATCHED_WEEKS) * WEEK
        false += silences(bins[: watched * BINS], habits)
        hour = FIRST_WEEKS * WEEK
        while (hour := drops(hourly, habits, hour, watched) or watched) < watched:
            false += 1
            hour += DAY
        calls = np.flatnonzero(bins)
        for at in rng.integers(FIRST_WEEKS * WEEK * BINS, watched * BINS, STOPS):
            missed = int(calls[np.searchsorted(calls, at)])
            stop.append(_stop(bins, habits, missed))
            drop.append(_slow(hourly, habits, missed // BINS, rng))
    return Outcome(false / runs / WATCHED_WEEKS, np.array(stop), np.array(drop))


def _stop(bins: NDArray[np.int64], habits: dict[int, Habit], at: int) -> float:
    """Hours from the first call that is missed to the look that sees it, every bin being one look."""
    last = int(np.flatnonzero(bins[:at])[-1])
    habit = habits[max(last // BINS // DAY, FIRST_WEEKS * 7)]
    level = alarm_level(habit, services=SERVICES, alerts_per_week=BUDGET / 2)

    def seen(look: int) -> bool:
        spans = [((look - last - 1) / BINS, 0)]
        return quiet(habit, spans, hour_of_week=look / BINS % WEEK, level=level) is not None

    low, high = at, at + GIVE_UP_HOURS * BINS
    if not seen(high):
        return float("inf")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if seen(middle) else (middle, high)
    return (high - at) / BINS


def _slow(
    hourly: NDArray[np.int64], habits: dict[int, Habit], at: int, rng: np.random.Generator
) -> float:
    """Hours from the fall to a tenth until it is seen; a habit learns of it, as it would."""
    hours = min(len(hourly) - at, 2 * WEEK)
    slowed = hourly.copy()
    slowed[at:] = rng.binomial(hourly[at:], 0.1)
    hour = drops(slowed, habits, at + 1, at + hours)
    return float("inf") if hour is None else float(hour - at)


HEAD = f"""\
{"":<40}{"false alarms":>12}{"hours until a stop":>21}{"":>10}{"until a fall to a tenth":>25}
{"":<40}{"a week":>12}{"median":>11}{"p90":>10}{"target":>10}{"median":>11}{"p90":>10}"""


def _hours(delays: Floats) -> str:
    high = np.quantile(delays, 0.9, method="higher")
    return f"{np.median(delays):>9.1f} h{high:>8.1f} h"


def main(arguments: list[str] | None = None) -> int:
    """Print the table; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=4, help="services of each kind")
    options = parser.parse_args(arguments)
    began, missed, total = time.perf_counter(), 0, 0.0
    print(HEAD)
    for number, kind in enumerate(KINDS):
        told = measure(kind, options.runs, np.random.default_rng([options.seed, number]))
        total += told.false_per_week
        met = float(np.median(told.stop)) <= kind.stop_hours
        missed += not met
        print(
            f"{kind.name:<40}{told.false_per_week:>12.3f}{_hours(told.stop)}{kind.stop_hours:>8g} h"
            f"{_hours(told.drop)}{'' if met else '  MISSED'}"
        )
    missed += total > BUDGET
    verdict = "met" if total <= BUDGET else "MISSED"
    print(
        f"\nfalse alarms a week of a deployment of these {len(KINDS)}: {total:.3f}, target <= {BUDGET} {verdict}"
    )
    print(
        f"{options.runs} services of each kind, {WATCHED_WEEKS} weeks watched from the week {FIRST_WEEKS + 1} on,"
        f" {options.runs * STOPS} stops each; {time.perf_counter() - began:.0f} s"
    )
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
