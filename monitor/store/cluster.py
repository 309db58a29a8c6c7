"""The schema over a cluster: the same migrations, rewritten statement by statement, never a second copy.

A stored table `t` becomes `t_local` (Replicated…, on every node) and `t` (Distributed over it), so that readers,
jobs and stock exporters keep the contract's names. Where a row goes follows from the table itself:

- by trace id, where that decides what a row replaces, or nothing replaces it: a trace lives on one shard;
- else by the whole sorting key, since rows that replace or sum each other have it in common and must meet;
- a table that a view looks things up in (prices) is whole on every node.

A view writes into the local table where its rows are on the right shard already, else into the Distributed one.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from monitor.exceptions import ConfigurationError
from monitor.store.sql_text import bare, reads, rename
from monitor.store.tables import CREATE_TABLE, Table, table_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["REQUIRED_SETTINGS", "Cluster"]

REQUIRED_SETTINGS = {"distributed_foreground_insert": "1", "distributed_product_mode": "global"}
"""An insert is acknowledged when the shards have it; joins see all shards. Profile: deploy/clickhouse/users.d."""

CREATE_VIEW = re.compile(
    r"CREATE MATERIALIZED VIEW (?:IF NOT EXISTS )?`?(?P<name>\w+)`?\s+TO `?(?P<target>\w+)`?\s+AS\s(?P<select>.*)$",
    re.DOTALL,
)
CREATE_OTHER = re.compile(
    r"(?P<head>CREATE (?:OR REPLACE )?(?:VIEW|FUNCTION|DICTIONARY) (?:IF NOT EXISTS )?`?\w+`?)(?P<rest>.*)$", re.DOTALL
)  # fmt: skip
ALTER = re.compile(r"ALTER TABLE `?(?P<name>\w+)`?\s(?P<rest>.*)$", re.DOTALL)
DROP = re.compile(r"DROP (?P<kind>TABLE|VIEW|DICTIONARY) IF EXISTS `?(?P<name>\w+)`?\s*$")
SUMMED = ("SummingMergeTree", "AggregatingMergeTree")
"""Rows that meet late are added up by whoever reads; they need not meet on one shard."""
DEDUPLICATION = re.compile(r"\bnon_replicated_deduplication_window\b\s*=\s*(\d+)")
DEDUPLICATION_S = 7 * 86_400
"""A batch may be tried again for so long: a store that was away for days still takes it once."""


class Cluster:
    """Rewrites statements of the migrations for one cluster.

    Args:
        name: the cluster, as `remote_servers` of the servers' configuration names it.
        database: where the schema lives.
        statements: all statements of all migrations, which say what tables and views there are.
        everywhere: names of tables that are whole on every node, beside those that a view looks things up in.
    """

    def __init__(
        self, name: str, database: str, statements: Iterable[str], *, everywhere: Iterable[str] = ()
    ) -> None:
        self.name, self.database = name, database
        self._statements = [bare(one) for one in statements]
        self._everywhere = frozenset(everywhere)
        self._on = f"ON CLUSTER `{name}`"

    @cached_property
    def tables(self) -> dict[str, Table]:
        """Every table, by its contract's name."""
        known: dict[str, Table] = {}
        for one in self._statements:
            if match := CREATE_TABLE.match(one):
                known[match["name"]] = table_of(match, known)
        selects = [m["select"] for one in self._statements if (m := CREATE_VIEW.match(one))]
        looked_up = set(self._everywhere)
        for select in selects:
            named = [known[name] for name in reads(select) if name in known]
            looked_up |= {one.name for one in named if one is not _source(named)}
        return {
            one.name: replace(one, looked_up=one.name in looked_up and not one.trace)
            for one in known.values()
        }

    def create_database(self) -> str:
        """The first statement."""
        return f"CREATE DATABASE IF NOT EXISTS `{self.database}` {self._on}"

    def rewrite(self, statement: str) -> list[str]:
        """What one statement for a single server is on the cluster.

        Raises:
            ConfigurationError: the statement is of a kind that the rewriting does not know.
        """
        text = bare(statement)
        if match := CREATE_TABLE.match(text):
            return list(self._create(match))
        if match := CREATE_VIEW.match(text):
            return [self._view(match)]
        if match := CREATE_OTHER.match(text):
            return [f"{match['head']} {self._on}{match['rest']}"]
        if match := ALTER.match(text):
            return list(self.alter(match["name"], match["rest"]))
        if match := DROP.match(text):
            return list(self._drop(match["kind"], match["name"]))
        if re.match(r"INSERT INTO\b", text):  # by the contract's name: Distributed, or replicated
            return [text]
        raise ConfigurationError(
            f"this statement has no form for a cluster; teach monitor/store/cluster.py: {text[:120]}"
        )

    def alter(self, name: str, change: str) -> Iterator[str]:
        """A change of a table; columns change in the Distributed table as well."""
        table = self.tables[name]
        yield f"ALTER TABLE {table.local} {self._on} {_replicated(change)}"
        if table.spread and re.search(r"\bCOLUMN\b", change):
            yield f"ALTER TABLE {name} {self._on} {change}"

    def _create(self, match: re.Match[str]) -> Iterator[str]:
        table = self.tables[match["name"]]
        engine = self._engine(table, match["arguments"] or "")
        model = match["model"]
        columns = f"AS {self.tables[model].local}" if model else f"({match['columns']})"
        yield (
            f"CREATE TABLE IF NOT EXISTS {table.local} {self._on} {columns}"
            f" ENGINE = {engine}{_replicated(match['rest'])}"
        )
        if table.spread:
            durable = (
                " SETTINGS fsync_after_insert = 1, fsync_directories = 1" if table.stored else ""
            )
            yield (
                f"CREATE TABLE IF NOT EXISTS {table.name} {self._on} AS {table.local} ENGINE ="
                f" Distributed(`{self.name}`, `{self.database}`, {table.local}, {table.sharding}){durable}"
            )

    def _engine(self, table: Table, arguments: str) -> str:
        if not table.stored:
            return table.engine
        path, replica = "/clickhouse/tables/{uuid}/{shard}", "{replica}"
        if not table.spread:  # one path for all shards, so every node is a replica of the whole
            path, replica = "/clickhouse/tables/{uuid}/everywhere", "{shard}-{replica}"
        more = f", {arguments}" if arguments.strip() else ""
        return f"Replicated{table.engine}('{path}', '{replica}'{more})"

    def _view(self, match: re.Match[str]) -> str:
        named = [self.tables[name] for name in reads(match["select"]) if name in self.tables]
        source, target = _source(named), self.tables[match["target"]]
        here = source.by_trace and (target.by_trace or target.engine in SUMMED)
        select = rename(match["select"], {table.name: table.local for table in named})
        return (
            f"CREATE MATERIALIZED VIEW IF NOT EXISTS {match['name']} {self._on}"
            f" TO {target.local if here else target.name} AS {select}"
        )

    def _drop(self, kind: str, name: str) -> Iterator[str]:
        table = self.tables.get(name)
        for one in [name, table.local] if table and table.spread else [name]:
            yield f"DROP {kind} IF EXISTS {one} {self._on} SYNC"


def _source(named: Sequence[Table]) -> Table:
    """The table whose inserts a view follows: the first that takes traffic."""
    return next((one for one in named if one.trace or not one.stored), named[0])


def _replicated(rest: str) -> str:
    """Settings of a single server's table as those of a replicated one."""
    return DEDUPLICATION.sub(
        r"replicated_deduplication_window = \1,"
        f" replicated_deduplication_window_seconds = {DEDUPLICATION_S}",
        rest,
    )
