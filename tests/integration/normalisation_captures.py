"""Captured OTLP requests and hand-made spans as rows of the raw tables, inserted as the collector inserts them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from collector.otlp import message
from collector.rows import LOGS, TRACES, Table, span_rows
from monitor.store import Store

DATA = Path(__file__).parent.parent / "data" / "otlp"
START_NS = 1_703_980_800_000_000_000
"""2023-12-31 00:00 UTC, when hand-made spans begin."""


def capture(name: str) -> list[dict[str, Any]]:
    """Spans of one captured request, e.g. `capture("litellm-otel/chat")`."""
    request = message("traces", (DATA / f"{name}.pb").read_bytes())
    return [dict(zip(TRACES.columns, row, strict=True)) for row in span_rows(request)]


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
