"""How surprising statistics are, judged by windows in which nothing changed."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, sqrt
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from monitor.drift.intervals import rate_difference
from monitor.drift.result import DriftResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["LEAST_P", "Null", "Share", "Tail", "check_version", "e_value_of", "verdict"]

FITTED = 0.2
"""Share of the null statistics that the tail is fitted to."""
LEAST_P = 1e-4
"""No smaller p-value is turned into evidence: a few hundred windows vouch for no rarer thing."""

Numbers = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


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
            return max(FITTED * exp(-min((statistic - self.foot) / self.scale, 700.0)), 1e-300)
        above = len(self.body) - int(np.searchsorted(self.body, statistic))
        return (above + 1) / (len(self.body) + 1)

    def stretched(self, factor: float) -> Tail:
        """The distribution of the statistic times a factor."""
        return Tail(
            tuple(factor * one for one in self.body), factor * self.foot, factor * self.scale
        )

    def threshold(self, probability: float) -> float:
        """The statistic that is exceeded with that probability, at most `FITTED`."""
        if not 0 < probability <= FITTED:
            raise ValueError(f"probability={probability} must lie above 0, at most {FITTED}")
        return self.foot + self.scale * log(FITTED / probability)


@dataclass(frozen=True, slots=True)
class Null:
    """Several views of a window, and how surprising the most surprising one of them is.

    Each view is weighed by its own tail, so that none drowns the others by being spread wider. What
    stretches of the baseline show beyond random choices of it (days differ, jobs come in batches)
    shifts and widens a view's null: the mean and spread of the stretches count where they are
    larger, not their tail, which a week or two cannot know.

    >>> rng = np.random.default_rng(7)
    >>> null = Null.fit(rng.normal(size=(300, 3)), rng.normal(size=(13, 3)))
    >>> fresh = [null.p_value(one) for one in rng.normal(size=(2_000, 3))]
    >>> bool(np.mean(np.array(fresh) < 0.01) < 0.02)
    True
    >>> null.p_value([0.0, 5.0, 0.0]) < 0.005
    True
    """

    views: tuple[Tail, ...]
    joint: Tail
    """Of the largest surprise of all views."""

    @classmethod
    def fit(cls, random: Numbers, stretches: Numbers) -> Self:
        """Learn it from null windows.

        Args:
            random: statistics of randomly chosen windows, one row each, one column a view.
            stretches: the same of windows of consecutive calls.
        """
        centre, spread = random.mean(axis=0), np.maximum(random.std(axis=0), 1e-9)
        apart = (stretches - centre) / spread
        shift = np.maximum(0.0, apart.mean(axis=0))
        wider = np.maximum(1.0, apart.std(axis=0))
        null = centre + shift * spread + wider * (random - centre)
        views = tuple(Tail.fit(null[:, view]) for view in range(null.shape[1]))
        joint = Tail.fit([max(_surprises(views, one)) for one in null])
        # One of the own stretches is the loudest: a window as loud is no rarer than that.
        loudest = max(max(_surprises(views, one)) for one in stretches)
        usual = joint.threshold(min(FITTED, 1 / (1 + len(stretches))))
        return cls(views, joint.stretched(loudest / usual) if loudest > usual > 0 else joint)

    def surprises(self, statistics: Sequence[float] | Numbers) -> list[float]:
        """-log10 of each view's own p-value."""
        return _surprises(self.views, statistics)

    def p_value(self, statistics: Sequence[float] | Numbers) -> float:
        """Probability that any view is as surprising while nothing changed."""
        return self.joint.p_value(max(self.surprises(statistics)))

    def state(self) -> dict[str, Numbers]:
        """As arrays, to be kept beside those of a detector."""
        tails = (*self.views, self.joint)
        return {
            "null_body": np.array([one.body for one in tails]),
            "null_tail": np.array([(one.foot, one.scale) for one in tails]),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """What gave this `state()`."""
        tails = [
            Tail(tuple(body), float(foot), float(scale))
            for body, (foot, scale) in zip(
                state["null_body"].tolist(), state["null_tail"].tolist(), strict=True
            )
        ]
        return cls(tuple(tails[:-1]), tails[-1])


def _surprises(views: Sequence[Tail], statistics: Sequence[float] | Numbers) -> list[float]:
    # A null window's own rank would be among those that it is weighed by; the foot's p-value, where
    # the tail begins, is the same from both sides.
    return [
        -log(tail.p_value(float(one))) / log(10)
        for tail, one in zip(views, statistics, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Share:
    """What moved most in a window: how many of it hold it, and how many of the baseline did."""

    count: int
    n: int
    """Members of the window."""
    before: int
    baseline_n: int
    """Members of the baseline."""
    usual: float
    """The share that counts as unchanged: `before` of `baseline_n`, or what the detector smoothed it to."""


def verdict(
    p_value: float, *, alpha: float, statistic: float, threshold: float, moved: Share
) -> DriftResult:
    """What a detector that looks once at a window answers.

    Args:
        p_value: of the window.
        alpha: probability of a false alarm in one window.
        statistic: what the detector weighed, on its own scale.
        threshold: the statistic (or p-value) from which on it alarms.
        moved: whose share `effect` is the change of, with its 95 % interval.

    >>> found = verdict(0.004, alpha=0.01, statistic=2.4, threshold=2.0,
    ...                 moved=Share(20, 200, 10, 1_000, usual=0.01))
    >>> found.status, round(found.effect, 2), found.low > 0
    ('drift', 0.09, True)
    """
    interval = rate_difference(moved.count, moved.n, moved.before, moved.baseline_n)
    return DriftResult(
        status="drift" if p_value <= alpha else "stable",
        statistic=statistic,
        p_value=p_value,
        e_value=e_value_of(p_value),
        threshold=threshold,
        effect=moved.count / moved.n - moved.usual,
        low=interval.low,
        high=interval.high,
        count=moved.count,
        n=moved.n,
        baseline=moved.usual,
        baseline_n=moved.baseline_n,
    )


def check_version(state: Mapping[str, Any], version: int) -> None:
    """Refuse a detector's arrays that another version of the program wrote.

    Raises:
        ValueError: says so; such a detector is learnt anew.
    """
    if (found := int(state["version"])) != version:
        raise ValueError(f"the detector was kept by version {found}, not {version}; learn it anew")


def e_value_of(p_value: float) -> float:
    """A p-value as evidence that may be multiplied and added: 1 / (2 sqrt p), expectation 1.

    Below `LEAST_P` it stays what it is there, 50: one window alone never outweighs a long promise.

    Reference:
        V. Vovk, R. Wang (2021), E-values: calibration, combination and applications.

    >>> e_value_of(0.25), e_value_of(1e-4), e_value_of(1e-40)
    (1.0, 50.0, 50.0)
    """
    if not 0 < p_value <= 1:
        raise ValueError(f"p_value={p_value} must lie above 0, at most 1")
    return 0.5 / sqrt(max(p_value, LEAST_P))
