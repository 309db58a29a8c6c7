"""Alerts: where they go, when, and how many."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, SecretStr

from monitor.settings.kinds import Url, Zone

__all__ = ["Alerting"]


class Alerting(BaseModel):
    """The alert webhook, quiet hours, digest, escalation, and how often anybody may be woken for nothing."""

    alert_webhook_url: Url = Field(
        None, description="generic alert sink", examples=["https://ops.example/alerts"]
    )
    alert_webhook_secret: SecretStr | None = Field(
        None,
        description="Standard Webhooks secret shared with it; several while one is replaced",
        examples=["whsec_…"],
    )
    alert_timezone: Zone = Field(
        "UTC",
        description="zone of the quiet hours and of the digest, an IANA name",
        examples=["Europe/Berlin"],
    )
    alert_quiet_hours: str = Field(
        "",
        pattern=r"^$|^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$",
        description="hours in which pages alone are told; the rest waits until they are over; none when not set",
        examples=["22:00-07:00"],
    )
    alert_digest_at: str = Field(
        "08:00",
        pattern=r"^([01]\d|2[0-3]):[0-5]\d$",
        description="when the day's watch incidents are told, together",
        examples=["08:00"],
    )
    alert_posts_per_hour: Annotated[int, Field(ge=1)] = Field(
        20,
        description="new incidents that one sink is told in an hour at most, pages first; the others follow",
        examples=[20],
    )
    alert_escalate_after_minutes: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description="a page that nobody has acknowledged for so long is told once more; never when not set",
        examples=[30],
    )
    alert_escalate_to: str = Field(
        "<!here>",
        description="to whom then: mentions for the incident's thread (`<!here>`, `<@U…>`, `<!subteam^S…>`),"
        " or another channel",
        examples=["#on-call"],
    )
    false_alerts_per_week: Annotated[float, Field(gt=0, le=100)] = Field(
        0.5,
        description="false alarms a week that may wake somebody, over all watched series of the deployment together;"
        " what is only noted (improved, or watch closely) has ten times as many",
        examples=[0.1],
    )
