"""Chat completions: what was asked, what was answered, in the GenAI semantic conventions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from monitor import vocabulary as v
from monitor.sdk.answers import Answer, described, take_parameters, text_or_none
from monitor.sdk.json_text import to_json
from monitor.sdk.messages import (
    input_messages,
    lighten,
    output_message,
    texts_in,
    tool_call,
    tool_definitions,
)
from monitor.sdk.snapshot import Budget, snapshot
from monitor.sdk.usage import estimate_tokens, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.sdk.service import Service
    from monitor.sdk.step import Step

__all__ = ["ChatAnswer", "ChatApi", "Choice"]

TYPES = {"json_object": "json", "json_schema": "json", "text": "text"}
TOKENS_PER_MESSAGE = 4
"""What the markup around a message costs, roughly; for estimates only."""


@dataclass(slots=True)
class ToolCall:
    """One call that the model asks for; its arguments arrive in pieces when streamed."""

    call_id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Choice:
    """One of the answers, as far as it has come."""

    role: str = "assistant"
    finish_reason: str | None = None
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    transcript: list[str] = field(default_factory=list)
    audio_characters: int = 0
    """Of base64; the sound itself is not kept."""
    tool_calls: dict[int, ToolCall] = field(default_factory=dict)

    def parts(self) -> Iterator[dict[str, Any]]:
        """As the conventions have it."""
        if self.reasoning:
            yield {"type": "reasoning", "content": "".join(self.reasoning)}
        text = "".join(self.text) or "".join(self.refusal)
        if text:
            yield {"type": "text", "content": text}
        if self.audio_characters or self.transcript:
            yield {
                "type": "blob", "modality": "audio", "content": "",
                "size": self.audio_characters * 3 // 4, "transcript": "".join(self.transcript),
            }  # fmt: skip
        for call in (self.tool_calls[index] for index in sorted(self.tool_calls)):
            yield tool_call(call.call_id, call.name, "".join(call.arguments))


class ChatAnswer(Answer):
    """A completion, whole or put together from the chunks of a stream."""

    def __init__(self, limit: int, *, capture: bool) -> None:
        super().__init__(limit, capture=capture)
        self.choices: dict[int, Choice] = {}

    def begins(self, chunk: Any) -> bool:
        """Azure sends the verdict on the prompt first, and usage comes last, without choices."""
        return bool(read(chunk, "choices"))

    def fold(self, reply: Any) -> None:
        """Add a completion, or the next chunk of one."""
        super().fold(reply)
        for place, said in enumerate(read(reply, "choices") or ()):
            index = read(said, "index")
            choice = self.choices.setdefault(index if isinstance(index, int) else place, Choice())
            choice.finish_reason = text_or_none(read(said, "finish_reason")) or choice.finish_reason
            message = read(said, "delta") or read(said, "message")
            if message is not None:
                self._add(choice, message)

    def _add(self, choice: Choice, message: Any) -> None:
        choice.role = text_or_none(read(message, "role")) or choice.role
        self.keep(choice.text, read(message, "content"))
        self.keep(choice.refusal, read(message, "refusal"))
        thought = read(message, "reasoning_content") or read(message, "reasoning")
        self.keep(choice.reasoning, thought)
        audio = read(message, "audio")
        if audio is not None:
            self.keep(choice.transcript, read(audio, "transcript"))
            choice.audio_characters += len(read(audio, "data") or "")
        for place, call in enumerate(read(message, "tool_calls") or ()):
            self._add_tool_call(choice, call, place)
        old = read(message, "function_call")
        if old is not None:
            self._add_function(choice.tool_calls.setdefault(0, ToolCall()), old)

    def _add_tool_call(self, choice: Choice, call: Any, place: int) -> None:
        index = read(call, "index")
        kept = choice.tool_calls.setdefault(index if isinstance(index, int) else place, ToolCall())
        kept.call_id = text_or_none(read(call, "id")) or kept.call_id
        self._add_function(kept, read(call, "function") or read(call, "custom"))

    def _add_function(self, kept: ToolCall, function: Any) -> None:
        kept.name = text_or_none(read(function, "name")) or kept.name
        self.keep(kept.arguments, read(function, "arguments") or read(function, "input"))

    def said(self) -> Iterator[str]:
        """Every text that the model wrote, as far as it is kept."""
        for choice in self.choices.values():
            yield from map("".join, (choice.text, choice.reasoning, choice.refusal))
            for call in choice.tool_calls.values():
                yield call.name + "".join(call.arguments)

    def attributes(self) -> Iterator[tuple[str, Any]]:
        """As span attributes."""
        yield from super().attributes()
        choices = [self.choices[index] for index in sorted(self.choices)]
        reasons = [choice.finish_reason for choice in choices if choice.finish_reason]
        if reasons:
            yield v.FINISH_REASONS, reasons
        if self.capture and choices:
            messages = [
                output_message(list(choice.parts()), choice.role, choice.finish_reason)
                for choice in choices
            ]
            yield v.OUTPUT_MESSAGES, to_json(messages)


@dataclass(frozen=True, slots=True)
class ChatApi:
    """`/chat/completions` of a service."""

    service: Service
    client: bool = True
    asks_usage: bool = True

    def answer(self, limit: int, *, capture: bool) -> Answer:
        """An empty answer."""
        return ChatAnswer(limit, capture=capture)

    def take(self, body: dict[str, Any], budget: Budget, *, capture: bool) -> dict[str, Any]:
        """What is kept of a request; runs in the app's thread and only copies."""
        request = take_parameters(body)
        if type(body.get("n")) is int:
            request["n"] = body["n"]
        if isinstance(body.get("stop"), (str, list, tuple)):
            request["stop"] = snapshot(body["stop"], budget)
        request["type"] = _output_type(body)
        messages = body.get("messages")
        if not isinstance(messages, (list, tuple)):
            return request
        if not capture:
            if request["stream"]:
                request["tokens"] = _count(messages)
            return request
        # the newest first: what is left out is what is oldest
        taken = [snapshot(lighten(message), budget) for message in reversed(messages)]
        request["messages"] = taken[::-1]
        for name in ("tools", "functions"):
            if isinstance(body.get(name), (list, tuple)):
                request["tools"] = snapshot(body[name], budget)
        return request

    def name(self, step: Step) -> str:
        """`chat gpt-5-mini`, as the conventions have it."""
        return f"chat {step.said['model']}".strip()

    def attributes(self, step: Step) -> Iterator[tuple[str, Any]]:
        """Request, answer and service."""
        request = step.said
        yield v.OPERATION, "chat"
        yield v.OPENAI_API_TYPE, "chat_completions"
        yield from self.service.attributes()
        yield from described(request)
        if request.get("n", 1) != 1:
            yield v.REQUEST_CHOICE_COUNT, request["n"]
        if "stop" in request:
            stop = request["stop"]
            yield v.REQUEST_STOP_SEQUENCES, stop if isinstance(stop, list) else [stop]
        yield v.OUTPUT_TYPE, request.get("type")
        if "messages" in request:
            yield v.INPUT_MESSAGES, to_json(input_messages(request["messages"]))
        if "tools" in request:
            yield v.TOOL_DEFINITIONS, to_json(tool_definitions(request["tools"]))
        answer = step.gave
        if isinstance(answer, ChatAnswer):
            answer.unpack()
            yield from answer.attributes()
            asked = request.get("tokens") or _count(request.get("messages", ()))
            yield from answer.estimate(asked)


def _output_type(body: dict[str, Any]) -> str | None:
    if "audio" in (body.get("modalities") or ()):
        return "speech"
    shape = body.get("response_format")
    return TYPES.get(str(shape.get("type"))) if isinstance(shape, dict) else None


def _count(messages: Any) -> int:
    """Roughly the tokens of a conversation."""
    texts = sum(estimate_tokens(text) for message in messages for text in texts_in(_words(message)))
    return texts + TOKENS_PER_MESSAGE * len(messages)


def _words(message: Any) -> Any:
    """What the model reads of a message: content and calls, not the names of keys or media."""
    if not isinstance(message, dict):
        return None
    content = message.get("content")
    if isinstance(content, list):
        content = [part.get("text") if isinstance(part, dict) else part for part in content]
    return [content, message.get("tool_calls")]
