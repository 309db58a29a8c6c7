"""The tests that your own detector and series must pass: make a subclass in a test file, and pytest runs them.

    from monitor.detector_contract import DetectorContract, SeriesContract
    from my_checks import cusum, refunds

    class TestCusum(DetectorContract):
        detector = cusum

    class TestRefunds(SeriesContract):
        series = refunds

A detector is held to its promise by simulation: of healthy runs of `arl / 4` updates at most a quarter may alarm, and a
planted shift must be seen. Plain asserts; pytest itself is not imported.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from math import isfinite, sqrt
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from monitor.drift.baseline import Baseline, rate_baseline
from monitor.jobs.job import Window

if TYPE_CHECKING:
    from monitor.extension import OwnDetector, OwnSeries, StreamingDetector
    from monitor.store import Store

__all__ = ["DetectorContract", "SeriesContract"]


class DetectorContract:
    """What holds for every detector; set `detector` in a subclass named Test….

    The rest may be set where a detector is made for something else than the defaults.
    """

    detector: ClassVar[OwnDetector]
    rate: ClassVar[float] = 0.02
    """Healthy share of failures."""
    shifted: ClassVar[float] = 0.2
    """Share that it must see."""
    looks: ClassVar[int] = 50
    """Looks in an hour."""
    arl: ClassVar[float] = 800.0
    runs: ClassVar[int] = 100
    """Healthy runs that are simulated."""
    patience: ClassVar[int] = 100
    """Hours within which the shift must be seen."""

    @property
    def baseline(self) -> Baseline:
        """Four weeks of hours at the healthy rate."""
        rng = np.random.default_rng(0)
        return rate_baseline(rng.binomial(self.looks, self.rate, 672).tolist(), [self.looks] * 672)

    def fed(self, seed: int, rates: list[float]) -> StreamingDetector:
        """A fresh detector after an hour for each rate, or at its first alarm."""
        rng, baseline = np.random.default_rng(seed), self.baseline
        one = self.detector.make(baseline, self.arl)
        for rate in rates:
            one.update(int(rng.binomial(self.looks, rate)), self.looks, baseline.p0)
            if one.drift_detected:
                break
        return one

    def test_it_keeps_to_its_average_run_length(self) -> None:
        """Healthy runs of a quarter of `arl` alarm at most as often as an average run length of `arl` allows."""
        hours = round(self.arl / 4)
        alarms = sum(
            self.fed(seed, [self.rate] * hours).drift_detected for seed in range(self.runs)
        )
        allowed = 0.25 * self.runs + 2.33 * sqrt(0.25 * 0.75 * self.runs)
        assert alarms <= allowed, f"{alarms} of {self.runs} healthy runs alarmed, {allowed:.0f} may"

    def test_it_sees_a_planted_shift(self) -> None:
        """In each of ten runs the shift is seen within `patience` hours."""
        for seed in range(10):
            one = self.fed(1000 + seed, [self.rate] * 20 + [self.shifted] * self.patience)
            assert one.drift_detected, f"seed {seed}: {self.shifted} was not seen"

    def test_it_is_deterministic(self) -> None:
        """The same hours give the same state."""
        rates = [self.rate] * 50 + [self.shifted] * 5
        assert self.fed(5, rates).state() == self.fed(5, rates).state()

    def test_its_state_survives_a_restart(self) -> None:
        """The state goes through JSON, without NaN, and the restored detector goes on exactly as the first."""
        first = self.fed(6, [self.rate] * 50)
        told = json.loads(json.dumps(first.state(), allow_nan=False))
        second = self.detector.restore(told)
        assert second.state() == first.state()
        for one in (first, second):
            rng = np.random.default_rng(7)
            for _ in range(20):
                one.update(int(rng.binomial(self.looks, self.shifted)), self.looks, self.rate)
        assert second.state() == first.state()
        assert second.drift_detected == first.drift_detected

    def test_its_state_says_its_version(self) -> None:
        """The state has a version, and one from the future is refused rather than misread."""
        state = self.fed(8, [self.rate]).state()
        assert "version" in state, "put a version into state()"
        assert _refused(self.detector.restore, {**state, "version": "from the future"}), (
            "from_state() must raise ValueError for a version that it does not know"
        )

    def test_nothing_seen_is_no_evidence(self) -> None:
        """Before the first hour, and after hours without looks, it does not alarm."""
        one = self.detector.make(self.baseline, self.arl)
        assert not one.drift_detected
        for _ in range(100):
            one.update(0, 0, self.rate)
        assert not one.drift_detected
        assert isfinite(one.e_value)

    def test_a_baseline_without_data_does_not_alarm_at_once(self) -> None:
        """With a baseline of nothing it takes hours in without a crash, and its evidence stays finite."""
        one = self.detector.make(rate_baseline([], []), self.arl)
        for _ in range(10):
            one.update(0, self.looks, self.rate)
        assert isfinite(one.e_value)
        assert not one.drift_detected

    def test_constant_values_do_not_break_it(self) -> None:
        """All failures, then none: the evidence stays finite, so the row can be kept."""
        one = self.detector.make(self.baseline, self.arl)
        for count in [self.looks] * 200 + [0] * 200:
            one.update(count, self.looks, self.rate)
            assert isfinite(one.e_value)
        json.dumps(one.state(), allow_nan=False)

    def test_it_refuses_what_cannot_be(self) -> None:
        """NaN, negative counts and more failures than looks are a ValueError, not evidence."""
        for count, n in ((float("nan"), 10), (-1, 10), (11, 10)):
            one = self.detector.make(self.baseline, self.arl)
            assert _refused(one.update, count, n, self.rate), (
                f"update({count}, {n}, …) must raise ValueError"
            )


class SeriesContract:
    """What holds for every series; set `series`, and give a pytest fixture `store` with calls in it.

    `monitor`'s own tests use an embedded store; any store that has been migrated will do.
    """

    series: ClassVar[OwnSeries]
    window: ClassVar[Window] = Window(
        datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 8, tzinfo=UTC)
    )
    """A window in which the store has something to count."""

    def test_it_counts_something(self, store: Store) -> None:
        """The window of the test is not empty, or nothing else here proves anything."""
        assert sum(hour.n for hour in self.series.count(store, self.window)) > 0

    def test_it_stays_in_its_window(self, store: Store) -> None:
        """No hour lies outside the window, and none is told twice."""
        hours = list(self.series.count(store, self.window))
        assert all(self.window.since <= hour.hour < self.window.until for hour in hours)
        assert len({(hour.service, hour.hour) for hour in hours}) == len(hours)

    def test_it_answers_the_same_again(self, store: Store) -> None:
        """Asked twice for the same window it tells the same."""
        first, second = (
            sorted(self.series.count(store, self.window), key=_place) for _ in range(2)
        )
        assert first == second

    def test_parts_add_up(self, store: Store) -> None:
        """Two halves of the window tell what the whole tells: the job asks in pieces."""
        middle = self.window.since + timedelta(
            hours=(self.window.until - self.window.since) // timedelta(hours=2)
        )
        halves = [
            hour
            for half in (Window(self.window.since, middle), Window(middle, self.window.until))
            for hour in self.series.count(store, half)
        ]
        whole = self.series.count(store, self.window)
        assert sorted(halves, key=_place) == sorted(whole, key=_place)

    def test_an_empty_window_is_no_hours(self, store: Store) -> None:
        """Where there are no calls there are no hours: not hours of 0 of 0, and no crash."""
        long_ago = datetime(1999, 1, 1, tzinfo=UTC)
        assert list(self.series.count(store, Window(long_ago, long_ago + timedelta(days=1)))) == []


def _place(hour: Any) -> tuple[str, datetime]:
    return hour.service, hour.hour


def _refused(function: Any, *arguments: Any) -> bool:
    try:
        function(*arguments)
    except ValueError:
        return True
    return False
