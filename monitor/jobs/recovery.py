"""Whether an incident is over by itself: its own series against its own baseline, since its cure or its opening.

Once a retrain of the incident is promoted, only calls that the promoted release has answered count, from the promotion
on; before that, and after a rollback, the series as a whole. The detector may be looked at after every hour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.drift import (
    PROBABILITY_FLOOR,
    clopper_pearson,
    clopper_pearson_upper,
    recovered,
    recovery_detector,
)
from monitor.retrain.watch import own_hours

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.incidents import Incident
    from monitor.retrain.watch import Promotion, Watch
    from monitor.store import Store

__all__ = ["recovery"]


def recovery(store: Store, one: Incident, watch: Watch) -> str:
    """The sentence that says that its own series has statistically come back; '' if not."""
    told = one.details
    bound = max(
        PROBABILITY_FLOOR,
        clopper_pearson_upper(round(told.baseline * told.baseline_n), told.baseline_n),
    )
    if told.rate <= bound:
        return ""
    promotion = watch.promotion(one)
    detector = recovery_detector(bound, told.rate)
    for count, n in _windows(store, one, promotion, watch):
        detector.update(count, n)
    if not recovered(detector, bound):
        return ""
    if promotion is not None:
        watched = watch.promoted(one)
        if watched is not None and watched.regressed:
            return ""  # what it cured is back, and something else is worse
    count, n = detector.count_since_change, detector.n_since_change
    back = clopper_pearson(count, n)
    interval = f"{100 * back.low:.2f} to {100 * back.high:.2f} %"
    whose = f" of {promotion.release}" if promotion else ""
    return f"The rate is back: {count} of the last {n} calls{whose} ({interval})."


def _windows(
    store: Store, one: Incident, promotion: Promotion | None, watch: Watch
) -> list[tuple[int, int]]:
    """(faults, looks) in order of time, of what may show that it is over."""
    since = max(one.opened_at, one.reopened_at or one.opened_at)
    if promotion is not None:
        hours = own_hours(store, one, promotion, watch.now)
        if hours is not None:
            first = since.timestamp() // 3600 if since > promotion.at else 0
            return [counted for hour, counted in hours.items() if hour >= first]
        since = max(since, promotion.at)
        if not _answers(store, one, promotion, watch.now):
            return []
    back = [
        step.timestamp
        for cure in watch.retrains(one.service)
        if cure.incident_id == one.incident_id and cure.state == "rolled_back"
        for step in cure.history
        if step.event == "rolled_back"
    ]
    since = max([since, *back])
    series = {"detector": one.detector, "series": one.series, "service": one.service}
    return [
        (int(count), int(n))
        for _, count, n, start in store.rows("windows_of_series", since=since, **series)
        if promotion is None or start >= promotion.at
    ]


def _answers(store: Store, one: Incident, promotion: Promotion, now: datetime) -> bool:
    """Whether the promoted release answers at all."""
    period: dict[str, Any] = {"service": one.service, "since": promotion.at, "until": now}
    return bool(store.rows("release_errors", releases=[promotion.release], **period))
