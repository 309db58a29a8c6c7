"""Creates and upgrades the schema: numbered files, append-only, idempotent, recorded in a table."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from monitor.exceptions import ConfigurationError
from monitor.store.client import Store
from monitor.store.cluster import REQUIRED_SETTINGS, Cluster
from monitor.store.prices import insert_list_prices, load_prices
from monitor.store.retention import AGE, Aging, Retention

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["cluster_of", "ddl", "migrate"]

RECORD = (
    "CREATE TABLE IF NOT EXISTS schema_migrations (name String, applied_at DateTime DEFAULT now())"
    " ENGINE = ReplacingMergeTree ORDER BY name"
)
EVERYWHERE = ("schema_migrations", "erasing")
"""Small tables that every node needs whole."""


def migrate(
    url: str,
    *,
    retention_days: int,
    raw_retention_days: int | None = None,
    cluster: str | None = None,
) -> list[str]:
    """Bring the database at `url` to this version's schema; returns the names of the files applied.

    Running it again applies nothing. Retention is set anew each time, so a changed setting takes effect.

    Args:
        url: of the store, database included.
        retention_days: days that rows are kept; 0 keeps them for ever.
        raw_retention_days: the same for the raw spans and log records; None leaves a shorter one as it is.
        cluster: for the first migration of a cluster; later ones find it in the database.

    Raises:
        ConfigurationError: the database is a single server's, or the user's profile lacks what a cluster needs.
    """
    database = urlsplit(url).path.strip("/")
    server = Store(urlunsplit(urlsplit(url)._replace(path="/default")))
    spread = _agree(server, database, cluster)
    server.command(
        spread.create_database() if spread else f"CREATE DATABASE IF NOT EXISTS `{database}`"
    )
    server.close()
    store = Store(url)
    for statement in _forms(RECORD, spread):
        store.command(statement)
    done = {
        row[0] for row in store.client.query("SELECT name FROM schema_migrations FINAL").result_rows
    }
    applied = []
    for name, text in _migrations():
        if name in done:
            continue
        for statement in _statements(text):
            for form in _forms(statement, spread):
                store.command(form)
        store.client.insert("schema_migrations", [[name]], column_names=["name"])
        applied.append(name)
    load_prices(store)
    _retain(store, Retention(retention_days, raw_retention_days), spread)
    store.close()
    return applied


def ddl(
    database: str,
    *,
    retention_days: int,
    raw_retention_days: int | None = None,
    cluster: str | None = None,
) -> list[str]:
    """Every statement that `migrate` would send to an empty server or cluster, in order; sends nothing."""
    spread = _cluster(cluster, database) if cluster else None
    made = [
        spread.create_database() if spread else f"CREATE DATABASE IF NOT EXISTS `{database}`",
        f"USE `{database}`",
        *_forms(RECORD, spread),
    ]
    for name, text in _migrations():
        made += [form for statement in _statements(text) for form in _forms(statement, spread)]
        made.append(f"INSERT INTO schema_migrations (name) VALUES ('{name}')")  # noqa: S608 - our own file's name
    made.append(insert_list_prices())
    tables = (spread or _cluster("", database)).tables.values()
    aging = [Aging(one.name, "", tuple(set(AGE) & one.columns)) for one in tables if one.stored]
    retention = Retention(retention_days, raw_retention_days)
    for table, change in retention.changes(aging):
        made += [*(spread.alter(table, change) if spread else [f"ALTER TABLE {table} {change}"])]
    return made


def cluster_of(store: Store, database: str) -> str:
    """Name of the cluster that this database's tables are spread over; '' where there is none."""
    rows = store.client.query(
        "SELECT extract(engine_full, '^Distributed\\(.([^`\\']+)') FROM system.tables"
        " WHERE database = {database:String} AND name = 'calls' AND engine = 'Distributed'",
        parameters={"database": database},
    ).result_rows
    return str(rows[0][0]) if rows else ""


def _agree(server: Store, database: str, wanted: str | None) -> Cluster | None:
    """The cluster to migrate: the one that is asked for, or the one that the database is on."""
    present = cluster_of(server, database)
    [[single]] = server.client.query(
        "SELECT count() FROM system.tables"
        " WHERE database = {database:String} AND name = 'calls' AND engine != 'Distributed'",
        parameters={"database": database},
    ).result_rows
    if wanted and (single or (present and present != wanted)):
        raise ConfigurationError(
            f"database {database!r} is {f'on cluster {present!r}' if present else 'of a single server'};"
            f" choose a fresh one, for example OUTERLOOP_DATABASE={database}_cluster, and copy the raw tables over"
        )
    name = wanted or present
    if not name:
        return None
    _require_profile(server, name)
    return _cluster(name, database)


def _require_profile(server: Store, cluster: str) -> None:
    there = server.client.query(
        "SELECT count() FROM system.clusters WHERE cluster = {name:String}",
        parameters={"name": cluster},
    ).result_rows[0][0]
    if not there:
        raise ConfigurationError(
            f"the server knows no cluster {cluster!r}: remote_servers in its configuration makes them"
            " (see deploy/clickhouse/cluster.xml), its table system.clusters lists them"
        )
    names = list(REQUIRED_SETTINGS)
    rows = server.client.query(
        "SELECT name, value FROM system.settings WHERE has({names:Array(String)}, name)",
        parameters={"names": names},
    ).result_rows
    present = {str(name): str(value) for name, value in rows}
    wrong = [
        f"{name}={value}" for name, value in REQUIRED_SETTINGS.items() if present.get(name) != value
    ]
    if wrong:
        raise ConfigurationError(
            f"on a cluster the store's user needs {' and '.join(wrong)} in its settings profile;"
            " deploy/clickhouse/users.d/outerloop.xml has them"
        )


def _cluster(name: str, database: str) -> Cluster:
    every = [RECORD, *(one for _, text in _migrations() for one in _statements(text))]
    return Cluster(name, database, every, everywhere=EVERYWHERE)


def _forms(statement: str, spread: Cluster | None) -> list[str]:
    return spread.rewrite(statement) if spread else [statement]


def _migrations() -> Iterator[tuple[str, str]]:
    for file in sorted(files("monitor.store.migrations").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".sql"):
            yield file.name, file.read_text("utf-8")


def _statements(text: str) -> list[str]:
    r"""Statements of a migration: separated by a semicolon at the end of a line, comments dropped.

    >>> _statements("-- why\nSELECT 1;\n\nSELECT\n 2;\n")
    ['SELECT 1', 'SELECT\n 2']
    """
    text_only = re.sub(r"^\s*--.*\n", "", text, flags=re.MULTILINE)
    return [part.strip() for part in re.split(r";\s*(?:\n|$)", text_only) if part.strip()]


def _retain(store: Store, retention: Retention, spread: Cluster | None) -> None:
    rows = store.client.query(
        "SELECT t.name, any(t.engine_full), groupArray(c.name) FROM system.tables AS t"
        " INNER JOIN system.columns AS c ON c.database = t.database AND c.table = t.name"
        " WHERE t.database = currentDatabase() AND endsWith(t.engine, 'MergeTree')"
        " AND match(c.type, 'Date(Time)?') GROUP BY t.name"
    ).result_rows
    tables = [Aging(str(name), str(engine), tuple(times)) for name, engine, times in rows]
    for table, change in retention.changes(tables):
        on = f"ON CLUSTER `{spread.name}` " if spread else ""
        store.command(f"ALTER TABLE {table} {on}{change}")
