"""An OTLP attribute value as the text that the Collector's ClickHouse exporter stores.

The rules are those of Go's `pcommon.Value.AsString()`: scalars as plain text, doubles the way
ECMAScript prints them, lists and maps as Go's `json.Marshal` writes them.
"""

from __future__ import annotations

from base64 import b64encode
from math import copysign, isfinite, isnan
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["attributes", "double_text", "flatten", "text"]

EXACT_INTEGERS = 2.0**53
GO_ESCAPES = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


def attributes(pairs: Iterable[Any]) -> dict[str, str]:
    """A `repeated KeyValue` as a map of texts; of a key sent twice the first value counts."""
    found: dict[str, str] = {}
    for pair in pairs:
        value = pair.value
        if pair.key not in found:
            found[pair.key] = value.string_value or text(value)
    return found


def flatten(request: Any) -> None:
    """Put texts in the place of the lists and maps in an `ExportTraceServiceRequest`'s attributes."""
    for group in request.resource_spans:
        _flatten(group.resource.attributes)
        for span in (span for scoped in group.scope_spans for span in scoped.spans):
            _flatten(span.attributes)
            for carrier in (*span.events, *span.links):
                _flatten(carrier.attributes)


def _flatten(pairs: Iterable[Any]) -> None:
    for value in (pair.value for pair in pairs):
        if value.WhichOneof("value") in ("array_value", "kvlist_value"):
            value.string_value = text(value)


def text(value: Any) -> str:
    """One `AnyValue` as text; an unset value is the empty text."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return str(value.string_value)
    if kind == "int_value":
        return str(value.int_value)
    if kind == "bool_value":
        return "true" if value.bool_value else "false"
    if kind == "double_value":
        return _top_level_double(value.double_value)
    if kind == "bytes_value":
        return b64encode(value.bytes_value).decode("ascii")
    return _nested(value) if kind else ""


def double_text(number: float) -> str:
    """A finite double the way ECMAScript and Go's JSON print it; only minus zero keeps its sign.

    >>> [double_text(x) for x in (1.0, 0.1, -2.5, 1e16, 1e21, 1e-6, 1e-7, 1.5e-9, -0.0)]
    ['1', '0.1', '-2.5', '10000000000000000', '1e+21', '0.000001', '1e-7', '1.5e-9', '-0']
    """
    if number.is_integer() and abs(number) < EXACT_INTEGERS:
        return str(int(number)) if number or copysign(1, number) > 0 else "-0"
    sign = "-" if number < 0 else ""
    shortest = repr(abs(number))
    if "e" not in shortest:
        return sign + shortest.removesuffix(".0")
    mantissa, exponent_text = shortest.split("e")
    digits, exponent = mantissa.replace(".", ""), int(exponent_text)
    if 0 <= exponent < 21:
        return sign + digits.ljust(exponent + 1, "0")
    if -7 < exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{exponent:+d}"


def _top_level_double(number: float) -> str:
    if isfinite(number):
        return double_text(number)
    name = "NaN" if isnan(number) else ("+Inf" if number > 0 else "-Inf")
    return f"json: unsupported value: {name}"


def _nested(value: Any) -> str:
    try:
        return _json(value)
    except ValueError:  # Go swallows the error of a NaN inside a list or map and stores nothing
        return ""


def _json(value: Any) -> str:
    """Go's `json.Marshal`: compact, keys sorted, HTML characters escaped.

    Raises:
        ValueError: a number in it is not finite.
    """
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return _quoted(value.string_value)
    if kind == "array_value":
        return f"[{','.join(_json(item) for item in value.array_value.values)}]"
    if kind == "kvlist_value":
        members = {pair.key: pair.value for pair in value.kvlist_value.values}
        return f"{{{','.join(f'{_quoted(k)}:{_json(members[k])}' for k in sorted(members))}}}"
    if kind == "bytes_value":
        return _quoted(text(value))
    if kind == "double_value":
        if not isfinite(value.double_value):
            raise ValueError("JSON has no text for a number that is not finite")
        return double_text(value.double_value)
    return text(value) if kind else "null"


def _quoted(plain: str) -> str:
    return orjson.dumps(plain).decode("utf-8").translate(GO_ESCAPES)
