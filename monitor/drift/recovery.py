"""When is a rate back? A sequential answer, so that an incident closes itself exactly once."""

from __future__ import annotations

from math import sqrt

from monitor.drift.e_detector import RateDetector

__all__ = ["recovery_detector"]


def recovery_detector(baseline: float, regressed: float, *, arl: float = 1e4) -> RateDetector:
    """A detector that alarms when a regressed rate has come down again.

    The null is that the rate is still at least half-way back, on the log scale, between the regressed rate and
    the baseline: `sqrt(baseline * regressed)`. The mixture Shiryaev-Roberts e-detector looks for "improved" below
    that, so it may be looked at after every call, and on average `arl` calls at the half-way rate pass before it is
    fooled once.

    Args:
        baseline: rate before the regression, 0 < baseline < regressed.
        regressed: rate during it.
        arl: average run length to a false "recovered", in updates.

    References:
        Shin, Ramdas, Rinaldo (2022), E-detectors: a nonparametric framework for sequential change detection.

    >>> detector = recovery_detector(0.002, 0.05)
    >>> for _ in range(40):
    ...     detector.update(2, 50)
    >>> detector.drift_detected
    False
    >>> for _ in range(40):
    ...     detector.update(0, 50)
    >>> detector.drift_detected
    True
    """
    return RateDetector(p0=sqrt(max(baseline, 2e-4) * regressed), arl=arl, direction="down")
