"""Which calls are judged, and means over calls that were drawn with unequal probability."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["WeightedMean", "hajek", "sampled", "uniform"]


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
    values: Sequence[float], probabilities: Sequence[float], *, z: float = 1.959963984540054
) -> WeightedMean | None:
    """Hájek's mean Σwy/Σw with w = 1/π, linearised standard error; None where there is nothing.

    Raises:
        ValueError: the lengths differ, or a probability is not in (0, 1].

    >>> hajek([1, 1, 0, 0], [0.5, 0.5, 1, 1]).value
    0.6666666666666666
    """
    if len(values) != len(probabilities):
        raise ValueError("hajek needs one inclusion probability per value")
    if len(values) == 0:
        return None
    if not all(0 < one <= 1 for one in probabilities):
        raise ValueError("an inclusion probability is above 0 and at most 1")
    weights = [1 / one for one in probabilities]
    total = math.fsum(weights)
    mean = math.fsum(w * y for w, y in zip(weights, values, strict=True)) / total
    spread = math.fsum((w * (y - mean)) ** 2 for w, y in zip(weights, values, strict=True))
    error = math.sqrt(spread) / total
    n_eff = total**2 / math.fsum(w * w for w in weights)
    return WeightedMean(mean, mean - z * error, mean + z * error, error, len(values), n_eff)
