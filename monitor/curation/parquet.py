"""Examples as Parquet: the conversation in typed columns, and beside it where the example comes from."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import parquet as pq

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from monitor.records import DatasetRow

__all__ = ["SCHEMA", "table_of", "write_table"]

CALL = pa.struct(
    [
        ("id", pa.string()),
        ("type", pa.string()),
        ("function", pa.struct([("name", pa.string()), ("arguments", pa.string())])),
    ]
)
MESSAGE = pa.struct(
    [
        ("role", pa.string()),
        ("content", pa.string()),
        ("tool_calls", pa.list_(CALL)),
        ("tool_call_id", pa.string()),
        ("weight", pa.int8()),
    ]
)
SCHEMA = pa.schema(
    [
        ("messages", pa.list_(MESSAGE)),
        ("tools", pa.string()),
        ("trace_id", pa.string()),
        ("span_id", pa.string()),
        ("call_timestamp", pa.timestamp("us", tz="UTC")),
        ("reasons", pa.list_(pa.string())),
        ("label_author", pa.string()),
    ]
)


def table_of(rows: Sequence[DatasetRow], examples: Sequence[Mapping[str, Any]]) -> pa.Table:
    """The labelled members of a split as a table."""
    records = [
        {
            "messages": [_message(message) for message in told["messages"]],
            "tools": _text(told.get("tools")) or "",
            "trace_id": row.trace_id,
            "span_id": row.span_id,
            "call_timestamp": row.call_timestamp,
            "reasons": list(row.reasons),
            "label_author": row.label_author,
        }
        for row, told in zip(rows, examples, strict=True)
    ]
    return pa.Table.from_pylist(records, schema=SCHEMA)


def write_table(table: pa.Table, path: Path) -> None:
    """Write a file whole or not at all."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    pq.write_table(table, fresh, compression="zstd")
    fresh.replace(path)


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message whose content is text; a list of parts becomes its JSON."""
    calls = message.get("tool_calls")
    return {
        "role": str(message.get("role", "")),
        "content": _text(message.get("content")),
        "tool_calls": [_call(one) for one in calls] if isinstance(calls, list) else None,
        "tool_call_id": message.get("tool_call_id"),
        "weight": message.get("weight"),
    }


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    function = call.get("function") or {}
    return {
        "id": str(call.get("id", "")),
        "type": "function",
        "function": {
            "name": str(function.get("name", "")),
            "arguments": _text(function.get("arguments")) or "",
        },
    }


def _text(value: Any) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
