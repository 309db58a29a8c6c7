"""The scan of a field's values, and the slips of numbers and dates, without a store."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pytest

from monitor.drift import DateProfile
from monitor.drift.readings import MOST_ELEMENTS, MOST_PATHS, read_answer
from monitor.drift.slips import NumberProfile, clock_slip, day_slip, month_slip, unit_slip
from monitor.drift.surprise import SurpriseDetector
from monitor.drift.value_counts import Values
from monitor.drift.values import ValueDetector


def answers(n: int, rng: np.random.Generator) -> list[Values]:
    """Healthy answers of one field: five values, one in fifty missing."""
    return [
        None
        if rng.random() < 0.02
        else (str(rng.choice(list("abcde"), p=[0.5, 0.3, 0.1, 0.06, 0.04])),)
        for _ in range(n)
    ]


def test_false_alarms_stay_near_the_nominal_rate() -> None:
    """Over eight baselines and 320 healthy windows at most 2.5 % have a p-value of 1 % or less."""
    low = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        detector = ValueDetector.fit(answers(2_000, rng), window=100, rng=rng)
        for _ in range(40):
            drift = detector.compare(answers(100, rng))
            assert drift is not None
            low.append((drift.result.p_value or 1) <= 0.01)
    assert np.mean(low) <= 0.025


def test_the_detector_goes_through_json() -> None:
    """A restored detector says the same, to the last digit; another version's state is refused."""
    rng = np.random.default_rng(1)
    detector = ValueDetector.fit(answers(1_000, rng), window=100, rng=rng)
    again = ValueDetector.from_state(json.loads(json.dumps(detector.state(), allow_nan=False)))
    window = answers(100, rng)
    assert again.compare(window) == detector.compare(window)
    assert detector.compare(window[:50]) is None
    with pytest.raises(ValueError, match="version 1"):
        ValueDetector.from_state({**detector.state(), "version": 2})


def test_a_field_that_never_changes_is_never_surprising() -> None:
    """A constant field's windows tie with its baseline: p is 1, also after a restart."""
    rng = np.random.default_rng(2)
    detector = ValueDetector.fit([("x",)] * 500, window=50, rng=rng)
    again = ValueDetector.from_state(json.loads(json.dumps(detector.state())))
    for one in (detector, again):
        drift = one.compare([("x",)] * 50)
        assert drift is not None
        assert drift.result.p_value == 1.0


def test_dates_are_not_scanned_value_by_value() -> None:
    """The days of another month are no news."""
    rng = np.random.default_rng(3)
    detector = ValueDetector.fit([("2024-01-01",), ("2024-01-15",)] * 300, window=50, rng=rng)
    drift = detector.compare([("2024-02-01",)] * 50)
    assert drift is not None
    assert drift.result.status == "stable"


def test_surprises_survive_a_restart() -> None:
    """State goes through JSON, and the detector goes on as the first would have."""
    first = SurpriseDetector(arl=1_000)
    for p_value in (0.5, 0.01, 0.001):
        first.update(p_value)
    second = SurpriseDetector.from_state(json.loads(json.dumps(first.state())))
    for one in (first, second):
        one.update(1e-4)
    assert second.state() == first.state()
    assert second.drift_detected


def test_readings_are_bounded() -> None:
    """Width, arrays and depth are cut, not followed."""
    wide = read_answer(json.dumps({f"k{n}": n for n in range(5_000)}))
    assert len(wide.values) == MOST_PATHS
    assert len(read_answer(json.dumps({"a": list(range(5_000))})).values["a[]"]) == MOST_ELEMENTS
    assert read_answer('{"a":' * 50 + "1" + "}" * 50).values == {}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0, -5.0])
def test_odd_numbers_are_no_unit_slip(value: float) -> None:
    """What cannot be a multiple of the usual is none."""
    rent = NumberProfile.fit([*range(700, 2_100), float("nan")])
    assert unit_slip(value, rent) is None


def test_slips_need_a_profile_that_leaves_room() -> None:
    """A field spread over two months shows no month slip; one seen too rarely shows none at all."""
    spread = DateProfile.fit([*range(60)] * 10)
    assert month_slip(date(2024, 5, 1), date(2024, 1, 1), spread) is None
    assert day_slip(date(2024, 1, 2), date(2024, 1, 1), DateProfile.fit([0] * 10)) is None
    assert clock_slip(3_600.0, NumberProfile.fit([0.0] * 10)) is None
    assert NumberProfile.from_state(NumberProfile.fit([]).state()).n == 0
