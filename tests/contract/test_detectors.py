"""Every exported detector keeps the house's rules, also the one that is written tomorrow."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

import monitor.drift
from monitor.drift import DateProfile, MixtureDetector, RateDetector, RolloverDetector

FEEDS: dict[type, tuple[Callable[[], Any], Callable[[Any, np.random.Generator, float], None]]] = {}
"""How each detector is made, and fed one observation whose event has the given probability. A new
detector is added here, and only here."""

CALM, SHIFTED, ARL = 0.01, 0.08, 2_000.0
DUE = DateProfile.fit([*range(1, 30)] * 345 + [-5] * 80)


def _feed_rate(detector: Any, rng: np.random.Generator, rate: float) -> None:
    detector.update(rng.random() < rate, 1)


def _feed_rollover(detector: Any, rng: np.random.Generator, rate: float) -> None:
    day = date(2024, 1, 3)
    detector.update(day + timedelta(days=-5 if rng.random() < rate else 5), day)


FEEDS[RateDetector] = (lambda: RateDetector(p0=CALM, arl=ARL), _feed_rate)
FEEDS[RolloverDetector] = (lambda: RolloverDetector(DUE, arl=ARL), _feed_rollover)

STREAMING = [
    value
    for name in monitor.drift.__all__
    if isinstance(value := getattr(monitor.drift, name), type)
    and hasattr(value, "drift_detected")
    and value is not MixtureDetector
]


def run(kind: type, seed: int, rates: list[float]) -> Any:
    """A fresh detector after one observation per rate, or at its first alarm."""
    make, feed = FEEDS[kind]
    detector, rng = make(), np.random.default_rng(seed)
    for rate in rates:
        feed(detector, rng, rate)
        if detector.drift_detected:
            break
    return detector


def test_all_is_true() -> None:
    """`__all__` names what exists, sorted as ruff sorts it, nothing twice."""
    names = monitor.drift.__all__
    assert all(hasattr(monitor.drift, name) for name in names)
    assert len(set(names)) == len(names)
    assert STREAMING


@pytest.mark.parametrize("kind", STREAMING)
class TestStreaming:
    """What holds for every streaming detector."""

    def test_is_fed_here(self, kind: type) -> None:
        """An exported detector has a feed above."""
        assert kind in FEEDS

    def test_has_a_documented_example(self, kind: type) -> None:
        """Its docstring has a seeded example, a reference, and says when not to use it."""
        text = kind.__doc__ or ""
        assert ">>> " in text
        assert "default_rng(" in text
        assert "Reference" in text
        assert "When not" in text

    def test_is_quiet_at_its_claimed_rate(self, kind: type) -> None:
        """Of 100 healthy runs of ARL/4 updates at most the guaranteed quarter alarms."""
        alarms = sum(run(kind, seed, [CALM] * 500).drift_detected for seed in range(100))
        assert alarms / 100 <= 500 / ARL

    def test_sees_a_planted_shift(self, kind: type) -> None:
        """An eightfold rate is seen soon after it begins, in every run."""
        for seed in range(10):
            detector = run(kind, 100 + seed, [CALM] * 100 + [SHIFTED] * 500)
            assert detector.drift_detected

    def test_is_deterministic(self, kind: type) -> None:
        """The same seed gives the same state, to the last bit."""
        rates = [CALM] * 200 + [SHIFTED] * 20
        assert run(kind, 5, rates).state() == run(kind, 5, rates).state()

    def test_survives_a_restart(self, kind: type) -> None:
        """State goes through JSON and the restored detector continues exactly as the first."""
        _, feed = FEEDS[kind]
        first = run(kind, 6, [CALM] * 300)
        second = kind.from_state(json.loads(json.dumps(first.state(), allow_nan=False)))  # type: ignore[attr-defined]
        assert second.state() == first.state()
        for detector in (first, second):
            rng = np.random.default_rng(7)
            for _ in range(100):
                feed(detector, rng, SHIFTED)
        assert second.state() == first.state()
        assert second.drift_detected
        assert second.change_index == first.change_index

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"version": 2}, "version 2"),
            ({"version": None}, "version"),
            ({"detector": "X"}, "'X'"),
            ({"paths": []}, "damaged"),
            ({"leader": 99}, "damaged"),
        ],
    )
    def test_refuses_a_strange_state(self, kind: type, change: dict[str, Any], says: str) -> None:
        """A newer, foreign or damaged state is refused, with the reason."""
        state = {**run(kind, 8, [CALM] * 10).state(), **change}
        with pytest.raises(ValueError, match=says):
            kind.from_state(state)  # type: ignore[attr-defined]

    def test_refuses_a_state_that_lacks_something(self, kind: type) -> None:
        """Every key is needed, and the missing one is named."""
        state = run(kind, 9, [CALM] * 10).state()
        for key in set(state) - {"detector", "version"}:
            with pytest.raises(ValueError, match=f"lacks {key}"):
                kind.from_state({name: state[name] for name in state if name != key})  # type: ignore[attr-defined]

    def test_says_when_it_has_seen_nothing(self, kind: type) -> None:
        """Without data the verdict is `insufficient_data`, not green."""
        make, _ = FEEDS[kind]
        assert make().result(baseline=CALM).status == "insufficient_data"

    def test_result_is_complete(self, kind: type) -> None:
        """A verdict carries statistic, evidence, effect, interval and both sizes."""
        result = run(kind, 10, [CALM] * 50 + [SHIFTED] * 500).result(baseline=CALM, baseline_n=9)
        assert result.status == "drift"
        assert result.e_value is not None
        assert result.e_value > result.threshold
        assert 0 <= result.low <= result.effect <= result.high <= 1
        assert result.n >= result.count > 0
        assert result.baseline_n == 9
