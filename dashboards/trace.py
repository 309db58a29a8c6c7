"""A call as a person reads it: a conversation, an answer against the right one. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

__all__ = [
    "FieldPair",
    "Message",
    "Part",
    "conversation",
    "decoded",
    "field_pairs",
    "pretty",
]

MISSING = "(missing)"
DEEPEST, DEEPEST_LIST = 30, 4
"""Levels of a document, and of lists in it, whose parts are compared one by one."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a message."""

    kind: str
    """`text`, `tool_call`, `tool_result` or whatever the sender called it."""
    name: str
    """The tool's name, or ''."""
    content: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class FieldPair:
    """One field of the answer beside the right one."""

    field: str
    answer: str
    expected: str
    same: bool
    """The answer is right in this field; 1 and 1.0 are the same, 1 and true are not."""


def conversation(messages: str) -> list[Message]:
    """The messages of a call in the GenAI convention's shape; [] when the text is not that.

    >>> conversation('[{"role": "user", "parts": [{"type": "text", "content": "Hello"}]}]')
    [Message(role='user', parts=(Part(kind='text', name='', content='Hello'),))]
    >>> conversation('not JSON')
    []
    """
    document = decoded(messages)
    if not isinstance(document, list):
        return []
    found = [one for one in document if isinstance(one, dict)]
    names = {
        str(part.get("id")): str(part.get("name") or "")
        for one in found
        for part in _given(one)
        if part.get("type") == "tool_call" and part.get("id")
    }
    return [_message(one, names) for one in found]


def _given(one: dict[str, Any]) -> list[dict[str, Any]]:
    parts = one.get("parts")
    if not isinstance(parts, list):
        parts = [{"type": "text", "content": one.get("content", "")}]
    return [part for part in parts if isinstance(part, dict)]


def _message(one: dict[str, Any], names: dict[str, str]) -> Message:
    return Message(
        str(one.get("role", "unknown")), tuple(_part(part, names) for part in _given(one))
    )


def _part(part: dict[str, Any], names: dict[str, str]) -> Part:
    kind = str(part.get("type", "text"))
    name = str(part.get("name", "") or "")
    if kind == "tool_call":
        return Part(kind, name, _text(part.get("arguments", "")))
    if kind == "tool_call_response":
        told = name or names.get(str(part.get("id")), "")  # a result says whose it is by the id
        return Part("tool_result", told, _text(part.get("response", part.get("result", ""))))
    content = part.get("content")
    return Part(kind, name, _text(part if content is None else content))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def decoded(text: str) -> Any:
    """The JSON value of a text, or None when it is no JSON object or list.

    >>> decoded('{"a": 1}'), decoded('12'), decoded('{"a"')
    ({'a': 1}, None, None)
    """
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def field_pairs(answer: str, expected: str) -> list[FieldPair]:
    """The answer beside the right one, wrong fields first; [] when they are no JSON of one kind.

    >>> [pair.field for pair in field_pairs('{"a": 1, "d": "2023"}', '{"d": "2024", "a": 1}')]
    ['d', 'a']
    """
    left, right = decoded(answer), decoded(expected)
    if type(left) is not type(right) or left is None:
        return []
    ours, theirs = _flat(left), _flat(right)
    pairs = [
        FieldPair(name, _shown(ours, name), _shown(theirs, name), same=_same(ours, theirs, name))
        for name in {**theirs, **ours}
    ]
    return sorted(pairs, key=lambda pair: pair.same)


def _flat(document: Any, path: str = "") -> dict[str, Any]:
    """The fields of a document by their path; what is deep or empty stands as it is."""
    inner: list[tuple[str, Any]] = []
    if isinstance(document, dict):
        inner = [(f"{path}.{name}" if path else str(name), one) for name, one in document.items()]
    elif isinstance(document, list) and path.count("[") < DEEPEST_LIST:
        inner = [(f"{path}[{place}]", one) for place, one in enumerate(document)]
    if not inner or path.count(".") >= DEEPEST:
        return {path: document} if path else {}
    return {name: value for field, one in inner for name, value in _flat(one, field).items()}


def _shown(fields: dict[str, Any], name: str) -> str:
    return json.dumps(fields[name], ensure_ascii=False) if name in fields else MISSING


def _same(ours: dict[str, Any], theirs: dict[str, Any], name: str) -> bool:
    if name not in ours or name not in theirs:
        return False
    left, right = ours[name], theirs[name]
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


def pretty(document: Any) -> str:
    """A JSON value set out for reading.

    >>> print(pretty({"due": "2024-01-15"}))
    {
      "due": "2024-01-15"
    }
    """
    return json.dumps(document, ensure_ascii=False, indent=2)
