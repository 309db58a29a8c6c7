"""Windows of a healthy baseline, for calibrating detectors that look at a window at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LEAST_WINDOWS", "NULL_WINDOWS", "NullWindows", "draw_windows"]

NULL_WINDOWS = 300
"""With 120 the real false-alarm rate came out at twice the nominal one."""
STRETCHES = 61
"""At most; of more than sixteen windows they overlap less."""
STRETCHES_PER_WINDOW = 4
"""Each begins a quarter of a window after the one before."""
SMALLEST_WINDOW = 50
LEAST_WINDOWS = 4
"""A baseline is at least so many windows long."""

Indices = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class NullWindows:
    """Rows of windows in which nothing changed; each is compared with the rest of the baseline."""

    random: tuple[Indices, ...]
    """Random choices, which say what chance does."""
    stretches: tuple[Indices, ...]
    """Consecutive calls, which say what hours, days, bursts and batches do beside chance."""

    def __iter__(self) -> Iterator[Indices]:
        yield from self.random
        yield from self.stretches


def draw_windows(rows: int, window: int, number: int, rng: np.random.Generator) -> NullWindows:
    """Draw windows of a baseline in order of time.

    Raises:
        ValueError: the baseline is too short for such windows; says how long it must be.

    >>> drawn = draw_windows(800, 200, 300, np.random.default_rng(7))
    >>> len(drawn.random), len(drawn.stretches), int(drawn.stretches[-1][-1])
    (300, 13, 799)
    """
    if window < SMALLEST_WINDOW or rows < LEAST_WINDOWS * window:
        raise ValueError(
            f"windows of {window} need at least {SMALLEST_WINDOW} members and a baseline of at"
            f" least {LEAST_WINDOWS * window}; there are {rows}: take smaller windows or a longer"
            " baseline"
        )
    stretches = min(STRETCHES, 1 + STRETCHES_PER_WINDOW * (rows - window) // window)
    starts = np.linspace(0, rows - window, stretches).astype(np.int64)
    return NullWindows(
        tuple(rng.choice(rows, window, replace=False) for _ in range(number)),
        tuple(np.arange(start, start + window) for start in starts),
    )
