"""What the collector takes for an OTLP request, and what it says about the rest."""

from __future__ import annotations

import json

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from collector.otlp import MalformedError, decode, message, partial
from collector.rows import LOGS, TRACES, log_rows, span_rows

TRACE_ID, SPAN_ID = "0AF7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def document(**span) -> dict:
    """An OTLP/JSON request with one span."""
    span = {"traceId": TRACE_ID, "spanId": SPAN_ID, "name": "chat", **span}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


def traces(*ids: tuple[bytes, bytes]) -> bytes:
    """A protobuf request with spans of these ids."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = "shop"
    scoped = group.scope_spans.add()
    for trace_id, span_id in ids:
        scoped.spans.add(trace_id=trace_id, span_id=span_id)
    return request.SerializeToString()


def row(body: bytes, *, as_json: bool) -> dict:
    """The one row that a request becomes."""
    accepted = decode("traces", body, json=as_json)
    (only,) = span_rows(message("traces", accepted.payload))
    return dict(zip(TRACES.columns, only, strict=True))


def test_protobuf_is_kept_byte_for_byte() -> None:
    """A request without fault goes into the log as it came."""
    body = traces((b"t" * 16, b"s" * 8))
    assert decode("traces", body, json=False).payload is body


def test_json_ids_are_hex_and_numbers_may_be_texts() -> None:
    """OTLP/JSON has hexadecimal ids in any case, and 64-bit integers as text or number."""
    span = document(
        kind=3, startTimeUnixNano="1704067200000000001", endTimeUnixNano=1704067200000000003,
        parentSpanId="00f067aa0ba902b7", status={"code": 2, "message": "no"}, futureField={"x": 1},
        attributes=[
            {"key": "a", "value": {"intValue": "64"}}, {"key": "b", "value": {"intValue": 64}},
            {"key": "c", "value": {"doubleValue": 0.2}},
            {"key": "d", "value": {"bytesValue": "aGk="}},
        ],
        links=[{"traceId": TRACE_ID, "spanId": SPAN_ID}],
    )  # fmt: skip
    stored = row(json.dumps(span).encode(), as_json=True)
    assert stored["TraceId"] == TRACE_ID.lower() == stored["Links.TraceId"][0]
    assert (stored["SpanId"], stored["ParentSpanId"]) == (SPAN_ID, "00f067aa0ba902b7")
    assert (stored["Timestamp"], stored["Duration"]) == (1704067200000000001, 2)
    assert (stored["SpanKind"], stored["StatusCode"]) == ("Client", "Error")
    assert stored["SpanAttributes"] == {"a": "64", "b": "64", "c": "0.2", "d": "aGk="}


def test_json_and_protobuf_give_the_same_row() -> None:
    """The wire form leaves no trace in the store."""
    span = document(name="x", kind=1, startTimeUnixNano="5", traceState="a=b")
    request = decode("traces", json.dumps(span).encode(), json=True).payload
    assert row(request, as_json=False) == row(json.dumps(span).encode(), as_json=True)


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"[]", b'"text"', b"\xff\xfe", b'{"resourceSpans": 3}', b'{"resourceSpans": [3]}',
        json.dumps(document(traceId="not hex")).encode(), json.dumps(document(traceId=5)).encode(),
        json.dumps(document(startTimeUnixNano="soon")).encode(),
        json.dumps(document(startTimeUnixNano=-1)).encode(),
        json.dumps(
            document(attributes=[{"key": "k", "value": {"intValue": "1", "stringValue": "1"}}])
        ).encode(),
        b'{"resourceSpans":' * 2000,
        json.dumps(document()).encode().replace(b'"chat"', b"[" * 500 + b"]" * 500),
        b'{"resourceSpans":[{"resource":{"attributes":[{"key":"k","value":'
        + b'{"arrayValue":{"values":[' * 300
        + b"]}}" * 300 + b"}]}}]}",
    ],
)  # fmt: skip
def test_malformed_json_is_refused_with_a_reason(body: bytes) -> None:
    """Whatever is wrong with the JSON, endless nesting too, it is a 400 with a reason."""
    with pytest.raises(MalformedError, match=r"not an OTLP/JSON traces request: \S"):
        decode("traces", body, json=True)


def test_malformed_protobuf_is_refused_with_a_reason() -> None:
    """Cut or foreign bytes are no request."""
    for body in (b"\xff\xff\xff", traces((b"t" * 16, b"s" * 8))[:-3], b'{"resourceSpans":[]}'):
        with pytest.raises(MalformedError, match="not a protobuf ExportTraceServiceRequest"):
            decode("traces", body, json=False)


@pytest.mark.parametrize(
    "ids",
    [
        (b"t" * 15, b"s" * 8),
        (b"t" * 16, b"s" * 7),
        (bytes(16), b"s" * 8),
        (b"t" * 16, bytes(8)),
        (b"", b""),
    ],
)
def test_span_with_impossible_ids_is_rejected_alone(ids: tuple[bytes, bytes]) -> None:
    """One bad span does not cost its neighbours; it is counted for its service and answered."""
    accepted = decode("traces", traces((b"t" * 16, b"s" * 8), ids), json=False)
    assert (accepted.count, accepted.rejected) == (1, 1)
    assert accepted.note.counts == (
        ("shop", "accepted", "", 1),
        ("shop", "rejected", "invalid ids", 1),
    )
    assert len(list(span_rows(message("traces", accepted.payload)))) == 1
    answer = ExportTraceServiceResponse.FromString(partial("traces", 1, json=False))
    assert answer.partial_success.rejected_spans == 1
    assert "16 bytes" in answer.partial_success.error_message
    assert json.loads(partial("traces", 1, json=True))["partialSuccess"]["rejectedSpans"] == "1"


def test_body_of_crumbs_is_refused_before_it_is_read() -> None:
    """Megabytes of empty spans would take gigabytes as messages; the largest text does not."""
    empty_spans = b"\x12\x00" * 600_000
    with pytest.raises(MalformedError, match="all but empty messages"):
        decode("traces", empty_spans, json=False)
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id = b"t" * 16, b"s" * 8
    span.attributes.add(key="long").value.string_value = "text " * 1_000_000
    assert decode("traces", request.SerializeToString(), json=False).count == 1


def test_times_and_durations_wrap_as_they_do_in_go() -> None:
    """A time past 2262 or an end before the start is stored as the exporter would."""
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.add(
        trace_id=b"t" * 16, span_id=b"s" * 8, start_time_unix_nano=2**64 - 1, end_time_unix_nano=1
    )
    stored = row(request.SerializeToString(), as_json=False)
    assert (stored["Timestamp"], stored["Duration"]) == (-1, 2)


def test_log_record_keeps_body_scope_and_event_name() -> None:
    """A log row has the observed time where it has no own, and structured bodies as JSON."""
    request = ParseDict(
        {"resourceLogs": [{"schemaUrl": "r", "resource": {"attributes": [
            {"key": "service.name", "value": {"stringValue": "shop"}}]},
          "scopeLogs": [{"schemaUrl": "s", "scope": {"name": "n", "version": "1"}, "logRecords": [
            {"observedTimeUnixNano": "7", "severityNumber": 9, "severityText": "INFO",
             "flags": 259, "eventName": "e", "body": {"kvlistValue": {"values": [
                 {"key": "k", "value": {"boolValue": True}}]}}}]}]}]},
        ExportLogsServiceRequest(),
    )  # fmt: skip
    payload = decode("logs", request.SerializeToString(), json=False).payload
    (only,) = log_rows(message("logs", payload))
    stored = dict(zip(LOGS.columns, only, strict=True))
    assert (stored["Timestamp"], stored["TraceId"], stored["TraceFlags"]) == (7, "", 3)
    assert (stored["Body"], stored["EventName"], stored["ServiceName"]) == (
        '{"k":true}',
        "e",
        "shop",
    )
    assert (stored["ResourceSchemaUrl"], stored["ScopeSchemaUrl"], stored["SeverityNumber"]) == (
        "r",
        "s",
        9,
    )


def test_metrics_are_counted_by_data_point() -> None:
    """Metrics are only counted, so their number and their services are what remains."""
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="m")
    metric.gauge.data_points.add()
    metric.gauge.data_points.add()
    assert decode("metrics", request.SerializeToString(), json=False).note.counts == (
        ("", "counted", "", 2),
    )


@pytest.mark.parametrize(
    ("signal", "as_json"), [("traces", True), ("logs", False), ("metrics", True)]
)
def test_empty_body_is_an_empty_request(signal: str, *, as_json: bool) -> None:
    """Nothing sent is nothing stored and no fault."""
    accepted = decode(signal, b"", json=as_json)
    assert (accepted.count, accepted.payload) == (0, b"")
