"""One chat completion in the GenAI semantic conventions: what was asked, what was answered.

`take_request` and `Answer.fold` run in the app's thread and only copy; the conversion into message
parts and JSON text runs on the background thread.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from monitor import vocabulary as v
from monitor.sdk.messages import input_messages, output_message, tool_definitions
from monitor.sdk.snapshot import Budget, read_json, snapshot, to_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.sdk.step import Step

__all__ = ["Answer", "ChatService", "take_request"]

PARAMETERS = {
    "temperature": v.REQUEST_TEMPERATURE,
    "top_p": v.REQUEST_TOP_P,
    "max_tokens": v.REQUEST_MAX_TOKENS,
    "max_completion_tokens": v.REQUEST_MAX_TOKENS,
    "frequency_penalty": v.REQUEST_FREQUENCY_PENALTY,
    "presence_penalty": v.REQUEST_PRESENCE_PENALTY,
    "seed": v.REQUEST_SEED,
    "reasoning_effort": v.REQUEST_REASONING_LEVEL,
}
"""Request parameters that are written as they are."""
TYPES = {"json_object": "json", "json_schema": "json", "text": "text"}


def take_request(
    arguments: dict[str, Any], *, limit: int, capture: bool
) -> tuple[dict[str, Any], int, bool]:
    """What is kept of a request, how much that is, and whether it was cut."""
    budget = Budget(limit)
    request = {
        name: arguments[name]
        for name in PARAMETERS
        if type(arguments.get(name)) in (int, float, str)
    }
    request["model"] = str(arguments.get("model") or "")[:512]
    request["stream"] = arguments.get("stream") is True
    if type(arguments.get("n")) is int:
        request["n"] = arguments["n"]
    if isinstance(arguments.get("stop"), (str, list, tuple)):
        request["stop"] = snapshot(arguments["stop"], budget)
    shape = arguments.get("response_format")
    if shape is not None:
        kind = (
            shape.get("type")
            if isinstance(shape, dict)
            else "json_schema"
            if isinstance(shape, type)
            else None
        )
        request["type"] = TYPES.get(str(kind))
    if capture:
        messages = arguments.get("messages")
        if isinstance(
            messages, (list, tuple)
        ):  # the newest first: what is left out is what is oldest
            request["messages"] = [snapshot(message, budget) for message in reversed(messages)][
                ::-1
            ]
        if isinstance(arguments.get("tools"), (list, tuple)):
            request["tools"] = snapshot(arguments["tools"], budget)
    return request, limit - budget.left, budget.cut


def read(source: Any, name: str) -> Any:
    """A field of a reply, which is an object of the client or the JSON of a raw response."""
    return source.get(name) if isinstance(source, dict) else getattr(source, name, None)


@dataclass(slots=True)
class Choice:
    """One of the answers, as far as it has come."""

    role: str = "assistant"
    finish_reason: str | None = None
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    tool_calls: dict[int, ToolCall] = field(default_factory=dict)


@dataclass(slots=True)
class ToolCall:
    """One call that the model asks for; its arguments arrive in pieces when streamed."""

    call_id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


class Answer:
    """A completion, whole or put together from the chunks of a stream."""

    def __init__(self, limit: int, *, capture: bool) -> None:
        self.response_id: str | None = None
        self.model: str | None = None
        self.usage: dict[str, int] = {}
        self.choices: dict[int, Choice] = {}
        self.first_chunk_ns: int | None = None
        self.raw: bytes | None = None
        """Body of a raw response that the app reads itself; we do on the background thread."""
        self.budget = Budget(limit)
        self._capture = capture

    def fold(self, reply: Any) -> None:
        """Add a completion, or the next chunk of one."""
        self.response_id = self.response_id or read(reply, "id")
        self.model = self.model or read(reply, "model")
        usage = read(reply, "usage")
        if usage is not None:
            self._count(usage)
        for place, said in enumerate(read(reply, "choices") or ()):
            index = read(said, "index")
            choice = self.choices.setdefault(index if isinstance(index, int) else place, Choice())
            choice.finish_reason = read(said, "finish_reason") or choice.finish_reason
            message = read(said, "delta") or read(said, "message")
            if message is not None:
                self._add(choice, message)

    def unpack(self) -> None:
        """Read a raw response's body, where there is one."""
        raw, self.raw = self.raw, None
        if raw is None:
            return
        try:
            reply = read_json(raw)
        except (
            ValueError
        ):  # an event stream, or a proxy's page: the app asked for raw, and gets to know
            return
        if isinstance(reply, dict):
            self.fold(reply)

    def _add(self, choice: Choice, message: Any) -> None:
        choice.role = read(message, "role") or choice.role
        if self._capture:
            for name, texts in (("content", choice.text), ("refusal", choice.refusal)):
                self._text(texts, read(message, name))
            self._text(
                choice.reasoning, read(message, "reasoning_content") or read(message, "reasoning")
            )
        for place, call in enumerate(read(message, "tool_calls") or ()):
            self._add_tool_call(choice, call, place)

    def _add_tool_call(self, choice: Choice, call: Any, place: int) -> None:
        index = read(call, "index")
        kept = choice.tool_calls.setdefault(index if isinstance(index, int) else place, ToolCall())
        kept.call_id = read(call, "id") or kept.call_id
        function = read(call, "function") or read(call, "custom")
        kept.name = read(function, "name") or kept.name
        if self._capture:
            self._text(kept.arguments, read(function, "arguments") or read(function, "input"))

    def _text(self, texts: list[str], piece: Any) -> None:
        if not isinstance(piece, str) or not piece:
            return
        if self.budget.left <= 0:
            self.budget.cut = True
            return
        texts.append(self.budget.text(piece))
        self.budget.left += 2  # the pieces of a stream become one text

    def _count(self, usage: Any) -> None:
        cached = read(read(usage, "prompt_tokens_details"), "cached_tokens")
        reasoning = read(read(usage, "completion_tokens_details"), "reasoning_tokens")
        counts = {
            v.INPUT_TOKENS: read(usage, "prompt_tokens"),
            v.OUTPUT_TOKENS: read(usage, "completion_tokens"),
            v.CACHE_READ_TOKENS: cached,
            v.REASONING_TOKENS: reasoning,
        }
        self.usage.update({name: count for name, count in counts.items() if type(count) is int})

    def attributes(self) -> Iterator[tuple[str, Any]]:
        """As span attributes."""
        self.unpack()
        if self.response_id:
            yield v.RESPONSE_ID, str(self.response_id)
        if self.model:
            yield v.RESPONSE_MODEL, str(self.model)
        yield from self.usage.items()
        if self.first_chunk_ns is not None:
            yield v.TIME_TO_FIRST_CHUNK, self.first_chunk_ns / 1e9
        choices = [self.choices[index] for index in sorted(self.choices)]
        reasons = [str(choice.finish_reason) for choice in choices if choice.finish_reason]
        if reasons:
            yield v.FINISH_REASONS, reasons
        if self._capture and choices:
            yield v.OUTPUT_MESSAGES, to_json([output_message(choice) for choice in choices])


@dataclass(frozen=True, slots=True)
class ChatService:
    """The service that a wrapped client speaks to; describes the steps of its chat calls."""

    provider: str
    address: str
    port: int | None
    client: bool = True

    def name(self, step: Step) -> str:
        """`chat gpt-5-mini`, as the conventions have it."""
        return f"chat {step.said['model']}".strip()

    def attributes(self, step: Step) -> Iterator[tuple[str, Any]]:
        """Request, answer and service."""
        request = step.said
        yield v.OPERATION, "chat"
        yield v.PROVIDER, self.provider
        yield v.REQUEST_MODEL, request["model"] or None
        yield v.SERVER_ADDRESS, self.address
        yield v.SERVER_PORT, self.port
        yield from (
            (attribute, request.get(name))
            for name, attribute in PARAMETERS.items()
            if name in request
        )
        if request["stream"]:
            yield v.REQUEST_STREAM, True
        if request.get("n", 1) != 1:
            yield v.REQUEST_CHOICE_COUNT, request["n"]
        if "stop" in request:
            yield (
                v.REQUEST_STOP_SEQUENCES,
                request["stop"] if isinstance(request["stop"], list) else [request["stop"]],
            )
        yield v.OUTPUT_TYPE, request.get("type")
        if "messages" in request:
            yield v.INPUT_MESSAGES, to_json(input_messages(request["messages"]))
        if "tools" in request:
            yield v.TOOL_DEFINITIONS, to_json(tool_definitions(request["tools"]))
        if isinstance(step.gave, Answer):
            yield from step.gave.attributes()
