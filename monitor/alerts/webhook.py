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
    from datetime import datetime

    from monitor.alerts.policy import Telling
    from monitor.incidents import Incident
    from monitor.settings import Settings

__all__ = ["facts", "tell"]


def tell(
    incident: Incident, settings: Settings, telling: Telling, *, fingerprint: str, wall: datetime
) -> Announcement:
    """Deliver one signed alert; `wall` is real time, which the signature needs.

    Raises:
        DeliveryError: the receiver was not reached or did not answer 2xx.
        ConfigurationError: there is an address but no secret.
    """
    if settings.alert_webhook_url is None or settings.alert_webhook_secret is None:
        raise ConfigurationError(
            "OUTERLOOP_ALERT_WEBHOOK_SECRET is missing; set the secret that the receiver verifies"
            ' with, e.g. echo "whsec_$(openssl rand -base64 24)"'
        )
    message_id = f"{incident.incident_id}.{fingerprint.replace(':', '.')}"
    payload = {
        "type": f"incident.{telling.kind}",
        "timestamp": rfc3339(incident.updated_at),
        "data": facts(incident, dashboard_url=settings.dashboard_url),
    }
    secret = settings.alert_webhook_secret.get_secret_value()
    deliver(settings.alert_webhook_url, secret, message_id, payload, now=wall)
    return Announcement(sink=telling.sink, message_id=message_id)


def facts(incident: Incident, *, dashboard_url: str) -> dict[str, Any]:
    """Everything that is known about an incident, as JSON-ready values with links."""
    details = incident.details.model_dump(mode="json", exclude={"announcements", "summary"})
    for example in details["examples"]:
        example["url"] = call_url(dashboard_url, example["trace_id"])
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
