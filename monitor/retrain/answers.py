"""What makes an answer right, and what makes it invalid. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from judges.checks.texts import parse
from monitor.curation.messages import answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["fields_of", "is_json", "is_right", "right_in", "structured"]

STRUCTURED_SHARE = 0.5
"""A service is taken to answer in JSON when at least this share of its answers starts like it."""


def fields_of(label: str) -> Mapping[str, Any]:
    """The fields that a label names; none where it is no object."""
    right = answer(label)
    return right if isinstance(right, dict) and "tool_calls" not in right else {}


def is_right(label: str, text: str) -> bool:
    """Every field that the label names is right; a label that is no object must match whole.

    A label that is an assistant's message with tool calls asks for the same calls in the same order,
    whatever their ids are.

    >>> is_right('{"a": 1}', '{"a": 1, "b": 2}'), is_right("yes", " yes "), is_right("{}", "no")
    (True, True, False)
    """
    right, given = answer(label), answer(text)
    if isinstance(right, dict) and isinstance(right.get("tool_calls"), list):
        return _called(right) == _called(given)
    if isinstance(right, dict):
        return isinstance(given, dict) and all(
            name in given and _same(given[name], value) for name, value in right.items()
        )
    return _same(right, given)


def right_in(name: str) -> Callable[[str, str], bool]:
    """Whether one field of an answer is as its label says."""

    def right(label: str, text: str) -> bool:
        given = answer(text)
        return (
            isinstance(given, dict) and name in given and _same(given[name], fields_of(label)[name])
        )

    return right


def is_json(text: str) -> bool:
    """Whether a program can read it as one JSON value.

    >>> is_json('{"a": 1}'), is_json('```json{"a": 1}```'), is_json("NaN")
    (True, False, False)
    """
    try:
        parse(text)
    except ValueError:
        return False
    return True


def structured(texts: Iterable[str]) -> bool:
    """Whether these answers are meant to be JSON."""
    starts = [text.lstrip()[:1] in "{[" for text in texts if text.strip()]
    return bool(starts) and sum(starts) / len(starts) >= STRUCTURED_SHARE


def _called(message: Any) -> list[tuple[str, Any]] | None:
    """Names and arguments of a message's tool calls; None where it is no such message."""
    calls = message.get("tool_calls") if isinstance(message, dict) else None
    if not isinstance(calls, list) or not all(isinstance(one, dict) for one in calls):
        return None
    parts = [one["function"] if isinstance(one.get("function"), dict) else one for one in calls]
    return [(str(one.get("name")), _arguments(one.get("arguments"))) for one in parts]


def _arguments(told: Any) -> Any:
    return answer(told) if isinstance(told, str) else told


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: True is not 1."""
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    return bool(one == other)
