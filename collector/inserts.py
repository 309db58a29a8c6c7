"""How a part gets into the store: as OTLP bytes that the engine reads itself, or as rows.

The engine reads OTLP about five times as cheaply as Python does. Logs go as rows, and so do small
parts, for which planning the engine's reader costs more than it saves. Which way a part goes
depends on the part alone, because a deduplication token means something on its own way only.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monitor.store import Store

__all__ = [
    "CLIENT_DATA_ERRORS", "NESTED", "STORE_ERRORS", "insert", "insert_otlp", "refuses_rows",
]  # fmt: skip

DATA_ERRORS = frozenset({
    6, 26, 27, 33, 38, 41, 43, 53, 69, 70, 72, 117, 128, 131, 153, 190, 321, 349, 395, 407, 441,
    444, 469,
})  # fmt: skip
"""ClickHouse's codes for "not these rows": parsing, ranges, conversions, constraints."""
STORE_ERRORS = frozenset({
    3, 60, 81, 159, 164, 192, 193, 194, 202, 209, 210, 236, 241, 242, 243, 252, 319, 394, 425, 439,
    497, 516, 999,
})  # fmt: skip
"""Codes for "not now": no table yet, too many parts, no memory, no disk, no permission."""
CLIENT_DATA_ERRORS = (ValueError, TypeError, OverflowError, KeyError, IndexError, AttributeError)
NESTED = 395
"""The code of `throwIf`, by which the view says that a value is nested too deeply for it."""
SETTINGS = {
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "max_partitions_per_insert_block": 0,
    "query_plan_enable_optimizations": 0,  # planning the views is the fixed cost: a quarter less
    "output_format_json_escape_forward_slashes": 0,  # Go leaves them alone
}
OTLP_SETTINGS = {
    **SETTINGS,
    "format_schema_source": "string",
    "format_schema": files("collector").joinpath("traces.proto").read_text("utf-8"),
    "format_schema_message_name": "Traces",
    "input_format_protobuf_oneof_presence": 1,
    "max_threads": 1,  # the same bytes are always the same blocks, so a token names the same rows
    "max_insert_threads": 1,
    "max_block_size": 1 << 20,
}


def insert(store: Store, table: str, types: dict[str, str], rows: list[Any], token: str) -> None:
    """Insert rows once, however often they are sent under this token."""
    store.client.insert(
        table,
        list(zip(*rows, strict=True)),
        column_names=list(types),
        column_type_names=list(types.values()),
        column_oriented=True,
        settings={**SETTINGS, "insert_deduplication_token": token},
    )


def insert_otlp(store: Store, otlp: bytes, token: str) -> None:
    """Insert the spans of OTLP requests once, however often they are sent under this token.

    Raises:
        ClickHouseError: with code `NESTED` when an attribute's list or map holds a list or a map,
            which the reader's columns cannot take; see `Part.flat_otlp`.
    """
    store.client.raw_insert(
        "otlp_traces",
        insert_block=otlp,
        fmt="ProtobufSingle",
        settings={**OTLP_SETTINGS, "insert_deduplication_token": token},
    )


def refuses_rows(error: Exception) -> bool:
    """Whether it is about the rows themselves, so that sending them again is no use."""
    return getattr(error, "code", None) in DATA_ERRORS or isinstance(error, CLIENT_DATA_ERRORS)
