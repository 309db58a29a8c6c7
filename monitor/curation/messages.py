"""Messages and answers as text: the GenAI convention's shape, OpenAI's, and plain JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "answer",
    "canonical",
    "chat_messages",
    "completed",
    "given_answer",
    "readable",
    "reply",
    "to_json",
]


def to_json(value: Any) -> str:
    r"""JSON text that UTF-8 can hold: half a surrogate pair, which JSON may escape, becomes U+FFFD.

    >>> to_json(["\ud83d", "\ud83d\ude00"]) == '["\ufffd", "😀"]'
    True
    """
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


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
    except (ValueError, RecursionError):
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
    return value if isinstance(value, str) else to_json(value)


def readable(messages: Sequence[dict[str, Any]]) -> str:
    r"""Chat messages as one text, the way that the column `input` tells them.

    >>> readable([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}])
    'Hi'
    >>> readable([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?"}])
    'user: Hi\nassistant: Yes?'
    """
    said = [(str(one.get("role", "")), _said(one)) for one in messages]
    spoken = [text for role, text in said if role not in ("system", "developer")]
    return spoken[0] if len(spoken) == 1 else "\n".join(f"{role}: {text}" for role, text in said)


def _said(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    parts = [one for one in content if isinstance(one, dict)] if isinstance(content, list) else []
    texts = [_text(one.get("text", f"[{one.get('type', '')}]")) for one in parts] or [
        _text(content)
    ]
    for call in message.get("tool_calls") or ():
        function = call.get("function", {}) if isinstance(call, dict) else {}
        texts.append(f"{function.get('name', '')}({_text(function.get('arguments', ''))})")
    return "\n".join(text for text in texts if text)


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
    except (ValueError, RecursionError):
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
        return right if isinstance(right, str) else to_json(right)
    if isinstance(given, dict) and set(right) < set(given):
        right = {**given, **right}
    return to_json(right)


def given_answer(output_messages: str, output: str) -> str:
    """What the model answered, as a label: its text, or the message itself where it called tools.

    >>> given_answer("", "yes")
    'yes'
    """
    messages = chat_messages(output_messages) if output_messages else []
    calls = [call for message in messages for call in message.get("tool_calls") or ()]
    if not calls:
        return output
    told = [message["content"] for message in messages if message.get("content")]
    content = "\n".join(map(_text, told)) or None
    return to_json({"role": "assistant", "content": content, "tool_calls": calls})


def reply(label: str, output: str) -> dict[str, Any]:
    """The assistant's message to learn from.

    A label that is itself an assistant's message, with tool calls or without, stays as it is.

    >>> reply("yes", "no")
    {'role': 'assistant', 'content': 'yes'}
    >>> called = reply('{"role": "assistant", "tool_calls": [{"name": "now", "arguments": {}}]}', "")
    >>> called["content"], called["tool_calls"][0]["function"]
    (None, {'name': 'now', 'arguments': '{}'})
    """
    right = answer(label)
    if not isinstance(right, dict) or right.get("role") != "assistant":
        return {"role": "assistant", "content": completed(label, output)}
    message: dict[str, Any] = {"role": "assistant", "content": right.get("content")}
    calls = [one for one in right.get("tool_calls") or () if isinstance(one, dict)]
    if calls:
        message["tool_calls"] = [_openai_call(one, place) for place, one in enumerate(calls)]
    elif message["content"] is None:
        message["content"] = ""
    return message


def _openai_call(call: dict[str, Any], place: int) -> dict[str, Any]:
    """A tool call in OpenAI's shape, which wants an id."""
    part = call.get("function") if isinstance(call.get("function"), dict) else call
    assert isinstance(part, dict)
    return _tool_call({**part, "id": call.get("id") or f"call_{place}"})
