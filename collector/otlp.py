"""OTLP's two wire forms as one: protobuf bytes, known to be whole and to hold storable items.

The accept path does no work per attribute: upb checks the bytes, the ids are looked at, and the
bytes are kept as they came. Rows are made later, by the writer (`collector.rows`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from google.protobuf.json_format import (  # type: ignore[import-untyped]  # protobuf ships no types
    MessageToDict,
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

from collector.otlp_json import parse_json
from collector.segment import Level, Note
from collector.values import text
from monitor.vocabulary import OUTERLOOP_DROPPED, SERVICE_INSTANCE_ID

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collector.masking import Masking

__all__ = [
    "SIGNALS", "Accepted", "MalformedError", "decode", "item_lists", "keep_only", "message",
    "partial", "service_of",
]  # fmt: skip

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
CRUMBS_FROM_BYTES, MOST_SMALL, SMALL = 1 << 20, 0.1, bytes(range(8))
NO_TRACE_ID, NO_SPAN_ID = bytes(16), bytes(8)


class MalformedError(ValueError):
    """The body is not the OTLP request that it claims to be; the message says why."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A request that can be kept."""

    payload: bytes
    """The request as protobuf, without what was rejected, and masked; empty for metrics."""
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
    if signal == "metrics":
        counts = _count_points(request)
        return Accepted(b"", sum(n for *_, n in counts), 0, Note(counts))
    found = _sift(signal, request)
    changed = json or found.rejected > 0
    if masking is not None:
        for (service, recogniser), number in masking.apply(signal, request).items():
            found.counts[service, "masked", recogniser] += number
        changed = True
    payload = request.SerializeToString() if changed else body
    return Accepted(payload, found.accepted, found.rejected, found.note())


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


def _from_json(signal: str, body: bytes) -> Any:
    request = REQUESTS[signal]()
    try:
        parse_json(signal, body, request)
    except ValueError as error:
        raise MalformedError(f"not an OTLP/JSON {signal} request: {error}") from error
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


def item_lists(signal: str, request: Any) -> Iterator[tuple[Any, Any]]:
    """Every list of spans or log records of a request, each with its resource."""
    if signal == "traces":
        for group in request.resource_spans:
            for scoped in group.scope_spans:
                yield group.resource, scoped.spans
    else:
        for group in request.resource_logs:
            for scoped in group.scope_logs:
                yield group.resource, scoped.log_records


def keep_only(items: Any, kept: list[Any]) -> None:
    """Leave only `kept` of a message's list; protobuf has no other way to take out of the middle."""
    copies = [type(item).FromString(item.SerializeToString()) for item in kept]
    del items[:]
    items.extend(copies)


@dataclass(slots=True)
class _Found:
    """What one walk over the items of a request finds."""

    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """By service, entry and reason."""
    levels: list[Level] = field(default_factory=list)
    completes: bool = False
    times: list[int] = field(default_factory=list)
    accepted: int = 0
    rejected: int = 0

    def note(self) -> Note:
        lines = tuple((*key, number) for key, number in self.counts.items())
        times = (min(self.times), max(self.times)) if self.times else (0, 0)
        return Note(lines, tuple(self.levels), self.completes, times)


def _sift(signal: str, request: Any) -> _Found:
    """Look at every item once, and drop those with impossible ids."""
    storable = _storable_span if signal == "traces" else _storable_log
    found = _Found(levels=_levels(signal, request))
    for resource, items in item_lists(signal, request):
        service = service_of(resource)
        good = [item for item in items if storable(item)]
        found.accepted += len(good)
        found.counts[service, "accepted", ""] += len(good)
        if signal == "traces":
            found.times += [t for span in good if (t := span.start_time_unix_nano)]
        else:
            found.completes = found.completes or any(map(_completes, good))
            found.times += [
                t for one in good if (t := one.time_unix_nano or one.observed_time_unix_nano)
            ]
        if dropped := len(items) - len(good):
            found.rejected += dropped
            found.counts[service, "rejected", INVALID_IDS] += dropped
            keep_only(items, good)
    return found


def _levels(signal: str, request: Any) -> list[Level]:
    """What the senders say that they have lost since their start."""
    levels = []
    for group in request.resource_spans if signal == "traces" else request.resource_logs:
        told = next((a for a in group.resource.attributes if a.key == OUTERLOOP_DROPPED), None)
        if told is not None:
            named = {a.key: text(a.value) for a in group.resource.attributes}
            instance = named.get(SERVICE_INSTANCE_ID, "")
            levels.append(Level(service_of(group.resource), instance, told.value.int_value))
    return levels


def _completes(record: Any) -> bool:
    """Whether it may add to a call that came as a span; older senders name an event by attribute."""
    return bool(record.event_name.startswith(CALL_EVENTS)) or any(
        a.key == "event.name" for a in record.attributes
    )


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


def _count_points(request: Any) -> tuple[tuple[str, str, str, int], ...]:
    points: Counter[str] = Counter()
    for group in request.resource_metrics:
        metrics = [metric for scoped in group.scope_metrics for metric in scoped.metrics]
        kinds = [(metric, metric.WhichOneof("data")) for metric in metrics]
        points[service_of(group.resource)] += sum(
            len(getattr(metric, kind).data_points) for metric, kind in kinds if kind
        )
    return tuple((service, "counted", "", number) for service, number in points.items())
