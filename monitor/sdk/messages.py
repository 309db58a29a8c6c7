"""OpenAI's messages and tools in the shape of the GenAI conventions (`role` and `parts`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.sdk.json_text import read_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "ROLES",
    "input_messages",
    "lighten",
    "media_part",
    "output_message",
    "parts_of",
    "texts_in",
    "tool_call",
    "tool_definitions",
]

ROLES = {"developer": "system", "function": "tool"}
FINISH_REASONS = {"tool_calls": "tool_call", "function_call": "tool_call"}
HEAVY = ("data", "file_data", "result", "b64_json", "partial_image_b64")
"""Keys under which base64 stands; `data:` addresses are cut by the snapshot."""
SHORT = 200


def lighten(value: Any, depth: int = 0) -> Any:
    """Content without the bytes of its pictures, sounds and files: their size stands instead.

    >>> lighten([{"type": "input_audio", "input_audio": {"format": "wav", "data": "A" * 400}}])
    [{'type': 'input_audio', 'input_audio': {'format': 'wav', 'size': 300}}]
    """
    if isinstance(value, (list, tuple)) and depth < 4:
        return [lighten(part, depth + 1) for part in value]
    if not isinstance(value, dict) or depth >= 4:
        return value
    light = {
        name: lighten(part, depth + 1) if isinstance(part, (list, dict)) else part
        for name, part in value.items()
    }
    for name in HEAVY:
        held = light.get(name)
        if isinstance(held, str) and len(held) > SHORT and " " not in held[:SHORT]:
            del light[name]
            light["size"] = len(held) * 3 // 4
    return light


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
            "id": message.get("tool_call_id") or message.get("name"),
            "response": joined(content),
        }
        return {"role": "tool", "parts": [reply]}
    parts = [*parts_of(content), *_tool_calls(message)]
    if message.get("refusal"):
        parts.append({"type": "text", "content": message["refusal"]})
    audio = message.get("audio")
    if isinstance(audio, dict):
        parts.append({"type": "file", "modality": "audio", "file_id": audio.get("id") or ""})
    converted: dict[str, Any] = {"role": ROLES.get(role, role), "parts": parts}
    if message.get("name"):
        converted["name"] = message["name"]
    return converted


def joined(content: Any) -> Any:
    """A tool's reply: text as it is, text parts joined."""
    if not isinstance(content, list):
        return content
    return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))


def parts_of(content: Any) -> Iterator[dict[str, Any]]:
    """The parts of a message's content, converted."""
    if isinstance(content, str):
        yield {"type": "text", "content": content}
    elif isinstance(content, list):
        yield from (
            _part(part) if isinstance(part, dict) else {"type": "text", "content": str(part)}
            for part in content
        )


def _part(part: dict[str, Any]) -> dict[str, Any]:
    """One content part, of chat completions or of responses."""
    kind = str(part.get("type") or "text")
    if kind in ("text", "refusal", "input_text", "output_text", "summary_text"):
        return {"type": "text", "content": part.get("text") or part.get("refusal") or ""}
    return media_part(kind, part)


def media_part(kind: str, part: dict[str, Any]) -> dict[str, Any]:
    """Pictures, sound and files by reference and size, never by their bytes."""
    held = part.get(kind.removeprefix("input_") if kind == "input_file" else kind)
    inner: dict[str, Any] = held if isinstance(held, dict) else part
    size = {"size": inner["size"]} if "size" in inner else {}
    file_id = inner.get("file_id")
    if kind in ("image_url", "input_image"):
        address = inner.get("image_url") if kind == "input_image" else inner.get("url") or held
        if file_id and not address:
            return {"type": "file", "modality": "image", "file_id": file_id}
        return {"type": "uri", "modality": "image", "uri": str(address or "")}
    if kind == "input_audio":
        mime = f"audio/{inner.get('format', 'wav')}"
        return {"type": "blob", "modality": "audio", "mime_type": mime, "content": "", **size}
    if kind in ("file", "input_file"):
        if inner.get("file_url"):
            return {"type": "uri", "uri": str(inner["file_url"])}
        return {"type": "file", "file_id": file_id or inner.get("filename") or "", **size}
    return {"type": kind, **size}


def _tool_calls(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") or call.get("custom") if isinstance(call, dict) else None
        if isinstance(function, dict):
            said = function.get("arguments", function.get("input"))
            yield tool_call(str(call.get("id") or ""), str(function.get("name") or ""), said)
    old = message.get("function_call")
    if isinstance(old, dict):
        yield tool_call("", str(old.get("name") or ""), old.get("arguments"))


def tool_call(call_id: str, name: str, arguments: Any) -> dict[str, Any]:
    """A part: a call that the model asks for.

    >>> tool_call("c1", "add", '{"a":1}')
    {'type': 'tool_call', 'id': 'c1', 'name': 'add', 'arguments': {'a': 1}}
    """
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": _parsed(arguments)}


def _parsed(arguments: Any) -> Any:
    """The arguments as data where they are JSON, else as the text that the model wrote."""
    if not isinstance(arguments, str):
        return arguments
    try:
        return read_json(arguments)
    except ValueError:
        return arguments


def output_message(parts: list[dict[str, Any]], role: str, reason: str | None) -> dict[str, Any]:
    """One answer of the model."""
    message: dict[str, Any] = {"role": role, "parts": parts}
    if reason:
        message["finish_reason"] = FINISH_REASONS.get(reason, reason)
    return message


def tool_definitions(tools: Any) -> list[dict[str, Any]]:
    """The tools that the model was offered, without OpenAI's nesting under `function`.

    >>> tool_definitions([{"type": "function", "function": {"name": "now", "parameters": {}}}])
    [{'type': 'function', 'name': 'now', 'parameters': {}}]
    >>> tool_definitions([{"type": "web_search"}])
    [{'type': 'web_search', 'name': 'web_search'}]
    """
    return [_definition(tool) for tool in tools if isinstance(tool, dict)]


def _definition(tool: dict[str, Any]) -> dict[str, Any]:
    kind = str(tool.get("type") or "function")
    nested = tool.get(kind)
    plain = {name: part for name, part in tool.items() if name not in ("type", kind)}
    inner = nested if isinstance(nested, dict) else plain
    return {"type": kind, "name": kind, **inner}


def texts_in(value: Any) -> Iterable[str]:
    """Every text inside a snapshot, for an estimate of its tokens."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from texts_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts_in(part)
