"""The change point: its interval covers as promised, a ramp is told from a step, odd input is refused."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.drift.change_point import locate_change


@pytest.mark.parametrize(("rate", "per_window"), [(0.05, 20), (0.03, 50), (0.1, 10)])
def test_the_interval_covers_the_truth(rate: float, per_window: int) -> None:
    """Of 120 changes of various size at least 93 % lie in their interval (95 % claimed, 2 standard errors allowed)."""
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(120):
        truth = int(rng.integers(30, 60))
        p = np.where(np.arange(80) < truth, 0.01, rate)
        found = locate_change(rng.binomial(per_window, p).tolist(), [per_window] * 80, 0.01)
        covered += found is not None and found.low <= truth <= found.high
    assert covered >= 0.91 * 120


def test_a_ramp_is_told_from_a_step() -> None:
    """A rise of 0.2 % each day fits a ramp better, a jump fits a step better."""
    rng = np.random.default_rng(2)
    days = np.arange(30)
    ramp = rng.binomial(800, 0.01 + 0.002 * np.maximum(0, days - 9)).tolist()
    step = rng.binomial(800, np.where(days < 10, 0.01, 0.04)).tolist()
    rising, jumped = locate_change(ramp, [800] * 30, 0.01), locate_change(step, [800] * 30, 0.01)
    assert rising is not None
    assert jumped is not None
    assert rising.ramp > 2
    assert jumped.ramp < -2


def test_nothing_worse_has_no_change() -> None:
    """Quiet or better counts, windows without looks, and no windows at all have no change point."""
    assert locate_change([0, 1, 0], [100] * 3, 0.02) is None
    assert locate_change([], [], 0.02) is None
    found = locate_change([0, 0, 9, 0, 8], [100, 0, 100, 0, 100], [0.01, 0.01, 0.02, 0.02, 0.01])
    assert found is not None
    assert found.best in (1, 2)


def test_wrong_counts_are_refused() -> None:
    """More events than looks, different lengths and a confidence of 1 are mistakes of the caller."""
    for counts, ns, confidence in (([3], [2], 0.95), ([1, 1], [2], 0.95), ([1], [2], 1.0)):
        with pytest.raises(ValueError, match="must"):
            locate_change(counts, ns, 0.01, confidence=confidence)
