"""Telling people and machines about incidents: policy decides, sinks deliver, messages are pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.alerts import policy, slack, webhook
from monitor.clock import wall_now
from monitor.exceptions import ConfigurationError, DeliveryError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from monitor.alerts.decision import Decision
    from monitor.incidents import Announcement, Incident
    from monitor.settings import Settings

__all__ = ["UndeliveredError", "announce", "due", "sinks", "tell_sink"]


class UndeliveredError(DeliveryError):
    """Some sinks were not told; keep `announcements`, and the next run tries only the others."""

    def __init__(self, message: str, announcements: list[Announcement]) -> None:
        super().__init__(message)
        self.announcements = announcements
        """What every sink was told last, this run's successes included."""


def sinks(settings: Settings) -> tuple[str, ...]:
    """Names of the sinks that are set: `slack` or `slack_webhook`, and `webhook`.

    The bot token wins over the incoming webhook, because only a bot can update its message.
    """
    names = []
    if settings.slack_token is not None:
        names.append("slack")
    elif settings.slack_webhook_url is not None:
        names.append("slack_webhook")
    if settings.alert_webhook_url is not None:
        names.append("webhook")
    return tuple(names)


def due(incidents: Iterable[Incident], settings: Settings, *, now: datetime) -> list[Incident]:
    """The incidents about which some configured sink has to be told something now."""
    return policy.due(incidents, sinks(settings), now=now)


def announce(
    incident: Incident, settings: Settings, *, now: datetime, wall: datetime | None = None
) -> list[Announcement]:
    """Tell every configured sink at once what it does not know yet about `incident`, whatever hour it is.

    One sink's failure does not keep the others from being told. The alert job tells by the rules instead
    (`monitor.alerts.outbox`): quiet hours, digest, rate.

    Args:
        incident: as it stands now, with what was announced before.
        settings: which sinks there are.
        now: product time, against which a snooze is held.
        wall: real time for signatures; the clock's, unless given.

    Returns:
        What every sink was told last; keep it in `IncidentDetails.announcements`. It equals what is
        there already when nothing was due.

    Raises:
        UndeliveredError: a sink failed; carries the announcements that did succeed.
    """
    told = {one.sink: one for one in incident.details.announcements}
    failures = []
    for name in sinks(settings):
        telling = policy.telling(incident, name, now=now)
        if telling is None:
            continue
        try:
            told[name] = tell_sink(incident, settings, telling, now=now, wall=wall)
        except (DeliveryError, ConfigurationError) as error:
            failures.append(f"{name}: {error}")
    if failures:
        raise UndeliveredError("; ".join(failures), list(told.values()))
    return list(told.values())


def tell_sink(
    incident: Incident,
    settings: Settings,
    telling: policy.Telling,
    *,
    now: datetime,
    wall: datetime | None = None,
    unsure: bool = False,
    decision: Decision | None = None,
) -> Announcement:
    """Tell one sink one thing.

    Args:
        incident: as it stands now.
        settings: the sink's.
        telling: what, and what was told before.
        now: product time.
        wall: real time for signatures; the clock's, unless given.
        unsure: an earlier attempt may have arrived.
        decision: what there is to say about its retrain, and to decide.

    Raises:
        DeliveryError: the sink did not take it.
        ConfigurationError: a setting of it is missing.
    """
    fingerprint = policy.shown(incident, now=now, decision=decision)
    if telling.sink == "slack":
        told = slack.tell_bot(incident, settings, telling, unsure=unsure, decision=decision)
    elif telling.sink == "slack_webhook":
        told = slack.tell_webhook(incident, settings, telling, decision=decision)
    else:
        told = webhook.tell(
            incident, settings, telling, fingerprint=fingerprint, wall=wall or wall_now()
        )
    return told.model_copy(update={"shown": fingerprint})
