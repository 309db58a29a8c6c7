"""Creates and upgrades the schema: numbered files, append-only, idempotent, recorded in a table."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from monitor.store.client import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["migrate"]

RETAINED = {
    "otel_traces": "Timestamp",
    "otel_traces_trace_id_ts": "Start",
    "otel_logs": "Timestamp",
    "calls": "timestamp",
    "steps": "timestamp",
    "scores": "timestamp",
    "checks": "timestamp",
    "job_runs": "started_at",
    "ledger": "minute",
}
"""Tables whose rows age out, with the column that says their age. Incidents, retrains and datasets stay."""


def migrate(url: str, *, retention_days: int) -> list[str]:
    """Bring the database at `url` to this version's schema; returns the names of the files applied.

    Running it again applies nothing. Retention is set anew each time, so a changed setting takes effect.
    """
    database = urlsplit(url).path.strip("/")
    server = Store(urlunsplit(urlsplit(url)._replace(path="/default")))
    server.command(f"CREATE DATABASE IF NOT EXISTS `{database}`")
    server.close()
    store = Store(url)
    store.command(
        "CREATE TABLE IF NOT EXISTS schema_migrations (name String, applied_at DateTime DEFAULT now())"
        " ENGINE = ReplacingMergeTree ORDER BY name"
    )
    done = {
        row[0] for row in store.client.query("SELECT name FROM schema_migrations FINAL").result_rows
    }
    applied = []
    for name, text in _migrations():
        if name in done:
            continue
        for statement in _statements(text):
            store.command(statement)
        store.client.insert("schema_migrations", [[name]], column_names=["name"])
        applied.append(name)
    _retain(store, retention_days)
    store.close()
    return applied


def _migrations() -> Iterator[tuple[str, str]]:
    for file in sorted(files("monitor.store.migrations").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".sql"):
            yield file.name, file.read_text("utf-8")


def _statements(text: str) -> list[str]:
    r"""Statements of a migration: separated by a semicolon at the end of a line, comments dropped.

    >>> _statements("-- why\nSELECT 1;\n\nSELECT\n 2;\n")
    ['SELECT 1', 'SELECT\n 2']
    """
    bare = re.sub(r"^\s*--.*\n", "", text, flags=re.MULTILINE)
    return [part.strip() for part in re.split(r";\s*(?:\n|$)", bare) if part.strip()]


def _retain(store: Store, days: int) -> None:
    rows = store.client.query(
        "SELECT name, engine_full FROM system.tables WHERE database = currentDatabase()"
    ).result_rows
    tables = {str(name): str(engine) for name, engine in rows}
    for table, column in RETAINED.items():
        wanted = f"TTL toDateTime({column}) + toIntervalDay({days})"
        present = " TTL " in tables[table]
        if days and wanted not in tables[table]:
            store.command(f"ALTER TABLE {table} MODIFY {wanted}")
        elif not days and present:
            store.command(f"ALTER TABLE {table} REMOVE TTL")
