"""Adds up how surprising window after window is, within a promised run length."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, Any, Self

from monitor.drift.mixture import MixtureDetector, check_state
from monitor.drift.tail import e_value_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SurpriseDetector"]

_HEADROOM = 1e6
NOTABLE = 0.05


class SurpriseDetector(MixtureDetector):
    """Shiryaev-Roberts over p-values of windows: M <- (1 + M) e, with e = 1 / (2 sqrt p).

    When to use it: detectors that look at a window at a time. When not: p-values that are not
    valid given the windows before, as of windows that overlap.

    Args:
        arl: average number of windows between false alarms that is guaranteed.

    >>> import numpy as np
    >>> rng = np.random.default_rng(7)
    >>> detector = SurpriseDetector(arl=1_000)
    >>> for p_value in [*rng.uniform(0.001, 1, 200), 1e-3, 1e-4, 1e-4]:
    ...     detector.update(p_value)
    >>> detector.drift_detected, 180 < detector.change_index <= 200
    (True, True)

    References:
        J. Shin, A. Ramdas, A. Rinaldo (2022), E-detectors, arXiv 2203.03532.
        V. Vovk, R. Wang (2021), E-values: calibration, combination and applications.
    """

    def __init__(self, *, arl: float) -> None:
        super().__init__(arl=arl, odds=(2.0,))

    def update(self, p_value: float) -> None:
        """Take the next window's p-value."""
        path = self._paths[0]
        if path.cusum <= 0:
            path.start, path.count, path.n = self.updates, 0, 0
        event = int(p_value <= NOTABLE)
        self.count, self.n = self.count + event, self.n + 1
        path.count, path.n = path.count + event, path.n + 1
        path.follow(log(e_value_of(p_value)), log(self.arl) + log(_HEADROOM))
        self.updates += 1

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The detector that gave this `state()`.

        Raises:
            ValueError: the state is another detector's, a newer version's, or damaged.
        """
        check_state(state, cls)
        detector = cls(arl=state["arl"])
        detector.restore(state)
        return detector
