"""The alert job on a real store, against a Slack that breaks, loses answers and is away: told once, never lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from monitor.alerts.outbox import Delivery
from monitor.clock import wall_now
from monitor.incidents import Example, Incident, IncidentDetails, act, incident, incidents, tell
from monitor.jobs.job import Window, run_job
from monitor.jobs.schedule import job_named
from monitor.records import IncidentEvent, JobRun
from monitor.settings import Settings
from monitor.standins.loopback import LoopbackServer
from monitor.standins.slack import SlackStandin
from monitor.store import Store
from monitor.webhooks import verify

pytestmark = pytest.mark.integration

NOW = datetime(2024, 3, 12, 3, tzinfo=UTC)
MINUTES = timedelta(minutes=1)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def slack() -> Iterator[SlackStandin]:
    """A Slack stand-in on a free port."""
    with SlackStandin() as standin:
        yield standin


def bot(slack: SlackStandin, store_url: str, **more: Any) -> Settings:
    """Settings with a bot token for the stand-in."""
    return Settings(
        store_url=store_url, slack_token="xoxb-standin", slack_channel="#llm-alerts",
        slack_base_url=slack.base_url, **more,
    )  # fmt: skip


def opened(
    store: Store, name: str = "inc-1", severity: str = "page", at: datetime = NOW
) -> Incident:
    """An open incident in the store."""
    example = Example(trace_id="a" * 32, span_id="b" * 16, timestamp=at, value="x", why="y")
    one = Incident(
        name, "svc", f"{name} fails", severity, "unknown", "", "rate", f"check/{name}", at, at, at, None, "open",
        "job", IncidentDetails(n=100, count=5, rate=0.05, baseline=0.01, baseline_n=900, examples=[example]),
    )  # fmt: skip
    return tell(store, one, "opened", now=at, actor="job", via="job")


def run(store: Store, settings: Settings, at: datetime) -> JobRun:
    """One run of the alert job."""
    job = job_named("alert")
    assert job is not None
    return run_job(job, store, settings, Window(at - 10 * MINUTES, at))


def texts(slack: SlackStandin) -> list[str]:
    """Headlines of the channel's messages."""
    return [one["blocks"][0]["text"]["text"] for one in slack.messages]


def test_slack_away_for_an_hour_loses_and_doubles_nothing(
    slack: SlackStandin, store: Store, store_url: str
) -> None:
    """Seven runs fail and say so, an incident tells of it, and afterwards every incident is one message."""
    settings = bot(slack, store_url)
    opened(store)
    slack.workspace.broken = 10**6
    for minutes in range(0, 61, 10):
        done = run(store, settings, NOW + minutes * MINUTES)
        assert done.outcome == "failed"
        assert "slack" in done.error
        if minutes == 20:
            opened(store, "inc-2", at=NOW + 20 * MINUTES)
    trouble = next(one for one in incidents(store) if one.cause == "delivery")
    assert trouble.title == "Alerts do not reach slack"
    rows = store.read("deliveries_lately", Delivery, since=NOW - MINUTES)
    assert {row.state for row in rows} == {"sending", "failed"}
    slack.workspace.broken = 0
    for minutes in (70, 80):
        assert run(store, settings, NOW + minutes * MINUTES).outcome == "ok"
    assert sorted(texts(slack)) == ["🔴 inc-1 fails", "🔴 inc-2 fails"]
    after = incident(store, trouble.incident_id)
    assert after is not None
    assert after.state == "resolved"


def test_a_post_whose_answer_was_lost_is_found_again(
    slack: SlackStandin, store: Store, store_url: str
) -> None:
    """Slack took the message and we never heard so: the next run finds it by its key instead of posting it again."""
    settings = bot(slack, store_url)
    opened(store)
    slack.workspace.lost = 1
    assert run(store, settings, NOW).outcome == "failed"
    assert len(slack.messages) == 1
    assert run(store, settings, NOW + 10 * MINUTES).outcome == "ok"
    assert len(slack.messages) == 1
    [told] = incidents(store)[0].details.announcements
    assert told.message_id == slack.messages[0]["ts"]


def test_a_crash_between_the_post_and_its_row_posts_once(
    slack: SlackStandin, store: Store, store_url: str
) -> None:
    """What was begun and never confirmed is looked for first, also when the process that began it is gone."""
    settings = bot(slack, store_url)
    one = opened(store)
    assert run(store, settings, NOW).outcome == "ok"
    kept = [
        row
        for row in store.read("deliveries_lately", Delivery, since=NOW - MINUTES)
        if row.state == "sending"
    ]
    # a store that has just the rows that a process killed after the post has written
    store.command("TRUNCATE TABLE deliveries")
    store.command("TRUNCATE TABLE incidents")
    store.append("deliveries", kept)
    tell(store, one, "opened", now=NOW, actor="job", via="job")
    assert run(store, settings, NOW + 10 * MINUTES).outcome == "ok"
    assert len(slack.messages) == 1


def test_without_the_scope_to_read_a_lost_one_is_told_again(
    slack: SlackStandin, store: Store, store_url: str
) -> None:
    """Never lost comes before never twice, where the app may not look."""
    settings = bot(slack, store_url)
    slack.workspace.unscoped = True
    opened(store)
    slack.workspace.lost = 1
    run(store, settings, NOW)
    assert run(store, settings, NOW + 10 * MINUTES).outcome == "ok"
    assert len(slack.messages) == 2


def test_quiet_hours_hold_tickets_and_let_pages_through(
    slack: SlackStandin, store: Store, store_url: str
) -> None:
    """At night the page is told and the ticket waits for the morning, local time."""
    settings = bot(
        slack, store_url, alert_quiet_hours="22:00-07:00", alert_timezone="Europe/Berlin"
    )
    opened(store, "inc-page")
    opened(store, "inc-ticket", "ticket")
    done = run(store, settings, NOW)
    assert done.counts["held: quiet hours"] == 1
    assert texts(slack) == ["🔴 inc-page fails"]
    run(store, settings, datetime(2024, 3, 12, 5, 59, tzinfo=UTC))
    assert len(slack.messages) == 1
    run(store, settings, datetime(2024, 3, 12, 6, 1, tzinfo=UTC))
    assert texts(slack) == ["🔴 inc-page fails", "🔴 inc-ticket fails"]


def test_what_is_only_watched_comes_once_a_day_together(
    slack: SlackStandin, store: Store, store_url: str
) -> None:
    """Three watch incidents are one digest in the morning; the next day says nothing without news."""
    settings = bot(slack, store_url, alert_digest_at="08:00")
    for name in ("inc-1", "inc-2", "inc-3"):
        opened(store, name, "watch")
    run(store, settings, NOW)
    assert slack.messages == []
    morning = datetime(2024, 3, 12, 8, 0, tzinfo=UTC)
    run(store, settings, morning)
    run(store, settings, morning + 10 * MINUTES)
    assert texts(slack) == ["Worth a look, 2024-03-12: 3 watch incidents"]
    run(store, settings, morning + timedelta(days=1))
    assert len(slack.messages) == 1
    opened(store, "inc-4", "watch", at=morning + timedelta(hours=30))
    run(store, settings, morning + timedelta(days=2))
    assert texts(slack)[1:] == ["Worth a look, 2024-03-14: 4 watch incidents"]


def test_a_storm_is_told_by_the_hour_pages_first(
    slack: SlackStandin, store: Store, store_url: str
) -> None:
    """Of twelve new incidents three an hour are told, the pages before the tickets; in the end all are."""
    settings = bot(slack, store_url, alert_posts_per_hour=3)
    for number in range(8):
        opened(store, f"inc-t{number}", "ticket")
    opened(store, "inc-page")
    assert run(store, settings, NOW).counts["held: rate"] == 6
    assert texts(slack)[0] == "🔴 inc-page fails"
    run(store, settings, NOW + 30 * MINUTES)
    assert len(slack.messages) == 3
    run(store, settings, NOW + 61 * MINUTES)
    run(store, settings, NOW + 122 * MINUTES)
    assert len(set(texts(slack))) == len(slack.messages) == 9


def test_a_page_that_nobody_takes_on_is_escalated_once(
    slack: SlackStandin, store: Store, store_url: str
) -> None:
    """After the set minutes the thread says so with a mention, once; a ticket and one in hand are left alone."""
    settings = bot(slack, store_url, alert_escalate_after_minutes=30, alert_escalate_to="<!here>")
    for name, severity in (("inc-1", "page"), ("inc-2", "page"), ("inc-3", "ticket")):
        opened(store, name, severity)
    run(store, settings, NOW)
    act(store, "inc-2", "acknowledged", now=NOW + 5 * MINUTES, actor="ada", via="cli")
    for minutes in (20, 31, 41, 600):
        run(store, settings, NOW + minutes * MINUTES)
    [reply] = slack.replies
    assert reply["text"].startswith("<!here> *Still nobody's:*")
    assert "inc-1" in reply["text"]
    assert reply["broadcast"]
    assert "escalated" in [row.event for row in store.read("incident_events", IncidentEvent)]


def test_an_escalation_may_go_to_another_channel(
    slack: SlackStandin, store: Store, store_url: str
) -> None:
    """A channel instead of a mention gets a message of its own."""
    settings = bot(slack, store_url, alert_escalate_after_minutes=30, alert_escalate_to="#on-call")
    opened(store)
    run(store, settings, NOW)
    run(store, settings, NOW + 40 * MINUTES)
    assert [slack.workspace.channels[one["channel"]] for one in slack.messages] == [
        "llm-alerts",
        "on-call",
    ]


def test_the_end_is_told_in_the_thread(slack: SlackStandin, store: Store, store_url: str) -> None:
    """The message turns green in place, and its thread says so once, because a rewrite makes no sound."""
    settings = bot(slack, store_url)
    opened(store)
    run(store, settings, NOW)
    act(
        store,
        "inc-1",
        "resolved",
        now=NOW + timedelta(hours=3),
        actor="ada",
        via="cli",
        note="mended",
    )
    for minutes in (190, 200):
        run(store, settings, NOW + minutes * MINUTES)
    assert texts(slack) == ["✅ inc-1 fails"]
    [reply] = slack.replies
    assert reply["text"].startswith("✅ Resolved by ada, after 3 hours")


def test_a_snooze_that_ends_is_told_again(
    slack: SlackStandin, store: Store, store_url: str
) -> None:
    """Snoozed it is quiet; when the time is over it is open again, by itself, and its message says so."""
    settings = bot(slack, store_url)
    opened(store)
    run(store, settings, NOW)
    act(store, "inc-1", "snoozed", now=NOW, actor="ada", via="cli", until=NOW + timedelta(hours=2))
    run(store, settings, NOW + timedelta(hours=1))
    assert slack.updates == []
    run(store, settings, NOW + timedelta(hours=2))
    one = incident(store, "inc-1")
    assert one is not None
    assert (one.state, one.details.snoozed_until) == ("open", None)


def test_a_person_and_the_job_at_the_same_moment_lose_nothing(
    slack: SlackStandin, store: Store, store_url: str
) -> None:
    """What was announced by somebody who had read the incident before it was snoozed does not undo the snooze."""
    stale = opened(store)
    act(store, "inc-1", "snoozed", now=NOW, actor="ada", via="slack", until=NOW + timedelta(days=1))
    run(store, bot(slack, store_url), NOW)
    tell(store, stale, "announced", now=NOW + MINUTES, actor="alert job", via="job")
    one = incident(store, "inc-1")
    assert one is not None
    assert (one.state, one.details.snoozed_until) == ("snoozed", NOW + timedelta(days=1))


class Receiver(LoopbackServer):
    """A webhook receiver that verifies each request and keeps it."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        super().__init__(Starlette(routes=[Route("/", self._take, methods=["POST"])]))

    async def _take(self, request: Any) -> Response:
        verify(SECRET, request.headers, await request.body(), now=wall_now())
        self.got.append(await request.json())
        return Response(status_code=204)


def test_machines_are_told_the_same(store: Store, store_url: str) -> None:
    """The signed webhook hears opened, escalated, the digest and the end, each once."""
    with Receiver() as receiver:
        settings = Settings(
            store_url=store_url, alert_webhook_url=receiver.url, alert_webhook_secret=SECRET,
            alert_escalate_after_minutes=30,
        )  # fmt: skip
        opened(store)
        opened(store, "inc-w", "watch")
        for minutes in (0, 40, 320, 330):
            run(store, settings, NOW + minutes * MINUTES)
        act(store, "inc-1", "resolved", now=NOW + 340 * MINUTES, actor="ada", via="cli")
        run(store, settings, NOW + 350 * MINUTES)
    assert [one["type"] for one in receiver.got] == [
        "incident.opened", "incident.escalated", "incidents.digest", "incident.resolved",
    ]  # fmt: skip
    assert receiver.got[2]["data"]["incidents"][0]["incident"] == "inc-w"
