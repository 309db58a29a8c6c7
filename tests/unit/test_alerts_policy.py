"""Alert policy: one incident is one message, told again only where it changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from monitor.alerts.policy import due, shown, telling
from monitor.incidents import Announcement, Incident, IncidentDetails

NOW = datetime(2024, 1, 1, 3, tzinfo=UTC)


def incident(
    state: str = "open", told: str | None = None, sink: str = "slack", **details: object
) -> Incident:
    """An incident in a state; `told` is what `sink` was shown last."""
    before = [] if told is None else [Announcement(sink=sink, shown=told)]
    return Incident(
        incident_id="i", service="s", title="t", severity="page", cause="calendar", field="f",
        detector="d", series="x", started_at=NOW, opened_at=NOW, updated_at=NOW, resolved_at=None,
        state=state, actor="job", details=IncidentDetails(announcements=before, **details),
    )  # fmt: skip


def known(one: Incident, sink: str = "slack") -> Incident:
    """The same incident once `sink` was told."""
    told = Announcement(sink=sink, channel="C1", message_id="1.0", shown=shown(one, now=NOW))
    return replace(one, details=one.details.model_copy(update={"announcements": [told]}))


def kind(one: Incident, sink: str = "slack", now: datetime = NOW) -> str | None:
    """What kind of thing is due to the sink."""
    found = telling(one, sink, now=now)
    return found.kind if found else None


def test_a_new_incident_is_told_once():
    """Not told yet: opened. Told: nothing more, however often the job runs."""
    assert kind(incident()) == "opened"
    assert kind(known(incident())) is None


def test_every_change_is_told_as_what_it_is():
    """Growth, acknowledgement, the end and the return each have their own kind."""
    told = known(incident(n=10))
    grown = replace(told, details=told.details.model_copy(update={"n": 20}))
    assert kind(grown) == "grown"
    assert kind(replace(told, state="acknowledged", actor="ada")) == "acknowledged"
    assert kind(replace(told, state="resolved", resolved_at=NOW)) == "resolved"
    ended = known(replace(told, state="resolved", resolved_at=NOW))
    assert kind(replace(ended, state="open", resolved_at=None)) == "reopened"


def test_being_told_is_not_news():
    """The announcements themselves, who changed it last and when, do not make it due again."""
    told = known(incident())
    later = replace(told, updated_at=NOW + timedelta(hours=1), actor="alert job")
    assert kind(later) is None
    more = [*told.details.announcements, Announcement(sink="webhook")]
    assert (
        kind(replace(told, details=told.details.model_copy(update={"announcements": more}))) is None
    )


def test_a_snooze_holds_everything_until_it_ends():
    """While it is snoozed nobody is told; afterwards whoever does not know yet is."""
    until = NOW + timedelta(hours=1)
    snoozed = incident("snoozed", snoozed_until=until)
    assert kind(snoozed) is None
    assert kind(snoozed, now=until) == "opened"
    assert kind(incident("snoozed")) is None


def test_what_is_in_hand_or_over_before_the_first_telling_is_not_announced():
    """Nobody is woken for an incident that was taken on or closed before anybody was told."""
    assert kind(incident("acknowledged")) is None
    assert kind(incident("resolved")) is None


def test_an_incoming_webhook_hears_the_beginning_and_the_end_only():
    """It cannot update, so growth would be a second message about one incident."""
    told = known(incident(n=10), "slack_webhook")
    grown = replace(told, details=told.details.model_copy(update={"n": 20}))
    assert kind(grown, "slack_webhook") is None
    assert kind(replace(grown, state="acknowledged"), "slack_webhook") is None
    assert kind(replace(grown, state="resolved", resolved_at=NOW), "slack_webhook") == "resolved"


def test_each_sink_is_asked_for_itself():
    """An incident is due while one sink lacks something, and no longer."""
    told = known(incident())
    assert due([told], ["slack"], now=NOW) == []
    assert due([told, incident()], ["slack", "webhook"], now=NOW) == [told, incident()]
    assert due([incident()], [], now=NOW) == []
