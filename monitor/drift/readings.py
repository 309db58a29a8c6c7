"""Reads an answer into named values: its fields, its tool calls' arguments, dates and money in them.

Everything is bounded, since the text is a model's: `MOST_PATHS` paths an answer, `MOST_ELEMENTS`
elements of an array, 16 levels, 200 characters a value, the first 4,000 characters of a free text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

from monitor.drift.fields import Scalar, parse_answer, parse_date

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "MOST_ELEMENTS",
    "MOST_PATHS",
    "SHAPE",
    "TEXT_DATE",
    "Reading",
    "read_answer",
    "read_time",
]

MOST_PATHS = 200
MOST_ELEMENTS = 8
SHAPE = "@shape"
"""Pseudo-field: what kind of answer it is (`object`, `array`, `text`, `empty`, `calls <tools>`)."""
TEXT_DATE = "@text.date"
"""Pseudo-field: the first date that a free text writes."""

_DEEPEST = 16
_LONGEST_VALUE = 200
_TEXT_READ = 4_000
_DATE_IN_TEXT = re.compile(
    r"\b(?:\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2\d{4}"
    r"|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.? \d{1,2}(?:st|nd|rd|th)?,? \d{4}"
    r"|\d{1,2}(?:st|nd|rd|th)? (?:of )?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?,? \d{4})\b",
    re.IGNORECASE,
)
_CURRENCY = r"[$€£¥₹]|US\$|[A-Z]{3}"
_AMOUNT = r"-?\d{1,3}(?:[,' ]\d{3})+(?:\.\d+)?|-?\d+(?:\.\d+)?"
_MONEY = re.compile(rf"(?:({_CURRENCY})\s?({_AMOUNT})|({_AMOUNT})\s?({_CURRENCY}))")
_ZONE = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s?(Z|[+-]\d{2}:?\d{2})?")


@dataclass(frozen=True, slots=True)
class Reading:
    """What one answer holds."""

    shape: str
    roots: frozenset[str]
    """Structures that are there: `` for the answer itself, `tool().` for a tool's arguments."""
    values: dict[str, tuple[Scalar, ...]]
    """By path: its values, more than one only inside arrays (`items[].due`)."""

    def root_of(self, path: str) -> str | None:
        """The present structure that a path belongs to; None when it is not there."""
        head, call, _ = path.partition("().")
        root = f"{head}()." if call else ""
        return root if root in self.roots else None


def read_answer(output: str, tool_calls: str = "") -> Reading:
    """The fields of an answer, JSON or not, and of its tool calls' arguments.

    Beside the fields there are pseudo-fields: `due@zone` of a date with time, `price@currency` and
    `price@amount` of money in a text, `items[]` for an array's length, `@text.date` for the first
    date in free text.

    >>> read_answer('{"due": "2024-01-05", "items": [{"n": 1}, {"n": 2}], "price": "€ 1,200"}').values
    {'due': ('2024-01-05',), 'items[]': (2,), 'items[].n': (1, 2), 'price': ('€ 1,200',),\
 'price@currency': ('€',), 'price@amount': (1200.0,)}
    >>> read_answer("", '[{"name": "book", "arguments": {"day": "2024-01-05"}}]').values
    {'book().day': ('2024-01-05',)}
    >>> read_answer("Your visit is on January 5, 2024.").values
    {'@text.date': ('January 5, 2024',)}
    """
    found: dict[str, list[Scalar]] = {}
    roots, tools = set[str](), list[str]()
    called = parse_answer(tool_calls) if tool_calls else None
    for call in called[:MOST_ELEMENTS] if isinstance(called, list) else ():
        if isinstance(call, dict) and isinstance(name := call.get("name"), str):
            tools.append(name[:64])
            roots.add(f"{name[:64]}().")
            arguments = call.get("arguments")
            if isinstance(arguments, str):
                arguments = parse_answer(arguments)
            _collect(arguments, f"{name[:64]}().", found)
    document = None if tools else parse_answer(output)
    shape = _shape(output, document, tools)
    if isinstance(document, dict | list):
        roots.add("")
        _collect(document, "", found)
    elif shape == "text" and (dated := _DATE_IN_TEXT.search(output[:_TEXT_READ])):
        found[TEXT_DATE] = [dated.group()]
    return Reading(shape, frozenset(roots), {path: tuple(values) for path, values in found.items()})


def read_time(value: object) -> datetime | None:
    """The instant that a date-time with a zone stands for; None for a day, or without a zone.

    >>> read_time("2024-01-05T09:30:00+02:00")
    datetime.datetime(2024, 1, 5, 7, 30, tzinfo=datetime.timezone.utc)
    >>> read_time("2024-01-05T09:30:00") is None
    True
    """
    if not isinstance(value, str) or not (match := _ZONE.fullmatch(value.strip())) or not match[1]:
        return None
    try:
        return datetime.fromisoformat(value.strip()).astimezone(UTC)
    except (ValueError, OverflowError):  # the 31st of February, or the year 1 west of Greenwich
        return None


def _shape(output: str, document: Any, tools: list[str]) -> str:
    if tools:
        return f"calls {', '.join(sorted(set(tools)))}"[:_LONGEST_VALUE]
    if isinstance(document, dict):
        return "object"
    if isinstance(document, list):
        return "array"
    return "text" if output.strip() else "empty"


def _collect(document: Any, prefix: str, found: dict[str, list[Scalar]]) -> None:
    for path, value in _walk(document, prefix, 0):
        for name, one in ((path, value), *_derived(path, value)):
            if name not in found and len(found) >= MOST_PATHS:
                continue
            values = found.setdefault(name, [])
            if len(values) < MOST_ELEMENTS:
                values.append(one)


def _walk(node: Any, path: str, depth: int) -> Iterator[tuple[str, Scalar]]:
    """Scalars in the order of the text; what lies deeper than the limit is left out."""
    if depth > _DEEPEST:
        return
    if isinstance(node, dict):
        for key, value in list(node.items())[:MOST_PATHS]:
            joint = "" if not path or path.endswith(").") else "."
            yield from _walk(value, f"{path}{joint}{str(key)[:64]}", depth + 1)
    elif isinstance(node, list):
        yield f"{path}[]", len(node)
        for value in node[:MOST_ELEMENTS]:
            yield from _walk(value, f"{path}[]", depth + 1)
    elif isinstance(node, str):
        yield path, node[:_LONGEST_VALUE]
    elif node is None or isinstance(node, bool | int | float):
        yield path, node


def _derived(path: str, value: Scalar) -> Iterator[tuple[str, Scalar]]:
    if not isinstance(value, str) or not any(letter.isdigit() for letter in value[:32]):
        return
    if zoned := _ZONE.fullmatch(value.strip()):
        yield f"{path}@zone", zoned[1] or "none"
    elif (money := _MONEY.fullmatch(value.strip())) and parse_date(value) is None:
        yield f"{path}@currency", money[1] or money[4]
        amount = float(re.sub(r"[,' ]", "", money[2] or money[3]))
        if isfinite(amount):
            yield f"{path}@amount", amount
