"""The schema that `migrate --cluster` sends: every statement is the engine's, and rows go through the whole of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from monitor.exceptions import ConfigurationError
from monitor.store import Store, migrate
from monitor.store.cluster import REQUIRED_SETTINGS
from monitor.store.migrate import ddl

pytestmark = pytest.mark.integration

ENGINE = Path(__file__).with_name("cluster_engine.py")
ROOT = Path(__file__).parents[2]
QUESTIONS = sorted(file for folder in ROOT.glob("*/**/questions") for file in folder.glob("*.sql"))
VALUES = {"String": "'x'", "Float64": "0.5", "Bool": "true", "Date": "toDate('2024-01-01')"}
SCORE = """INSERT INTO otel_logs (Timestamp, TraceId, SpanId, ServiceName, EventName, LogAttributes)
VALUES ('2024-06-01 00:00:00', '', '', 'bank', 'gen_ai.evaluation.result',
map('session.id', 's', 'gen_ai.evaluation.name', 'ok', 'gen_ai.evaluation.score.value', '1'))"""
SPAN = """INSERT INTO otel_traces (Timestamp, TraceId, SpanId, ServiceName, SpanName, SpanAttributes)
VALUES (toDateTime64(today(), 9), '{number:032x}', '{number:016x}', 'bank', '{name}',
map('gen_ai.operation.name', 'chat', 'gen_ai.request.model', 'gpt-4o',
    'gen_ai.usage.input_tokens', '1000000', 'gen_ai.usage.output_tokens', '0'))"""


def run(
    folder: Path,
    statements: list[str],
    *,
    parse: bool = False,
    settings: dict[str, str] | None = None,
) -> list[Any]:
    """Run statements on an engine that knows clusters."""
    asked = {
        "folder": str(folder),
        "statements": statements,
        "parse": parse,
        "settings": settings or {},
    }
    done = subprocess.run(
        [sys.executable, str(ENGINE)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    answers: list[Any] = json.loads(done.stdout)
    return answers


def span(number: int, name: str = "chat m") -> str:
    """An INSERT as the exporter writes it, into the Distributed table."""
    return SPAN.format(number=number, name=name)


def test_the_engine_parses_every_statement(tmp_path: Path) -> None:
    """Replicated engines, ON CLUSTER, Distributed, views and TTLs: `formatQuery` takes them all."""
    assert (
        run(
            tmp_path, ddl("db", retention_days=30, raw_retention_days=7, cluster="main"), parse=True
        )
        == []
    )


def test_rows_go_through_the_whole_schema_of_a_cluster(tmp_path: Path) -> None:
    """An exporter's insert into the Distributed table comes out of `calls FINAL` once, priced, on one local table."""
    schema = ddl("db", retention_days=0, cluster="one")
    asked = [
        "SELECT count(), sum(cost_usd) FROM calls FINAL",
        "SELECT count() FROM calls_local",
        "SELECT count() FROM otel_traces",
        "SELECT name, value FROM scores FINAL",
        "SELECT count() FROM otel_traces_trace_id_ts",
    ]
    again = [
        "INSERT INTO spans (timestamp, trace_id, span_id, service, is_call) VALUES (now(), 't', 's', 'b', true)",
        "SELECT count() FROM calls FINAL",
    ]
    rows = [span(1), span(2), span(2, name="sent again"), SCORE]
    answers = run(tmp_path, [*schema, *rows, *asked, *again], settings=REQUIRED_SETTINGS)
    assert [one for one in answers if isinstance(one, str)] == []
    calls, local, raw, scores, traces, _, after = (_numbers(one) for one in answers[-7:])
    assert calls[0][0] == 2
    assert calls[0][1] > 0
    assert (local, raw, traces) == ([[3]], [[3]], [[3]])
    assert scores == [["ok", 1]]
    assert after == [[3]]


def test_every_question_is_understood_over_two_shards(tmp_path: Path) -> None:
    """Joins and subqueries of all readers, jobs and dashboards work on Distributed tables with the profile given."""
    questions = [
        f"EXPLAIN {_bound(path.read_text('utf-8'))}"
        for path in QUESTIONS
        if "INSERT INTO" not in path.read_text("utf-8")
    ]
    schema = ddl("db", retention_days=0, cluster="two")
    answers = run(tmp_path, [*schema, *questions], settings=REQUIRED_SETTINGS)
    assert [one for one in answers if isinstance(one, str)] == []


def test_a_single_servers_database_is_not_turned_into_a_clusters(store_url: str) -> None:
    """It is refused with what to do, and nothing is changed."""
    with pytest.raises(ConfigurationError, match="choose a fresh one"):
        migrate(store_url, retention_days=0, cluster="main")


def test_a_cluster_that_the_server_does_not_know_is_refused(store_server: str) -> None:
    """The message names remote_servers and the file that shows how."""
    with pytest.raises(ConfigurationError, match="knows no cluster 'nowhere'"):
        migrate(f"{store_server}/fresh_cluster", retention_days=0, cluster="nowhere")


def test_printing_sends_nothing(tmp_path: Path) -> None:
    """`--print` works without a store and gives statements that a client can be fed with."""
    done = subprocess.run(
        [sys.executable, "-m", "monitor.cli", "migrate", "--cluster", "main", "--print"],
        capture_output=True, text=True, check=True, cwd=tmp_path, env={"OUTERLOOP_STORE_URL": "http://127.0.0.1:1/x"},
    )  # fmt: skip
    assert done.stdout.startswith("CREATE DATABASE IF NOT EXISTS `outerloop` ON CLUSTER `main`;")


def test_the_printed_schema_of_one_server_is_what_migrate_makes(
    store_url: str, store: Store
) -> None:
    """Without --cluster, the statements make the same tables and views."""
    made = {
        m[1]
        for text in ddl("x", retention_days=0)
        if (m := re.match(r"CREATE (?:TABLE|VIEW|MATERIALIZED VIEW) IF NOT EXISTS `?(\w+)", text))
    }
    there = store.client.query(
        "SELECT name FROM system.tables WHERE database = currentDatabase()"
    ).result_rows
    assert {name for (name,) in there} == made


def _numbers(rows: list[list[Any]]) -> list[list[Any]]:
    """64-bit numbers come as texts or as numbers, as the engine's settings want it."""
    return [
        [float(value) if str(value).replace(".", "", 1).isdigit() else value for value in row]
        for row in rows
    ]


def _bound(text: str) -> str:
    return re.sub(r"\{(\w+):([^}]+)\}", lambda match: _value(match[2]), text)


def _value(kind: str) -> str:
    if kind.startswith("Array("):
        return f"[{_value(kind[6:-1])}]"
    if kind.startswith("Tuple("):
        return f"({', '.join(map(_value, re.split(r', *(?![^(]*[)])', kind[6:-1])))})"
    if kind.startswith("Map("):
        return f"CAST(map(), '{kind}')"
    if kind.startswith("Nullable("):
        return _value(kind[9:-1])
    return VALUES.get(kind, "toDateTime64('2024-01-01', 9)" if kind.startswith("DateTime") else "1")
