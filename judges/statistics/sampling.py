"""Which calls are judged, and means over calls that were drawn with unequal probability."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["WeightedMean", "Z", "hajek", "sampled", "uniform"]

Z = 1.959963984540054
"""97.5 % quantile of the normal distribution: two-sided 95 %."""


def uniform(identifier: str, salt: str) -> float:
    """A number in [0, 1) that belongs to the identifier for ever: 64 bits of SHA-256.

    >>> uniform("trace-1", "judge") == uniform("trace-1", "judge") != uniform("trace-1", "other")
    True
    """
    digest = hashlib.sha256(f"{salt}:{identifier}".encode()).hexdigest()
    return int(digest[:16], 16) / 2**64


def sampled(identifier: str, probability: float, salt: str) -> bool:
    """Whether the identifier is in the sample of that probability; a larger one contains a smaller.

    >>> sum(sampled(str(n), 0.05, "judge") for n in range(10_000))
    507
    """
    return uniform(identifier, salt) < probability


@dataclass(frozen=True, slots=True)
class WeightedMean:
    """A mean over a sample with unequal inclusion probabilities."""

    value: float
    low: float
    high: float
    standard_error: float
    n: int
    n_eff: float
    """Kish's: as many equally weighted observations would be worth as much."""


def hajek(
    values: Sequence[float],
    probabilities: Sequence[float],
    *,
    z: float = Z,
    finite: bool = False,
) -> WeightedMean | None:
    """Hájek's mean Σwy/Σw with w = 1/π; None where there is nothing.

    Never Horvitz and Thompson's Σwy/N: that one jumps with the number of calls that happened to be
    drawn. The error is linearised, √Σ(w(y - mean))² / Σw.

    Args:
        values: of the drawn calls.
        probabilities: π of each, the one it was drawn with.
        z: normal quantile of the interval.
        finite: the mean of exactly the calls there were is meant, drawn independently of each
            other; each term then counts (1 - π). Otherwise that of the process behind them, which
            is what two days are compared by.

    Raises:
        ValueError: the lengths differ, or a probability is not in (0, 1].

    >>> hajek([1, 1, 0, 0], [0.5, 0.5, 1, 1]).value
    0.6666666666666666
    """
    if len(values) != len(probabilities):
        raise ValueError("hajek needs one inclusion probability per value")
    if len(values) == 0:
        return None
    y, pi = np.asarray(values, dtype=float), np.asarray(probabilities, dtype=float)
    if not ((pi > 0) & (pi <= 1)).all():
        raise ValueError("an inclusion probability is above 0 and at most 1")
    weights = 1 / pi
    total = math.fsum(weights)
    mean = math.fsum(weights * y) / total
    terms = (weights * (y - mean)) ** 2
    error = math.sqrt(math.fsum((1 - pi) * terms if finite else terms)) / total
    n_eff = total**2 / math.fsum(weights * weights)
    return WeightedMean(mean, mean - z * error, mean + z * error, error, len(y), n_eff)
