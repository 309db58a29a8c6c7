"""What keeps rows from being stored, or lost them, is an incident with its counts, and ends by itself."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from silent_traffic import DAY, HOUR, MINUTE, MONDAY, Booked, collector_says

from monitor.incidents import Incident, incidents
from monitor.jobs.job import Window, run_job
from monitor.jobs.schedule import job_named
from monitor.records import JobRun
from monitor.settings import Settings, load_settings
from monitor.store import Store

pytestmark = pytest.mark.integration
NOW = MONDAY + 12 * HOUR
MIB = 1 << 20
HEALTHY = {"wal_writable": 1, "store_up": 1, "wal_bytes": 5 * MIB, "waiting": 0}


def settings_for(store: Store, tmp_path: Path, port: float) -> Settings:
    """Settings of the fresh database and a collector at `port`."""
    return load_settings(
        store_url=store.url,
        data_dir=tmp_path,
        otlp_http_port=int(port),
        endpoint=f"http://127.0.0.1:{int(port)}",
    )


def look(
    store: Store, tmp_path: Path, port: float, now: datetime = NOW, *, since: datetime | None = None
) -> JobRun:
    """One run of the job, and of the incident job, which must leave its incidents alone."""
    runs = []
    settings = settings_for(store, tmp_path, port)
    for name in ("ingestion", "incident"):
        job = job_named(name)
        assert job is not None
        runs.append(run_job(job, store, settings, Window(since or now - HOUR, now)))
        assert runs[-1].outcome == "ok", runs[-1].error
    return runs[0]


def book(store: Store, *lines: tuple[datetime, str, str, str, int], signal: str = "traces") -> None:
    """Write lines into the ledger: minute, service, entry, reason, count."""
    store.append("ledger", [Booked(at, signal, *rest) for at, *rest in lines])


def stands(store: Store, kind: str) -> Incident | None:
    """The incident of a kind that is not resolved."""
    return next(
        (
            one
            for one in incidents(store)
            if one.state != "resolved" and one.series.startswith(kind)
        ),
        None,
    )


def test_a_healthy_sidecar_has_no_incident(store: Store, tmp_path: Path) -> None:
    """A balanced account, a quiet collector: nothing is opened."""
    book(store, (NOW - HOUR, "a", "accepted", "", 5), (NOW - HOUR, "a", "stored", "", 5))
    store.client.command(
        "INSERT INTO otel_traces (Timestamp, ServiceName) SELECT now(), 'a' FROM numbers(5)"
    )
    with collector_says(**HEALTHY) as told:
        assert look(store, tmp_path, told["port"]).counts["found"] == 0


def test_refused_and_dropped_rows_are_told_with_their_counts(store: Store, tmp_path: Path) -> None:
    """One incident for each cause and service, with count and beginning; over two hours after the last of it."""
    book(
        store,
        (NOW - 40 * MINUTE, "a", "refused", "by the store", 12),
        (NOW - 40 * MINUTE, "a", "accepted", "", 12),
        (NOW - 30 * MINUTE, "a", "dropped", "by the sender", 1234),
        (NOW - 20 * MINUTE, "b", "dropped", "by the sender", 3),
    )
    with collector_says(**HEALTHY) as told:
        assert look(store, tmp_path, told["port"]).counts["opened"] == 3
        refused, lost = stands(store, "refused/a"), stands(store, "dropped/a")
        assert refused is not None
        assert lost is not None
        assert refused.started_at == NOW - 40 * MINUTE
        assert "12 since 11:20 UTC" in refused.title
        assert "lost 1,234 spans" in lost.title
        assert "flush" in lost.details.advice
        look(store, tmp_path, told["port"], NOW + 10 * MINUTE)
        assert len(incidents(store)) == 3
        look(store, tmp_path, told["port"], NOW + 3 * HOUR)
    assert {one.state for one in incidents(store)} == {"resolved"}


def test_rejections_are_told_when_they_are_suddenly_many(store: Store, tmp_path: Path) -> None:
    """Thirty malformed requests where none is usual are trouble; thirty where twenty always come are not."""
    book(store, (NOW - 10 * MINUTE, "", "rejected", "malformed", 30))
    hour = NOW - 13 * DAY
    while hour < NOW:
        book(store, (hour, "old", "rejected", "invalid ids", 15))
        hour += HOUR
    with collector_says(**HEALTHY) as told:
        look(store, tmp_path, told["port"])
    [one] = incidents(store)
    assert (one.series, one.service) == ("rejected malformed/unknown sender", "unknown sender")
    assert "30 requests" in one.title


@pytest.mark.parametrize(
    ("figures", "problems", "kind", "severity", "says"),
    [
        ({"wal_writable": 0, "wal_unwritable_seconds": 600}, {"wal": "no space left on device"}, "refusing", "page",
         "no space left"),
        ({"wal_bytes": 700 * MIB}, {}, "filling", "ticket", "filling: 700 of 2,048 MiB"),
        ({"wal_bytes": 900 * MIB, "wal_limit_bytes": 1000 * MIB}, {}, "filling", "page", "900 of 1,000 MiB"),
        ({"store_up": 0, "store_down_seconds": 1800}, {"store": "refused"}, "store", "page", "11:30 UTC"),
        ({"waiting": 90, "waiting_oldest_seconds": 900}, {}, "lag", "page", "90 rows wait"),
    ],
    ids=["refusing", "filling", "nearly full", "store away", "late"],
)  # fmt: skip
def test_what_the_collector_says_is_wrong_is_told(
    store: Store,
    tmp_path: Path,
    figures: dict[str, float],
    problems: dict[str, str],
    kind: str,
    severity: str,
    says: str,
) -> None:
    """Each of its troubles is an incident with its true beginning, and over when the collector says so."""
    book(store, (NOW - HOUR, "a", "accepted", "", 1), (NOW - HOUR, "a", "stored", "", 1))
    with collector_says(problems=problems, **{**HEALTHY, **figures}) as told:
        look(store, tmp_path, told["port"])
        [one] = incidents(store)
        assert one.series == f"{kind}/collector"
        assert one.severity == severity
        assert says in f"{one.title} {one.details.summary}"
        seconds = max(
            (value for name, value in figures.items() if name.endswith("_seconds")), default=0
        )
        assert one.started_at == NOW - timedelta(seconds=seconds)
        told.update(HEALTHY, waiting_oldest_seconds=0)
        look(store, tmp_path, told["port"], NOW + 10 * MINUTE)
    assert [one.state for one in incidents(store)] == ["resolved"]


def test_an_outage_of_the_store_is_told_when_it_is_back(store: Store, tmp_path: Path) -> None:
    """Nothing can be written while it is away; afterwards the incident has its true beginning, and ends."""
    book(store, (NOW - DAY, "a", "accepted", "", 1), (NOW - DAY, "a", "stored", "", 1))
    outage = {
        "store_outage_start_time_seconds": (NOW - 3 * HOUR).timestamp(),
        "store_outage_end_time_seconds": (NOW - 5 * MINUTE).timestamp(),
    }
    with collector_says(**HEALTHY, **outage) as told:
        look(store, tmp_path, told["port"], since=NOW - 4 * HOUR)
        [one] = incidents(store)
        assert one.started_at == NOW - 3 * HOUR
        assert "came back at 11:55 UTC" in one.details.summary
        look(store, tmp_path, told["port"], NOW + 70 * MINUTE)
        look(store, tmp_path, told["port"], NOW + 80 * MINUTE)
    assert [one.state for one in incidents(store)] == ["resolved"]


def test_a_collector_that_does_not_answer_is_told_where_there_was_one(
    store: Store, tmp_path: Path
) -> None:
    """Without a row of the ledger stock collectors are in use, and nobody is asked."""
    with collector_says() as told:
        port = told["port"]
    assert look(store, tmp_path, port).counts["found"] == 0
    book(store, (NOW - HOUR, "a", "accepted", "", 1), (NOW - HOUR, "a", "stored", "", 1))
    look(store, tmp_path, port)
    [one] = incidents(store)
    assert (one.series, one.started_at) == ("unanswered/collector", NOW - HOUR)
    assert "outerloop collector" in one.details.advice


def test_an_account_that_does_not_balance_is_told_once_nothing_waits(
    store: Store, tmp_path: Path
) -> None:
    """Accepted and not stored is waiting while the log holds rows, and missing when it does not."""
    book(
        store,
        (NOW - HOUR, "a", "accepted", "", 100),
        (NOW - HOUR, "a", "stored", "", 93),
        (NOW - MINUTE, "a", "accepted", "", 5),
    )
    with collector_says(**{**HEALTHY, "waiting": 7}) as told:
        look(store, tmp_path, told["port"])
        assert stands(store, "imbalance") is None
        told["waiting"] = 0
        look(store, tmp_path, told["port"])
        one = stands(store, "imbalance")
        assert one is not None
        assert one.title == "7 rows are missing for a, the first at 11:00 UTC"
        book(store, (NOW - HOUR, "a", "stored", "", 7))
        look(store, tmp_path, told["port"], NOW + 5 * MINUTE)
    assert stands(store, "imbalance") is None


def test_rows_that_vanish_behind_the_account_are_told(store: Store, tmp_path: Path) -> None:
    """The account says stored, the table has nothing: traffic goes on while rows stop."""
    book(store, (NOW - HOUR, "a", "accepted", "", 50), (NOW - HOUR, "a", "stored", "", 50))
    with collector_says(**HEALTHY) as told:
        look(store, tmp_path, told["port"])
        one = stands(store, "vanished")
        assert one is not None
        assert "50 spans were stored" in one.details.summary
