"""Alerts: every incident is told once, and its message follows what becomes of it.

Reads `incidents`; writes an `announced` event that remembers the message, so that the next change updates it instead of
sending another. Runs every ten minutes. Sinks are Slack (OUTERLOOP_SLACK_…) and a signed webhook
(OUTERLOOP_ALERT_WEBHOOK_URL); without any the run is skipped. A sink that is down fails the run and is tried
again at the next one.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from monitor.alerts import UndeliveredError, announce, due
from monitor.incidents import incidents, tell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.jobs.job import Window
    from monitor.settings import Settings
    from monitor.store import Store


def missing(settings: Settings) -> str | None:
    """What the job lacks to run."""
    if settings.slack_token or settings.slack_webhook_url or settings.alert_webhook_url:
        return None
    return "nobody to tell; set OUTERLOOP_SLACK_TOKEN and OUTERLOOP_SLACK_CHANNEL, or another sink"


def run(store: Store, settings: Settings, window: Window) -> Mapping[str, int]:
    """Tell every sink what it does not know yet about each incident.

    Raises:
        UndeliveredError: a sink did not take its message; what others took is kept.
    """
    counts: Counter[str] = Counter()
    trouble: UndeliveredError | None = None
    for one in due(incidents(store), settings, now=window.until):
        try:
            told = announce(one, settings, now=window.until)
        except UndeliveredError as error:
            trouble, told = error, error.announcements
        if list(told) != list(one.details.announcements):
            details = one.details.model_copy(update={"announcements": told})
            tell(
                store,
                one,
                "announced",
                now=window.until,
                actor="alert job",
                via="job",
                details=details,
            )
            counts["announced"] += 1
    if trouble is not None:
        raise trouble
    return counts
