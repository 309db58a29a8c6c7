"""What the SDK writes by hand is what OpenTelemetry's own classes read and write."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue

from monitor.sdk.encoding import rejected
from monitor.sdk.wire import fields_of, pair, varint


def official(value: Any) -> AnyValue:
    """A value by the generated classes."""
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, str):
        return AnyValue(string_value=value)
    return AnyValue(array_value=ArrayValue(values=[official(item) for item in value]))


LEAF = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=300)
)


@given(st.text(max_size=200), LEAF | st.lists(LEAF, max_size=5))
def test_attributes_are_those_of_the_generated_classes(name: str, value: Any) -> None:
    """Every attribute is the same to the byte, whatever its type and length."""
    assert KeyValue.FromString(pair(name, value)) == KeyValue(key=name, value=official(value))


def test_what_otlp_has_no_type_for_becomes_text() -> None:
    """Numbers that are too long, halves of surrogates, dicts, and numbers that are none."""
    read = {name: KeyValue.FromString(pair(name, value)).value for name, value in {
        "long": 2**70, "half": "a\ud800", "dict": {"a": 1}, "nan": math.nan,
    }.items()}  # fmt: skip
    assert read["long"].string_value == str(2**70)
    assert read["half"].string_value == "a?"
    assert read["dict"].string_value == '{"a":1}'
    assert math.isnan(read["nan"].double_value)


@given(st.integers(0, 2**64 - 1))
def test_numbers_come_back(number: int) -> None:
    """A varint is read as it was written."""
    assert fields_of(b"\x08" + varint(number)) == {1: number}


def test_the_collectors_answer_is_understood() -> None:
    """Partial success is read from the bytes; what is no protobuf means that all was accepted."""
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = 300
    answer.partial_success.error_message = "too old"
    assert rejected("/v1/traces", answer.SerializeToString()) == (300, "too old")
    assert rejected("/v1/traces", b"") == (0, "")
    assert rejected("/v1/traces", b"<html>fine</html>") == (0, "")


@pytest.mark.parametrize("body", [b"\x08", b"\xff" * 12, b"\x0b", b"\x0a\x05ab"])
def test_damaged_answers_are_no_crash(body: bytes) -> None:
    """Whatever a proxy sends, reading ends."""
    rejected("/v1/logs", body)
