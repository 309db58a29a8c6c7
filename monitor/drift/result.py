"""What every detector answers: a verdict with its effect, its interval and its sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["DriftResult", "Status"]

Status = Literal["drift", "stable", "insufficient_data"]
"""`insufficient_data` is a verdict of its own: it is never shown as green."""


@dataclass(frozen=True, slots=True)
class DriftResult:
    """One look of one detector at one series."""

    status: Status
    statistic: float
    """The number the detector compares with its threshold, on the detector's own scale."""
    p_value: float | None
    """For detectors that look once; None for those that may be looked at every minute."""
    e_value: float | None
    """Evidence against "nothing changed": an average run length of `threshold` is guaranteed."""
    threshold: float
    effect: float
    """Observed rate (or difference) since the present evidence began; 0 when `n` is 0."""
    low: float
    high: float
    """95 % interval of the effect."""
    count: int
    """Events since the present evidence began."""
    n: int
    """Calls looked at since then."""
    baseline: float
    """Rate that counts as unchanged, as the detector was told it."""
    baseline_n: int
    """Calls that the baseline was learnt from; 0 when it was given, not learnt."""
