"""The answer of a model as a form, and the form as the right answer; pure."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Field", "choices", "corrected", "fields_of"]

MOST_FIELDS = 40
"""An answer with more is corrected as a text."""
LEAST_ANSWERS, MOST_CHOICES = 10, 8
"""A field with so few different values in so many answers is chosen from a list, not typed."""
LONGEST_CHOICE = 60


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an answer."""

    path: tuple[str, ...]
    text: str
    """As it is shown and typed: a string as it is, everything else as JSON."""
    is_text: bool

    @property
    def name(self) -> str:
        """Its path with dots."""
        return ".".join(self.path)


def fields_of(output: str) -> list[Field]:
    """The fields of a JSON object, nested ones by their path; [] where the answer is no form.

    >>> [(one.name, one.text) for one in fields_of('{"due": "2024-01-05", "sum": {"usd": 12}, "of": [1]}')]
    [('due', '2024-01-05'), ('sum.usd', '12'), ('of', '[1]')]
    >>> fields_of("yes")
    []
    """
    try:
        document = json.loads(output)
    except (ValueError, RecursionError):
        return []
    if not isinstance(document, dict) or document.get("role") == "assistant":
        return []  # an answer that called tools is its whole message
    found = list(_walk(document, ()))
    return found if len(found) <= MOST_FIELDS else []


def _walk(document: Mapping[str, Any], above: tuple[str, ...]) -> Iterable[Field]:
    for name, value in document.items():
        path = (*above, str(name))
        if isinstance(value, dict) and value:
            yield from _walk(value, path)
        elif isinstance(value, str):
            yield Field(path, value, is_text=True)
        else:
            yield Field(path, json.dumps(value, ensure_ascii=False), is_text=False)


def corrected(output: str, typed: Mapping[str, str]) -> str:
    """The answer with what a person typed, by the fields' names; '' where nothing was changed.

    What stands where a number, a list or nothing was is read as JSON where it is some, else as text.

    >>> corrected('{"due": "2023-01-05", "sum": 12}', {"due": "2024-01-05", "sum": "12"})
    '{"due": "2024-01-05", "sum": 12}'
    >>> corrected('{"sum": 12, "due": null}', {"sum": "13.5", "due": "2024-01-05"})
    '{"sum": 13.5, "due": "2024-01-05"}'
    >>> corrected('{"sum": 12}', {"sum": "12"})
    ''
    """
    document = json.loads(output)
    changed = False
    for field in fields_of(output):
        text = typed.get(field.name, field.text)
        if text == field.text:
            continue
        changed, place = True, document
        for name in field.path[:-1]:
            place = place[name]
        place[field.path[-1]] = text if field.is_text else _value(text)
    return json.dumps(document, ensure_ascii=False) if changed else ""


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def choices(outputs: Iterable[str]) -> dict[str, list[str]]:
    """By field's name: its values, commonest first, where answers choose among a few.

    >>> answers = ['{"kind": "loan", "id": "%d"}' % n for n in range(9)] + ['{"kind": "card", "id": "x"}']
    >>> choices(answers)
    {'kind': ['loan', 'card']}
    """
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for output in outputs:
        for field in fields_of(output):
            if field.is_text and len(field.text) <= LONGEST_CHOICE:
                seen[field.name][field.text] += 1
    return {
        name: [value for value, _ in values.most_common()]
        for name, values in seen.items()
        if values.total() >= LEAST_ANSWERS and 1 < len(values) <= MOST_CHOICES
    }
