"""The generic sink: the incident's facts as JSON, in a signed webhook, for any receiver.

Each thing to tell is a message of its own (`incident.opened`, `.grown`, `.acknowledged`,
`.resolved`, `.reopened`), whose id comes from what it says: told again, it carries the same id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.alerts.message import call_url, incident_url
from monitor.clock import rfc3339
from monitor.exceptions import ConfigurationError
from monitor.incidents import Announcement
from monitor.webhooks import deliver

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from monitor.alerts.policy import Telling
    from monitor.incidents import Incident
    from monitor.settings import Settings

__all__ = ["facts", "say", "tell"]


def tell(
    incident: Incident, settings: Settings, telling: Telling, *, fingerprint: str, wall: datetime
) -> Announcement:
    """Deliver one signed alert; `wall` is real time, which the signature needs.

    Raises:
        DeliveryError: the receiver was not reached or did not answer 2xx.
        ConfigurationError: there is an address but no secret.
    """
    message_id = f"{incident.incident_id}.{fingerprint.replace(':', '.')}"
    payload = {
        "type": f"incident.{telling.kind}",
        "timestamp": rfc3339(incident.updated_at),
        "data": facts(incident, dashboard_url=settings.dashboard_url),
    }
    return _send(payload, settings, message_id, sink=telling.sink, wall=wall)


def _send(
    payload: dict[str, Any], settings: Settings, message_id: str, *, sink: str, wall: datetime
) -> Announcement:
    if settings.alert_webhook_url is None or settings.alert_webhook_secret is None:
        raise ConfigurationError(
            "OUTERLOOP_ALERT_WEBHOOK_SECRET is missing; set the secret that the receiver verifies"
            ' with, e.g. echo "whsec_$(openssl rand -base64 24)"'
        )
    secret = settings.alert_webhook_secret.get_secret_value()
    deliver(settings.alert_webhook_url, secret, message_id, payload, now=wall)
    return Announcement(sink=sink, message_id=message_id)


def say(
    about: Sequence[Incident],
    settings: Settings,
    *,
    kind: str,
    key: str,
    at: datetime,
    wall: datetime,
) -> Announcement:
    """Deliver what is said beside an incident's own life: `incident.escalated`, `incidents.digest`.

    Raises:
        DeliveryError: the receiver was not reached or did not answer 2xx.
        ConfigurationError: there is an address but no secret.
    """
    many = [facts(one, dashboard_url=settings.dashboard_url) for one in about]
    payload = {
        "type": "incidents.digest" if kind == "digest" else f"incident.{kind}",
        "timestamp": rfc3339(at),
        "data": {"incidents": many} if kind == "digest" else many[0],
    }
    return _send(payload, settings, key, sink="webhook", wall=wall)


def facts(incident: Incident, *, dashboard_url: str) -> dict[str, Any]:
    """Everything that is known about an incident, as JSON-ready values with links."""
    details = incident.details.model_dump(mode="json", exclude={"announcements", "summary"})
    for example in details["examples"]:
        example["url"] = call_url(dashboard_url, example["trace_id"], example["span_id"])
    ended = incident.resolved_at
    return {
        "incident": incident.incident_id,
        "url": incident_url(dashboard_url, incident.incident_id),
        "service": incident.service,
        "title": incident.title,
        "summary": incident.details.summary,
        "severity": incident.severity,
        "state": incident.state,
        "cause": incident.cause,
        "field": incident.field,
        "detector": incident.detector,
        "series": incident.series,
        "started_at": rfc3339(incident.started_at),
        "opened_at": rfc3339(incident.opened_at),
        "resolved_at": rfc3339(ended) if ended else None,
        "actor": incident.actor,
        **details,
    }
