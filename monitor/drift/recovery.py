"""When is a rate back? A sequential answer, so that an incident closes itself exactly once."""

from __future__ import annotations

from monitor.drift.e_detector import RateDetector
from monitor.drift.e_value import rate_e_value

__all__ = ["recovered", "recovery_detector"]

STILL_WORSE = 20
"""E-value at which a rate counts as higher than the baseline: 1/20."""


def recovery_detector(baseline: float, regressed: float, *, arl: float = 1e4) -> RateDetector:
    """A detector that alarms when a regressed rate has clearly come down.

    Its null is that the rate is still at least half-way between the two, `(baseline + regressed) / 2`; the mixture
    Shiryaev-Roberts e-detector looks for "improved" below that. It may be looked at after every update, and on
    average at least `arl` updates at the half-way rate pass before it is fooled once.

    Args:
        baseline: upper bound of the rate before the regression.
        regressed: rate during it, above `baseline`.
        arl: average run length to a false "come down", in updates.

    References:
        Shin, Ramdas, Rinaldo (2022), E-detectors: a nonparametric framework for sequential change detection.

    >>> detector = recovery_detector(0.002, 0.05)
    >>> for _ in range(40):
    ...     detector.update(2, 50)
    >>> recovered(detector, 0.002)
    False
    >>> for _ in range(40):
    ...     detector.update(0, 50)
    >>> recovered(detector, 0.002)
    True
    """
    return RateDetector(p0=(baseline + regressed) / 2, arl=arl, direction="down")


def recovered(detector: RateDetector, baseline: float) -> bool:
    """Whether the rate has come down and, since it has, no longer differs from the baseline's upper bound."""
    count, n = detector.count_since_change, detector.n_since_change
    return detector.drift_detected and rate_e_value(count, n, baseline) < STILL_WORSE
