"""The Responses API: items in, items out, in the GenAI semantic conventions."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from monitor import vocabulary as v
from monitor.sdk.answers import Answer, described, take_parameters, text_or_none
from monitor.sdk.failure import Failure
from monitor.sdk.items import input_items, item_parts, words_of
from monitor.sdk.json_text import to_json
from monitor.sdk.messages import lighten, output_message, tool_definitions
from monitor.sdk.snapshot import Budget, snapshot
from monitor.sdk.usage import estimate_tokens, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.sdk.service import Service
    from monitor.sdk.step import Step

__all__ = ["ResponsesAnswer", "ResponsesApi"]

REASONS = {"completed": "stop", "max_output_tokens": "length"}
TYPES = {"json_object": "json", "json_schema": "json", "text": "text"}
DELTAS = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "text",
    "response.reasoning_text.delta": "reasoning",
    "response.reasoning_summary_text.delta": "reasoning",
    "response.function_call_arguments.delta": "arguments",
    "response.custom_tool_call_input.delta": "arguments",
    "response.mcp_call_arguments.delta": "arguments",
}
"""Events that carry a piece of an item, and of which text it is a piece."""
REMEMBERED_RESPONSES = 4096


class Threads:
    """Which conversation a response belongs to: the id of the first response in its chain."""

    def __init__(self) -> None:
        self._firsts: OrderedDict[str, str] = OrderedDict()

    def first(self, previous: str) -> str:
        """The conversation that goes on from this response."""
        return self._firsts.get(previous, previous)

    def join(self, response: str, first: str) -> None:
        """This response belongs to that conversation."""
        self._firsts[response] = first
        while len(self._firsts) > REMEMBERED_RESPONSES:
            self._firsts.popitem(last=False)


@dataclass(slots=True)
class Item:
    """One item of the output, as far as it has come."""

    kind: str = "message"
    call_id: str = ""
    name: str = ""
    pieces: list[str] = field(default_factory=list)
    whole: Any = None
    """A copy of the item, once it is complete."""

    def as_dict(self) -> dict[str, Any]:
        """In the shape of the Responses API, also when only pieces have come."""
        if isinstance(self.whole, dict):
            return self.whole
        text = "".join(self.pieces)
        if self.kind in ("message", "reasoning"):
            content = [{"type": "output_text", "text": text}] if text else []
            return {"type": self.kind, "content": content}
        said = {"arguments": text} if text else {}
        return {"type": self.kind, "call_id": self.call_id, "name": self.name, **said}


class ResponsesAnswer(Answer):
    """A response, whole or put together from the events of a stream."""

    def __init__(self, limit: int, *, capture: bool) -> None:
        super().__init__(limit, capture=capture)
        self.items: dict[int, Item] = {}
        self.status: str | None = None
        self.reason: str | None = None
        self.conversation: str | None = None

    def begins(self, chunk: Any) -> bool:
        """The events before the first piece say that the model is about to begin."""
        return str(read(chunk, "type")).endswith(".delta")

    def fold(self, reply: Any) -> None:
        """Add a response, or the next event of one."""
        kind = read(reply, "type")
        if not isinstance(kind, str):
            self._fold_response(reply)
        elif kind == "error":
            self._blame(reply)
        elif read(reply, "response") is not None:
            self._fold_response(read(reply, "response"))
        elif read(reply, "item") is not None:
            self._take_item(self._place(reply), read(reply, "item"), done=kind.endswith(".done"))
        elif kind in DELTAS:
            item = self.items.setdefault(self._place(reply), Item())
            self.keep(item.pieces, read(reply, "delta"))

    def _place(self, event: Any) -> int:
        place = read(event, "output_index")
        return place if isinstance(place, int) else 0

    def _fold_response(self, response: Any) -> None:
        super().fold(response)
        self.status = text_or_none(read(response, "status")) or self.status
        reason = text_or_none(read(read(response, "incomplete_details"), "reason"))
        self.reason = reason or self.reason
        conversation = read(response, "conversation")
        self.conversation = text_or_none(read(conversation, "id")) or self.conversation
        error = read(response, "error")
        if error is not None:
            self._blame(error)
        for place, item in enumerate(read(response, "output") or ()):
            self._take_item(place, item, done=True)

    def _blame(self, error: Any) -> None:
        kind = text_or_none(read(error, "code")) or "error"
        self.failure = Failure(kind, text_or_none(read(error, "message")) or "", ())

    def _take_item(self, place: int, given: Any, *, done: bool) -> None:
        item = self.items.setdefault(place, Item())
        item.kind = text_or_none(read(given, "type")) or item.kind
        item.call_id = text_or_none(read(given, "call_id")) or item.call_id
        item.name = text_or_none(read(given, "name")) or item.name
        if not done or item.whole is not None:
            return
        if not self.capture:
            if not item.pieces:
                self.tokens_said += sum(map(estimate_tokens, words_of(_plain(given))))
            item.whole = {"type": item.kind}
            return
        self.budget.left += sum(len(piece) + 2 for piece in item.pieces)
        item.whole = snapshot(lighten(_plain(given)), self.budget)
        item.pieces = []

    def said(self) -> Iterator[str]:
        """Every text that the model wrote, as far as it is kept."""
        for item in self.items.values():
            yield from words_of(item.as_dict())

    def finish_reason(self) -> str | None:
        """In the words of the conventions; None while the response is not complete."""
        if self.status == "completed" and any(
            "call_id" in i.as_dict() for i in self.items.values()
        ):
            return "tool_call"
        if self.status == "failed":
            return "error"
        reason = self.reason or (self.status if self.status == "completed" else None)
        return REASONS.get(reason, reason) if reason else None

    def attributes(self) -> Iterator[tuple[str, Any]]:
        """As span attributes."""
        yield from super().attributes()
        yield v.RESPONSE_STATUS, self.status
        reason = self.finish_reason()
        if reason:
            yield v.FINISH_REASONS, [reason]
        if self.capture and self.items:
            items = [self.items[place].as_dict() for place in sorted(self.items)]
            parts = [part for item in items for part in item_parts(item)]
            yield v.OUTPUT_MESSAGES, to_json([output_message(parts, "assistant", reason)])


def _plain(item: Any) -> Any:
    """An item's own fields, whether it is an object of the client or JSON."""
    if isinstance(item, dict):
        return item
    fields = dict(vars(item))
    content = fields.get("content")
    if isinstance(content, list):
        fields["content"] = [part if isinstance(part, dict) else vars(part) for part in content]
    return fields


@dataclass(frozen=True, slots=True)
class ResponsesApi:
    """`/responses` of a service."""

    service: Service
    client: bool = True
    asks_usage: bool = False
    threads: Threads = field(default_factory=Threads)

    def answer(self, limit: int, *, capture: bool) -> Answer:
        """An empty answer."""
        return ResponsesAnswer(limit, capture=capture)

    def take(self, body: dict[str, Any], budget: Budget, *, capture: bool) -> dict[str, Any]:
        """What is kept of a request; runs in the app's thread and only copies."""
        request = take_parameters(body)
        effort = read(body.get("reasoning"), "effort")
        if isinstance(effort, str):
            request["reasoning_effort"] = effort
        form = read(body.get("text"), "format")
        request["type"] = TYPES.get(str(read(form, "type"))) if form is not None else None
        held = body.get("conversation")
        request["conversation"] = held if isinstance(held, str) else read(held, "id")
        given = body.get("input")
        if not capture:
            return request
        if isinstance(body.get("instructions"), str):
            request["instructions"] = budget.text(body["instructions"])
        if isinstance(given, str):
            request["input"] = budget.text(given)
        elif isinstance(given, (list, tuple)):  # the newest first: what is cut is what is oldest
            request["input"] = [snapshot(lighten(item), budget) for item in reversed(given)][::-1]
        if isinstance(body.get("tools"), (list, tuple)):
            request["tools"] = snapshot(body["tools"], budget)
        return request

    def name(self, step: Step) -> str:
        """`chat gpt-5-mini`, as the conventions have it."""
        return f"chat {step.said['model']}".strip()

    def attributes(self, step: Step) -> Iterator[tuple[str, Any]]:
        """Request, answer and service."""
        request, answer = step.said, step.gave
        yield v.OPERATION, "chat"
        yield v.OPENAI_API_TYPE, "responses"
        yield from self.service.attributes()
        yield from described(request)
        yield v.OUTPUT_TYPE, request.get("type")
        if "instructions" in request:
            said = [{"type": "text", "content": request["instructions"]}]
            yield v.SYSTEM_INSTRUCTIONS, to_json(said)
        if "input" in request:
            yield v.INPUT_MESSAGES, to_json(input_items(request["input"]))
        if "tools" in request:
            yield v.TOOL_DEFINITIONS, to_json(tool_definitions(request["tools"]))
        if isinstance(answer, ResponsesAnswer):
            answer.unpack()
            yield v.CONVERSATION_ID, self._conversation(request, answer)
            yield from answer.attributes()
            given = [request.get("instructions"), *_listed(request.get("input"))]
            yield from answer.estimate(sum(map(estimate_tokens, words_of(given))))
        else:
            yield v.CONVERSATION_ID, request["conversation"]

    def _conversation(self, request: dict[str, Any], answer: ResponsesAnswer) -> str | None:
        """The conversation's own id, or that of the first response that led here."""
        told: str | None = request["conversation"] or answer.conversation
        previous = request.get("previous_response_id")
        if told or not isinstance(previous, str):
            return told
        first = self.threads.first(previous)
        if answer.response_id:
            self.threads.join(answer.response_id, first)
        return first


def _listed(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [given]
