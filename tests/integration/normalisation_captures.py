"""Captured OTLP requests, as the bytes of every protocol and as rows; and hand-made spans as rows."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.rows import LOGS, TRACES, Table, span_rows
from monitor.store import Store

DATA = Path(__file__).parent.parent / "data" / "otlp"
START_NS = 1_751_241_600_000_000_000
"""2025-06-30 00:00 UTC, when hand-made spans begin."""


IDS = ("traceId", "spanId", "parentSpanId")
"""Fields that OTLP's JSON writes in hexadecimal, where protobuf's own JSON has base64."""


def captures(signal: str = "traces") -> list[str]:
    """Names of all captured requests, `dialect/case`."""
    files = [path for path in DATA.glob("*/*") if path.suffix in {".pb", ".otlpjson"}]
    return sorted(
        f"{path.parent.name}/{path.name.split('.')[0]}"
        for path in files
        if (".logs." in path.name) == (signal == "logs")
    )


def request(name: str, signal: str = "traces") -> Any:
    """One captured request as a message, whatever encoding it came in."""
    made = ExportLogsServiceRequest() if signal == "logs" else ExportTraceServiceRequest()
    path = DATA / f"{name}{'.logs' if signal == 'logs' else ''}.pb"
    if path.exists():
        made.ParseFromString(path.read_bytes())
        return made
    sent = json.loads(path.with_suffix(".otlpjson").read_bytes())
    return json_format.ParseDict(_with_ids(sent, _base64), made, ignore_unknown_fields=True)


def as_json(name: str, signal: str = "traces") -> bytes:
    """One captured request as OTLP/JSON: the bytes that were sent, where it was sent so."""
    path = DATA / f"{name}.otlpjson"
    if path.exists():
        return path.read_bytes()
    sent = json_format.MessageToDict(request(name, signal), use_integers_for_enums=True)
    return json.dumps(_with_ids(sent, _hexadecimal)).encode()


def capture(name: str) -> list[dict[str, Any]]:
    """Spans of one captured request, e.g. `capture("litellm-otel/chat")`."""
    return [dict(zip(TRACES.columns, row, strict=True)) for row in span_rows(request(name))]


def _with_ids(part: Any, spell: Any) -> Any:
    if isinstance(part, dict):
        return {k: spell(v) if k in IDS else _with_ids(v, spell) for k, v in part.items()}
    return [_with_ids(item, spell) for item in part] if isinstance(part, list) else part


def _base64(identifier: str) -> str:
    return base64.b64encode(bytes.fromhex(identifier)).decode()


def _hexadecimal(identifier: str) -> str:
    return base64.b64decode(identifier).hex()


def span(number: int, attributes: dict[str, str], **columns: Any) -> dict[str, Any]:
    """A span of a hand-made trace; `columns` are those of `otel_traces`, `SpanName="x"`."""
    return _row(
        TRACES,
        {
            "Timestamp": START_NS + number,
            "TraceId": f"{number:032x}",
            "SpanId": f"{number:016x}",
            "SpanName": "work",
            "SpanKind": "Internal",
            "ServiceName": "shop",
            "StatusCode": "Unset",
            "SpanAttributes": attributes,
            "Duration": 2_500_000,
            **columns,
        },
    )


def event(number: int, attributes: dict[str, str], **columns: Any) -> dict[str, Any]:
    """A log record that carries an evaluation event."""
    return _row(
        LOGS,
        {
            "Timestamp": START_NS + number,
            "ServiceName": "shop",
            "LogAttributes": attributes,
            "EventName": "gen_ai.evaluation.result",
            **columns,
        },
    )


def insert(
    store: Store, rows: Iterable[dict[str, Any]], table: Table = TRACES, token: str = ""
) -> None:
    """One insert, as the collector does it."""
    rows = list(rows)
    store.client.insert(
        table.name,
        [[row[name] for row in rows] for name in table.columns],
        column_names=list(table.columns),
        column_type_names=list(table.columns.values()),
        column_oriented=True,
        settings={
            "insert_deduplication_token": token,
            "deduplicate_blocks_in_dependent_materialized_views": 1,
        }
        if token
        else {},
    )


def read(store: Store, sql: str) -> list[dict[str, Any]]:
    """A query's rows as dictionaries."""
    return list(store.client.query(sql).named_results())


def _row(table: Table, given: dict[str, Any]) -> dict[str, Any]:
    empty = {name: _empty(kind) for name, kind in table.columns.items()}
    assert given.keys() <= empty.keys()
    return {**empty, **given}


def _empty(kind: str) -> Any:
    if kind.startswith("Map"):
        return {}
    if kind.startswith("Array"):
        return []
    return 0 if kind.startswith(("UInt", "DateTime")) else ""
