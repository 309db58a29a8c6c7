"""The dead-man detector: what a habit is, what it forgives, and when it speaks."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from monitor.drift.silence import Habit, alarm_level, learn_habit, quiet

HOURS = np.arange(168)
OFFICE = np.where((HOURS < 120) & (HOURS % 24 >= 8) & (HOURS % 24 < 18), 60, 0)
BATCH = np.where(HOURS == 26, 500, 0)


def habit(rates: np.ndarray, *, weeks: int = 6, seed: int = 1) -> Habit:
    """What is learnt from Poisson counts at these rates."""
    return learn_habit(np.random.default_rng(seed).poisson(np.tile(rates, weeks)))


def stopped(one: Habit, start: float, hours: float, *, level: float = 1e-5) -> bool:
    """Whether no call for `hours` from `start` on is silence."""
    return quiet(one, [(hours, 0)], hour_of_week=start + hours, level=level) is not None


def test_a_habit_knows_the_week() -> None:
    """Expected calls follow the hours, add up over any span, and repeat."""
    office = habit(OFFICE)
    assert office.expected(9, 1) == pytest.approx(60, rel=0.2)
    assert office.expected(120, 48) < 5
    assert office.expected(0, 168) == pytest.approx(office.weekly)
    assert office.expected(10, 168 * 3) == pytest.approx(3 * office.weekly)
    assert office.expected(-158, 3) == pytest.approx(office.expected(10, 3))


def test_nights_and_weekends_are_not_silence() -> None:
    """From the last call on Friday to the first on Monday nothing is told, and an hour of grace is given."""
    office = habit(OFFICE)
    assert not stopped(office, 4 * 24 + 18, 62.5)
    assert stopped(office, 4 * 24 + 18, 65)


def test_clocks_may_change_by_an_hour() -> None:
    """Work that begins or ends an hour earlier or later is no silence; two hours are."""
    office = habit(OFFICE)
    assert not stopped(office, 18, 15)  # begins at nine
    assert not stopped(office, 17, 14)  # ended at seventeen
    assert stopped(office, 16, 2.5)


def test_a_batch_is_missed_an_hour_after_it_and_not_before() -> None:
    """Between two weekly batches there is nothing to tell."""
    weekly = habit(BATCH)
    assert not stopped(weekly, 27, 166)
    assert not stopped(weekly, 27, 168)
    assert stopped(weekly, 27, 169)


def test_low_rates_wait_longer() -> None:
    """The same chance needs the same number of missed calls, so rare callers are waited for."""
    waits = {}
    for rate in (100.0, 10.0, 1.0, 0.1):
        one = habit(np.full(168, rate))
        waits[rate] = next(n / 10 for n in range(1, 10_000) if stopped(one, 0, n / 10))
    assert waits[100.0] < 1.1
    assert waits[100.0] < waits[10.0] < waits[1.0] < waits[0.1]
    assert 10 < waits[1.0] < 30


def test_bursts_and_bad_days_need_more() -> None:
    """Calls in clusters, and days that differ, make the same gap less surprising."""
    rng = np.random.default_rng(3)
    steady = rng.poisson(20, 168 * 6)
    clusters = 20 * rng.poisson(1, 168 * 6)
    days = rng.poisson(20 * np.repeat(rng.gamma(2, 0.5, 42), 24))
    chance = [learn_habit(counts).at_most(0, 12, 3) for counts in (steady, clusters, days)]
    assert chance[0] < 1e-9
    assert chance[1] > 1e-4
    assert chance[2] > 100 * chance[0]


def test_one_storm_is_no_habit() -> None:
    """A day with a hundred times the calls changes neither level nor shape."""
    calm = np.random.default_rng(4).poisson(np.full(168 * 6, 10))
    storm = calm.copy()
    storm[500:510] += 5_000
    assert learn_habit(storm).expected(500 % 168, 10) == pytest.approx(100, rel=0.3)


def test_an_outage_in_the_past_is_soon_forgiven() -> None:
    """A day of silence in the history makes the next one a little slower to see, not impossible."""
    counts = np.random.default_rng(5).poisson(np.full(168 * 6, 30))
    counts[800:824] = 0
    assert stopped(learn_habit(counts), 12, 4)


def test_too_little_history_is_no_verdict() -> None:
    """One week, or a handful of calls, says nothing about the next week."""
    assert habit(OFFICE, weeks=1).status == "insufficient_data"
    few = np.zeros(168 * 4, dtype=int)
    few[::100] = 1
    assert learn_habit(few).status == "insufficient_data"
    assert learn_habit([]).status == "insufficient_data"
    assert not stopped(habit(OFFICE, weeks=1), 0, 1000)
    assert habit(OFFICE, weeks=2).status == "sufficient"


def test_a_habit_may_begin_on_any_day() -> None:
    """The same counts, cut at another midnight, are the same habit."""
    counts = np.tile(OFFICE, 7)
    monday, thursday = (
        learn_habit(counts[: 168 * 6]),
        learn_habit(counts[72 : 72 + 168 * 6], first_weekday=3),
    )
    assert np.allclose(monday.hourly, thursday.hourly)


def test_counts_that_are_no_weeks_are_refused() -> None:
    """A part of a week would shift every hour of it."""
    with pytest.raises(ValueError, match="whole weeks"):
        learn_habit([1] * 167)
    with pytest.raises(ValueError, match="not negative"):
        learn_habit([-1] * 336)


def test_a_fall_to_a_tenth_is_seen_and_one_to_a_half_is_not() -> None:
    """Only a small fraction counts, whatever its chance."""
    one = habit(np.full(168, 100.0))
    found = quiet(one, [(4.0, 40)], hour_of_week=60, level=1e-5)
    assert found is not None
    assert found.count == 40
    assert found.expected == pytest.approx(400, rel=0.2)
    assert quiet(one, [(4.0, 200)], hour_of_week=60, level=1e-5) is None


def test_the_budget_is_shared() -> None:
    """More services and more calls leave each look a smaller chance; a rare caller has few silences."""
    busy, rare = habit(np.full(168, 100.0)), habit(np.full(168, 0.2))
    assert alarm_level(busy, services=1, alerts_per_week=1) == pytest.approx(1 / 1008)
    assert alarm_level(busy, services=10, alerts_per_week=1) == pytest.approx(1 / 10080)
    assert alarm_level(rare, services=1, alerts_per_week=1) > 1 / 100
    with pytest.raises(ValueError, match="positive"):
        alarm_level(busy, services=0, alerts_per_week=1)


def test_the_benchmark_runs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One service of two kinds keeps the budget, and the table says so."""
    path = Path(__file__).parents[2] / "benchmarks" / "silence.py"
    spec = importlib.util.spec_from_file_location("silence_benchmark", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "silence_benchmark", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "KINDS", module.KINDS[-2:])
    assert module.main(["--runs", "1"]) == 0
    assert "target <= 0.25 met" in capsys.readouterr().out
