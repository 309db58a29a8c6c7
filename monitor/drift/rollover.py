"""Do dates stay behind in the old year when the calendar turns?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from monitor.drift.date_profile import DateProfile
from monitor.drift.intervals import clopper_pearson_upper
from monitor.drift.mixture import PROBABILITY_FLOOR, MixtureDetector, check_state

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date


__all__ = ["ROLLOVER_ODDS", "RolloverDetector", "past_year_probability"]

ROLLOVER_ODDS = (1.5, 3.0, 8.0, 30.0)
"""Odds ratios watched for: coarser and further than for rates, since a turn may be a landslide."""


class RolloverDetector(MixtureDetector):
    """Watch x = [year(value) < year(event)] against what the field's usual lags make of that day.

    On 2 January a last payment in the old year is nothing new; a next payment in the old year is.
    The null probability of a call on day d of the year is therefore p = P(lag < -(d-1)), taken from
    the baseline, and changes from day to day: legitimate history does not alarm, and the turn of
    the year itself does not either. It runs over single observations; see `MixtureDetector` for the
    recursion.

    When to use it: date fields anchored in the future (due dates, promises). When not: fields that
    look back, which are in the old year anyhow, so that nothing can be told in January.

    Args:
        profile: the field's usual lags.
        arl: average number of observations between false alarms that is guaranteed.
        odds: ratios of odds to watch for.

    Example: quiet through a healthy turn of the year, alarm when 5 % of the dates stay behind.

    >>> import numpy as np
    >>> from datetime import date, timedelta
    >>> from monitor.drift import DateProfile
    >>> rng = np.random.default_rng(7)
    >>> due = DateProfile.fit(rng.integers(1, 31, size=5_000))
    >>> days = [date(2023, 12, 28) + timedelta(days=i // 100) for i in range(1_000)]
    >>> healthy, faulty = RolloverDetector(due), RolloverDetector(due)
    >>> for day in days:
    ...     value = day + timedelta(days=int(rng.integers(1, 31)))
    ...     slipped = value.replace(year=2023) if rng.random() < 0.05 else value
    ...     healthy.update(value, day)
    ...     if not faulty.drift_detected:
    ...         faulty.update(slipped, day)
    >>> healthy.drift_detected, faulty.drift_detected
    (False, True)
    >>> days[faulty.updates - 1]
    datetime.date(2024, 1, 1)

    Reference:
        J. Shin, A. Ramdas, A. Rinaldo (2022), E-detectors, arXiv 2203.03532.
    """

    def __init__(
        self, profile: DateProfile, *, arl: float = 1e6, odds: Sequence[float] = ROLLOVER_ODDS
    ) -> None:
        if not all(ratio > 1 for ratio in odds):
            raise ValueError(f"odds={odds} must lie above 1")
        super().__init__(arl=arl, odds=odds)
        self.profile = profile

    def update(self, value: date, event: date) -> None:
        """Take the field's value in a call on the day `event`."""
        p = past_year_probability(self.profile, event)
        self._absorb(int(value.year < event.year), 1, p, PROBABILITY_FLOOR)

    def state(self) -> dict[str, Any]:
        """Everything that a later process needs to go on, as JSON-able values with a version."""
        return {**super().state(), "profile": self.profile.state()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The detector that gave this `state()`.

        Raises:
            ValueError: the state is another detector's, a newer version's, or damaged.
        """
        check_state(state, cls, "profile", "odds")
        profile = DateProfile.from_state(state["profile"])
        detector = cls(profile, arl=state["arl"], odds=state["odds"])
        detector.restore(state)
        return detector


def past_year_probability(profile: DateProfile, event: date) -> float:
    """Upper 95 % bound of the chance that a healthy value lies in an earlier year than the call.

    A value is in an earlier year exactly when its lag is below -(day of the year - 1). The bound,
    not the plug-in share, because a baseline that happens to hold no slip does not prove that there
    are none.

    >>> from datetime import date
    >>> from monitor.drift import DateProfile
    >>> due = DateProfile.fit([lag for lag in range(-10, 10) for _ in range(100)])
    >>> [round(past_year_probability(due, date(2024, 1, day)), 3) for day in (1, 6, 20)]
    [0.519, 0.266, 0.001]
    """
    behind = profile.count_below(-(event.timetuple().tm_yday - 1))
    return max(PROBABILITY_FLOOR, clopper_pearson_upper(behind, profile.n))
