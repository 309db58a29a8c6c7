"""Is a rate really higher than it was? Evidence that may be weighed again with every new label."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log, log1p

from monitor.drift.e_detector import RATE_ODDS
from monitor.drift.mixture import PROBABILITY_FLOOR

__all__ = ["bounded_exp", "rate_e_value"]

MOST = 700.0
"""Logarithm of the greatest e-value that is told: what is beyond it is as certain, and JSON has no infinity."""


def bounded_exp(logged: float) -> float:
    """The e-value of a logarithm, at most e^700.

    >>> round(bounded_exp(1.0), 3), bounded_exp(5_000.0) == bounded_exp(700.0)
    (2.718, True)
    """
    return exp(min(logged, MOST))


def rate_e_value(count: int, n: int, p0: float, *, odds: Sequence[float] = RATE_ODDS) -> float:
    """Evidence against "the rate is at most `p0`" in `count` events of `n` looks.

    The mean over odds ratios r, with q = r p0 / (1 - p0 + r p0), of the likelihood ratios

        (q / p0)^count ((1 - q) / (1 - p0))^(n - count).

    While the rate is at most p0 its expectation is at most 1, also over a stream that is looked at after
    every label; it exceeds 1/alpha at any time with probability at most alpha. Use it where the moment from which
    on to count is given by something else; use `RateDetector` where that moment is to be found.

    Args:
        count: events.
        n: looks.
        p0: null rate, raised to 2e-4.
        odds: ratios of odds looked for.

    References:
        J. Ville (1939), Étude critique de la notion de collectif.
        A. Ramdas et al. (2023), Game-theoretic statistics and safe anytime-valid inference.

    >>> rate_e_value(1, 12, 0.016) > 20, rate_e_value(5, 90, 0.016) > 20, rate_e_value(12, 200, 0.016) > 20
    (False, False, True)
    >>> rate_e_value(5_000, 5_000, 0.01) < float("inf")
    True
    """
    if not 0 <= count <= n:
        raise ValueError(f"count={count} must lie between 0 and n={n}")
    p = max(p0, PROBABILITY_FLOOR)
    if p >= 1:
        return 1.0
    logs = [count * log(ratio) - n * log1p(p * (ratio - 1)) for ratio in odds]
    return sum(bounded_exp(one) for one in logs) / len(logs)
