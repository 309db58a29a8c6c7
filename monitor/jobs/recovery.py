"""Whether an incident is over by itself: its own series against its own baseline, since it was opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.drift import (
    PROBABILITY_FLOOR,
    clopper_pearson,
    clopper_pearson_upper,
    recovered,
    recovery_detector,
)

if TYPE_CHECKING:
    from monitor.incidents import Incident
    from monitor.store import Store

__all__ = ["recovery"]


def recovery(store: Store, one: Incident) -> str:
    """The sentence that says that its own series has statistically come back since it was opened; '' if not."""
    told = one.details
    bound = max(
        PROBABILITY_FLOOR,
        clopper_pearson_upper(round(told.baseline * told.baseline_n), told.baseline_n),
    )
    if told.rate <= bound:
        return ""
    detector = recovery_detector(bound, told.rate)
    series = {"detector": one.detector, "series": one.series, "service": one.service}
    for _, count, n in store.rows("windows_of_series", since=one.opened_at, **series):
        detector.update(count, n)
    if not recovered(detector, bound):
        return ""
    count, n = detector.count_since_change, detector.n_since_change
    back = clopper_pearson(count, n)
    interval = f"{100 * back.low:.2f} to {100 * back.high:.2f} %"
    return f"The rate is back: {count} of the last {n} calls ({interval})."
