"""Alert policy: one incident is one message, told again only where it changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from monitor.alerts.policy import (
    Rules,
    Telling,
    digest_moment,
    due,
    escalates,
    held,
    quiet,
    shown,
    telling,
)
from monitor.incidents import Announcement, Incident, IncidentDetails
from monitor.settings import Settings

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


def rules(**changes: object) -> Rules:
    """Rules of Berlin with quiet nights."""
    given = Settings(
        alert_quiet_hours="22:00-07:00", alert_timezone="Europe/Berlin", alert_digest_at="08:00"
    )
    return replace(Rules.of(given), **changes)


def test_quiet_hours_go_over_midnight_in_their_own_zone():
    """22:00 to 07:00 in Berlin is 21:00 to 06:00 UTC in winter and an hour earlier in summer."""
    for month, shift in ((1, 1), (7, 2)):
        for hour, is_quiet in (
            (21, False),
            (22, True),
            (3, True),
            (6, True),
            (7, False),
            (12, False),
        ):
            at = datetime(2024, month, 10, hour, tzinfo=UTC) - timedelta(hours=shift)
            assert quiet(rules(), at) is is_quiet
    assert not quiet(rules(quiet=None), NOW)


def test_what_waits_and_why():
    """Watch for the digest, tickets for the morning, the many for the rate; a change of a message for nothing."""
    new, change = (
        Telling("slack", "opened", None),
        Telling("slack", "grown", Announcement(sink="slack")),
    )
    night, day = NOW, NOW + timedelta(hours=9)
    page, ticket = incident(), replace(incident(), severity="ticket")

    def why(one: Incident, what: Telling = new, at: datetime = day, posted: int = 0) -> str:
        return held(one, what, rules(), now=at, posted_last_hour=posted)

    assert why(page, at=night) == ""
    assert why(ticket, at=night) == "quiet hours"
    assert why(ticket) == ""
    assert why(replace(page, severity="watch")) == "digest"
    assert why(page, posted=20) == "rate"
    assert why(page, change, posted=20) == ""


def test_a_digest_is_due_from_its_moment_on():
    """Before eight it is yesterday's, from eight on today's."""
    at = datetime(2024, 1, 10, 6, 59, tzinfo=UTC)
    assert digest_moment(rules(), at) == datetime(2024, 1, 9, 7, tzinfo=UTC)
    assert digest_moment(rules(), at + timedelta(minutes=1)) == datetime(2024, 1, 10, 7, tzinfo=UTC)


def test_only_a_page_in_nobodys_hands_escalates():
    """After the patience is over, and never without one."""
    patient = rules(escalate_after=timedelta(minutes=30))
    later = NOW + timedelta(minutes=30)
    assert escalates(incident(), patient, told_at=NOW, now=later)
    assert not escalates(incident(), patient, told_at=NOW, now=later - timedelta(seconds=1))
    assert not escalates(incident(), rules(), told_at=NOW, now=later)
    assert not escalates(incident("acknowledged"), patient, told_at=NOW, now=later)
    assert not escalates(replace(incident(), severity="ticket"), patient, told_at=NOW, now=later)


def test_a_sink_is_not_told_that_it_cannot_be_told():
    """The incident about a silent Slack goes to every sink but Slack."""
    one = replace(incident(), detector="delivery", series="delivery/slack")
    assert kind(one) is None
    assert kind(one, "webhook") == "opened"


@pytest.mark.parametrize(
    ("name", "value"),
    [("alert_quiet_hours", "22-7"), ("alert_quiet_hours", "25:00-07:00"), ("alert_timezone", "Mars/Olympus"),
     ("alert_digest_at", "8"), ("alert_posts_per_hour", "0"), ("alert_escalate_after_minutes", "0")],
)  # fmt: skip
def test_wrong_rules_are_refused_at_the_start(name: str, value: str):
    """A wrong hour, zone or number never becomes a setting."""
    with pytest.raises(ValidationError):
        Settings(**{name: value})
