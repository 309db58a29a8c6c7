"""A text that is JSON, or JSON in JSON, stays that: escapes are not broken, a number's placeholder is quoted."""

from __future__ import annotations

import re

__all__ = ["as_json", "past_escape"]

ESCAPE_LETTERS = b"nrtbf/"
BLANK = rb"(?:\s|\\+[nrt])*"
BARE_END = re.compile(BLANK + rb"[,}\]]")
STRUCTURE = re.compile(rb"(?:[\s:,\[\]{}0-9.eE+-]|true|false|null|\\+[nrt])*")
FIRST_MARK = re.compile(BLANK + rb"([:,\[\]}])")
BACKSLASHES = re.compile(rb"\\*\Z")
JSON_WINDOW = 4096
"""How far before a bare number the last quotation mark may be."""
JSON_NUMBER = re.compile(rb"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\Z")
BACKSLASH = 0x5C
CODE_POINT = re.compile(rb"u[0-9A-Fa-f]{4}")


def past_escape(data: bytes, start: int, end: int) -> int:
    """Where a value begins that stands right after a backslash, whose escape it must not break."""
    if not start or data[start - 1] != BACKSLASH:
        return start
    if data[start] == BACKSLASH:
        escape = 6  # of an é in JSON inside JSON
    elif CODE_POINT.match(data, start):
        escape = 5
    else:
        escape = 1 if data[start] in ESCAPE_LETTERS else 0
    return start + escape if end - start > escape else start


def as_json(data: bytes, start: int, end: int, *, after: int, quote: bytes) -> tuple[int, bytes]:
    """Where a number begins, its sign included, and the quotation mark that its placeholder needs.

    Anything else begins where it begins, and needs none.

    Args:
        data: the whole text.
        start: of the value.
        end: of the value.
        after: the end of the value before it.
        quote: the mark of that one, which still holds in a list.
    """
    if not JSON_NUMBER.match(data[start:end]) or not BARE_END.match(data, end):
        return start, b""
    signed = start - 1 if data[start - 1 : start] == b"-" and start > after else start
    if not (quote and STRUCTURE.fullmatch(data, after, signed)):
        quote = _quote(data, signed)
    return (signed, quote) if quote else (start, b"")


def _quote(data: bytes, start: int) -> bytes:
    r"""The mark of the JSON that a bare value stands in: `"`, or `\"` in JSON that is itself a string.

    Told by the last mark before it: one that is followed by a bracket opens a string that holds
    JSON, so that its own marks are one level deeper; all others close a name or a value.
    """
    low = max(0, start - JSON_WINDOW)
    place = data.rfind(b'"', low, start)
    if place < 0:
        bare_list = data.lstrip()[:1] == b"[" and STRUCTURE.fullmatch(data, low, start)
        return b'"' if bare_list and low < start else b""
    first = FIRST_MARK.match(data, place + 1, start)
    if first is None or not STRUCTURE.fullmatch(data, place + 1, start):
        return b""
    escape = BACKSLASHES.search(data[max(low, place - 64) : place])
    level = escape.group() if escape else b""
    return (level * 2 + b'\\"') if first.group(1) == b"[" else level + b'"'
