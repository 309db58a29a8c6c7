"""OTLP's two wire forms as one: protobuf bytes, known to be whole and to hold storable items.

The accept path does no work per attribute: upb checks the bytes, the ids are looked at, and the
bytes are kept as they came. Rows are made later, by the writer (`collector.rows`).
"""

from __future__ import annotations

from base64 import b64encode
from binascii import unhexlify
from collections import Counter
from dataclasses import dataclass
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

from collector.segment import Level, Note
from collector.values import text
from monitor.vocabulary import OUTERLOOP_DROPPED, SERVICE_INSTANCE_ID

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collector.masking import Masking

__all__ = ["SIGNALS", "Accepted", "MalformedError", "decode", "message", "partial"]

INVALID_IDS = "invalid ids"
CALL_EVENTS = ("gen_ai.",)
"""Log events whose names begin so may add to calls that came as spans."""

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
CRUMBS_FROM_BYTES, MOST_SMALL, SMALL = 1 << 20, 0.1, bytes(range(8))
NO_TRACE_ID, NO_SPAN_ID = bytes(16), bytes(8)


class MalformedError(ValueError):
    """The body is not the OTLP request that it claims to be; the message says why."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A request that can be kept."""

    payload: bytes
    """The request as protobuf, without what was rejected, and masked."""
    count: int
    """Spans, log records or data points in it."""
    rejected: int
    """Items with impossible ids, which are not in it any more."""
    note: Note
    """What the ledger is told of it."""


def decode(signal: str, body: bytes, *, json: bool, masking: Masking | None = None) -> Accepted:
    """Check a request body, mask what must not be kept, and bring it to protobuf.

    Raises:
        MalformedError: it is no such request.
    """
    if not json:
        _refuse_crumbs(body)
    request = _from_json(signal, body) if json else message(signal, body)
    changed = json
    counts: Counter[tuple[str, str, str]] = Counter()
    levels: list[Level] = []
    if signal == "metrics":
        _count_points(request, counts)
    else:
        changed |= _sift(signal, request, counts)
        levels = _levels(request.resource_spans if signal == "traces" else request.resource_logs)
    if masking is not None and signal != "metrics":
        for (service, recogniser), number in masking.apply(signal, request).items():
            counts[service, "masked", recogniser] += number
        changed = True
    payload = request.SerializeToString() if changed else body
    lines = tuple((*key, number) for key, number in counts.items())
    completes = signal == "logs" and _completes(request)
    note = Note(lines, tuple(levels), completes, _times(signal, request))
    entries = Counter[str]()
    for (_, entry, _), number in counts.items():
        entries[entry] += number
    return Accepted(payload, entries["accepted"] + entries["counted"], entries["rejected"], note)


def _refuse_crumbs(body: bytes) -> None:
    """Refuse a body of nothing but tiny messages, each of which takes a hundred times its size.

    A message of less than eight bytes has a length byte below eight; in telemetry hardly any byte
    is that small. What passes takes at most some 20 times its size.
    """
    if len(body) > CRUMBS_FROM_BYTES:
        small = len(body) - len(body.translate(None, SMALL))
        if small > len(body) * MOST_SMALL:
            raise MalformedError("the body is all but empty messages; send spans with content")


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


def _service_of(resource: Any) -> str:
    """`service.name` of a resource, or the empty text."""
    return next((text(a.value) for a in resource.attributes if a.key == "service.name"), "")


def _sift(signal: str, request: Any, counts: Counter[tuple[str, str, str]]) -> bool:
    """Count the items by service and drop those with impossible ids; whether there were any."""
    storable = _storable_span if signal == "traces" else _storable_log
    dropped = False
    for resource, items in _item_lists(signal, request):
        service = _service_of(resource)
        good = [item for item in items if storable(item)]
        counts[service, "accepted", ""] += len(good)
        if len(good) < len(items):
            dropped = True
            counts[service, "rejected", INVALID_IDS] += len(items) - len(good)
            kept = [type(item).FromString(item.SerializeToString()) for item in good]
            del items[:]
            items.extend(kept)
    return dropped


def _levels(groups: Any) -> list[Level]:
    """What the senders say that they have lost since their start."""
    levels = []
    for group in groups:
        told = {a.key: a.value for a in group.resource.attributes}
        if OUTERLOOP_DROPPED in told:
            instance = text(told[SERVICE_INSTANCE_ID]) if SERVICE_INSTANCE_ID in told else ""
            value = told[OUTERLOOP_DROPPED].int_value
            levels.append(Level(_service_of(group.resource), instance, value))
    return levels


def _times(signal: str, request: Any) -> tuple[int, int]:
    if signal == "metrics":
        return 0, 0
    items = (item for _, found in _item_lists(signal, request) for item in found)
    if signal == "traces":
        told = [item.start_time_unix_nano for item in items]
    else:
        told = [item.time_unix_nano or item.observed_time_unix_nano for item in items]
    told = [time for time in told if time]
    return (min(told), max(told)) if told else (0, 0)


def _completes(request: Any) -> bool:
    return any(
        record.event_name.startswith(CALL_EVENTS)
        or any(a.key == "event.name" for a in record.attributes)
        for _, records in _item_lists("logs", request)
        for record in records
    )


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


def _count_points(request: Any, counts: Counter[tuple[str, str, str]]) -> None:
    for group in request.resource_metrics:
        metrics = [metric for scoped in group.scope_metrics for metric in scoped.metrics]
        kinds = [(metric, metric.WhichOneof("data")) for metric in metrics]
        counts[_service_of(group.resource), "counted", ""] += sum(
            len(getattr(metric, kind).data_points) for metric, kind in kinds if kind
        )


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
