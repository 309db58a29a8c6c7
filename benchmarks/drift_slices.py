"""Slice search: how often the slice that was planted is the first one found."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from monitor.drift import find_slices

VALUES = (60, 30, 20, 15, 10, 8, 7, 6, 5, 4, 2, 2)
"""Distinct values of the 12 attributes: 169 single slices."""
BASE_RATE = 0.01


@dataclass(frozen=True, slots=True)
class SearchOutcome:
    """Shares over all trials."""

    exact: float
    top3: float
    ms: float


def search(errors: int, depth: int, *, trials: int, rng: np.random.Generator) -> SearchOutcome:
    """Plant half of the errors in one slice of `depth` conditions, and look for it."""
    exact = top3 = 0
    spent = 0.0
    for _ in range(trials):
        rows, faults, truth = plant(errors, depth, rng)
        began = time.perf_counter()
        found = [one.conditions for one in find_slices(rows, faults, BASE_RATE)]
        spent += time.perf_counter() - began
        exact += found[:1] == [truth]
        top3 += truth in found
    return SearchOutcome(exact / trials, top3 / trials, 1_000 * spent / trials)


def plant(
    errors: int, depth: int, rng: np.random.Generator
) -> tuple[list[dict[str, str]], list[bool], tuple[tuple[str, str], ...]]:
    """Rows, faults, and the slice in which the extra half of the faults lies."""
    extra = errors // 2
    n = round((errors - extra) / BASE_RATE)
    codes = np.array([_values(k, n, rng) for k in VALUES])
    while True:
        attributes = np.sort(rng.choice(len(VALUES), depth, replace=False))
        values = [codes[a, rng.integers(n)] for a in attributes]
        inside = np.all(codes[attributes] == np.array(values)[:, None], axis=0)
        if 2 * extra <= inside.sum() <= 0.5 * n:
            break
    faults = rng.random(n) < BASE_RATE
    healthy = np.flatnonzero(inside & ~faults)
    faults[rng.choice(healthy, extra, replace=False)] = True
    rows = [{f"a{a:02d}": f"v{codes[a, i]}" for a in range(len(VALUES))} for i in range(n)]
    truth = tuple((f"a{a:02d}", f"v{v}") for a, v in zip(attributes, values, strict=True))
    return rows, faults.tolist(), truth


def _values(k: int, n: int, rng: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Values with unequal shares, the k-th about 1/k of the first."""
    share = 1 / np.arange(1, k + 1)
    return rng.choice(k, n, p=share / share.sum())
