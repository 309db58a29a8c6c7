"""How surprising a statistic is, judged by windows in which nothing changed."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, sqrt
from typing import TYPE_CHECKING, Self

import numpy as np

from monitor.drift.intervals import rate_difference
from monitor.drift.result import DriftResult

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Null", "Tail", "e_value_of"]

Numbers = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

FITTED = 0.2
"""Share of the null statistics that the tail is fitted to."""


@dataclass(frozen=True, slots=True)
class Tail:
    """Null distribution of a statistic: its sample, with an exponential tail above the top fifth.

    A few hundred null windows say nothing of a probability of 1 in 1,000 by counting; their top
    fifth, whose excesses over its foot are close to exponential, does.

    >>> rng = np.random.default_rng(7)
    >>> tail = Tail.fit(rng.exponential(size=400))
    >>> round(tail.p_value(0.1), 2), round(tail.p_value(4.6), 3)
    (0.9, 0.011)
    >>> round(tail.threshold(0.01), 1)
    4.7
    """

    body: tuple[float, ...]
    """Null statistics, ascending."""
    foot: float
    """Where the tail begins."""
    scale: float
    """Mean excess over it."""

    @classmethod
    def fit(
        cls, statistics: Sequence[float] | np.ndarray[tuple[int], np.dtype[np.float64]]
    ) -> Self:
        """Learn it from the statistics of null windows."""
        ordered = np.sort(np.asarray(statistics, dtype=float))
        foot = float(np.quantile(ordered, 1 - FITTED))
        excess = ordered[ordered > foot] - foot
        scale = float(excess.mean()) if len(excess) else 0.0
        return cls(tuple(ordered.tolist()), foot, max(scale, 1e-12))

    def p_value(self, statistic: float) -> float:
        """Probability of as large a statistic while nothing changed; never 0."""
        if statistic > self.foot:
            return max(FITTED * exp(-(statistic - self.foot) / self.scale), 1e-300)
        above = len(self.body) - int(np.searchsorted(self.body, statistic))
        return (above + 1) / (len(self.body) + 1)

    def threshold(self, probability: float) -> float:
        """The statistic that is exceeded with that probability, at most `FITTED`."""
        if not 0 < probability <= FITTED:
            raise ValueError(f"probability={probability} must lie above 0, at most {FITTED}")
        return self.foot + self.scale * log(FITTED / probability)


@dataclass(frozen=True, slots=True)
class Null:
    """What several statistics of a window are while nothing changed, each and the loudest of them."""

    centre: Numbers
    scale: Numbers
    """Mean and standard deviation of each statistic over the null windows."""
    tail: Tail
    """Of the largest, in standard deviations."""

    @classmethod
    def fit(cls, statistics: Numbers, *, least: float) -> Self:
        """Learn it from null windows, one row each; no scale is taken to be below `least`."""
        centre = statistics.mean(axis=0)
        scale = np.maximum(statistics.std(axis=0), least)
        return cls(centre, scale, Tail.fit(((statistics - centre) / scale).max(axis=1)))

    def views(self, statistics: Numbers) -> Numbers:
        """A window's statistics in standard deviations from what is usual."""
        found: Numbers = (statistics - self.centre) / self.scale
        return found

    def verdict(
        self,
        views: Numbers,
        alpha: float,
        *,
        count: int,
        n: int,
        share_before: float,
        before_n: int,
    ) -> DriftResult:
        """The loudest view against `alpha`; the effect is how the share of what moved has changed.

        Args:
            views: of the window.
            alpha: probability of a false alarm.
            count: members of the window that are of what moved.
            n: members of the window.
            share_before: its share of the reference.
            before_n: members of the reference.
        """
        statistic = float(views.max())
        p_value = self.tail.p_value(statistic)
        interval = rate_difference(count, n, round(share_before * before_n), before_n)
        return DriftResult(
            status="drift" if p_value <= alpha else "stable",
            statistic=statistic,
            p_value=p_value,
            e_value=e_value_of(p_value),
            threshold=self.tail.threshold(alpha),
            effect=count / n - share_before,
            low=interval.low,
            high=interval.high,
            count=count,
            n=n,
            baseline=share_before,
            baseline_n=before_n,
        )


def e_value_of(p_value: float) -> float:
    """A p-value as evidence that may be multiplied and added: 1 / (2 sqrt p), expectation 1.

    Reference:
        V. Vovk, R. Wang (2021), E-values: calibration, combination and applications.

    >>> e_value_of(0.25), e_value_of(1e-4)
    (1.0, 50.0)
    """
    if not 0 < p_value <= 1:
        raise ValueError(f"p_value={p_value} must lie above 0, at most 1")
    return 0.5 / sqrt(p_value)
