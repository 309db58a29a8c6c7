"""The dead-man check on a real store: who has gone silent against the habit of the week, and who has not."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from silent_traffic import (
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    WEEK,
    Booked,
    always,
    office,
    seldom,
    send,
    weekly,
)

from monitor.alerts.message import incident_blocks
from monitor.incidents import incidents, tell
from monitor.jobs.job import Window, run_job
from monitor.jobs.schedule import job_named
from monitor.records import JobRun
from monitor.settings import Settings, load_settings
from monitor.standins.blockkit import problems
from monitor.store import Store

pytestmark = pytest.mark.integration
WEDNESDAY_NOON = MONDAY + 4 * WEEK + 2 * DAY + 12 * HOUR


@pytest.fixture
def settings(store_url: str, tmp_path: Path) -> Settings:
    """Settings of the fresh database."""
    return load_settings(store_url=store_url, data_dir=tmp_path / "data")


def look(store: Store, settings: Settings, now: datetime) -> JobRun:
    """One run of the silence job and of the incident job, which must leave its incidents alone."""
    runs = []
    for name in ("silence", "incident"):
        job = job_named(name)
        assert job is not None
        runs.append(run_job(job, store, settings, Window(now - HOUR, now)))
        assert runs[-1].outcome == "ok", runs[-1].error
    return runs[0]


def watch(store: Store, settings: Settings, since: datetime, until: datetime) -> None:
    """Looks, one an hour."""
    while since < until:
        look(store, settings, since)
        since += HOUR


def test_a_service_that_stops_is_told_with_what_is_usual_and_ends_by_itself(
    store: Store, settings: Settings
) -> None:
    """Two hours after its last call one incident says who, since when and what is usual; it ends with the traffic."""
    send(store, "loan-extractor", office, until=WEDNESDAY_NOON)
    send(store, "other", always, until=WEDNESDAY_NOON + 2 * DAY, seed=2)
    look(store, settings, WEDNESDAY_NOON)
    assert incidents(store) == []
    look(store, settings, WEDNESDAY_NOON + 2 * HOUR)
    [one] = incidents(store)
    assert (one.service, one.severity, one.cause, one.state) == (
        "loan-extractor",
        "page",
        "silence",
        "open",
    )
    assert one.title.startswith("Service loan-extractor has sent nothing since 11:")
    assert "at this hour it usually sends" in one.title
    assert WEDNESDAY_NOON - 10 * MINUTE < one.started_at < WEDNESDAY_NOON
    message = incident_blocks(one, dashboard_url="http://127.0.0.1:8501")
    assert not problems(list(message.blocks))
    look(store, settings, WEDNESDAY_NOON + 2 * HOUR + 10 * MINUTE)
    assert [one.state for one in incidents(store)] == ["open"]

    back = WEDNESDAY_NOON + DAY - 2 * HOUR
    send(store, "loan-extractor", office, since=back, until=back + 4 * HOUR, seed=3)
    look(store, settings, back + 3 * HOUR)
    [one] = incidents(store)
    assert (one.state, one.actor) == ("resolved", "silence job")
    look(store, settings, back + 4 * HOUR)
    assert len(incidents(store)) == 1


def test_nights_weekends_and_the_time_between_batches_are_no_silence(
    store: Store, settings: Settings
) -> None:
    """A week of looks at an office service, a weekly batch and one that never stops: no incident."""
    end = MONDAY + 5 * WEEK
    for seed, (name, rate) in enumerate({"o": office, "w": weekly, "a": always}.items()):
        send(store, name, rate, until=end, seed=seed)
    now = end - WEEK + 3 * HOUR
    while now < end:
        done = look(store, settings, now)
        assert done.counts["habits"] == 3
        now += timedelta(hours=5)
    assert incidents(store) == []


def test_a_batch_that_does_not_come_is_told(store: Store, settings: Settings) -> None:
    """Within two hours of the hour in which it always ran."""
    start = MONDAY + 4 * WEEK
    send(store, "batch", weekly, until=start)
    send(store, "other", always, until=start + 3 * DAY, seed=2)
    look(store, settings, start + 26 * HOUR)
    assert incidents(store) == []
    look(store, settings, start + 28 * HOUR + 30 * MINUTE)
    [one] = incidents(store)
    assert one.service == "batch"
    assert "it usually sends" in one.title


def test_clocks_that_change_are_no_silence(store: Store, settings: Settings) -> None:
    """The first Monday of winter time begins an hour later, in UTC, and nobody is woken."""
    turn = MONDAY + 4 * WEEK

    def later(hour: int) -> float:
        return office((hour - 1) % 168)

    send(store, "o", office, until=turn)
    send(store, "o", later, since=turn, until=turn + 2 * DAY, seed=2)
    send(store, "other", always, until=turn + 2 * DAY, seed=3)
    for now in (turn + n * 20 * MINUTE for n in (*range(18, 36), *range(50, 60), *range(92, 100))):
        look(store, settings, now)
    assert incidents(store) == []


def test_a_new_service_has_no_verdict(store: Store, settings: Settings) -> None:
    """Less than two whole weeks are no habit: it may stop, and is said to be unknown."""
    send(store, "new", always, until=MONDAY + 12 * DAY)
    done = look(store, settings, MONDAY + 16 * DAY)
    assert (done.counts["services"], done.counts["habits"]) == (1, 0)
    assert incidents(store) == []


def test_when_everything_stops_it_is_one_incident(store: Store, settings: Settings) -> None:
    """Three services that fall silent together are the deployment's silence, told once."""
    for seed, name in enumerate(("a", "b", "c")):
        send(store, name, always, until=WEDNESDAY_NOON, seed=seed)
    watch(store, settings, WEDNESDAY_NOON + 30 * MINUTE, WEDNESDAY_NOON + 6 * HOUR)
    [one] = incidents(store)
    assert one.service == "all services"
    assert one.title.startswith("No service has sent anything since")
    for seed, name in enumerate(("a", "b", "c")):
        send(
            store,
            name,
            always,
            since=WEDNESDAY_NOON + 6 * HOUR,
            until=WEDNESDAY_NOON + DAY,
            seed=9 + seed,
        )
    look(store, settings, WEDNESDAY_NOON + 9 * HOUR)
    assert [one.state for one in incidents(store)] == ["resolved"]


def test_a_fall_to_a_fraction_is_told(store: Store, settings: Settings) -> None:
    """A tenth of the usual calls is a ticket that says so; it ends when they are back."""
    send(store, "a", always, until=WEDNESDAY_NOON)
    send(store, "a", seldom, since=WEDNESDAY_NOON, until=WEDNESDAY_NOON + DAY, seed=4)
    send(store, "a", always, since=WEDNESDAY_NOON + DAY, until=WEDNESDAY_NOON + 2 * DAY, seed=5)
    send(store, "b", always, until=WEDNESDAY_NOON + 2 * DAY, seed=6)
    watch(store, settings, WEDNESDAY_NOON + HOUR, WEDNESDAY_NOON + 10 * HOUR)
    [one] = incidents(store)
    assert (one.service, one.severity, one.state) == ("a", "ticket", "open")
    assert "% of its usual calls" in one.title
    look(store, settings, WEDNESDAY_NOON + DAY + 6 * HOUR)
    assert [one.state for one in incidents(store)] == ["resolved"]


def test_a_silence_resolved_by_hand_stays_closed(store: Store, settings: Settings) -> None:
    """A service that was switched off is not told again, however long it is looked at."""
    send(store, "off", always, until=WEDNESDAY_NOON)
    send(store, "on", always, until=WEDNESDAY_NOON + 6 * DAY, seed=2)
    look(store, settings, WEDNESDAY_NOON + 4 * HOUR)
    [one] = incidents(store)
    tell(store, one, "resolved", now=WEDNESDAY_NOON + 5 * HOUR, actor="ada", via="cli")
    for days in range(1, 6):
        look(store, settings, WEDNESDAY_NOON + days * DAY)
    assert [one.state for one in incidents(store)] == ["resolved"]


def test_spans_without_calls_are_said_to_be_that(store: Store, settings: Settings) -> None:
    """Where the ledger goes on for a silent service, the incident points at its instrumentation."""
    send(store, "a", always, until=WEDNESDAY_NOON)
    send(store, "b", always, until=WEDNESDAY_NOON + DAY, seed=2)
    store.append(
        "ledger",
        [Booked(WEDNESDAY_NOON + 30 * MINUTE, "traces", "a", "accepted", "", 321)],
    )
    look(store, settings, WEDNESDAY_NOON + 3 * HOUR)
    [one] = incidents(store)
    assert one.title.startswith("Service a sends spans and no LLM call since")
    assert "321 spans" in one.details.summary
    assert "instrumented" in one.details.advice


def test_a_longer_silence_is_told_again_when_twice_as_much_is_missing(
    store: Store, settings: Settings
) -> None:
    """The incident grows with the logarithm of the time, not at every look."""
    send(store, "a", always, until=WEDNESDAY_NOON)
    send(store, "b", always, until=WEDNESDAY_NOON + 2 * DAY, seed=2)
    watch(store, settings, WEDNESDAY_NOON + 3 * HOUR, WEDNESDAY_NOON + 25 * HOUR)
    events = [row[2] for row in store.rows("incident_events")]
    assert events.count("opened") == 1
    assert 2 <= events.count("grown") <= 5
