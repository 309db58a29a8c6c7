"""What a judge's reply has to hold: its shape, and how it is asked for on each rung of the ladder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, TypeAlias, cast

__all__ = ["RUNGS", "Reply", "Rung", "Shape", "Slot"]

Rung: TypeAlias = Literal["json_schema", "tool", "json_object", "text"]
RUNGS: tuple[Rung, ...] = ("json_schema", "tool", "json_object", "text")
"""Ways of asking for a reply, for endpoints of decreasing ability, best first."""
TOOL = "answer"
"""The function that the tool rung makes the model call."""
COUNT = "a whole number"


@dataclass(frozen=True, slots=True)
class Slot:
    """One thing that the model has to fill in."""

    name: str
    """JSON key: `verdict`, `choice`, `score`, `q1`, …"""
    options: tuple[str, ...] = ()
    """Exactly what may be answered; () is a count: a whole number, 0 or more."""
    pattern: str = ""
    """A regular expression with one group for the plain-text rung; the last match counts and must be
    an option. Where it matches nothing, and where it is '', the last line `NAME: X` counts."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The slots of a reply, and whether it says why.

    The verdict comes before the reason, except in plain text: on anchors, reasoning before it made
    good judges worse.

    >>> shape = Shape((Slot("verdict", ("yes", "no")),))
    >>> shape.instruction("json_object")
    'Reply with one JSON object: {"verdict": "yes" | "no", "reason": "one sentence"}.'
    >>> print(shape.instruction("text"))
    Reason in one or two sentences. Then end with one line of its own, exactly one of:
    VERDICT: yes
    VERDICT: no
    """

    slots: tuple[Slot, ...]
    reason: bool = True
    """Also asks for `reason`, one sentence."""

    def __post_init__(self) -> None:
        names = [slot.name for slot in self.slots]
        if not names or len(set(names)) < len(names) or "reason" in names:
            raise ValueError("a shape needs slots of different names, none of them 'reason'")

    def json_schema(self) -> dict[str, Any]:
        """The reply as a JSON Schema for strict structured output."""
        return cast("dict[str, Any]", json.loads(_schema(self)))

    def instruction(self, rung: Rung) -> str:
        """What the prompt ends with: how to answer."""
        return _instruction(self, rung)

    def parameters(self, rung: Rung) -> Mapping[str, Any]:
        """What a chat-completions request says about the reply, as keyword arguments."""
        return _parameters(self, rung)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a reply holds."""

    answers: Mapping[str, str] = field(default_factory=dict)
    """By slot name: an option in its canonical spelling, or a count in decimal digits."""
    reason: str = ""


@lru_cache(maxsize=256)
def _schema(shape: Shape) -> str:
    properties: dict[str, Any] = {slot.name: _property(slot) for slot in shape.slots}
    if shape.reason:
        said = "one sentence: what in the material decides it"
        properties["reason"] = {"type": "string", "description": said}
    return json.dumps(
        {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }
    )


def _property(slot: Slot) -> dict[str, Any]:
    if slot.options:
        return {"type": "string", "enum": list(slot.options)}
    return {"type": "integer", "description": f"{COUNT}, 0 or more"}


@lru_cache(maxsize=1024)
def _instruction(shape: Shape, rung: Rung) -> str:
    if rung == "text":
        return _in_text(shape)
    said = [f'"{slot.name}": {_choices(slot)}' for slot in shape.slots]
    if shape.reason:
        said.append('"reason": "one sentence"')
    form = "{" + ", ".join(said) + "}"
    if rung == "tool":
        return f"Answer by calling the function `{TOOL}` with {form}."
    return f"Reply with one JSON object: {form}."


def _choices(slot: Slot) -> str:
    return " | ".join(f'"{one}"' for one in slot.options) if slot.options else COUNT


def _in_text(shape: Shape) -> str:
    start = "Reason in one or two sentences. Then end" if shape.reason else "Answer"
    if len(shape.slots) == 1 and shape.slots[0].options:
        slot = shape.slots[0]
        lines = [f"{slot.name.upper()}: {option}" for option in slot.options]
        return "\n".join([f"{start} with one line of its own, exactly one of:", *lines])
    lines = [f"{slot.name.upper()}: {' | '.join(slot.options) or COUNT}" for slot in shape.slots]
    return "\n".join([f"{start} with these lines, each completed with one of its choices:", *lines])


@lru_cache(maxsize=1024)
def _parameters(shape: Shape, rung: Rung) -> Mapping[str, Any]:
    if rung == "json_schema":
        schema = {"name": "reply", "strict": True, "schema": shape.json_schema()}
        return {"response_format": {"type": "json_schema", "json_schema": schema}}
    if rung == "tool":
        function = {
            "name": TOOL,
            "description": "Says what was judged.",
            "parameters": shape.json_schema(),
            "strict": True,
        }
        return {
            "tools": [{"type": "function", "function": function}],
            "tool_choice": {"type": "function", "function": {"name": TOOL}},
        }
    return {"response_format": {"type": "json_object"}} if rung == "json_object" else {}
