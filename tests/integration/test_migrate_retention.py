"""Retention: every table that can age does, a changed setting takes effect, and raw rows may go sooner."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.store import Store, migrate
from monitor.store.retention import KEPT, Aging, Retention

pytestmark = pytest.mark.integration


def ttls(store: Store) -> dict[str, str]:
    """The stored tables with what their definition says behind TTL."""
    rows = store.client.query(
        "SELECT name, extract(engine_full, ' TTL (.*?) SETTINGS') FROM system.tables"
        " WHERE database = currentDatabase() AND endsWith(engine, 'MergeTree')"
    ).result_rows
    return {str(name): str(ttl) for name, ttl in rows}


def put(store: Store, age_days: float, trace: str) -> None:
    """A raw span of that age, and by the views what is made of it."""
    at = datetime.now(UTC) - timedelta(days=age_days)
    store.client.insert(
        "otel_traces",
        [[at, trace, "s" * 16, "bank", "chat", {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}]],
        column_names=["Timestamp", "TraceId", "SpanId", "ServiceName", "SpanName", "SpanAttributes"],
    )  # fmt: skip


def left(store: Store, table: str) -> int:
    """Rows left after everything has been merged, which is when aged rows go."""
    store.client.command("OPTIMIZE TABLE {t:Identifier} FINAL", parameters={"t": table})
    return int(
        store.client.query("SELECT count() FROM {t:Identifier}", parameters={"t": table}).result_rows[0][0]
    )  # fmt: skip


def test_every_stored_table_ages_or_is_kept_on_purpose(store: Store, store_url: str) -> None:
    """A new table without a TTL must be named among those that are kept."""
    migrate(store_url, retention_days=30)
    without = {name for name, ttl in ttls(store).items() if not ttl}
    assert without == KEPT & ttls(store).keys()


def test_zero_keeps_everything(store: Store, store_url: str) -> None:
    """Going from 30 days to 0 takes every TTL away again."""
    migrate(store_url, retention_days=30)
    migrate(store_url, retention_days=0, raw_retention_days=0)
    assert set(ttls(store).values()) == {""}


def test_aged_rows_go_also_those_from_before_the_setting(store: Store, store_url: str) -> None:
    """Rows of 40 days are there while 90 are kept, and gone when it is made 30; young ones stay."""
    migrate(store_url, retention_days=90)
    put(store, 40, "old")
    put(store, 1, "new")
    assert [left(store, name) for name in ("otel_traces", "calls")] == [2, 2]
    migrate(store_url, retention_days=30)
    assert [left(store, name) for name in ("otel_traces", "calls")] == [1, 1]


def test_raw_rows_may_go_sooner(store: Store, store_url: str) -> None:
    """With 7 days for raw rows a span of 10 days is gone and its call is there."""
    put(store, 10, "t")
    migrate(store_url, retention_days=90, raw_retention_days=7)
    assert [left(store, name) for name in ("otel_traces", "calls")] == [0, 1]


def test_who_does_not_know_the_raw_setting_leaves_it() -> None:
    """A part that is told only the general retention does not make the raw one longer."""
    raw = Aging(
        "otel_logs",
        "MergeTree TTL toDateTime(Timestamp) + toIntervalDay(7) SETTINGS",
        ("Timestamp",),
    )
    assert list(Retention(90).changes([raw])) == []
    assert list(Retention(90, 90).changes([raw])) == [
        ("otel_logs", "MODIFY TTL toDateTime(Timestamp) + toIntervalDay(90)")
    ]
    assert list(Retention(3).changes([raw])) == [
        ("otel_logs", "MODIFY TTL toDateTime(Timestamp) + toIntervalDay(3)")
    ]
