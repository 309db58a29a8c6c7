"""Rates, simulated fast: the recursion of `RateDetector` over many series at once.

`tests/unit/test_drift_benchmark.py` holds that these vectorised loops alarm at exactly the updates
at which the shipped detector does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from monitor.drift import (
    HOURS_PER_WEEK,
    RATE_ODDS,
    arl_for_budget,
    hour_profile,
    rate_baseline,
)
from monitor.drift.baseline import fleet_day_cv
from monitor.drift.mixture import log_widths

if TYPE_CHECKING:
    from numpy.typing import NDArray

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Integers = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

ODDS, WEIGHTS = np.array(RATE_ODDS), np.array(log_widths(RATE_ODDS))
METRIC_RATES = (0.005, 0.01, 0.03, 0.1)
BASELINE_WEEKS, WATCHED_WEEKS, CHANGE_WEEK = 4, 8, 2
CHANGED_SERIES = 40


def likelihood_ratios(p0: float) -> Floats:
    """Factor of every alternative for a call without and with an event: shape (2, alternatives)."""
    norm = 1 + p0 * (ODDS - 1)
    return np.array([1 / norm, ODDS / norm])


def average_run_length(
    p0: float, arl: float, *, runs: int, calls: int, rng: np.random.Generator
) -> tuple[float, int]:
    """Calls per false alarm while the rate is exactly p0, and how many alarms that rests on."""
    ratios, evidence, alarms = likelihood_ratios(p0), np.zeros((runs, len(ODDS))), 0
    for _ in range(calls):
        events = (rng.random(runs) < p0).astype(np.int64)
        evidence = (1 + evidence) * ratios[events]
        alarming = evidence @ WEIGHTS > arl
        alarms += int(alarming.sum())
        evidence[alarming] = 0
    return runs * calls / max(1, alarms), alarms


def delays(
    p0: float, p1: float, arl: float, *, runs: int, healthy: int, rng: np.random.Generator
) -> Integers:
    """Calls from the change to the alarm, per run; `healthy` calls at p0 come before it."""
    stream = (np.full(healthy, p0), np.full(50_000, p1))
    return first_alarms(np.concatenate(stream), p0, arl, runs=runs, healthy=healthy, rng=rng)


def first_alarms(
    rates: Floats, p0: float, arl: float, *, runs: int, healthy: int, rng: np.random.Generator
) -> Integers:
    """Calls after the first `healthy` ones until the first alarm; an earlier alarm starts anew."""
    ratios, evidence = likelihood_ratios(p0), np.zeros((runs, len(ODDS)))
    found = np.full(runs, len(rates) - healthy, dtype=np.int64)
    waiting = np.ones(runs, dtype=np.bool_)
    for position, rate in enumerate(rates):
        evidence = (1 + evidence) * ratios[(rng.random(runs) < rate).astype(np.int64)]
        alarming = (evidence @ WEIGHTS > arl) & waiting
        evidence[~waiting] = 0
        evidence[alarming] = 0
        if position >= healthy:
            found[alarming] = position + 1 - healthy
            waiting &= ~alarming
            if not waiting.any():
                break
    return found


def fleet_alarms(
    counts: Integers, ns: Integers, p: Floats, arl: float, cluster: Floats | float = 1.0
) -> NDArray[np.bool_]:
    """Which update alarms, for series in rows and updates in columns; an alarm starts anew.

    `p` has one null probability for each update, or one for each update and alternative;
    `cluster` one number for each series.
    """
    evidence = np.zeros((len(counts), len(ODDS)))  # log(1 + M)
    alarms = np.zeros(counts.shape, dtype=np.bool_)
    log_odds, nulls = np.log(ODDS), p if p.ndim == 3 else p[:, :, None]
    together = np.broadcast_to(cluster, len(counts))[:, None]
    for hour in range(counts.shape[1]):
        n = ns[:, hour, None]
        ratio = counts[:, hour, None] * log_odds - n * np.log1p(nulls[:, hour] * (ODDS - 1))
        evidence = np.where(n > 0, np.logaddexp(0, evidence + ratio / together), evidence)
        alarms[:, hour] = np.expm1(np.minimum(evidence, 600)) @ WEIGHTS > arl
        evidence[alarms[:, hour]] = 0
    return alarms


@dataclass(frozen=True, slots=True)
class FleetOutcome:
    """One simulated fleet over its watched weeks."""

    false_alerts_per_week: float
    power: float
    """Share of the changed series that alarm within the weeks after the change."""
    median_delay_hours: float
    watched: int
    """Series with a sufficient baseline."""


def fleet(
    segments: int,
    *,
    seasonality: float,
    day_cv: float,
    inequality: float,
    rng: np.random.Generator,
) -> FleetOutcome:
    """Hourly (count, n) of 4 metrics over many segments: 4 weeks of baseline, then 8 weeks watched.

    Segments have 200 calls a day on average, with a log-normal spread of `inequality`; metrics have
    base rates from 0.5 to 10 %. 40 series triple after two of the eight weeks. The rate swings by
    `seasonality` over the hours of the week and, independently per series, from day to day with
    `day_cv`.
    """
    hours = np.arange((BASELINE_WEEKS + WATCHED_WEEKS) * HOURS_PER_WEEK)
    learnt = BASELINE_WEEKS * HOURS_PER_WEEK
    ns = _traffic(segments, hours, inequality, rng)
    rates = np.repeat(METRIC_RATES, segments) * np.exp(rng.normal(0, 0.3, len(ns)))
    season = 1 + seasonality * np.sin(2 * np.pi * hours / 24) * (1 - 0.5 * (hours // 24 % 7 > 4))
    sigma = np.sqrt(np.log1p(day_cv**2))
    days = rng.normal(-(sigma**2) / 2, sigma, (len(ns), len(hours) // 24))
    truth = rates[:, None] * season * np.exp(np.repeat(days, 24, axis=1))
    healthy = rng.binomial(ns[:, :learnt], np.minimum(truth[:, :learnt], 1))
    p, cluster, enough = _learn(healthy, ns[:, :learnt], hours, segments)
    changed = rng.choice(np.flatnonzero(enough), CHANGED_SERIES, replace=False)
    change = CHANGE_WEEK * HOURS_PER_WEEK
    truth[changed, learnt + change :] *= 3
    counts = rng.binomial(ns[:, learnt:], np.minimum(truth[:, learnt:], 1))
    arl = arl_for_budget(len(ns), 0.5, HOURS_PER_WEEK)
    alarms = fleet_alarms(counts, ns[:, learnt:], p, arl, cluster) & enough[:, None]
    found = alarms[changed, change:]
    false = int(alarms.sum()) - int(found.sum())
    return FleetOutcome(
        false_alerts_per_week=false / WATCHED_WEEKS,
        power=float(found.any(axis=1).mean()),
        median_delay_hours=float(np.median(found.argmax(axis=1)[found.any(axis=1)]) + 1),
        watched=int(enough.sum()),
    )


def _traffic(
    segments: int, hours: Integers, inequality: float, rng: np.random.Generator
) -> Integers:
    """Calls per series and hour: unequal segments, quiet nights, the same for all four metrics."""
    size = np.exp(rng.normal(0, inequality, segments))
    per_hour = 200 * segments * size / size.sum() / 24
    shape = 1 + 0.6 * np.sin(2 * np.pi * (hours - 9) / 24)
    return np.tile(rng.poisson(per_hour[:, None] * shape), (len(METRIC_RATES), 1))


def _learn(
    counts: Integers, ns: Integers, hours: Integers, segments: int
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Nulls of the watched hours by the shipped baseline, its clusters, and where it is enough."""
    week = (hours % HOURS_PER_WEEK).tolist()
    learnt, watched = week[: counts.shape[1]], np.array(week[counts.shape[1] :])
    pooled = [
        hour_profile(counts[rows].sum(axis=0), ns[rows].sum(axis=0), learnt)
        for rows in np.split(np.arange(len(counts)), len(counts) // segments)
    ]
    profiles = [pooled[row // segments] for row in range(len(counts))]
    own = [
        rate_baseline(count, n, hours_of_week=learnt, profile=profile)
        for count, n, profile in zip(counts, ns, profiles, strict=True)
    ]
    enough = np.array([baseline.status == "sufficient" for baseline in own])
    fleet_cv = fleet_day_cv(one for one in own if one.status == "sufficient")
    final = [
        rate_baseline(count, n, hours_of_week=learnt, profile=profile, fleet_cv=fleet_cv)
        for count, n, profile in zip(counts, ns, profiles, strict=True)
    ]
    by_hour = np.array(
        [
            [one.null(RATE_ODDS, hour_of_week=hour) for hour in range(HOURS_PER_WEEK)]
            for one in final
        ]
    )
    return by_hour[:, watched], np.array([one.cluster for one in final]), enough
