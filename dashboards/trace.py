"""A trace as a person reads it: a tree, a conversation, an answer against the right one. Pure."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dashboards.rows import Span

__all__ = [
    "FieldPair",
    "Message",
    "Part",
    "Placed",
    "conversation",
    "decoded",
    "field_pairs",
    "first_wrong",
    "place",
    "pretty",
]

DEEPEST = 40
MISSING = "(missing)"


@dataclass(frozen=True, slots=True)
class Placed:
    """A step at its place in the tree and on the time axis."""

    span: Span
    depth: int
    start_ms: float
    """From the start of the trace."""
    end_ms: float


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

    @property
    def same(self) -> bool:
        """Whether the answer is right in this field."""
        return self.answer == self.expected


def place(spans: Sequence[Span]) -> list[Placed]:
    """Steps in tree order, parents before children; one whose parent is unknown is a root.

    A loop in the parents, which only a broken sender makes, is cut and shown flat.
    """
    known = {span.span_id for span in spans}
    children: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        rooted = span.parent_span_id not in known or span.parent_span_id == span.span_id
        children["" if rooted else span.parent_span_id].append(span)
    order: list[tuple[Span, int]] = []
    waiting = [(span, 0) for span in reversed(children[""])]
    while waiting:
        span, depth = waiting.pop()
        order.append((span, depth))
        if depth < DEEPEST and span.span_id:
            waiting += [(child, depth + 1) for child in reversed(children[span.span_id])]
    placed = {id(span) for span, _ in order}
    order += [(span, 0) for span in spans if id(span) not in placed]
    start = min((span.timestamp for span in spans), default=None)
    return [
        Placed(span, depth, begin, begin + span.duration_ms)
        for span, depth in order
        if start is not None
        for begin in [(span.timestamp - start).total_seconds() * 1000]
    ]


def first_wrong(steps: Sequence[Placed]) -> int:
    """Index of the step that went wrong first (the earliest innermost error), else of a call."""
    failed = [index for index, step in enumerate(steps) if step.span.status == "error"]
    if failed:
        return min(failed, key=lambda index: (-steps[index].depth, steps[index].start_ms))
    return next((index for index, step in enumerate(steps) if step.span.kind == "call"), 0)


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
    return [_message(one) for one in document if isinstance(one, dict)]


def _message(one: dict[str, Any]) -> Message:
    parts = one.get("parts")
    if not isinstance(parts, list):
        parts = [{"type": "text", "content": one.get("content", "")}]
    return Message(
        str(one.get("role", "unknown")),
        tuple(_part(part) for part in parts if isinstance(part, dict)),
    )


def _part(part: dict[str, Any]) -> Part:
    kind = str(part.get("type", "text"))
    name = str(part.get("name", "") or "")
    if kind == "tool_call":
        return Part(kind, name, _text(part.get("arguments", "")))
    if kind == "tool_call_response":
        return Part("tool_result", name, _text(part.get("response", part.get("result", ""))))
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
    """The answer beside the right one, wrong fields first; [] when either is no JSON object.

    >>> [pair.field for pair in field_pairs('{"a": 1, "d": "2023"}', '{"d": "2024", "a": 1}')]
    ['d', 'a']
    """
    left, right = decoded(answer), decoded(expected)
    if not isinstance(left, dict) or not isinstance(right, dict):
        return []
    ours, theirs = _flat(left), _flat(right)
    pairs = [
        FieldPair(name, ours.get(name, MISSING), theirs.get(name, MISSING))
        for name in {**theirs, **ours}
    ]
    return sorted(pairs, key=lambda pair: pair.same)


def _flat(document: dict[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in document.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = json.dumps(value, ensure_ascii=False)
    return flat


def pretty(document: Any) -> str:
    """A JSON value set out for reading.

    >>> print(pretty({"due": "2024-01-15"}))
    {
      "due": "2024-01-15"
    }
    """
    return json.dumps(document, ensure_ascii=False, indent=2)
