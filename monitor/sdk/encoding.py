"""Records as OTLP protobuf: spans for `/v1/traces`, scores for `/v1/logs`, off thread."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    InstrumentationScope,
    KeyValue,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource as ResourceMessage
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from monitor import vocabulary as v
from monitor.sdk.guard import GUARD
from monitor.sdk.scores import Score
from monitor.sdk.snapshot import to_json
from monitor.sdk.step import Failure, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from monitor.sdk.outbox import Record

__all__ = ["Parcel", "encode", "rejected"]

INTERNAL = Span.SpanKind.SPAN_KIND_INTERNAL
CLIENT = Span.SpanKind.SPAN_KIND_CLIENT
OK = Status(code=Status.StatusCode.STATUS_CODE_OK)
INT64 = 1 << 63
SAMPLED_RANDOM = 0x03


@dataclass(frozen=True, slots=True)
class Parcel:
    """The body of one request."""

    path: str
    body: bytes
    records: list[Record]
    """What is in it, so that it can be split where it is too big."""
    unreadable: int
    """Records that could not be encoded and are not in it."""


def encode(records: Iterable[Record], *, dropped: int) -> list[Parcel]:
    """The requests that carry these records; `dropped` is told on their resource."""
    spans = [record for record in records if isinstance(record, Step)]
    scores = [record for record in records if isinstance(record, Score)]
    parcels = []
    if spans:
        parcels.append(_parcel("/v1/traces", spans, _span, _trace_request, dropped))
    if scores:
        parcels.append(_parcel("/v1/logs", scores, _log_record, _logs_request, dropped))
    return parcels


def rejected(path: str, body: bytes) -> tuple[int, str]:
    """How many records the collector's answer refuses, and why."""
    if not body:
        return 0, ""
    if path == "/v1/traces":
        partial = ExportTraceServiceResponse.FromString(body).partial_success
        return int(partial.rejected_spans), str(partial.error_message)
    partial = ExportLogsServiceResponse.FromString(body).partial_success
    return int(partial.rejected_log_records), str(partial.error_message)


def _parcel(
    path: str,
    records: list[Any],
    write: Callable[[Any], Any],
    request: Callable[[list[tuple[Any, list[Any]]], int], bytes],
    dropped: int,
) -> Parcel:
    """Each record on its own: one that cannot be written must not take the others with it."""
    written: list[Record] = []
    groups: dict[Any, list[Any]] = {}
    for record in records:
        message = GUARD(write)(record)
        if message is not None:
            written.append(record)
            resource = record.resource if isinstance(record, Score) else record.runtime.resource
            groups.setdefault(resource, []).append(message)
    unreadable = len(records) - len(written)
    return Parcel(path, request(list(groups.items()), dropped + unreadable), written, unreadable)


def _trace_request(groups: list[tuple[Any, list[Any]]], dropped: int) -> bytes:
    packed = [
        ResourceSpans(
            resource=_resource(resource, dropped),
            scope_spans=[ScopeSpans(scope=_SCOPE, spans=spans)],
        )
        for resource, spans in groups
    ]
    body: bytes = ExportTraceServiceRequest(resource_spans=packed).SerializeToString()
    return body


def _logs_request(groups: list[tuple[Any, list[Any]]], dropped: int) -> bytes:
    packed = [
        ResourceLogs(
            resource=_resource(resource, dropped),
            scope_logs=[ScopeLogs(scope=_SCOPE, log_records=logs)],
        )
        for resource, logs in groups
    ]
    body: bytes = ExportLogsServiceRequest(resource_logs=packed).SerializeToString()
    return body


def _version() -> str:
    try:
        return version("outerloop")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return ""


_SCOPE = InstrumentationScope(name=v.SCOPE_NAME, version=_version())


def _resource(resource: Any, dropped: int) -> Any:
    attributes = [_pair(name, value) for name, value in resource.attributes]
    attributes.append(_pair("telemetry.sdk.name", "outerloop"))
    attributes.append(_pair("telemetry.sdk.language", "python"))
    attributes.append(_pair("telemetry.sdk.version", _SCOPE.version))
    if dropped:
        attributes.append(_pair(v.OUTERLOOP_DROPPED, dropped))
    return ResourceMessage(attributes=attributes)


def _span(step: Step) -> Any:
    description = step.description
    attributes = [
        _pair(name, value) for name, value in description.attributes(step) if value is not None
    ]
    attributes += [_pair(name, value) for name, value in step.labels.attributes()]
    if step.cut:
        attributes.append(_pair(v.OUTERLOOP_TRUNCATED, list(step.cut)))
    if step.abandoned:
        attributes.append(_pair(v.OUTERLOOP_ABANDONED, True))  # noqa: FBT003 - an attribute's value
    if step.extra:
        attributes += [_pair(name, value) for name, value in step.extra.items()]
    if step.failure is not None:
        attributes.append(_pair(v.ERROR_TYPE, step.failure.kind))
    return Span(
        trace_id=step.trace_id.to_bytes(16, "big"),
        span_id=step.span_id.to_bytes(8, "big"),
        parent_span_id=step.parent_id.to_bytes(8, "big") if step.parent_id else b"",
        trace_state=step.trace_state.to_header() if step.trace_state else "",
        flags=SAMPLED_RANDOM,
        name=_clean(description.name(step)),
        kind=CLIENT if description.client else INTERNAL,
        start_time_unix_nano=step.started_ns,
        end_time_unix_nano=step.started_ns + step.elapsed_ns,
        attributes=attributes,
        events=_events(step),
        status=_status(step),
    )


def _status(step: Step) -> Any:
    if step.failure is not None:
        return Status(
            code=Status.StatusCode.STATUS_CODE_ERROR, message=_clean(step.failure.message)
        )
    return None if step.abandoned else OK


def _events(step: Step) -> list[Any]:
    events = [
        Span.Event(
            time_unix_nano=at,
            name=_clean(name),
            attributes=[_pair(key, value) for key, value in said.items()],
        )
        for at, name, said in step.events or ()
    ]
    if step.failure is not None and step.failure.places:
        events.append(_exception(step.failure, step.started_ns + step.elapsed_ns))
    return events


def _exception(failure: Failure, at: int) -> Any:
    lines = [
        f'  File "{file}", line {line}, in {function}' for file, line, function in failure.places
    ]
    trace = "\n".join(
        ["Traceback (most recent call last):", *lines, f"{failure.kind}: {failure.message}"]
    )
    said = {
        "exception.type": failure.kind,
        "exception.message": failure.message,
        "exception.stacktrace": trace,
    }
    return Span.Event(
        time_unix_nano=at,
        name="exception",
        attributes=[_pair(name, value) for name, value in said.items()],
    )


def _log_record(score: Score) -> Any:
    return LogRecord(
        time_unix_nano=score.told_ns,
        observed_time_unix_nano=score.told_ns,
        event_name=v.EVALUATION_EVENT,
        trace_id=bytes.fromhex(score.trace_id),
        span_id=bytes.fromhex(score.span_id),
        attributes=[_pair(name, value) for name, value in score.attributes()],
    )


def _pair(name: str, value: Any) -> Any:
    return KeyValue(key=name, value=_value(value))


def _value(value: Any) -> Any:  # noqa: PLR0911 - one line a type
    kind = type(value)
    if kind is str:
        try:
            return AnyValue(string_value=value)
        except (UnicodeEncodeError, ValueError):  # half of a surrogate pair
            return AnyValue(string_value=_clean(value))
    if kind is bool:
        return AnyValue(bool_value=value)
    if kind is int:
        return (
            AnyValue(int_value=value)
            if -INT64 <= value < INT64
            else AnyValue(string_value=str(value))
        )
    if kind is float:
        return AnyValue(double_value=value)
    if kind in (list, tuple):
        return AnyValue(array_value=ArrayValue(values=[_value(item) for item in value]))
    return AnyValue(string_value=_clean(to_json(value)))


def _clean(text: str) -> str:
    """`text` as UTF-8 can carry it."""
    return text.encode("utf-8", "replace").decode("utf-8")
