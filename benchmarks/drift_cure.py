"""Confirmation and recovery: how often each is fooled, and how many labels or calls each needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.drift import clopper_pearson_upper, rate_e_value, recovered, recovery_detector

CONFIRMED = 20
BASELINE = (0.01, 3_000)
"""Rate and labels of the baseline that a confirmation is held against."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Over all runs of one true rate, looked at after every label."""

    share: float
    """Runs that were confirmed."""
    labels: float
    """Median labels until then, infinite when most were not."""


def confirmation(rate: float, *, labels: int, runs: int, rng: np.random.Generator) -> Confirmation:
    """Labels at a true rate, held against the upper bound of a baseline that is itself drawn."""
    needed = []
    p0, n = BASELINE
    for _ in range(runs):
        bound = clopper_pearson_upper(int(rng.binomial(n, p0)), n)
        counts = np.cumsum(rng.random(labels) < rate)
        looks = np.unique(counts, return_index=True)[
            1
        ]  # it can only be reached where a count rises
        hits = (
            k + 1 for k in looks if rate_e_value(int(counts[k]), int(k) + 1, bound) >= CONFIRMED
        )
        needed.append(float(next(hits, np.inf)))
    return Confirmation(float(np.mean(np.isfinite(needed))), float(np.median(needed)))


@dataclass(frozen=True, slots=True)
class Recovery:
    """Over all runs of an incident that stays, or ends after a while."""

    too_early: float
    """Runs that were closed while the fault went on."""
    calls: float
    """Median calls from the cure to the closing."""


def recovery(regressed: float, cured: float, *, runs: int, rng: np.random.Generator) -> Recovery:
    """Twenty windows of 100 calls with the fault, then up to 60 without, against a spotless baseline."""
    bound = clopper_pearson_upper(0, 2_400)
    early, calls = 0, []
    for _ in range(runs):
        detector, closed = recovery_detector(bound, regressed), np.inf
        for window in range(80):
            detector.update(int(rng.binomial(100, regressed if window < 20 else cured)), 100)
            if recovered(detector, bound):
                closed = window
                break
        early += closed < 20
        calls.append((closed - 19) * 100)
    return Recovery(early / runs, float(np.median(calls)))
