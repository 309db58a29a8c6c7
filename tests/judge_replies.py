"""What a loopback judge says: an option that belongs to the material for ever, dressed as it was asked for."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

__all__ = ["FENCE", "MARK", "Manner", "Verdict", "by_hash", "choice_of", "material", "outside"]

FENCE = re.compile(r"<<<(\w+) ([0-9a-f]{8,})\n(.*?)\n\1 \2>>>", re.DOTALL)
MARK = re.compile(r"\b[0-9a-f]{16}\b")
IN_OBJECT = re.compile(r'"(\w+)": ((?:"[^"]+"(?: \| )?)+|a whole number)')
IN_LINE = re.compile(r"^([A-Z_0-9]+): (.+)$", re.MULTILINE)
Slots = dict[str, list[str]]
Verdict = Callable[[str, str, list[str]], str]


class Manner(Protocol):
    """How it answers."""

    verdict: Verdict
    sure: float
    mass: float
    ignores_tools: bool


def material(prompt: str) -> str:
    """What stands between the fences."""
    return "\n".join(found[2] for found in FENCE.findall(prompt))


def outside(prompt: str) -> str:
    """What stands around the fences: all that a well-behaved model takes for instructions."""
    return FENCE.sub("", prompt)


def by_hash(prompt: str, slot: str, options: list[str]) -> str:
    """An option that belongs to the material for ever."""
    said = hashlib.sha256(f"{slot}:{material(prompt) or MARK.sub('', prompt)}".encode()).digest()
    return options[int.from_bytes(said[:4], "big") % len(options)] if options else str(said[0] % 5)


def choice_of(prompt: str, body: Mapping[str, Any], fault: str, manner: Manner) -> dict[str, Any]:
    """The choice that an answer holds."""
    form, tools = body.get("response_format"), () if manner.ignores_tools else body.get("tools")
    slots = _slots(prompt, body)
    answers = {name: manner.verdict(prompt, name, options) for name, options in slots.items()}
    given = {name: answers[name] if slots[name] else int(answers[name]) for name in slots}
    whole = json.dumps({**given, "reason": "It says so."})
    if form or tools:
        text = whole
    else:
        text = "It says so.\n" + "\n".join(f"{k.upper()}: {v}" for k, v in answers.items())
    text, reason = _spoilt(text, whole, fault)
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if tools and fault not in {"empty", "prose", "refusal", "filter"}:
        called = {"name": tools[0]["function"]["name"], "arguments": text}
        call = {"id": "call_0", "type": "function", "function": called}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
    if fault == "refusal":
        message = {"role": "assistant", "content": None, "refusal": "I cannot help with that."}
    choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": reason}
    if body.get("logprobs") and not tools and slots:
        name = list(slots)[-1]
        choice["logprobs"] = {"content": _tokens(text, answers[name], slots[name], manner)}
    return choice


def _tokens(text: str, answer: str, options: list[str], manner: Manner) -> list[dict[str, Any]]:
    """The text in tokens, with alternatives at each."""
    others = [one for one in options if one != answer]
    shares = {answer: manner.sure} | {one: (1 - manner.sure) / len(others) for one in others}
    top = [
        {"token": one, "logprob": math.log(max(share * manner.mass, 1e-9))}
        for one, share in shares.items()
    ]
    return [
        {
            "token": piece, "logprob": top[0]["logprob"] if piece == answer else -0.001,
            "top_logprobs": top if piece == answer else [{"token": piece, "logprob": -0.001}],
        }
        for piece in re.findall(r"\w+|\W", text)
    ]  # fmt: skip


def _slots(prompt: str, body: Mapping[str, Any]) -> Slots:
    """What is to be filled in, with its options; [] is a count."""
    schema = None
    if (body.get("response_format") or {}).get("type") == "json_schema":
        schema = body["response_format"]["json_schema"]["schema"]
    elif body.get("tools"):
        schema = body["tools"][0]["function"]["parameters"]
    if schema is not None:
        fields = schema["properties"].items()
        return {name: one.get("enum", []) for name, one in fields if name != "reason"}
    asked = outside(prompt)
    start = max(asked.rfind("Reply with one JSON object"), asked.rfind("these lines, each"))
    start = max(start, asked.rfind("one line of its own"))
    asked = asked[max(0, start) :]
    found: Slots = {}
    for name, said in IN_OBJECT.findall(asked):
        if name != "reason":
            found[name] = re.findall(r'"([^"]+)"', said)
    for name, said in IN_LINE.findall(asked) if not found else []:
        options = [] if said == "a whole number" else said.split(" | ")
        found.setdefault(name.lower(), []).extend(options)
    return found


def _spoilt(text: str, whole: str, fault: str) -> tuple[str, str]:
    """The reply with its fault, and why it ended."""
    spoilt = {
        "badjson": whole.rstrip("}") + ", }",
        "fenced": f"Here is my evaluation:\n```json\n{whole}\n```",
        "truncated": text[: max(1, len(text) // 2)],
        "cut": text[: max(1, len(text) // 2)],
        "empty": "",
        "prose": "I would rather give it 5 out of 5.",
        "twice": f"{whole}\n{whole.replace('yes', 'NO').replace('no', 'yes').replace('NO', 'no')}",
        "thinking": f"<think>Perhaps VERDICT: na? Or {{}}?</think>\n{text}",
    }
    reason = {"truncated": "length", "filter": "content_filter"}.get(fault, "stop")
    return spoilt.get(fault, text), reason
