"""OTLP's two wire forms as one: protobuf bytes, known to be whole and to hold storable items.

The accept path does no work per attribute: upb checks the bytes, the ids are looked at, and the
bytes are kept as they came. Rows are made later, by the writer (`collector.rows`).
"""

from __future__ import annotations

from base64 import b64encode
from binascii import unhexlify
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from google.protobuf.json_format import (  # type: ignore[import-untyped]  # protobuf ships no types
    MessageToDict,
    ParseDict,
    ParseError,
)
from google.protobuf.message import (  # type: ignore[import-untyped]  # protobuf ships no types
    DecodeError,
)
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from collector.values import text

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SIGNALS", "Accepted", "MalformedError", "decode", "message", "partial", "service_of"]

REQUESTS: dict[str, Any] = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}
RESPONSES: dict[str, Any] = {
    "traces": ExportTraceServiceResponse,
    "logs": ExportLogsServiceResponse,
    "metrics": ExportMetricsServiceResponse,
}
SIGNALS = tuple(REQUESTS)
REJECTED_FIELD = {
    "traces": "rejected_spans", "logs": "rejected_log_records", "metrics": "rejected_data_points",
}  # fmt: skip
JSON_LISTS = {
    "traces": ("resourceSpans", "scopeSpans", "spans"),
    "logs": ("resourceLogs", "scopeLogs", "logRecords"),
}
NO_TRACE_ID, NO_SPAN_ID = bytes(16), bytes(8)


class MalformedError(ValueError):
    """The body is not the OTLP request that it claims to be; the message says why."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A request that can be kept."""

    payload: bytes
    """The request as protobuf, without what was rejected."""
    count: int
    """Spans, log records or data points in it."""
    services: Counter[str] = field(default_factory=Counter)
    """The same by service; only of metrics, which are counted and not kept."""
    rejected: Counter[str] = field(default_factory=Counter)
    """Items with impossible ids, by service."""


def decode(signal: str, body: bytes, *, json: bool) -> Accepted:
    """Check a request body and bring it to protobuf.

    Raises:
        MalformedError: it is no such request.
    """
    request = _from_json(signal, body) if json else message(signal, body)
    payload = request.SerializeToString() if json else body
    if signal == "metrics":
        services = _data_points(request)
        return Accepted(payload, services.total(), services)
    count, rejected = _sift(signal, request)
    if rejected:
        payload = request.SerializeToString()
    return Accepted(payload, count, rejected=rejected)


def message(signal: str, payload: bytes) -> Any:
    """The protobuf message of a signal.

    Raises:
        MalformedError: the bytes are not that message.
    """
    request = REQUESTS[signal]()
    try:
        request.ParseFromString(payload)
    except DecodeError as error:
        raise MalformedError(f"not a protobuf {request.DESCRIPTOR.name}: {error}") from error
    return request


def partial(signal: str, rejected: int, *, json: bool) -> bytes:
    """The body of a 200: empty, or how many items were rejected and why."""
    response = RESPONSES[signal]()
    if rejected:
        setattr(response.partial_success, REJECTED_FIELD[signal], rejected)
        response.partial_success.error_message = (
            "ids must be 16 bytes (trace) and 8 bytes (span, parent) and not all zero"
        )
    return orjson.dumps(MessageToDict(response)) if json else bytes(response.SerializeToString())


def service_of(resource: Any) -> str:
    """`service.name` of a resource, or the empty text."""
    return next((text(a.value) for a in resource.attributes if a.key == "service.name"), "")


def _sift(signal: str, request: Any) -> tuple[int, Counter[str]]:
    """Drop what has impossible ids; returns how many items stay and how many went, by service."""
    storable = _storable_span if signal == "traces" else _storable_log
    count, rejected = 0, Counter[str]()
    for resource, items in _item_lists(signal, request):
        good = [item for item in items if storable(item)]
        count += len(good)
        if len(good) < len(items):
            rejected[service_of(resource)] += len(items) - len(good)
            kept = [type(item).FromString(item.SerializeToString()) for item in good]
            del items[:]
            items.extend(kept)
    return count, rejected


def _item_lists(signal: str, request: Any) -> Iterator[tuple[Any, Any]]:
    if signal == "traces":
        for group in request.resource_spans:
            for scoped in group.scope_spans:
                yield group.resource, scoped.spans
    else:
        for group in request.resource_logs:
            for scoped in group.scope_logs:
                yield group.resource, scoped.log_records


def _storable_span(span: Any) -> bool:
    trace_id, span_id = span.trace_id, span.span_id
    return (
        len(trace_id) == 16
        and len(span_id) == 8
        and trace_id != NO_TRACE_ID
        and span_id != NO_SPAN_ID
        and len(span.parent_span_id) in (0, 8)
    )


def _storable_log(record: Any) -> bool:
    return len(record.trace_id) in (0, 16) and len(record.span_id) in (0, 8)


def _data_points(request: Any) -> Counter[str]:
    points: Counter[str] = Counter()
    for group in request.resource_metrics:
        metrics = [metric for scoped in group.scope_metrics for metric in scoped.metrics]
        kinds = [(metric, metric.WhichOneof("data")) for metric in metrics]
        points[service_of(group.resource)] += sum(
            len(getattr(metric, kind).data_points) for metric, kind in kinds if kind
        )
    return points


def _from_json(signal: str, body: bytes) -> Any:
    try:
        document = orjson.loads(body or b"{}")
        _ids_to_base64(signal, document)
        return ParseDict(document, REQUESTS[signal](), ignore_unknown_fields=True)
    except (ParseError, ValueError, TypeError, AttributeError, RecursionError) as error:
        reason = str(error)[:300] or type(error).__name__
        raise MalformedError(f"not an OTLP/JSON {signal} request: {reason}") from error


def _ids_to_base64(signal: str, document: Any) -> None:
    """OTLP/JSON writes ids in hex, where protobuf's own JSON has base64."""
    if signal == "metrics":
        return  # exemplars carry ids too, and nobody reads them yet
    groups, scopes, items = JSON_LISTS[signal]
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
