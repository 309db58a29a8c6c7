"""Snapshots as JSON text, and JSON text as data; the standard library's JSON is loaded when needed."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

from monitor.sdk.snapshot import short_media

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["quote", "read_json", "to_json"]

ESCAPED = bytes((*range(32), 34, 92))
"""What JSON does not take as it is: control characters, the quotation mark, the backslash."""


def to_json(value: Any) -> str:
    """A snapshot as JSON text; numbers that JSON does not know are written as text.

    >>> to_json({"a": [1, "é", float("nan")]})
    '{"a":[1,"é","nan"]}'
    """
    if type(value) is str:
        return _quoted()(value)
    encode = _encoder()
    try:
        return encode(value)
    except ValueError:
        return encode(_finite(value))


def quote(text: str) -> bytes:
    r"""A text as JSON, in UTF-8; half of a surrogate pair becomes a question mark.

    Whether there is anything to escape is found out fastest by leaving it out.

    >>> quote("30 €"), quote('say "yes"')
    (b'"30 \xe2\x82\xac"', b'"say \\"yes\\""')
    """
    if text[:5] == "data:":
        text = short_media(text)
    try:
        content = text.encode()
    except UnicodeEncodeError:
        content = text.encode("utf-8", "replace")
    if len(content.translate(None, ESCAPED)) == len(content):
        return b'"%b"' % content
    return _quoted()(content.decode()).encode()


def read_json(text: str | bytes) -> Any:
    """JSON text as data.

    Raises:
        ValueError: it is not JSON.
    """
    import json  # noqa: PLC0415 - for the background thread only

    return json.loads(text)


@cache
def _quoted() -> Callable[[str], str]:
    from json import encoder  # noqa: PLC0415 - for the background thread only

    return encoder.encode_basestring


@cache
def _encoder() -> Callable[[Any], str]:
    import json  # noqa: PLC0415 - for the background thread only

    return json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def _finite(value: Any) -> Any:
    if type(value) is float and not math.isfinite(value):
        return str(value)
    if type(value) is dict:
        return {key: _finite(part) for key, part in value.items()}
    return [_finite(part) for part in value] if type(value) is list else value
