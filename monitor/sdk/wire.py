"""Protobuf's wire format, as far as OTLP needs it: bytes in, bytes out, nothing to import.

The SDK writes the few messages of OTLP by hand: a span costs a third of what the generated classes
take, and the app's process never loads protobuf. `tests/unit/test_sdk_encoding.py` reads everything
back with the generated classes.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any

from monitor.sdk.json_text import to_json

__all__ = ["clean", "field", "fields_of", "fixed64", "key_of", "pair", "value_of", "varint"]

SMALL = tuple(bytes((number,)) for number in range(128))
INT64 = 1 << 63
SHORT = 64
"""Texts up to this many characters come again and again: names, kinds, models, sessions."""
_fixed64 = struct.Struct("<BQ").pack
_double = struct.Struct("<d").pack
TRUE, FALSE = b"\x10\x01", b"\x10\x00"


def varint(number: int) -> bytes:
    """A number that is not negative, seven bits a byte.

    >>> varint(300).hex()
    'ac02'
    """
    if number < 128:
        return SMALL[number]
    if number < 16_384:
        return bytes((number & 127 | 128, number >> 7))
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(tag: bytes, content: bytes) -> bytes:
    """A message, a text or bytes under its tag."""
    return tag + varint(len(content)) + content


def fixed64(tag: int, number: int) -> bytes:
    """A number of eight bytes under its tag; one that does not fit loses its upper bits."""
    return _fixed64(tag, number % (2 * INT64))


def clean(text: str) -> bytes:
    """`text` as UTF-8; half of a surrogate pair becomes a question mark."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


@lru_cache(maxsize=1024)
def key_of(name: str) -> bytes:
    """A `KeyValue` up to its value's length."""
    return field(b"\x0a", clean(name)) + b"\x12"


@lru_cache(maxsize=4096)
def _short_pair(name: str, text: str) -> bytes:
    return key_of(name) + field(b"", field(b"\x0a", clean(text)))


def pair(name: str, value: Any) -> bytes:
    """A `KeyValue`, without the tag that it stands under."""
    if type(value) is str:
        if len(value) <= SHORT:
            return _short_pair(name, value)
        text = clean(value)
        size = varint(len(text))
        return b"".join((key_of(name), varint(len(text) + len(size) + 1), b"\x0a", size, text))
    return key_of(name) + field(b"", value_of(value))


def value_of(value: Any) -> bytes:  # noqa: PLR0911 - one line a type
    """An `AnyValue`; what OTLP has no type for is written as JSON text."""
    kind = type(value)
    if kind is str:
        return field(b"\x0a", clean(value))
    if kind is bool:
        return TRUE if value else FALSE
    if kind is int:
        if -INT64 <= value < INT64:
            return b"\x18" + varint(value & (2 * INT64 - 1))
        return field(b"\x0a", str(value).encode())
    if kind is float:
        return b"\x21" + _double(value)
    if kind is bytes:
        return field(b"\x3a", value)
    if kind in (list, tuple):
        return field(b"\x2a", b"".join(field(b"\x0a", value_of(item)) for item in value))
    return field(b"\x0a", clean(to_json(value)))


def fields_of(body: bytes) -> dict[int, Any]:
    """The last value of every field of a message: numbers, and bytes where it has a length.

    Raises:
        ValueError: it is no protobuf.
    """
    found: dict[int, Any] = {}
    place = 0
    while place < len(body):
        key, place = _read_varint(body, place)
        if key & 7 == 0:
            found[key >> 3], place = _read_varint(body, place)
            continue
        sizes = {1: 8, 5: 4}
        if key & 7 == 2:
            size, place = _read_varint(body, place)
        elif key & 7 in sizes:
            size = sizes[key & 7]
        else:
            raise ValueError(f"no wire type {key & 7}")
        found[key >> 3] = body[place : place + size]
        place += size
    return found


def _read_varint(body: bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        if place >= len(body) or shift > 63:
            raise ValueError("a number does not end")
        byte = body[place]
        place += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, place
        shift += 7
