"""A fast seed: days of calls and scores that never leave the store, written by its own SQL."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from monitor.records import CheckRow, IncidentEvent, JobRun
from monitor.store import Store

__all__ = ["DAYS", "seed"]

DAYS = 60
SQL = "benchmarks.dashboards.sql"
RESENT = 100
"""One day in so many calls is sent twice, as a sender does that got no answer."""
SERIES = 12
"""Watched series of the busiest service."""
SERVICE = "loan-extractor"


def seed(store: Store, *, calls: int, now: datetime, days: int = DAYS) -> None:
    """Fill an empty, migrated store with `calls` calls of the `days` days before `now`'s day ends."""
    each, last = calls // days, now.date()
    for number in range(days):
        _day(store, last - timedelta(days=days - 1 - number), number * each, each)
    store.append("checks", _checks(now, days))
    store.append("incidents", _incidents(now))
    store.append("job_runs", _job_runs(now, days))


def _day(store: Store, day: date, first: int, calls: int) -> None:
    for question, many in (("calls", calls), ("calls", calls // RESENT), ("scores", calls)):
        if many:
            store.write(question, package=SQL, day=day, first=first, calls=many)


def _checks(now: datetime, days: int) -> list[CheckRow]:
    return [
        CheckRow(
            timestamp=now - timedelta(hours=hour),
            check_id=f"{number}-{hour}",
            detector="year_slip",
            detector_version=1,
            series=f"{SERVICE}/field-{number}",
            service=SERVICE,
            release=f"{SERVICE}-1",
            field=f"field-{number}",
            window_start=now - timedelta(hours=hour + 1),
            window_end=now - timedelta(hours=hour),
            status="drift" if number == 0 and hour < 40 else "stable",
            count=1,
            n=400,
            effect=0.0025,
            low=0.0,
            high=0.01,
            baseline=0.002,
            baseline_n=30_000,
            e_value=60_000.0 if number == 0 and hour < 40 else 0.4,
            threshold=40_000.0,
            state="{}",
            evidence="{}",
        )
        for number in range(SERIES)
        for hour in range(days * 24)
    ]


def _incidents(now: datetime) -> list[IncidentEvent]:
    return [
        IncidentEvent(
            timestamp=now - timedelta(days=number),
            incident_id=f"inc-{number}",
            event="opened",
            actor="scheduler",
            via="job",
            note="",
            service=SERVICE,
            title=f"field-{number} is a year off in 1 % of calls",
            severity="page",
            cause="calendar",
            field=f"field-{number}",
            detector="year_slip",
            series=f"{SERVICE}/field-{number}",
            started_at=now - timedelta(days=number, hours=5),
            details="{}",
        )
        for number in range(1, 6)
    ]


def _job_runs(now: datetime, days: int) -> list[JobRun]:
    return [
        JobRun(
            started_at=now - timedelta(hours=hour),
            finished_at=now - timedelta(hours=hour) + timedelta(seconds=2),
            run_id=f"{job}-{hour}",
            job=job,
            window_start=now - timedelta(hours=hour + 1),
            window_end=now - timedelta(hours=hour),
            outcome="ok",
            duration_ms=2000.0,
            counts={"calls": 7000},
            error="",
        )
        for job in ("temporal", "fields", "rates", "incident", "alert", "judge")
        for hour in range(days * 24)
    ]
