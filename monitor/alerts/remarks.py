"""What is said beside an incident's own message: that nobody took it on, that it ended, and the day's digest. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.alerts.figures import span, when
from monitor.alerts.message import SlackMessage, incident_url
from monitor.alerts.mrkdwn import escape, header, join, link, plain, section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.incidents import Incident
    from monitor.settings import Settings

__all__ = ["digest_message", "escalation", "notice"]


def escalation(incident: Incident, settings: Settings, note: str) -> SlackMessage:
    """What is said when nobody has taken a page on: to whom, what, since when."""
    to = settings.alert_escalate_to
    mention = f"{to} " if to.startswith("<") else ""
    url = incident_url(settings.dashboard_url, incident.incident_id)
    said = (
        f"{mention}*Still nobody's:* {link(url, plain(incident.title, 200))}. {escape(note, 500)}"
    )
    return SlackMessage(said, (section(said),))


def notice(incident: Incident) -> SlackMessage:
    """What is said in the thread when an incident ends: a rewritten message makes no sound."""
    lasted = span((incident.resolved_at or incident.updated_at) - incident.started_at)
    said = f"✅ Resolved by {escape(incident.actor, 80)}, after {lasted}: {escape(incident.title, 300)}"
    return SlackMessage(said, (section(said),))


def digest_message(watched: Sequence[Incident], dashboard_url: str, day: str) -> SlackMessage:
    """The day's watch incidents in one message: a look is enough, nobody was woken for them."""
    lines = [
        f"• {link(incident_url(dashboard_url, one.incident_id), plain(one.title, 150))}"
        f" since {when(one.started_at)}"
        for one in watched
    ]
    head = f"Worth a look, {day}: {len(watched)} watch incident{'' if len(watched) == 1 else 's'}"
    return SlackMessage(head, (header(head), section(join(lines))))
