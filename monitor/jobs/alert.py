"""Alerts: every incident is told once, and its message follows what becomes of it.

Reads `incidents`, `retrains`, `deliveries`; writes `deliveries` (every attempt), an `announced` event that remembers
the message, so that the next change updates it instead of sending another, `escalated`, and an incident about a sink
that has taken nothing for half an hour. Runs every ten minutes. Sinks are Slack (OUTERLOOP_SLACK_…) and a signed
webhook (OUTERLOOP_ALERT_WEBHOOK_URL); without any the run is skipped. Pages are told at once, tickets outside the quiet
hours, watch incidents once a day together. A sink that is down fails the run and is tried again at the next one.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from monitor.alerts import UndeliveredError, sinks
from monitor.alerts.decision import decisions
from monitor.alerts.outbox import ACTOR, Outbox, failing_since
from monitor.alerts.policy import DELIVERY
from monitor.incidents import incidents, wake
from monitor.jobs.trouble import Trouble, settle, when

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from monitor.jobs.job import Window
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = ["missing", "run"]

PATIENCE = timedelta(minutes=30)
"""A sink that takes nothing for so long is an incident of its own."""


def missing(settings: Settings) -> str | None:
    """What the job lacks to run."""
    if sinks(settings):
        return None
    return "nobody to tell; set OUTERLOOP_SLACK_TOKEN and OUTERLOOP_SLACK_CHANNEL, or another sink"


def run(store: Store, settings: Settings, window: Window) -> Mapping[str, int]:
    """Tell every sink what it does not know yet about each incident.

    Raises:
        UndeliveredError: a sink did not take its message; what others took is kept.
    """
    now = window.until
    wake(store, now=now, actor=ACTOR)
    outbox = Outbox(store, settings, now)
    outbox.run(incidents(store), decisions(store, settings))
    silent = list(_silent(store, settings, now))
    told = settle(
        store, silent, detector=DELIVERY, now=now, over=lambda _: "It takes messages again."
    )
    outbox.counts.update({f"sinks {name}": count for name, count in told.items() if count})
    if outbox.troubles:
        said = "; ".join(f"{sink}: {trouble}" for sink, trouble in outbox.troubles.items())
        raise UndeliveredError(said, [])
    return dict(outbox.counts)


def _silent(store: Store, settings: Settings, now: datetime) -> Iterator[Trouble]:
    for sink in sinks(settings):
        failing = failing_since(store, sink, now=now)
        if failing is None or now - failing[0] < PATIENCE:
            continue
        began, many, said = failing
        yield Trouble(
            kind=DELIVERY,
            service=sink,
            title=f"Alerts do not reach {sink}",
            summary=f"{sink} has taken nothing since {when(began, now)}: {many} attempts failed. {said}",
            advice="`outerloop doctor` tries the connection. What is due is kept and told once it is back.",
            severity="page",
            cause="delivery",
            started_at=began,
            size=many,
        )
