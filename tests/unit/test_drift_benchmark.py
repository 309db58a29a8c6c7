"""The benchmark's fast loops are the shipped detector, and the benchmark runs."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from monitor.drift import RateDetector

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def simulation() -> ModuleType:
    """`benchmarks/drift_rates.py` as a module."""
    spec = importlib.util.spec_from_file_location("drift_rates", BENCHMARKS / "drift_rates.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["drift_rates"] = module
    spec.loader.exec_module(module)
    return module


def test_fleet_loop_alarms_exactly_as_the_detector(simulation: ModuleType) -> None:
    """Hourly updates with their own p alarm at the same updates, series by series."""
    rng = np.random.default_rng(1)
    ns = rng.poisson(20, size=(30, 400))
    ns[:, ::7] = 0
    p = rng.uniform(0.005, 0.03, size=ns.shape)
    counts = rng.binomial(ns, p * rng.choice([1, 1, 3], size=(30, 1)))
    alarms = simulation.fleet_alarms(counts, ns, p, 1e4)
    assert alarms.any()
    for series in range(30):
        detector = RateDetector(p0=0.01, arl=1e4)
        for hour in range(400):
            detector.update(counts[series, hour], ns[series, hour], p[series, hour])
            assert detector.drift_detected == alarms[series, hour]
            if detector.drift_detected:
                detector.reset()


def test_single_call_loop_alarms_exactly_as_the_detector(simulation: ModuleType) -> None:
    """The run-length simulation finds the first alarm of the shipped detector on the same calls."""
    rates = np.concatenate([np.full(100, 0.01), np.full(2_000, 0.08)])
    options = {"runs": 20, "healthy": 100, "rng": np.random.default_rng(2)}
    found = simulation.first_alarms(rates, 0.01, 1e5, **options)
    rng = np.random.default_rng(2)
    draws = np.array([rng.random(20) < rate for rate in rates[: 100 + found.max()]])
    for run in range(20):
        detector = RateDetector(p0=0.01, arl=1e5)
        for event in draws[: 100 + found[run], run]:
            assert not detector.drift_detected
            detector.update(event, 1)
        assert detector.drift_detected
