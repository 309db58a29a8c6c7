"""What holds of any request whatever: no error, no second change, valid protobuf, nothing planted left."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from collector.masking import Masking
from monitor.settings import load_settings

PLANTED = ("alice.liddell@example.com", "4111 1111 1111 1111", "4242424242424242")
MADE = {
    mode: Masking.from_settings(load_settings(mask=mode, mask_secret="s"))
    for mode in ("on", "drop-content")
}
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

NOISE = st.text(
    alphabet=st.one_of(
        st.characters(codec="utf-8"), st.sampled_from("0123456789 -+.@:/\\\"'[]{}(),=nu\n")
    ),
    max_size=40,
)
"""Anything, and often what the patterns are made of."""
PLANT = st.builds(
    lambda before, value, after: f"{before} {value} {after}", NOISE, st.sampled_from(PLANTED), NOISE
)
TEXT = st.one_of(NOISE, PLANT, PLANT.map(json.dumps), st.lists(PLANT, max_size=3).map(json.dumps))


def _array(values: list[AnyValue]) -> AnyValue:
    return AnyValue(array_value={"values": values})


def _map(pairs: list[KeyValue]) -> AnyValue:
    return AnyValue(kvlist_value={"values": pairs})


VALUE = st.recursive(
    st.one_of(
        st.builds(AnyValue, string_value=TEXT),
        st.builds(AnyValue, bytes_value=st.one_of(st.binary(max_size=20), TEXT.map(str.encode))),
        st.builds(AnyValue, int_value=st.integers(-(2**63), 2**63 - 1)),
        st.builds(AnyValue, double_value=st.floats()),
        st.just(AnyValue()),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(_array),
        st.lists(st.builds(KeyValue, key=TEXT, value=inner), max_size=3).map(_map),
    ),
    max_leaves=6,
)
PAIRS = st.lists(
    st.builds(KeyValue, key=st.one_of(TEXT, st.just("input.value")), value=VALUE), max_size=3
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, Any]:
    """Spans or log records with values everywhere."""
    if draw(st.booleans()):
        logs = ExportLogsServiceRequest()
        group = logs.resource_logs.add()
        group.resource.attributes.extend(draw(PAIRS))
        record = group.scope_logs.add().log_records.add(body=draw(VALUE))
        record.attributes.extend(draw(PAIRS))
        return "logs", logs
    traces = ExportTraceServiceRequest()
    spans = traces.resource_spans.add()
    spans.resource.attributes.extend(draw(PAIRS))
    span = spans.scope_spans.add().spans.add(name=draw(TEXT))
    span.attributes.extend(draw(PAIRS))
    span.status.message = draw(TEXT)
    span.events.add(name=draw(TEXT)).attributes.extend(draw(PAIRS))
    span.links.add().attributes.extend(draw(PAIRS))
    return "traces", traces


@pytest.mark.parametrize("mode", ["on", "drop-content"])
@QUICK
@given(made=requests())
def test_any_request_is_masked_once_and_for_all(mode: str, made: tuple[str, Any]) -> None:
    """Nothing planted is left, the result is that message again, and a second time changes nothing."""
    signal, request = made
    masking = MADE[mode]
    assert masking is not None
    masking.apply(signal, request)
    once = request.SerializeToString(deterministic=True)
    assert [value for value in PLANTED if value.encode() in once] == []
    again = type(request).FromString(once)
    masking.apply(signal, again)
    assert again.SerializeToString(deterministic=True) == once


JSON = st.recursive(
    st.one_of(
        NOISE,
        PLANT,
        st.integers(),
        st.none(),
        st.booleans(),
        st.sampled_from((4111111111111111, -4242424242424242)),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=8,
)


@QUICK
@given(document=JSON, ascii_only=st.booleans())
def test_json_is_json_afterwards(document: object, ascii_only: bool) -> None:
    """Whatever it holds: the placeholders leave its strings and numbers well formed."""
    masking = MADE["on"]
    assert masking is not None
    if not isinstance(document, list | dict):
        document = [document]
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.attributes.add(key="input.value").value.string_value = json.dumps(
        document, ensure_ascii=ascii_only
    )
    masking.apply("traces", request)
    left = span.attributes[0].value.string_value
    json.loads(left)
    assert [value for value in PLANTED if value in left] == []
