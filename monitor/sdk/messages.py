"""OpenAI's messages and tools in the shape of the GenAI conventions (`role` and `parts`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.sdk.snapshot import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.sdk.chat import Choice

__all__ = ["input_messages", "output_message", "tool_definitions"]

ROLES = {"developer": "system", "function": "tool"}
FINISH_REASONS = {"tool_calls": "tool_call", "function_call": "tool_call"}


def input_messages(messages: list[Any]) -> list[dict[str, Any]]:
    """Snapshots of request messages, converted.

    >>> input_messages([{"role": "user", "content": "Hello"}])
    [{'role': 'user', 'parts': [{'type': 'text', 'content': 'Hello'}]}]
    """
    return [_input_message(message) for message in messages if isinstance(message, dict)]


def _input_message(message: dict[str, Any]) -> dict[str, Any]:
    role = str(message.get("role") or "user")
    content = message.get("content")
    if role in ("tool", "function"):
        reply = {
            "type": "tool_call_response",
            "id": message.get("tool_call_id"),
            "response": _text_of(content),
        }
        return {"role": "tool", "parts": [reply]}
    parts = [*_parts(content), *_tool_calls(message.get("tool_calls"))]
    if message.get("refusal"):
        parts.append({"type": "text", "content": message["refusal"]})
    converted: dict[str, Any] = {"role": ROLES.get(role, role), "parts": parts}
    if message.get("name"):
        converted["name"] = message["name"]
    return converted


def _text_of(content: Any) -> Any:
    """A tool's reply: text as it is, text parts joined."""
    if not isinstance(content, list):
        return content
    return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))


def _parts(content: Any) -> Iterator[dict[str, Any]]:
    if isinstance(content, str):
        yield {"type": "text", "content": content}
    elif isinstance(content, list):
        yield from (
            _part(part) if isinstance(part, dict) else {"type": "text", "content": str(part)}
            for part in content
        )


def _part(part: dict[str, Any]) -> dict[str, Any]:
    """One content part; pictures, sound and files by reference, never by their bytes."""
    kind = str(part.get("type") or "text")
    if kind in ("text", "refusal"):
        return {"type": "text", "content": part.get("text") or part.get("refusal") or ""}
    held = part.get(kind)
    inner: dict[str, Any] = held if isinstance(held, dict) else {}
    if kind == "image_url":
        return {
            "type": "uri",
            "modality": "image",
            "uri": inner.get("url") or (held if isinstance(held, str) else ""),
        }
    if kind == "input_audio":
        return {
            "type": "blob",
            "modality": "audio",
            "mime_type": f"audio/{inner.get('format', 'wav')}",
            "content": "",
        }
    if kind == "file":
        return {"type": "file", "file_id": inner.get("file_id") or inner.get("filename") or ""}
    return {"type": kind}


def _tool_calls(calls: Any) -> Iterator[dict[str, Any]]:
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") or call.get("custom") if isinstance(call, dict) else None
        if isinstance(function, dict):
            said = function.get("arguments", function.get("input"))
            yield _tool_call(str(call.get("id") or ""), str(function.get("name") or ""), said)


def _tool_call(call_id: str, name: str, arguments: Any) -> dict[str, Any]:
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": _parsed(arguments)}


def _parsed(arguments: Any) -> Any:
    """The arguments as data where they are JSON, else as the text that the model wrote."""
    if not isinstance(arguments, str):
        return arguments
    try:
        return read_json(arguments)
    except ValueError:
        return arguments


def output_message(choice: Choice) -> dict[str, Any]:
    """One choice of the answer, converted."""
    parts: list[dict[str, Any]] = []
    if choice.reasoning:
        parts.append({"type": "reasoning", "content": "".join(choice.reasoning)})
    text = "".join(choice.text) or "".join(choice.refusal)
    if text:
        parts.append({"type": "text", "content": text})
    calls = (choice.tool_calls[index] for index in sorted(choice.tool_calls))
    parts += [_tool_call(call.call_id, call.name, "".join(call.arguments)) for call in calls]
    message: dict[str, Any] = {"role": choice.role, "parts": parts}
    if choice.finish_reason:
        message["finish_reason"] = FINISH_REASONS.get(choice.finish_reason, choice.finish_reason)
    return message


def tool_definitions(tools: Any) -> list[dict[str, Any]]:
    """The tools that the model was offered, without OpenAI's nesting under `function`.

    >>> tool_definitions([{"type": "function", "function": {"name": "now", "parameters": {}}}])
    [{'type': 'function', 'name': 'now', 'parameters': {}}]
    """
    offered = (tool for tool in tools if isinstance(tool, dict))
    return [{"type": tool.get("type", "function"), **_inner(tool)} for tool in offered]


def _inner(tool: dict[str, Any]) -> dict[str, Any]:
    function = tool.get("function")
    return (
        function
        if isinstance(function, dict)
        else {name: part for name, part in tool.items() if name != "type"}
    )
