"""What lies in `deploy/` fits the programs it is for, as far as they are at hand."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest
import yaml

from monitor.figures import addresses
from monitor.settings import load_settings
from monitor.store import Store
from monitor.store.cluster import REQUIRED_SETTINGS

ROOT = Path(__file__).parents[2]
SERVER = ET.parse(ROOT / "deploy/clickhouse/config.d/outerloop.xml").getroot()
USERS = ET.parse(ROOT / "deploy/clickhouse/users.d/outerloop.xml").getroot()
COLLECTOR: dict[str, Any] = yaml.safe_load((ROOT / "deploy/otel-collector.yaml").read_text("utf-8"))
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SELF_TELEMETRY = {
    "trace_log", "text_log", "metric_log", "asynchronous_metric_log", "processors_profile_log",
    "query_thread_log", "query_metric_log", "latency_log", "opentelemetry_span_log",
}  # fmt: skip
STRUCTURES = {"query_log", "part_log", "logger", "merge_tree"}
EXPORTER_KEYS = {
    "endpoint", "username", "password", "database", "connection_params", "create_schema", "ttl",
    "traces_table_name", "logs_table_name", "async_insert", "compress", "timeout", "retry_on_failure",
    "sending_queue",
}  # fmt: skip
"""Settings of the exporter, of its queue and of its retries, by their documentation (v0.162)."""
QUEUE_KEYS = {
    "enabled", "storage", "sizer", "queue_size", "block_on_overflow", "num_consumers", "batch",
}  # fmt: skip
BATCH_KEYS = {"flush_timeout", "sizer", "min_size", "max_size"}
RETRY_KEYS = {"enabled", "initial_interval", "max_interval", "max_elapsed_time"}


SPAN_COLUMNS = [
    "Timestamp", "TraceId", "SpanId", "ParentSpanId", "TraceState", "SpanName", "SpanKind", "ServiceName",
    "ResourceAttributes", "ScopeName", "ScopeVersion", "SpanAttributes", "Duration", "StatusCode", "StatusMessage",
    "Events.Timestamp", "Events.Name", "Events.Attributes",
    "Links.TraceId", "Links.SpanId", "Links.TraceState", "Links.Attributes",
]  # fmt: skip
LOG_COLUMNS = [
    "Timestamp", "TraceId", "SpanId", "TraceFlags", "SeverityText", "SeverityNumber", "ServiceName", "Body",
    "ResourceSchemaUrl", "ResourceAttributes", "ScopeSchemaUrl", "ScopeName", "ScopeVersion", "ScopeAttributes",
    "LogAttributes",
]  # fmt: skip


def names(store: Store, sql: str) -> set[str]:
    """The first column of a question to the engine."""
    return {str(row[0]) for row in store.client.query(sql).result_rows}


def test_the_server_writes_no_telemetry_about_itself() -> None:
    """Every log that grows with the server and not with its use is removed; the query log ages."""
    removed = {one.tag for one in SERVER if one.get("remove") == "1"}
    assert removed >= SELF_TELEMETRY
    assert "INTERVAL 3 DAY" in str(SERVER.findtext("query_log/ttl"))


@pytest.mark.integration
def test_the_engine_knows_every_server_setting(store: Store) -> None:
    """Names of the server's, of the tables' and of the profile's settings are those of the engine."""
    server = {one.tag for one in SERVER if one.get("remove") is None} - STRUCTURES
    assert server <= names(store, "SELECT name FROM system.server_settings")
    tables = {one.tag for one in SERVER.find("merge_tree") or ()}
    assert tables
    assert tables <= names(store, "SELECT name FROM system.merge_tree_settings")
    profile = {one.tag for one in USERS.find("profiles/default") or ()}
    assert profile <= names(store, "SELECT name FROM system.settings")


def test_the_profile_has_what_a_cluster_needs() -> None:
    """`migrate --cluster` refuses a user without these settings."""
    for name, value in REQUIRED_SETTINGS.items():
        assert USERS.findtext(f"profiles/default/{name}") == value


def test_the_example_of_a_cluster_has_what_the_schema_refers_to() -> None:
    """Replicated paths name the macros, statements go through Keeper, shards replicate by themselves."""
    root = ET.parse(ROOT / "deploy/clickhouse/cluster.xml").getroot()
    assert {one.tag for one in root.find("macros") or ()} == {"shard", "replica"}
    assert root.find("zookeeper/node/host") is not None
    assert root.find("distributed_ddl/path") is not None
    shards = root.findall("remote_servers/main/shard")
    assert all(one.findtext("internal_replication") == "true" for one in shards)


def test_the_stock_collector_writes_into_our_tables_and_makes_none() -> None:
    """Table names are the contract's, and every key is one of the exporter's."""
    exporter = COLLECTOR["exporters"]["clickhouse"]
    assert set(exporter) <= EXPORTER_KEYS
    assert set(exporter["sending_queue"]) <= QUEUE_KEYS
    assert set(exporter["sending_queue"]["batch"]) <= BATCH_KEYS
    assert set(exporter["retry_on_failure"]) <= RETRY_KEYS
    assert (exporter["create_schema"], exporter["ttl"]) == (False, 0)
    assert exporter["traces_table_name"] == "otel_traces"
    assert exporter["logs_table_name"] == "otel_logs"


@pytest.mark.integration
def test_an_exporters_insert_fits_our_tables(store: Store) -> None:
    """The exporter's column lists, for spans and for log records with and without EventName, in its order."""
    now = datetime.now(UTC)
    span = [
        now, "t" * 32, "s" * 16, "", "", "chat m", "Client", "bank", {"service.name": "bank"}, "scope", "1",
        {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}, 5_000_000, "Ok", "",
        [now], ["e"], [{"k": "v"}], [], [], [], [],
    ]  # fmt: skip
    store.client.insert("otel_traces", [span], column_names=SPAN_COLUMNS)
    record = [
        now,
        "t" * 32,
        "s" * 16,
        3,
        "INFO",
        9,
        "bank",
        "body",
        "",
        {},
        "",
        "scope",
        "1",
        {},
        {"k": "v"},
    ]
    store.client.insert("otel_logs", [record], column_names=LOG_COLUMNS)
    store.client.insert("otel_logs", [[*record, "e"]], column_names=[*LOG_COLUMNS, "EventName"])
    assert store.client.query("SELECT request_model, status FROM calls FINAL").result_rows == [
        ("m", "ok")
    ]
    assert store.client.query("SELECT count() FROM otel_logs").result_rows == [(2,)]


def test_the_stock_collectors_parts_are_all_wired() -> None:
    """Every extension, receiver, processor and exporter that is configured is used, and the other way round."""
    service = COLLECTOR["service"]
    assert set(service["extensions"]) == set(COLLECTOR["extensions"])
    for kind in ("receivers", "processors", "exporters"):
        used = {name for pipeline in service["pipelines"].values() for name in pipeline[kind]}
        assert used == set(COLLECTOR[kind])
    assert COLLECTOR["exporters"]["clickhouse"]["sending_queue"]["storage"] in COLLECTOR["extensions"]  # fmt: skip


def test_compose_has_every_part_and_both_protocols() -> None:
    """Store, collector, scheduler and dashboards; OTLP on both ports; files that are mounted are there."""
    services = COMPOSE["services"]
    assert set(services) == {"clickhouse", "migrate", "collector", "scheduler", "dashboard"}
    assert {"4318:4318", "4317:4317"} <= set(services["collector"]["ports"])
    assert all("healthcheck" in services[name] for name in ("clickhouse", "collector", "dashboard"))
    for volume in services["clickhouse"]["volumes"]:
        source = volume.split(":")[0]
        assert source in COMPOSE["volumes"] or (ROOT / source).is_file()


def test_every_part_of_compose_reaches_the_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    """The jobs ask the collector for its figures, the dashboards send what people say: by its service's name."""
    services = COMPOSE["services"]
    for name in ("migrate", "collector", "scheduler", "dashboard"):
        for variable in ("OUTERLOOP_HOST", "OUTERLOOP_TOKEN", "OUTERLOOP_ENDPOINT"):
            monkeypatch.setenv(variable, services[name]["environment"][variable])
        host, port = urlsplit(addresses(load_settings())[-1]).netloc.split(":")
        assert f"{port}:{port}" in services[host]["ports"]


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="no docker-compose here")
def test_docker_compose_accepts_the_file() -> None:
    """`docker-compose config` takes it with its two variables, and says which one is missing without them."""
    command = ["docker-compose", "-f", str(ROOT / "docker-compose.yml"), "config", "-q"]
    given = {**os.environ, "CLICKHOUSE_PASSWORD": "a", "OUTERLOOP_TOKEN": "b"}
    done = subprocess.run(command, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    bare = {name: value for name, value in given.items() if name != "OUTERLOOP_TOKEN"}
    refused = subprocess.run(command, env=bare, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "set OUTERLOOP_TOKEN" in refused.stderr
