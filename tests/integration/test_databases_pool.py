"""The tests' own databases: one that was used before is as good as a fresh one."""

from __future__ import annotations

import pytest
from databases import Databases
from erasure_seed import raw

from monitor.store import Store

pytestmark = pytest.mark.integration


def lend(databases: Databases, *statements: str) -> tuple[str, int]:
    """Use a database: run statements, store one and the same span; its URL and how many calls it then holds."""
    with databases.lent() as url:
        store = Store(url)
        for statement in statements:
            store.command(statement)
        raw(store, 1)
        [[calls]] = store.client.query("SELECT count() FROM calls").result_rows
        store.close()
    return url, int(calls)


def test_a_used_database_is_empty_and_takes_the_same_rows_again(store_server: str) -> None:
    """Rows are gone, and so is the engine's memory of blocks that it has seen."""
    databases = Databases(store_server, resting=1)
    used = [lend(databases) for _ in range(5)]
    assert {calls for _, calls in used} == {1}
    assert len({url for url, _ in used}) == 2


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE calls ADD COLUMN extra String",
        "CREATE TABLE extra (a String) ENGINE = Memory",
        "INSERT INTO prices (model, valid_from) VALUES ('m', '2024-01-01')",
    ],
    ids=["column", "table", "price"],
)
def test_a_database_that_a_test_has_changed_is_not_used_again(
    store_server: str, change: str
) -> None:
    """Another schema or another price would be another test's surprise."""
    databases = Databases(store_server, resting=0)
    changed, _ = lend(databases, change)
    assert lend(databases)[0] != changed
