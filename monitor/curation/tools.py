"""The tools that a model was offered, from the raw span, in OpenAI's shape: a fine-tune needs them beside the calls."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from monitor.curation.messages import to_json
from monitor.curation.traffic import chunks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from monitor.curation.traffic import TrafficCall
    from monitor.store import Store

__all__ = ["offered_tools", "openai_tools"]

DEFINITIONS = "gen_ai.tool.definitions"
NUMBERED = re.compile(r"llm\.(?:tools\.(\d+)\.tool\.json_schema|request\.functions\.(\d+)\.(\w+))")


def offered_tools(store: Store, calls: Iterable[TrafficCall]) -> dict[tuple[str, str], str]:
    """The tools of some calls as JSON, by trace and span; calls without tools are left out."""
    found = {}
    for chunk in chunks(calls):
        for trace, span, told in store.rows(
            "dataset_tools",
            since=chunk[0].timestamp,
            until=chunk[-1].timestamp,
            traces=[call.trace_id for call in chunk],
        ):
            if tools := openai_tools(told):
                found[trace, span] = to_json(tools)
    return found


def openai_tools(told: Mapping[str, str]) -> list[dict[str, Any]]:
    """What an instrumentation says of tools, as OpenAI's list; what is no function is left out.

    >>> openai_tools({"gen_ai.tool.definitions": '[{"type": "function", "name": "now"}]'})
    [{'type': 'function', 'function': {'name': 'now'}}]
    """
    said = _json(told.get(DEFINITIONS, ""))
    listed = said if isinstance(said, list) else _numbered(told)
    functions = [_function(one) for one in listed if isinstance(one, dict)]
    return [{"type": "function", "function": one} for one in functions if one.get("name")]


def _numbered(told: Mapping[str, str]) -> list[Any]:
    """OpenInference's schemas, and OpenLLMetry's functions in their parts."""
    whole: dict[int, Any] = {}
    for key, text in told.items():
        match = NUMBERED.fullmatch(key)
        if match and match[1]:
            whole[int(match[1])] = _json(text)
        elif match:
            value = _json(text) if match[3] == "parameters" else text
            whole.setdefault(int(match[2]), {})[match[3]] = value
    return [whole[number] for number in sorted(whole)]


def _function(tool: dict[str, Any]) -> dict[str, Any]:
    inner = tool.get("function")
    source = inner if isinstance(inner, dict) else tool
    return {
        name: source[name]
        for name in ("name", "description", "parameters", "strict")
        if source.get(name) is not None
    }


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
