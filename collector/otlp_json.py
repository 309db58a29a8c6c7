"""OTLP/JSON as protobuf reads it: its ids are hexadecimal, where protobuf's own JSON has base64."""

from __future__ import annotations

from base64 import b64encode
from binascii import unhexlify
from typing import Any

import orjson
from google.protobuf.json_format import (  # type: ignore[import-untyped]  # protobuf ships no types
    ParseDict,
    ParseError,
)

__all__ = ["parse_json"]

LISTS = {
    "traces": ("resourceSpans", "scopeSpans", "spans"),
    "logs": ("resourceLogs", "scopeLogs", "logRecords"),
}


def parse_json(signal: str, body: bytes, request: Any) -> None:
    """Read a request body into the protobuf message of its signal.

    Raises:
        ValueError: it is no such request; says why.
    """
    try:
        document = orjson.loads(body or b"{}")
        _ids_to_base64(signal, document)
        ParseDict(document, request, ignore_unknown_fields=True)
    except (ParseError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(str(error)[:300] or type(error).__name__) from error


def _ids_to_base64(signal: str, document: Any) -> None:
    if signal == "metrics":
        return  # exemplars carry ids too, and nobody reads them yet
    groups, scopes, items = LISTS[signal]
    for group in _list(document, groups):
        for scoped in _list(group, scopes):
            for item in _list(scoped, items):
                _convert(item, ("traceId", "spanId", "parentSpanId"))
                for link in _list(item, "links"):
                    _convert(link, ("traceId", "spanId"))


def _list(holder: Any, name: str) -> list[Any]:
    found = holder.get(name)
    if found is not None and not isinstance(found, list):
        raise TypeError(f"{name} must be a list")
    return found or []


def _convert(item: Any, names: tuple[str, ...]) -> None:
    for name in names:
        value = item.get(name)
        if value is None:
            continue
        try:
            item[name] = b64encode(unhexlify(value)).decode("ascii")
        except ValueError as error:
            raise ValueError(f"{name} is not hexadecimal: {str(value)[:40]!r}") from error
