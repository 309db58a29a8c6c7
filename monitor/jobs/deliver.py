"""Deliver: what the retrain loop owes the outside is told again until it is taken, and the release pointer kept right.

Reads `retrains`, `deliveries`; writes `deliveries`, and into `retrains` what became of it (delivered, undelivered,
lapsed, announced). Runs every minute. A request to the fine-tune job or the word of a promotion that nobody takes for
72 hours is a dead letter, and so is a job that has fallen silent: each an incident, until somebody asks again, or ends
the retrain. A pointer file that is behind the latest decision, after a crash or a full disk, is written. Nothing is
sent without OUTERLOOP_RETRAIN_WEBHOOK_URL or OUTERLOOP_ALERT_WEBHOOK_URL.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from monitor.deliveries import REMEMBERED
from monitor.jobs.trouble import Trouble, settle
from monitor.retrain.callbacks import lapse
from monitor.retrain.delivery import ACTOR, deliver_due
from monitor.retrain.promotion import repoint
from monitor.retrain.state import retrains

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from monitor.jobs.job import Window
    from monitor.retrain.state import Retrain
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = ["DETECTOR", "dead_letters", "run"]

DETECTOR = "deliver"


def run(store: Store, settings: Settings, window: Window) -> Mapping[str, int]:
    """Tell what is due, give up what is not heard of, and make incidents of it."""
    now = window.until
    counts = Counter(deliver_due(store, settings, now))
    for one in retrains(store):
        after = lapse(store, settings, one, now=now, actor=ACTOR)
        counts["lapsed"] += after.standing != one.standing
    counts["pointers"] += repoint(store, settings, now)
    found = [trouble for one in retrains(store) for trouble in dead_letters(one, now)]
    told = settle(store, found, detector=DETECTOR, now=now, over=lambda _: "It is settled.")
    counts.update({f"incidents {name}": count for name, count in told.items()})
    return {name: count for name, count in counts.items() if count}


def dead_letters(one: Retrain, now: datetime) -> Iterator[Trouble]:
    """What nobody took, or nobody was heard of, about one retrain, as far as it still matters."""
    given_up = one.last("lapsed")
    if given_up is not None and one.standing == "lapsed":
        yield Trouble(
            kind=f"retrain {one.retrain_id}",
            service=one.service,
            title=f"Retrain {one.retrain_id} of {one.service} got stuck at the fine-tune job",
            summary=given_up.note,
            advice=f"See to the job, then `outerloop retrain redeliver {one.retrain_id}`;"
            f" or end it with `outerloop retrain reject {one.retrain_id}`.",
            severity="ticket",
            cause="delivery",
            started_at=given_up.timestamp,
        )
    told = {step.details.get("announced") for step in one.history}
    for step in one.history:
        kind = step.details.get("dead")
        if step.event != "announcement_failed" or kind is None or kind in told:
            continue
        if now - step.timestamp < REMEMBERED:
            yield Trouble(
                kind=f"{kind} {one.retrain_id}",
                service=one.service,
                title=f"{kind} of {one.service} was not told",
                summary=step.note,
                advice="The pointer file is right; see to the alert webhook, then"
                f" `outerloop retrain redeliver {one.retrain_id}`.",
                severity="ticket",
                cause="delivery",
                started_at=step.timestamp,
            )
