"""How long, how many tokens and how dear: both models on the same calls, as ratios with intervals. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from monitor.retrain.findings import Measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray

    from monitor.retrain.findings import TestCall, Usage

__all__ = ["LEAST_PAIRS", "measures", "ratio"]

LEAST_PAIRS = 10
"""Fewer calls give no ratio."""
RESAMPLES = 2000
MOST_PAIRS = 2000
"""More calls are not needed for a ratio, and would need much memory."""


def measures(calls: Sequence[TestCall], rng: Generator) -> tuple[Measure, ...]:
    """Every measure that is known of both answers of enough calls."""
    pairs = [
        (call.production_usage, call.candidate_usage)
        for call in calls
        if call.production_usage and call.candidate_usage
    ]
    times = list(_known(pairs, lambda one: one.duration_ms))
    tokens = list(_known(pairs, _tokens))
    costs = list(_known(pairs, lambda one: one.cost_usd))
    found = (
        ratio("median duration", "ms", times, _median, rng=rng),
        ratio("95th percentile of duration", "ms", times, _p95, rng=rng),
        ratio("mean tokens", "tokens", tokens, _mean, rng=rng),
        ratio("mean cost", "USD", costs, _mean, rng=rng),
    )
    return tuple(one for one in found if one is not None)


def ratio(
    name: str,
    unit: str,
    pairs: Sequence[tuple[float, float]],
    summary: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    *,
    rng: Generator,
) -> Measure | None:
    """Candidate's summary over production's, with a bootstrap interval over calls; None where it has no sense.

    The two durations of a call are drawn together: a long question is long for both.

    Source: B. Efron, R. Tibshirani (1993), An Introduction to the Bootstrap, percentile interval.
    """
    if len(pairs) < LEAST_PAIRS:
        return None
    values = np.asarray(pairs[:MOST_PAIRS], dtype=float)
    before, after = (float(summary(values[None, :, side])[0]) for side in (0, 1))
    if not before > 0:
        return None
    n = len(values)
    places = rng.integers(0, n, (RESAMPLES, n))
    drawn = [summary(values[places, side]) for side in (0, 1)]
    usable = drawn[0] > 0
    low, high = np.quantile(drawn[1][usable] / drawn[0][usable], (0.025, 0.975))
    return Measure(name, unit, before, after, after / before, float(low), float(high), n)


def _known(
    pairs: Iterable[tuple[Usage, Usage]], value: Callable[[Usage], float | None]
) -> Iterable[tuple[float, float]]:
    """Both values of every call that has both."""
    for production, candidate in pairs:
        one, other = value(production), value(candidate)
        if one is not None and other is not None:
            yield float(one), float(other)


def _tokens(one: Usage) -> float | None:
    if one.input_tokens is None or one.output_tokens is None:
        return None
    return float(one.input_tokens + one.output_tokens)


def _median(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.median(values, axis=1))


def _p95(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.quantile(values, 0.95, axis=1))


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(values.mean(axis=1))
