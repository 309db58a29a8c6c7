"""Items of the Responses API, asked and answered, as messages of the GenAI conventions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.sdk.messages import ROLES, joined, parts_of, texts_in, tool_call

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["input_items", "item_parts", "words_of"]

CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
"""Items by which the model asks the app for something, and where its arguments stand."""
REPLIES = frozenset({"function_call_output", "custom_tool_call_output"})
WORDS = ("text", "refusal", "arguments", "input", "output", "content", "summary")


def input_items(given: Any) -> list[dict[str, Any]]:
    """What was asked: a text, or items, each as one message.

    >>> input_items("Hello")
    [{'role': 'user', 'parts': [{'type': 'text', 'content': 'Hello'}]}]
    """
    if isinstance(given, str):
        return [{"role": "user", "parts": [{"type": "text", "content": given}]}]
    return [_message(item) for item in given if isinstance(item, dict)]


def _message(item: dict[str, Any]) -> dict[str, Any]:
    kind = str(item.get("type") or "message")
    if kind in REPLIES:
        part = {
            "type": "tool_call_response",
            "id": item.get("call_id"),
            "response": joined(item.get("output")),
        }
        return {"role": "tool", "parts": [part]}
    role = str(item.get("role") or ("user" if kind == "message" else "assistant"))
    return {"role": ROLES.get(role, role), "parts": list(item_parts(item))}


def item_parts(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One item as parts of a message.

    >>> list(item_parts({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}))
    [{'type': 'tool_call', 'id': 'c', 'name': 'f', 'arguments': {}}]
    """
    kind = str(item.get("type") or "message")
    if kind == "message":
        yield from parts_of(item.get("content"))
    elif kind in CALLS:
        said = item.get(CALLS[kind], item.get("arguments"))
        yield tool_call(str(item.get("call_id") or ""), str(item.get("name") or ""), said)
    elif kind == "reasoning":
        thoughts = [*_listed(item.get("summary")), *_listed(item.get("content"))]
        text = "\n".join(str(part.get("text", "")) for part in thoughts if isinstance(part, dict))
        if text:
            yield {"type": "reasoning", "content": text}
    elif kind == "image_generation_call":
        size = {"size": item["size"]} if isinstance(item.get("size"), int) else {}
        yield {"type": "file", "modality": "image", "file_id": item.get("id") or "", **size}
    elif kind == "item_reference":
        yield {"type": "item_reference", "id": item.get("id")}
    else:  # a search, a shell, a remote tool: what the service did by itself
        told = {name: part for name, part in item.items() if name not in ("id", "name")}
        yield {
            "type": "server_tool_call",
            "id": item.get("id") or "",
            "name": item.get("name") or kind,
            "server_tool_call": told,
        }


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def words_of(value: Any) -> Iterable[str]:
    """The texts that a model reads or writes in an item, without names, ids and types."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from words_of(part)
    elif isinstance(value, dict):
        for name in WORDS:
            yield from words_of(value.get(name)) if name != "input" else texts_in(value.get(name))
    elif hasattr(value, "__dict__"):
        yield from words_of(vars(value))
