"""What a question looks like on the wire, and the key under which its reply is kept."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from judges.asking.prompting import Prompt
    from judges.asking.shapes import Shape

__all__ = ["Message", "added_bytes", "instructed", "key_of", "messages_of", "repair"]

Message: TypeAlias = dict[str, str]
CHAT_TOKENS = 300
"""What a chat's own marks and the words of a repair take."""


def messages_of(prompt: Prompt) -> list[Message]:
    """The prompt, without the instruction how to answer."""
    system = [{"role": "system", "content": prompt.system}] if prompt.system else []
    return [*system, {"role": "user", "content": prompt.user}]


def instructed(messages: Sequence[Message], instruction: str) -> list[Message]:
    """With the instruction how to answer at the end of what the user says first."""
    done = list(messages)
    place = next(number for number, one in enumerate(done) if one["role"] == "user")
    done[place] = {"role": "user", "content": f"{done[place]['content']}\n\n{instruction}"}
    return done


def repair(raw: str, problem: str) -> list[Message]:
    """What follows a reply that cannot be read."""
    ask = f"That reply cannot be read ({problem}). Answer again, in the form that was asked for."
    said = [{"role": "assistant", "content": raw}] if raw.strip() else []
    return [*said, {"role": "user", "content": ask}]


@lru_cache(maxsize=256)
def added_bytes(shape: Shape) -> int:
    """What asking for the shape adds to a prompt at most, as a schema and in words."""
    asked = json.dumps([shape.json_schema(), shape.instruction("text")])
    return 2 * len(asked) + CHAT_TOKENS


def key_of(prompt: Prompt, settings: Sequence[Any]) -> str:
    """What tells this question from all others; the mark, drawn afresh, is no part of it."""
    system, user = prompt.system, prompt.user
    if prompt.mark:
        system, user = (text.replace(prompt.mark, "MARK") for text in (system, user))
    said = json.dumps([system, user, *settings], ensure_ascii=False)
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()
