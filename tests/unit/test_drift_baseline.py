"""Baselines allow for what they do not know, and say when they know too little."""

from __future__ import annotations

import json

import numpy as np
import pytest

from monitor.drift import (
    Baseline,
    arl_for_budget,
    clopper_pearson_upper,
    hour_profile,
    needed_samples,
    rate_baseline,
)

TABLE = {
    0.005: {1.5: 12_448, 2: 3_836, 3: 1_216, 5: 451},
    0.01: {1.5: 7_004, 2: 1_998, 3: 667, 5: 242},
    0.05: {1.5: 1_450, 2: 450, 3: 144, 5: 53},
    0.1: {1.5: 755, 2: 228, 3: 73, 5: 26},
    0.3: {1.5: 215, 2: 60, 3: 18},
}
"""Mean samples to detection at ARL 1e6, simulated independently (rate, factor)."""


@pytest.mark.parametrize("rate", TABLE)
def test_needed_samples_agrees_with_simulation(rate: float) -> None:
    """The approximation is within 15 % of every simulated mean."""
    for factor, simulated in TABLE[rate].items():
        raised = rate * factor
        odds = raised / (1 - raised) / (rate / (1 - rate))
        assert needed_samples(rate, odds, 1e6) == pytest.approx(simulated, rel=0.15)


def test_minimum_is_calls_or_events() -> None:
    """2,000 calls or 20 events make a baseline; one fewer of both does not."""
    statuses = [rate_baseline([c], [n]).status for c, n in ((0, 2_000), (20, 100), (19, 1_999))]
    assert statuses == ["sufficient", "sufficient", "insufficient_data"]


def test_p0_is_the_upper_bound_without_overdispersion() -> None:
    """A steady rate gets its Clopper-Pearson bound, nothing more; a spotless one the floor."""
    steady = rate_baseline([1] * 24 * 28, [100] * 24 * 28)
    assert steady.day_cv == 0
    assert steady.p0 == clopper_pearson_upper(672, 67_200)
    assert rate_baseline([0], [10**6]).p0 == 2e-4


def test_day_cv_is_recovered() -> None:
    """A wobble of 20 % from day to day is measured, and widens the margin."""
    rng = np.random.default_rng(1)
    days = np.exp(rng.normal(-0.02, 0.2, size=200))
    counts = rng.binomial(400, 0.05 * np.repeat(days, 24))
    baseline = rate_baseline(counts, [400] * len(counts))
    assert baseline.day_cv == pytest.approx(0.2, abs=0.04)
    bound = clopper_pearson_upper(baseline.count, baseline.n)
    assert baseline.p0 == pytest.approx(bound * (1 + 2 * baseline.day_cv))


def test_a_series_that_cannot_tell_takes_the_fleets_word() -> None:
    """With few events the fleet's day-CV counts, with many it is half-way."""
    rng = np.random.default_rng(2)
    small = rate_baseline(rng.binomial(10, 0.01, 672), [10] * 672, fleet_cv=0.2)
    assert small.day_cv == pytest.approx(0.2, abs=0.05)
    many = rng.binomial(100_000, 0.1 * np.repeat(np.exp(rng.normal(-0.08, 0.4, 60)), 24).clip(0, 5))
    alone = rate_baseline(many, [100_000] * len(many))
    both = rate_baseline(many, [100_000] * len(many), fleet_cv=0.2)
    assert both.day_cv == pytest.approx((alone.day_cv + 0.2) / 2, rel=0.02)


def test_hour_profile_recovers_the_season() -> None:
    """A daily swing of 30 % is found, and p follows it through the week."""
    rng, hours = np.random.default_rng(3), np.arange(168 * 4) % 168
    season = 1 + 0.3 * np.sin(2 * np.pi * hours / 24)
    counts = rng.binomial(5_000, 0.02 * season)
    profile = hour_profile(counts, [5_000] * len(hours), hours)
    assert np.abs(np.array(profile) - season[:168]).mean() < 0.06
    baseline = rate_baseline(counts, [5_000] * len(hours), hours_of_week=hours)
    assert baseline.probability(6) > 1.5 * baseline.probability(18)
    assert baseline.probability() == baseline.p0


def test_state_round_trip_and_version() -> None:
    """A baseline goes through JSON unchanged; another version is refused."""
    baseline = rate_baseline([1] * 336, [50] * 336, hours_of_week=[*range(168)] * 2)
    state = json.loads(json.dumps(baseline.state()))
    assert Baseline.from_state(state) == baseline
    with pytest.raises(ValueError, match="version 9"):
        Baseline.from_state({**state, "version": 9})


def test_refuses_what_does_not_fit() -> None:
    """Lengths, counts, hours and budgets are checked."""
    for counts, ns in (([1], [1, 2]), ([3], [2]), ([-1], [2])):
        with pytest.raises(ValueError, match=r"each|every"):
            rate_baseline(counts, ns)
    with pytest.raises(ValueError, match="0 to 167"):
        hour_profile([1], [2], [168])
    with pytest.raises(ValueError, match="positive"):
        arl_for_budget(0, 0.5, 168)
    assert rate_baseline([], []).status == "insufficient_data"


def test_margin_keeps_good_and_bad_days_within_the_promise() -> None:
    """Over days whose rate is the bound times a gamma variable, a day's likelihood ratio is 1 on average."""
    rng = np.random.default_rng(1)
    baseline = rate_baseline(rng.binomial(50, 0.02, 24 * 28), [50] * 24 * 28, fleet_cv=0.3)
    for ratio, null in zip((1.5, 2.0), baseline.null((1.5, 2.0)), strict=True):
        variance = baseline.day_cv**2
        days = baseline.high * rng.gamma(1 / variance, variance, 400_000)
        calls = baseline.calls_per_day
        events = rng.poisson(days * baseline.rate / baseline.high * calls)
        expected = null / baseline.high * baseline.rate * calls
        factor = np.exp(events * np.log(ratio) - expected * (ratio - 1))
        assert factor.mean() <= 1.1
        assert baseline.high <= null <= baseline.p0


def test_downward_nulls_lie_below_the_rate() -> None:
    """What must be undercut to count as better is a lower bound, with a margin of its own."""
    baseline = rate_baseline([2] * 24 * 28, [40] * 24 * 28, fleet_cv=0.3)
    up, down = baseline.null((2.0, 0.5))
    assert down < baseline.low <= baseline.rate <= baseline.high < up


def test_bursts_are_clusters_and_chance_is_not() -> None:
    """Events in bunches of eight are seen as such; single ones give exactly 1 mostly."""
    rng = np.random.default_rng(2)
    calls = [400] * 24 * 28
    single = rate_baseline(rng.binomial(400, 0.02, len(calls)), calls)
    bunched = rate_baseline(8 * rng.binomial(50, 0.02, len(calls)), calls)
    assert single.cluster == pytest.approx(1.0, abs=0.1)
    assert bunched.cluster == pytest.approx(8.0, rel=0.25)
    assert bunched.high > single.high
