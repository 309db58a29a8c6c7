"""The schema of a cluster follows from the migrations: where each table's rows go, and what each view writes into."""

from __future__ import annotations

import re

import pytest

from monitor.exceptions import ConfigurationError
from monitor.store.cluster import Cluster
from monitor.store.migrate import ddl

STATEMENTS = [
    "CREATE TABLE IF NOT EXISTS spans_in (groups Array(Tuple(trace_id String))) ENGINE = Null",
    """CREATE TABLE IF NOT EXISTS otel_traces (Timestamp DateTime, TraceId String) ENGINE = MergeTree()
       ORDER BY (Timestamp) SETTINGS non_replicated_deduplication_window = 7""",
    "CREATE TABLE IF NOT EXISTS spans (trace_id String, note String DEFAULT ', (') ENGINE = Null",
    """CREATE TABLE IF NOT EXISTS calls (trace_id String, at DateTime, version UInt8, gone UInt8)
       ENGINE = ReplacingMergeTree(version, gone) ORDER BY (at, trace_id)""",
    "CREATE TABLE IF NOT EXISTS scores (trace_id String, id String) ENGINE = ReplacingMergeTree ORDER BY (id)",
    "CREATE TABLE IF NOT EXISTS prices (model String, usd Float64) ENGINE = ReplacingMergeTree ORDER BY model",
    "CREATE TABLE IF NOT EXISTS by_day (day Date, n UInt64) ENGINE = SummingMergeTree(n) ORDER BY day",
    "CREATE MATERIALIZED VIEW IF NOT EXISTS in_mv TO otel_traces AS SELECT * FROM spans_in",
    "CREATE MATERIALIZED VIEW IF NOT EXISTS spans_mv TO spans AS SELECT TraceId FROM otel_traces -- FROM calls",
    """CREATE MATERIALIZED VIEW IF NOT EXISTS calls_mv TO calls AS WITH p AS (SELECT usd FROM prices)
       SELECT trim(BOTH ' ' FROM note) FROM spans CROSS JOIN prices""",
    "CREATE MATERIALIZED VIEW IF NOT EXISTS scores_mv TO scores AS SELECT TraceId FROM otel_traces",
    "CREATE MATERIALIZED VIEW IF NOT EXISTS day_mv TO by_day AS SELECT at FROM calls GROUP BY at",
]


@pytest.fixture
def cluster() -> Cluster:
    """A cluster called main."""
    return Cluster("main", "db", STATEMENTS)


def rewritten(cluster: Cluster, start: str) -> list[str]:
    """The forms of the one statement that makes `start`."""
    [one] = [text for text in STATEMENTS if f" EXISTS {start} " in text]
    return cluster.rewrite(one)


def test_a_table_becomes_a_replicated_local_one_and_a_distributed_one(cluster: Cluster) -> None:
    """Engine arguments stay behind the path and the replica; both names are made on every node."""
    local, distributed = rewritten(cluster, "calls")
    assert local.startswith("CREATE TABLE IF NOT EXISTS calls_local ON CLUSTER `main` (")
    assert (
        "ReplicatedReplacingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}', version, gone)"
        in local
    )
    assert (
        "calls ON CLUSTER `main` AS calls_local ENGINE = Distributed(`main`, `db`, calls_local, cityHash64(trace_id))"
        in distributed
    )


def test_the_deduplication_window_has_its_replicated_counterpart(cluster: Cluster) -> None:
    """A batch that is tried again days later is still taken once."""
    local, _ = rewritten(cluster, "otel_traces")
    assert local.endswith(
        "replicated_deduplication_window = 7, replicated_deduplication_window_seconds = 604800"
    )


def test_rows_without_a_trace_are_spread_too(cluster: Cluster) -> None:
    """Where the trace id may be empty the sorting key decides, always alike."""
    table = cluster.tables["otel_traces"]
    assert table.sharding == "if(TraceId = '', cityHash64(Timestamp), cityHash64(TraceId))"


def test_rows_that_replace_each_other_meet_on_one_shard(cluster: Cluster) -> None:
    """A score is told again under its id, whatever trace it names then: its key decides, not the trace."""
    assert cluster.tables["scores"].sharding == "cityHash64(id)"


def test_what_a_view_looks_up_is_whole_on_every_node(cluster: Cluster) -> None:
    """All nodes are replicas of one table of prices, under its own name."""
    [prices] = rewritten(cluster, "prices")
    assert "EXISTS prices ON CLUSTER" in prices
    assert "('/clickhouse/tables/{uuid}/everywhere', '{shard}-{replica}')" in prices


def test_views_stay_on_the_shard_where_their_rows_are_right(cluster: Cluster) -> None:
    """From trace to trace: local. From the wire, which mixes traces, and to another key: Distributed."""
    views = {
        name: rewritten(cluster, name)[0]
        for name in ("in_mv", "spans_mv", "calls_mv", "scores_mv", "day_mv")
    }
    assert "TO otel_traces AS SELECT * FROM spans_in" in views["in_mv"]
    assert "TO spans_local AS SELECT TraceId FROM otel_traces_local" in views["spans_mv"]
    assert "TO calls_local" in views["calls_mv"]
    assert "FROM spans_local CROSS JOIN prices" in views["calls_mv"]
    assert "trim(BOTH ' ' FROM note)" in views["calls_mv"]
    assert "TO scores AS" in views["scores_mv"]
    assert "TO by_day_local AS" in views["day_mv"]


def test_rows_put_into_a_passing_table_reach_their_shard(cluster: Cluster) -> None:
    """A job that inserts into the Null table between the views inserts into a Distributed one."""
    local, distributed = rewritten(cluster, "spans")
    assert local.endswith("ENGINE = Null")
    assert "Distributed(`main`, `db`, spans_local, cityHash64(trace_id))" in distributed


def test_later_migrations_change_both_tables(cluster: Cluster) -> None:
    """A new column is added to the local and the Distributed table, a setting or an index to the local one."""
    assert cluster.rewrite("ALTER TABLE calls ADD COLUMN x String") == [
        "ALTER TABLE calls_local ON CLUSTER `main` ADD COLUMN x String",
        "ALTER TABLE calls ON CLUSTER `main` ADD COLUMN x String",
    ]
    assert cluster.rewrite("ALTER TABLE calls MODIFY SETTING merge_max_block_size = 1") == [
        "ALTER TABLE calls_local ON CLUSTER `main` MODIFY SETTING merge_max_block_size = 1"
    ]
    assert len(cluster.rewrite("DROP TABLE IF EXISTS calls")) == 2


def test_a_statement_that_is_not_known_is_refused(cluster: Cluster) -> None:
    """It is never sent as it is, to one node only."""
    with pytest.raises(ConfigurationError, match="has no form for a cluster"):
        cluster.rewrite("RENAME TABLE a TO b")


def test_every_migration_there_is_can_be_rewritten() -> None:
    """No stored table is left on one node, and no view reads or writes a table that is not there."""
    made = ddl("db", retention_days=30, cluster="main")
    names = {m[1] for text in made if (m := re.match(r"CREATE TABLE IF NOT EXISTS (\w+)", text))}
    for text in made:
        if re.match(r"CREATE|ALTER", text):
            assert "ON CLUSTER `main`" in text, text[:80]
        assert not re.search(r"ENGINE = \w*MergeTree", text) or "ENGINE = Replicated" in text
        if view := re.match(r"CREATE MATERIALIZED VIEW \S+ \S+ \S+ (\w+) .* TO (\w+) AS", text):
            assert view[2] in names
    assert {"calls", "calls_local", "otel_traces", "otel_traces_local", "prices"} <= names
    assert not any("_local_local" in text for text in made)


def test_a_row_and_its_successor_share_a_shard_in_every_table() -> None:
    """Whatever replaces or sums rows by its sorting key is spread by nothing but that key."""
    statements = ddl("db", retention_days=0)
    tables = Cluster("main", "db", statements[2:]).tables.values()
    for table in tables:
        if table.spread and table.stored and table.engine != "MergeTree":
            assert set(re.findall(r"\w+", table.sharding)) - {"cityHash64"} <= set(
                re.findall(r"\w+", table.key)
            )
