"""What an answer says, before it is read: the first choice's text, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from judges.interaction import Failure

__all__ = ["Said", "heard"]


@dataclass(frozen=True, slots=True)
class Said:
    """What an answer says."""

    text: str
    problem: str = ""
    """What makes it no reply; '' when it may be read."""
    status: Failure = "invalid_output"
    tokens: tuple[Mapping[str, Any], ...] = ()
    """With their log-probabilities, where the endpoint tells them."""
    called: bool = False
    """The text is the arguments of a tool call."""


def heard(body: Mapping[str, Any], limit_tokens: int) -> Said:
    """The first choice: the arguments of a tool call, else the content."""
    if not body["choices"]:
        return Said("", "the endpoint answered without a choice", "error")
    choice = body["choices"][0]
    message = choice.get("message") or {}
    text = _text(message)
    if message.get("refusal"):
        return Said(str(message["refusal"]), "the model refused", "refused")
    if choice.get("finish_reason") == "content_filter":
        return Said(text, "a content filter stopped the reply", "refused")
    if choice.get("finish_reason") == "length":
        return Said(text, f"the reply was cut off at {limit_tokens} tokens")
    told = (choice.get("logprobs") or {}).get("content") or ()
    return Said(text, tokens=tuple(told), called=bool(message.get("tool_calls")))


def _text(message: Mapping[str, Any]) -> str:
    calls = message.get("tool_calls") or ()
    if calls:
        return "\n".join(str((one.get("function") or {}).get("arguments") or "") for one in calls)
    content = message.get("content") or ""
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content)
