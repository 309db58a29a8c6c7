"""Migrated databases of one store, for one test after the other: emptied, because making one takes a second.

A database whose schema or prices a test has changed is dropped. Emptying a table forgets its deduplication tokens too.
"""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from monitor.store import Store, migrate

__all__ = ["Databases"]

PATIENCE_S = 10.0
SCHEMA = """
SELECT
    (SELECT groupBitXor(cityHash64(name, uuid)) FROM system.tables WHERE database = currentDatabase()),
    (SELECT groupBitXor(cityHash64(name, create_table_query)) FROM system.tables
     WHERE database = currentDatabase() AND engine NOT LIKE '%View'),
    (SELECT groupBitXor(cityHash64(toString(tuple(*)))) FROM prices FINAL),
    (SELECT groupBitXor(cityHash64(name)) FROM schema_migrations FINAL)
"""
"""Of a view the identity is enough: it changes by being made anew, and writing out the large ones takes long."""
TOUCHED = """
SELECT DISTINCT table FROM system.parts
WHERE database = currentDatabase() AND table NOT IN ('prices', 'schema_migrations')
"""
"""Parts that were replaced or deleted are listed for eight minutes more."""
OTHERS = """
SELECT count() FROM system.processes WHERE current_database = currentDatabase() AND query NOT LIKE '%processes%'
"""


@dataclass(frozen=True, slots=True)
class _Database:
    url: str
    schema: tuple[object, ...]
    touched: frozenset[str] = frozenset()
    """Tables that held rows at the end of the last test, or had before."""


class Databases:
    """Lends databases.

    Args:
        server: URL of the store.
        resting: so many rest before one is used again: by then what a killed process still had under way has landed.
    """

    def __init__(self, server: str, *, resting: int = 2) -> None:
        self._server, self._most_resting = server, resting
        self._resting: deque[_Database] = deque()

    @contextmanager
    def lent(self) -> Iterator[str]:
        """URL of a database with the schema and nothing else in it."""
        database = self._emptied() or self._made()
        yield database.url
        store = Store(database.url)
        self._resting.append(replace(database, touched=_touched(store)))
        store.close()

    def _made(self) -> _Database:
        url = f"{self._server}/t_{uuid.uuid4().hex[:12]}"
        migrate(url, retention_days=0)
        store = Store(url)
        database = _Database(url, _schema(store))
        store.close()
        return database

    def _emptied(self) -> _Database | None:
        while len(self._resting) > self._most_resting:
            database = self._resting.popleft()
            store = Store(database.url)
            usable = _is_idle(store) and _schema(store) == database.schema
            if usable:
                for table in database.touched | _touched(store):
                    store.command(f"TRUNCATE TABLE {table}")
            else:
                store.command(f"DROP DATABASE {database.url.rpartition('/')[2]}")
            store.close()
            if usable:
                return database
        return None


def _schema(store: Store) -> tuple[object, ...]:
    return tuple(store.client.query(SCHEMA).result_rows[0])


def _touched(store: Store) -> frozenset[str]:
    return frozenset(str(row[0]) for row in store.client.query(TOUCHED).result_rows)


def _is_idle(store: Store) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while store.client.query(OTHERS).result_rows[0][0]:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
