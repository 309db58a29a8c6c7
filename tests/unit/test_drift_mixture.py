"""The sequential detectors: what they see, what they refuse, what they remember."""

from __future__ import annotations

import json
from datetime import date, timedelta
from math import isfinite

import numpy as np
import pytest

from monitor.drift import (
    RATE_ODDS,
    DateProfile,
    RateDetector,
    RolloverDetector,
    past_year_probability,
)


def test_follows_the_shiryaev_roberts_recursion() -> None:
    """The evidence equals the formula computed plainly, without logarithms."""
    rng, detector, plain = np.random.default_rng(1), RateDetector(p0=0.02, arl=1e5), np.zeros(5)
    odds = np.array(RATE_ODDS)
    for n in rng.integers(0, 30, size=200).tolist():
        count, p = int(rng.binomial(n, 0.04)), float(rng.uniform(0.01, 0.05))
        detector.update(count, n, p)
        if n:
            q = odds * p / (1 - p + odds * p)
            plain = (1 + plain) * (q / p) ** count * ((1 - q) / (1 - p)) ** (n - count)
    assert detector.e_value == pytest.approx(plain @ detector.weights, rel=1e-9)
    assert sum(detector.weights) == pytest.approx(1)


def test_expected_evidence_grows_by_one_per_update() -> None:
    """Under the null, the mean e-value after t updates is t: the guarantee's own arithmetic."""
    rng, found = np.random.default_rng(2), []
    for _ in range(4_000):
        detector = RateDetector(p0=0.3, arl=1e5, odds=(1.5,))
        for count in rng.binomial(1, 0.3, size=5):
            detector.update(count, 1)
        found.append(detector.e_value)
    assert np.mean(found) == pytest.approx(5, rel=0.05)


def test_change_index_finds_the_hour() -> None:
    """The change point is within a few hours of the truth, and the counts are those since then."""
    rng, detector = np.random.default_rng(3), RateDetector(p0=0.012, arl=1e6)
    counts = [*rng.binomial(40, 0.01, size=500).tolist(), *rng.binomial(40, 0.05, size=48).tolist()]
    for count in counts:
        detector.update(count, 40)
    start = detector.change_index
    assert start is not None
    assert abs(start - 500) <= 6
    assert detector.count_since_change == sum(counts[start:])
    assert detector.n_since_change == 40 * (548 - start)


def test_silence_is_no_evidence() -> None:
    """Hours without calls change nothing but the count of updates."""
    detector = RateDetector(p0=0.01, arl=100)
    detector.update(1, 5)
    before = detector.e_value
    for _ in range(10_000):
        detector.update(0, 0)
    assert (detector.e_value, detector.updates) == (before, 10_001)


@pytest.mark.parametrize("p", [0.0, 1e-12, 0.5, 1.0])
@pytest.mark.parametrize(("count", "n"), [(0, 10**15), (10**15, 10**15), (10**7, 10**15), (0, 0)])
@pytest.mark.parametrize("direction", ["up", "down"])
def test_never_overflows(p: float, count: int, n: int, direction: str) -> None:
    """Whatever the counts and probabilities, the state stays finite and JSON-able."""
    detector = RateDetector(p0=p, arl=1e5, direction=direction)  # type: ignore[arg-type]
    for _ in range(5):
        detector.update(count, n)
    assert isfinite(detector.e_value)
    json.dumps(detector.state(), allow_nan=False)


def test_floor_holds_upwards_only() -> None:
    """A spotless baseline is taken as 2e-4, so that the first event is no certainty."""
    detector, floored = RateDetector(p0=0, arl=1e5), RateDetector(p0=2e-4, arl=1e5)
    for one in (detector, floored):
        one.update(1, 100)
    assert detector.e_value == floored.e_value < 1e5


def test_down_sees_an_improvement_and_not_a_rise() -> None:
    """`down` alarms when faults get rarer, and stays quiet when they get commoner."""
    rng = np.random.default_rng(4)
    better, worse = (RateDetector(p0=0.05, arl=1e5, direction="down") for _ in range(2))
    for _ in range(100):
        better.update(rng.binomial(40, 0.01), 40)
        worse.update(rng.binomial(40, 0.1), 40)
    assert better.drift_detected
    assert not worse.drift_detected


def test_recovery_is_seen_within_days_after_months_of_drift() -> None:
    """Evidence is capped above the threshold: a long incident does not blind the detector."""
    detector = RateDetector(p0=0.012, arl=1e5)
    for _ in range(24 * 60):
        detector.update(2, 40)
    assert detector.drift_detected
    rng, hours = np.random.default_rng(5), 0
    while detector.drift_detected and hours < 24 * 14:
        detector.update(rng.binomial(40, 0.008), 40)
        hours += 1
    assert hours < 24 * 7


def test_reset_forgets_evidence_and_keeps_counting() -> None:
    """After `reset` the detector is quiet, and indices go on."""
    detector = RateDetector(p0=0.01, arl=10)
    detector.update(20, 40)
    detector.reset()
    assert (detector.drift_detected, detector.updates, detector.change_index) == (False, 1, None)


@pytest.mark.parametrize("bad", [(2, 1), (-1, 3), (0.5, 3), (float("nan"), 3), (0, float("nan"))])
def test_refuses_impossible_counts(bad: tuple[float, float]) -> None:
    """Counts that cannot be are refused, and leave no trace."""
    detector = RateDetector(p0=0.01, arl=1e5)
    with pytest.raises(ValueError, match="whole numbers"):
        detector.update(*bad)  # type: ignore[arg-type]
    assert detector.updates == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"arl": 1.0},
        {"arl": float("nan")},
        {"p0": 1.5},
        {"p0": float("nan")},
        {"odds": (0.5,)},
        {"odds": ()},
        {"direction": "sideways"},
    ],
)
def test_refuses_wrong_parameters(wrong: dict[str, object]) -> None:
    """A wrong parameter is refused by name."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        RateDetector(**{"p0": 0.01, **wrong})  # type: ignore[arg-type]


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_refuses_wrong_probability(p: float) -> None:
    """An update's own null probability is checked too."""
    with pytest.raises(ValueError, match="null probability"):
        RateDetector(p0=0.01, arl=1e5).update(0, 1, p)


def test_result_speaks_of_the_stretch_since_the_change() -> None:
    """A verdict carries its effect, interval and sizes; without data it says so."""
    detector = RateDetector(p0=0.01, arl=1e3)
    assert detector.result(baseline=0.01).status == "insufficient_data"
    for count in (0,) * 30 + (4,) * 10:
        detector.update(count, 40)
    result = detector.result(baseline=0.01, baseline_n=5_000)
    assert (result.status, result.count, result.n) == ("drift", 40, 400)
    assert result.low < result.effect == 0.1 < result.high
    assert result.e_value is not None
    assert result.e_value > result.threshold == 1e3


def test_rollover_null_follows_the_day_of_the_year() -> None:
    """The chance of a past year falls through January, and counts baseline slips."""
    profile = DateProfile.fit([*range(-20, 30)] * 100)
    chances = [past_year_probability(profile, date(2024, 1, day)) for day in (1, 10, 30)]
    assert chances == sorted(chances, reverse=True)
    assert chances[0] == pytest.approx(0.4, abs=0.02)
    assert chances[2] < 1e-3


def test_rollover_is_quiet_on_history_that_is_usual() -> None:
    """A field that looks back turns the year without an alarm."""
    rng = np.random.default_rng(6)
    profile = DateProfile.fit(-rng.integers(1, 40, size=20_000))
    detector = RolloverDetector(profile, arl=1e6)
    for i in range(4_000):
        day = date(2023, 12, 20) + timedelta(days=i // 100)
        detector.update(day - timedelta(days=int(rng.integers(1, 40))), day)
        assert not detector.drift_detected


def test_calls_of_the_same_hour_need_no_baseline() -> None:
    """Beside others of the same hour, a bad hour for all is no evidence, and a side that alone is worse is."""
    rng = np.random.default_rng(5)
    same, worse = RateDetector(p0=0.01, arl=1e4), RateDetector(p0=0.01, arl=1e4)
    for hour in range(400):
        rate = 0.01 if hour < 200 else 0.2
        others = int(rng.binomial(60, rate))
        same.compare(int(rng.binomial(40, rate)), 40, others, 60)
        worse.compare(int(rng.binomial(40, min(1.0, 3 * rate))), 40, others, 60)
        assert not same.drift_detected
    assert worse.drift_detected


def test_comparison_keeps_its_promise() -> None:
    """Whatever the rate of the hour, the mean evidence after t blind comparisons is t."""
    rng, found = np.random.default_rng(6), []
    for _ in range(3_000):
        detector = RateDetector(p0=0.5, arl=1e5, odds=(1.5,))
        for _ in range(5):
            rate = rng.random()
            detector.compare(int(rng.binomial(4, rate)), 4, int(rng.binomial(6, rate)), 6)
        found.append(detector.e_value)
    assert np.mean(found) == pytest.approx(5, rel=0.05)


def test_events_that_come_together_count_for_less() -> None:
    """Evidence of clusters of four is a quarter of that of single events; nothing below one is taken."""
    single, bunched = RateDetector(p0=0.01, odds=(3.0,)), RateDetector(p0=0.01, odds=(3.0,))
    single.update(3, 100)
    bunched.update(12, 400, cluster=4.0)
    assert bunched.e_value == pytest.approx(single.e_value)
    with pytest.raises(ValueError, match="cluster"):
        single.update(1, 10, cluster=0.5)
    with pytest.raises(ValueError, match="one for each ratio"):
        single.update(1, 10, [0.01, 0.02])


def test_another_guarantee_moves_only_the_threshold() -> None:
    """`retarget` keeps the evidence."""
    detector = RateDetector(p0=0.01, arl=1e6)
    for _ in range(30):
        detector.update(1, 30)
    before = detector.e_value
    detector.retarget(10.0)
    assert detector.e_value == before
    assert detector.drift_detected == (before > 10)
    with pytest.raises(ValueError, match="arl"):
        detector.retarget(0.5)
