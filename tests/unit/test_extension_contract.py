"""The shipped contract passes what is sound and catches what is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitor.detector_contract import DetectorContract
from monitor.drift import RateDetector
from monitor.extension import Hour, OwnDetector, StreamingDetector, detector, series

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


class TestBuiltIn(DetectorContract):
    """The built-in detector keeps the contract that it is shipped with."""

    detector = OwnDetector(
        "rate", lambda baseline, arl: RateDetector(p0=baseline.p0, arl=arl), RateDetector.from_state
    )


class Nervous:
    """A threshold on an hour's rate: what the contract is there to catch."""

    drift_detected = False
    e_value = 0.0

    def __init__(self, baseline: Any, arl: float) -> None:
        self.made_of = (baseline, arl)

    def update(self, count: int, n: int, p: float) -> None:
        """Alarm above one and a half times the baseline."""
        self.drift_detected = n > 0 and count / n > 1.5 * p

    def state(self) -> dict[str, Any]:
        """Forgets everything."""
        return {"alarm": self.drift_detected}

    @classmethod
    def from_state(cls, state: Any) -> StreamingDetector:
        """Starts anew."""
        del state
        return cls(None, 0)


class NervousContract(DetectorContract):
    """The contract on it; not collected by pytest."""

    detector = detector("nervous")(Nervous)


@pytest.mark.parametrize(
    "name",
    [
        "test_it_keeps_to_its_average_run_length",
        "test_its_state_says_its_version",
        "test_it_refuses_what_cannot_be",
    ],
)
def test_a_threshold_fails_the_contract(name: str) -> None:
    """Too many false alarms, a state without version, NaN taken for data: each has its test."""
    with pytest.raises(AssertionError):
        getattr(NervousContract(), name)()


@pytest.mark.parametrize(
    ("hour", "count", "n"),
    [
        (NOON, -1, 5),
        (NOON, 6, 5),
        (NOON, float("nan"), 5),
        (NOON, 1, float("nan")),
        (NOON + timedelta(minutes=5), 1, 5),
        (NOON.replace(tzinfo=None), 1, 5),
    ],
)
def test_an_hour_that_cannot_be_is_refused(hour: datetime, count: Any, n: Any) -> None:
    """Counts that are no counts, and moments that are no hours, never reach a detector."""
    with pytest.raises(ValueError, match=r"count and n|is no hour"):
        Hour("s", hour, count, n)


def test_a_series_cannot_pose_as_a_slice() -> None:
    """Brackets are how slices are named, and slices have a budget of their own."""
    with pytest.raises(ValueError, match="no name"):
        series("x [release=1]")
