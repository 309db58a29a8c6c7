"""Attribute values become exactly the text that the OpenTelemetry Collector's exporter stores."""

from __future__ import annotations

import math

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

from collector.values import attributes, text


def listed(*values: AnyValue) -> AnyValue:
    """An array value."""
    return AnyValue(array_value=ArrayValue(values=values))


def mapped(**values: AnyValue) -> AnyValue:
    """A map value."""
    return AnyValue(
        kvlist_value=KeyValueList(values=[KeyValue(key=k, value=v) for k, v in values.items()])
    )


def string(value: str) -> AnyValue:
    """A text value."""
    return AnyValue(string_value=value)


def double(value: float) -> AnyValue:
    """A double value."""
    return AnyValue(double_value=value)


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (AnyValue(), ""),
        (string('a "quoted" <b>'), 'a "quoted" <b>'),
        (AnyValue(bool_value=False), "false"),
        (AnyValue(int_value=-(2**63)), "-9223372036854775808"),
        (AnyValue(bytes_value=b"\x00\xff"), "AP8="),
        (double(0.2), "0.2"),
        (double(64.0), "64"),
        (double(1e16), "10000000000000000"),
        (double(123456789012345680000.0), "123456789012345680000"),
        (double(1e21), "1e+21"),
        (double(1e-6), "0.000001"),
        (double(1.25e-7), "1.25e-7"),
        (double(5e-324), "5e-324"),
        (double(-0.0), "-0"),
        (double(math.nan), "json: unsupported value: NaN"),
        (double(-math.inf), "json: unsupported value: -Inf"),
        (listed(), "[]"),
        (mapped(), "{}"),
        (listed(string("stop")), '["stop"]'),
        (listed(AnyValue(), AnyValue(int_value=1), double(1.0)), "[null,1,1]"),
        (
            mapped(b=AnyValue(bool_value=True), a=listed(mapped(x=string("y")))),
            '{"a":[{"x":"y"}],"b":true}',
        ),
        (listed(AnyValue(bytes_value=b"hi")), '["aGk="]'),
        (listed(double(math.nan)), ""),
        (
            listed(string("<a>&é\u2028\x01\n\x7f")),
            '["\\u003ca\\u003e\\u0026é\\u2028\\u0001\\n\x7f"]',
        ),
    ],
)
def test_value_has_the_exporters_text(value: AnyValue, stored: str) -> None:
    """Each kind of value, nested ones too, reads as Go's AsString would write it."""
    assert text(value) == stored


def test_first_of_a_repeated_key_counts() -> None:
    """A Map column answers with the first value of a key that was sent twice, and so do we."""
    pairs = [KeyValue(key="k", value=string(v)) for v in ("first", "second")]
    assert attributes(pairs) == {"k": "first"}
