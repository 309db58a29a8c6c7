"""A judge's reply: the shapes it is asked for, and reading one without guessing.

A reply that cannot be read is no verdict. There is no default, no digit scan and no keyword search:
the whole text as JSON, else one JSON object in a code fence, else the last `VERDICT:` line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

__all__ = ["RUNGS", "Reply", "Rung", "UnreadableError", "read"]

FENCED = re.compile(r"```(?:json)?[ \t]*\n(.*?)```", re.DOTALL | re.IGNORECASE)
VERDICT = re.compile(
    r"^[ \t>*_#]*verdict[ \t*_]*:[ \t*_]*(\w+)[ \t*_.]*$", re.IGNORECASE | re.MULTILINE
)
REASON_LIMIT = 2000


class UnreadableError(ValueError):
    """The reply holds no verdict that was offered, or two different ones."""


class Reply(BaseModel):
    """The verdict comes first: on anchors, reasoning before it made good judges worse."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    verdict: Literal["yes", "no", "na"]
    reason: str = Field("", description="one sentence: what in the input and the answer decides it")

    @field_validator("verdict", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value


JSON_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "verdict": {"type": "string", "enum": ["yes", "no", "na"]},
        "reason": {"type": "string", "description": "one sentence: what decides it"},
    },
    "required": ["verdict", "reason"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Rung:
    """One way of asking for a reply, for endpoints of decreasing ability."""

    name: str
    instruction: str
    response_format: dict[str, Any] | None


OBJECT = 'Reply with one JSON object: {"verdict": "yes" | "no" | "na", "reason": "one sentence"}.'
RUNGS = (
    Rung(
        "json_schema",
        OBJECT,
        {
            "type": "json_schema",
            "json_schema": {"name": "verdict", "strict": True, "schema": JSON_SCHEMA},
        },
    ),
    Rung("json_object", OBJECT, {"type": "json_object"}),
    Rung(
        "text",
        "Reason in one or two sentences. Then end with one line of its own, exactly one of:\n"
        "VERDICT: yes\nVERDICT: no\nVERDICT: na",
        None,
    ),
)
"""Tried from the top; an endpoint that refuses one is asked by the next from then on."""


def read(text: str) -> Reply:
    r"""The verdict that a reply holds.

    Raises:
        UnreadableError: none that was offered, or two that differ on the same rung.

    >>> read('{"verdict": "no", "reason": "the year is 2023"}').verdict
    'no'
    >>> read("It says 2023.\n\n**VERDICT: No**").verdict
    'no'
    >>> read("yes, 5 out of 5")
    Traceback (most recent call last):
    judges.replies.UnreadableError: no JSON object and no VERDICT line in the reply
    """
    try:
        return Reply.model_validate_json(text.strip())
    except ValidationError as error:
        if text.strip().startswith("{") and "```" not in text:
            raise UnreadableError(_first(error)) from error
    fenced = {reply for block in FENCED.findall(text) if (reply := _maybe(block)) is not None}
    if fenced:
        return _only(fenced)
    lines = VERDICT.findall(text)
    if not lines:
        raise UnreadableError("no JSON object and no VERDICT line in the reply")
    return _line(lines[-1], text)


def _line(verdict: str, text: str) -> Reply:
    try:
        return Reply.model_validate({"verdict": verdict, "reason": text.strip()[:REASON_LIMIT]})
    except ValidationError as error:
        raise UnreadableError(f"VERDICT is {verdict!r}, none of yes, no, na") from error


def _maybe(block: str) -> Reply | None:
    try:
        return Reply.model_validate_json(block.strip())
    except ValidationError:  # some other code that the judge quotes
        return None


def _only(replies: set[Reply]) -> Reply:
    verdicts = {reply.verdict for reply in replies}
    if len(verdicts) > 1:
        raise UnreadableError(f"two verdicts in one reply: {', '.join(sorted(verdicts))}")
    return next(iter(replies))


def _first(error: ValidationError) -> str:
    problem = error.errors()[0]
    place = ".".join(str(step) for step in problem["loc"]) or "the reply"
    return f"{place}: {problem['msg']}"
