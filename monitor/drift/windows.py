"""Windows of a healthy baseline, for calibrating detectors that look at a window at a time."""

from __future__ import annotations

from math import sqrt

import numpy as np

__all__ = ["NULL_WINDOWS", "draw_windows", "stretch"]

NULL_WINDOWS = 300
"""With 120 the real false-alarm rate came out at twice the nominal one."""
SMALLEST_WINDOW = 50
POOL_PER_WINDOW = 2
"""The held-out half of a baseline is at least so many windows large."""

Indices = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


def stretch(pool: int, window: int) -> float:
    """How much too close to one another windows of a finite pool are: (1 - n/pool)^-1/2.

    A window out of a pool varies around the pool's mean by 1/n - 1/pool instead of 1/n; pulling
    what it shows away from the middle by this factor makes up for it.

    >>> round(stretch(2_000, 500), 3)
    1.155
    """
    return 1 / sqrt(1 - window / pool)


def draw_windows(pool: int, window: int, number: int, rng: np.random.Generator) -> list[Indices]:
    """Rows of windows of a pool in order of time, half stretches of it and half random choices.

    Stretches carry the usual difference between hours and days into the null; there are few that
    do not overlap, and random choices smooth what they say.

    Raises:
        ValueError: the pool is too small for such windows; says how large the baseline must be.
    """
    if window < SMALLEST_WINDOW or pool < POOL_PER_WINDOW * window:
        raise ValueError(
            f"windows of {window} need at least {SMALLEST_WINDOW} members and a baseline of at"
            f" least {2 * POOL_PER_WINDOW * window}; there are about {2 * pool}: take smaller"
            " windows or a longer baseline"
        )
    starts = rng.integers(0, pool - window + 1, (number + 1) // 2)
    stretches = [np.arange(start, start + window) for start in starts]
    return stretches + [rng.choice(pool, window, replace=False) for _ in range(number // 2)]
