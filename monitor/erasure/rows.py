"""The subject's rows in the store: found, deleted, counted again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.store.client import question
from monitor.store.sql_text import bare

if TYPE_CHECKING:
    from monitor.erasure.subject import Subject
    from monitor.store import Store

__all__ = ["Rows", "Staged", "condition"]

PACKAGE = "monitor.erasure.statements"
COUNT = "SELECT count() FROM {table:Identifier} WHERE "
DELETE = "ALTER TABLE {table:Identifier} DELETE WHERE "
SETTLED = " SETTINGS mutations_sync = 2, allow_nondeterministic_mutations = 1"
"""Waits for every replica; the condition reads another table, which is the same on all of them."""
TRACE, SPAN = ("TraceId", "trace_id"), ("SpanId", "span_id")
MAX_BOUND_CHARS = 60_000


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table that keeps rows."""

    name: str
    columns: Sequence[str]
    types: Sequence[str]


@dataclass(frozen=True, slots=True)
class Staged:
    """One id that has been put aside."""

    kind: str
    """user, session, trace, span (`trace/span`), dataset, trained or text."""
    id: str


class Rows:
    """What one erasure finds and deletes.

    Args:
        store: the store.
        request: name of the erasure.
        cluster: the cluster that the tables are spread over, or ''.
    """

    def __init__(self, store: Store, request: str, *, cluster: str = "") -> None:
        self._store, self._request, self._cluster = store, request, cluster

    def find(self, subject: Subject) -> None:
        """Put aside everything that belongs to the subject; what is there from an interrupted run stays."""
        self.stage(subject.kind, subject.ids)
        if subject.kind == "user":
            self._write("stage_sessions", ids=list(subject.ids))
        if subject.kind != "trace":
            self._sync()
            self._write("stage_traces", kind=subject.kind)
        self._sync()
        self._write("stage_datasets")
        self._sync()

    def stage(self, kind: str, ids: Sequence[str]) -> None:
        """Put ids aside."""
        batch: list[str] = []
        for one in ids:
            batch.append(one)
            if len(batch) * len(one) > MAX_BOUND_CHARS:
                self._write("stage", kind=kind, ids=batch)
                batch = []
        if batch:
            self._write("stage", kind=kind, ids=batch)
        self._sync()

    def staged(self) -> list[Staged]:
        """Everything that has been put aside."""
        return self._store.read("staged", Staged, package=PACKAGE, request=self._request)

    def judged(self) -> list[str]:
        """Keys of the samples that judges may have been asked about; known as long as the rows are there."""
        found = self._store.rows("judged", package=PACKAGE, request=self._request)
        return [str(row[0]) for row in found]

    def tables(self) -> list[StoredTable]:
        """The tables that keep rows."""
        return self._store.read("stored_tables", StoredTable, package=PACKAGE)

    def count(self) -> Counter[str]:
        """The subject's rows by table."""
        found = Counter({
            table.name: self._count(table.name, *_belonging(table)) for table in self._touched()
        })  # fmt: skip
        return +found

    def delete(self) -> Counter[str]:
        """Delete them and wait until that is done; returns how many went, by table."""
        self._write("open_hours")
        for table in ("hours", "hours_tags", "hours_told"):
            self._command(DELETE + condition("where_opened") + SETTLED, table=table)
        gone = Counter({
            table.name: self.delete_where(table.name, *_belonging(table))
            for table in self._touched()
        })  # fmt: skip
        return +gone

    def delete_where(self, table: str, condition: str, bound: Mapping[str, object]) -> int:
        """Delete the rows of one condition; returns how many there were."""
        number = self._count(table, condition, bound)
        if number:
            self._command(DELETE + condition + SETTLED, table=table, **bound)
        return number

    def mentions(self, subject: Subject) -> dict[str, int]:
        """Rows that hold the id as a word of some text, by `table.column`."""
        forms = "|".join(map(re.escape, subject.ids))
        pattern = rf"(^|[^0-9A-Za-z_-])({forms})([^0-9A-Za-z_-]|$)"
        found = {}
        for table in self.tables():
            result = self._store.client.query(
                question("mentions", PACKAGE),
                parameters={"table": table.name, "pattern": pattern.encode().hex()},
            )
            names = self._columns(table.name)
            for name, number in zip(names, result.result_rows[0], strict=True):
                if number:
                    found[f"{table.name}.{name}"] = int(number)
        return found

    def forget(self) -> None:
        """Delete what was put aside: it is the datum itself."""
        sql = "ALTER TABLE {table:Identifier} DELETE WHERE request = {request:String}"
        self._command(sql + SETTLED, table="erasing")

    def _columns(self, table: str) -> list[str]:
        sql = "SELECT * FROM {table:Identifier} LIMIT 0"
        return list(self._store.client.query(sql, parameters={"table": table}).column_names)

    def _touched(self) -> list[StoredTable]:
        return [table for table in self.tables() if _belonging(table)[0]]

    def _count(self, table: str, condition: str, bound: Mapping[str, object]) -> int:
        parameters = {"table": table, "request": self._request, **bound}
        result = self._store.client.query(COUNT + condition, parameters=parameters)
        return int(result.result_rows[0][0])

    def _write(self, name: str, **parameters: object) -> None:
        self._store.write(name, package=PACKAGE, request=self._request, **parameters)

    def _command(self, sql: str, *, table: str, **bound: object) -> None:
        if self._cluster:  # the name in the contract is a Distributed table, which deletes nothing
            sql = sql.replace("DELETE", f"ON CLUSTER `{self._cluster}` DELETE", 1)
            table = table if table == "erasing" else f"{table}_local"
        self._store.client.command(
            sql, parameters={"table": table, "request": self._request, **bound}
        )

    def _sync(self) -> None:
        if self._cluster:
            self._store.client.command(f"SYSTEM SYNC REPLICA ON CLUSTER `{self._cluster}` erasing")


def condition(name: str) -> str:
    """A condition of the folder `statements`, as part of a statement."""
    return f"({bare(question(name, PACKAGE))})"


def _belonging(table: StoredTable) -> tuple[str, dict[str, object]]:
    """By which of its columns a table's rows belong to a subject; '' where by none."""
    trace = next((name for name in TRACE if name in table.columns), "")
    span = next((name for name in SPAN if name in table.columns), "")
    names = [
        *(["where_trace"] if trace else []),
        *(["where_span"] if trace and span else []),
        *(["where_session"] if "session_id" in table.columns else []),
        *(["where_user"] if "user_id" in table.columns else []),
        *(["where_record"] if "LogAttributes" in table.columns else []),
    ]
    return " OR ".join(map(condition, names)), {"trace": trace, "span": span}
