"""OTLP messages as rows of `otel_traces` and `otel_logs`, exactly as the exporter writes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collector.values import attributes, text

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LOGS", "TABLES", "TRACES", "Table", "log_rows", "span_rows"]

Row = tuple[Any, ...]

SPAN_KINDS = {
    0: "Unspecified", 1: "Internal", 2: "Server", 3: "Client", 4: "Producer", 5: "Consumer",
}  # fmt: skip
STATUS_CODES = {0: "Unset", 1: "Ok", 2: "Error"}
ATTRIBUTES = "Map(LowCardinality(String), String)"


@dataclass(frozen=True, slots=True)
class Table:
    """A raw table as the writer fills it."""

    name: str
    """Its name in the database."""
    columns: dict[str, str]
    """Column names and their ClickHouse types, in the order of a row's values."""
    service: int
    """Where in a row the service name stands."""


TRACES = Table(
    "otel_traces",
    {
        "Timestamp": "DateTime64(9)",
        "TraceId": "String",
        "SpanId": "String",
        "ParentSpanId": "String",
        "TraceState": "String",
        "SpanName": "LowCardinality(String)",
        "SpanKind": "LowCardinality(String)",
        "ServiceName": "LowCardinality(String)",
        "ResourceAttributes": ATTRIBUTES,
        "ScopeName": "String",
        "ScopeVersion": "String",
        "SpanAttributes": ATTRIBUTES,
        "Duration": "UInt64",
        "StatusCode": "LowCardinality(String)",
        "StatusMessage": "String",
        "Events.Timestamp": "Array(DateTime64(9))",
        "Events.Name": "Array(LowCardinality(String))",
        "Events.Attributes": f"Array({ATTRIBUTES})",
        "Links.TraceId": "Array(String)",
        "Links.SpanId": "Array(String)",
        "Links.TraceState": "Array(String)",
        "Links.Attributes": f"Array({ATTRIBUTES})",
    },
    service=7,
)
LOGS = Table(
    "otel_logs",
    {
        "Timestamp": "DateTime64(9)",
        "TraceId": "String",
        "SpanId": "String",
        "TraceFlags": "UInt8",
        "SeverityText": "LowCardinality(String)",
        "SeverityNumber": "UInt8",
        "ServiceName": "LowCardinality(String)",
        "Body": "String",
        "ResourceSchemaUrl": "LowCardinality(String)",
        "ResourceAttributes": ATTRIBUTES,
        "ScopeSchemaUrl": "LowCardinality(String)",
        "ScopeName": "String",
        "ScopeVersion": "LowCardinality(String)",
        "ScopeAttributes": ATTRIBUTES,
        "LogAttributes": ATTRIBUTES,
        "EventName": "String",
    },
    service=6,
)
TABLES = {"traces": TRACES, "logs": LOGS}


def span_rows(request: Any) -> Iterator[Row]:
    """The spans of an `ExportTraceServiceRequest`, each as a row of `TRACES.columns`."""
    for group in request.resource_spans:
        resource = attributes(group.resource.attributes)
        service = resource.get("service.name", "")
        for scoped in group.scope_spans:
            scope, version = scoped.scope.name, scoped.scope.version
            for span in scoped.spans:
                start, status = span.start_time_unix_nano, span.status
                events, links = span.events, span.links
                yield (
                    _signed(start), span.trace_id.hex(), span.span_id.hex(),
                    _id(span.parent_span_id),
                    span.trace_state, span.name, SPAN_KINDS.get(span.kind, ""), service, resource,
                    scope, version, attributes(span.attributes),
                    (span.end_time_unix_nano - start) % 2**64,
                    STATUS_CODES.get(status.code, ""), status.message,
                    [_signed(event.time_unix_nano) for event in events],
                    [event.name for event in events],
                    [attributes(event.attributes) for event in events],
                    [_id(link.trace_id) for link in links],
                    [_id(link.span_id) for link in links],
                    [link.trace_state for link in links],
                    [attributes(link.attributes) for link in links],
                )  # fmt: skip


def log_rows(request: Any) -> Iterator[Row]:
    """The records of an `ExportLogsServiceRequest`, each as a row of `LOGS.columns`."""
    for group in request.resource_logs:
        resource = attributes(group.resource.attributes)
        service = resource.get("service.name", "")
        for scoped in group.scope_logs:
            scope = scoped.scope
            scope_attributes = attributes(scope.attributes)
            for record in scoped.log_records:
                yield (
                    _signed(record.time_unix_nano or record.observed_time_unix_nano),
                    _id(record.trace_id), _id(record.span_id), record.flags & 0xFF,
                    record.severity_text, record.severity_number & 0xFF, service,
                    text(record.body), group.schema_url, resource, scoped.schema_url,
                    scope.name, scope.version, scope_attributes, attributes(record.attributes),
                    record.event_name,
                )  # fmt: skip


def _id(raw: bytes) -> str:
    """Lower-case hex; an id of zeros only is no id."""
    return raw.hex() if any(raw) else ""


def _signed(nanoseconds: int) -> int:
    """Go reads the unsigned time as signed: a time past 2262 wraps instead of failing."""
    return nanoseconds - 2**64 if nanoseconds >= 2**63 else nanoseconds
