"""Messages and answers as text: the GenAI convention's shape, OpenAI's, and plain JSON."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["answer", "canonical", "chat_messages", "completed"]


def chat_messages(text: str) -> list[dict[str, Any]]:
    """Messages in the GenAI convention's shape (JSON text) as OpenAI chat messages.

    Messages that already are in OpenAI's shape stay as they are; a text that is no JSON is one user
    message.

    >>> chat_messages('[{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]')
    [{'role': 'user', 'content': 'Hi'}]
    >>> chat_messages("Hi")
    [{'role': 'user', 'content': 'Hi'}]
    """
    try:
        messages = json.loads(text)
    except ValueError:
        return [{"role": "user", "content": text}]
    if not isinstance(messages, list) or not all(isinstance(one, dict) for one in messages):
        return [{"role": "user", "content": text}]
    return [chat for message in messages for chat in _chat(message)]


def _chat(message: dict[str, Any]) -> list[dict[str, Any]]:
    if not isinstance(message.get("parts"), list):
        return [message]
    role = str(message.get("role", "user"))
    parts = [part for part in message["parts"] if isinstance(part, dict)]
    results = [
        {
            "role": "tool",
            "tool_call_id": str(part.get("id", "")),
            "content": _text(part.get("response", part.get("result", ""))),
        }
        for part in parts
        if part.get("type") == "tool_call_response"
    ]
    if results:
        return results
    chat: dict[str, Any] = {
        "role": role,
        "content": "\n".join(
            _text(part.get("content", "")) for part in parts if part.get("type") == "text"
        ),
    }
    calls = [_tool_call(part) for part in parts if part.get("type") == "tool_call"]
    return [{**chat, "tool_calls": calls}] if calls else [chat]


def _tool_call(part: dict[str, Any]) -> dict[str, Any]:
    function = {"name": part.get("name", ""), "arguments": _text(part.get("arguments", ""))}
    return {"id": str(part.get("id", "")), "type": "function", "function": function}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def answer(text: str) -> Any:
    r"""What an answer says: its JSON value (also when it was encoded twice), else its trimmed text.

    >>> answer('{"a": 1}'), answer('"{\\"a\\": 1}"'), answer(" yes ")
    ({'a': 1}, {'a': 1}, 'yes')
    """
    try:
        value = json.loads(text)
        return (
            json.loads(value)
            if isinstance(value, str) and value.lstrip()[:1] in ("{", "[")
            else value
        )
    except ValueError:
        return text.strip()


def canonical(value: Any) -> str:
    """One text for one meaning: keys sorted, no spaces; a text stays a text."""
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def completed(label: str, output: str) -> str:
    """The whole answer to learn from: a label of some fields, over the output it corrects.

    >>> completed('{"due_date": "2024-01-15"}', '{"due_date": "2023-01-15", "amount": 10}')
    '{"due_date": "2024-01-15", "amount": 10}'
    >>> completed("yes", "no")
    'yes'
    """
    right, given = answer(label), answer(output)
    if not isinstance(right, dict):
        return right if isinstance(right, str) else json.dumps(right, ensure_ascii=False)
    if isinstance(given, dict) and set(right) < set(given):
        right = {**given, **right}
    return json.dumps(right, ensure_ascii=False)
