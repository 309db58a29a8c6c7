"""Tool calls beside their results, wherever the sender told them. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dashboards.trace import decoded

__all__ = ["ToolRun", "ToolStep", "ToolUse", "paired", "results_in", "tool_uses"]


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool that a model asked for."""

    call_id: str
    """'' where the sender gave none."""
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolRun:
    """A tool that was asked for, and what it answered."""

    name: str
    arguments: str
    result: str | None
    """None where it is nowhere told."""
    told_by: str
    """`message` of a later call, `step` of the trace, or ''."""


@dataclass(frozen=True, slots=True)
class ToolStep:
    """A step of the trace in which a tool ran."""

    name: str
    output: str


def tool_uses(messages: str) -> list[ToolUse]:
    """The tools that messages ask for, in order.

    >>> tool_uses('[{"role":"assistant","parts":[{"type":"tool_call","id":"1","name":"f","arguments":{"a":1}}]}]')
    [ToolUse(call_id='1', name='f', arguments='{"a": 1}')]
    """
    return [
        ToolUse(_said(part, "id"), _said(part, "name"), _text(part.get("arguments", "")))
        for part in _parts(messages)
        if part.get("type") == "tool_call"
    ]


def results_in(messages: str) -> list[tuple[str, str]]:
    """Ids and texts of the results that messages tell, in order."""
    return [
        (_said(part, "id"), _text(part.get("response", part.get("result", ""))))
        for part in _parts(messages)
        if part.get("type") == "tool_call_response"
    ]


def paired(
    uses: Sequence[ToolUse], told: Sequence[tuple[str, str]], steps: Iterable[ToolStep]
) -> list[ToolRun]:
    """Each use with its result: by its id in later messages, else by the next step of the tool's name.

    Args:
        uses: what a call asked for.
        told: ids and results of later messages of the trace.
        steps: steps in which tools ran after the call, in order of time.
    """
    by_id = {call_id: result for call_id, result in reversed(told) if call_id}
    left = list(steps)
    runs = []
    for use in uses:
        ran = next((step for step in left if step.name == use.name), None)
        if ran is not None:
            left.remove(ran)
        if use.call_id in by_id:
            runs.append(ToolRun(use.name, use.arguments, by_id[use.call_id], "message"))
        elif ran is not None:
            runs.append(ToolRun(use.name, use.arguments, ran.output, "step"))
        else:
            runs.append(ToolRun(use.name, use.arguments, None, ""))
    return runs


def _parts(messages: str) -> list[dict[str, Any]]:
    document = decoded(messages)
    found: list[dict[str, Any]] = []
    for message in document if isinstance(document, list) else []:
        parts = message.get("parts") if isinstance(message, dict) else None
        found += (
            [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
        )
    return found


def _said(part: dict[str, Any], name: str) -> str:
    value = part.get(name)
    return "" if value is None else str(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
