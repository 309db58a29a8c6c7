"""Has a rate changed? A sequential test for (events, calls) that needs no tuning."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from scipy.special import gammaln, logsumexp

from monitor.drift.mixture import (
    PROBABILITY_FLOOR,
    MixtureDetector,
    check_counts,
    check_state,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["RATE_ODDS", "Direction", "RateDetector"]

Direction = Literal["up", "down"]
"""`up` watches for more events than the baseline, `down` for fewer ("improved", for faults)."""

RATE_ODDS = (1.5, 2.0, 3.0, 5.0, 9.0)
"""Odds ratios watched for; their inverses for `down`."""


class RateDetector(MixtureDetector):
    """Watch a rate: judge failures, schema errors, refusals, slips, thumbs down, slow calls.

    When to use it: any yes/no event per call, told singly or as (count, n) per hour. When not: the
    baseline is not known yet (`rate_baseline` says whether it is), or only the present
    level matters (use an interval). See `MixtureDetector` for the formula and the guarantee.

    Args:
        p0: highest probability of an event that counts as unchanged (lowest, for `down`). Give the
            upper bound of an estimate, as `Baseline.p0` is, not the estimate: with a plug-in rate
            half of all baselines break the promise. Raised to 2e-4 for `up`.
        arl: average number of updates between false alarms that is guaranteed (see
            `arl_for_budget`).
        direction: `up` or `down`.
        odds: ratios of odds to watch for, above 1; `down` takes their inverses.

    Example: quiet at the baseline's 1 %, alarm soon after it rises to 5 %.

    >>> import numpy as np
    >>> rng = np.random.default_rng(7)
    >>> detector = RateDetector(p0=0.01, arl=1e5)
    >>> for fault in rng.random(2_000) < 0.01:
    ...     detector.update(fault, 1)
    >>> detector.drift_detected
    False
    >>> for fault in rng.random(1_000) < 0.05:
    ...     detector.update(fault, 1)
    ...     if detector.drift_detected:
    ...         break
    >>> detector.updates, detector.change_index
    (2100, 2014)

    Reference:
        J. Shin, A. Ramdas, A. Rinaldo (2022), E-detectors, arXiv 2203.03532.
    """

    def __init__(
        self,
        *,
        p0: float,
        arl: float = 1e5,
        direction: Direction = "up",
        odds: Sequence[float] = RATE_ODDS,
    ) -> None:
        if direction not in ("up", "down"):
            raise ValueError(f"direction={direction!r} must be 'up' or 'down'")
        if not all(ratio > 1 for ratio in odds):
            raise ValueError(f"odds={odds} must lie above 1; direction='down' inverts them")
        if not 0 <= p0 <= 1:
            raise ValueError(f"p0={p0} must be a probability")
        super().__init__(arl=arl, odds=odds if direction == "up" else [1 / ratio for ratio in odds])
        self.p0 = float(p0)
        self.direction: Direction = direction
        self.odds_watched = tuple(float(ratio) for ratio in odds)

    def update(
        self,
        count: int,
        n: int,
        p: float | Sequence[float] | None = None,
        *,
        cluster: float = 1.0,
    ) -> None:
        """Take the next `count` events in `n` calls.

        Args:
            count: events.
            n: calls; 0 says that nothing was seen, which is no evidence either way.
            p: null probability of this update, where it differs from `p0` (hour-of-week profile),
                or one for each ratio that is watched for (`Baseline.null`).
            cluster: how many events come together (`Baseline.cluster`): evidence counts for so much
                less. From 1 up; never breaks the guarantee (Jensen).
        """
        probability = self.p0 if p is None else p
        # A larger p is the cautious side upwards only: for `down` it would invent improvements.
        floor = PROBABILITY_FLOOR if self.direction == "up" else 0.0
        self._absorb(count, n, probability, floor, cluster)

    def compare(
        self, count: int, n: int, others: int, others_n: int, *, cluster: float = 1.0
    ) -> None:
        """Take `count` events in `n` calls, held against others made at the same time.

        For a new release beside its predecessor. Given the events of both together, those of this
        side are hypergeometric while the odds are the same, whatever the rate of the hour is: the
        factor is r^c / E[r^X], and no baseline, season or day is in it. Updates of either kind may
        follow one another.
        """
        whole, whole_others = check_counts(count, n), check_counts(others, others_n)
        expected = [_log_mean_power(whole, whole_others, ratio) for ratio in self.odds]
        self._follow(
            *whole,
            [
                (whole[0] * log(ratio) - mean) / cluster
                for ratio, mean in zip(self.odds, expected, strict=True)
            ],
        )

    def state(self) -> dict[str, Any]:
        """Everything that a later process needs to go on, as JSON-able values with a version."""
        return {
            **super().state(),
            "p0": self.p0,
            "direction": self.direction,
            "odds": list(self.odds_watched),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The detector that gave this `state()`.

        Raises:
            ValueError: the state is another detector's, a newer version's, or damaged.
        """
        check_state(state, cls, "p0", "direction", "odds")
        detector = cls(
            p0=state["p0"],
            arl=state["arl"],
            direction=state["direction"],
            odds=state["odds"],
        )
        detector.restore(state)
        return detector


def _log_mean_power(side: tuple[int, int], other: tuple[int, int], ratio: float) -> float:
    """Logarithm of E[ratio^X], X the events of one side when those of both are dealt out blindly."""
    (count, n), (others, others_n) = side, other
    events = count + others
    if not events or not n or not others_n:
        return count * log(ratio)
    x = np.arange(max(0, events - others_n), min(events, n) + 1)
    chance = -(
        gammaln(x + 1) + gammaln(n - x + 1) + gammaln(events - x + 1)
        + gammaln(others_n - events + x + 1)
    )  # fmt: skip
    return float(logsumexp(chance + x * log(ratio)) - logsumexp(chance))
