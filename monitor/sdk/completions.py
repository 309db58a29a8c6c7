"""Legacy text completions: a prompt in, text out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitor import vocabulary as v
from monitor.sdk.answers import Answer, described, take_parameters
from monitor.sdk.chat import ChatAnswer, Choice
from monitor.sdk.embeddings import take_texts, texts_message
from monitor.sdk.usage import estimate_tokens, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.sdk.service import Service
    from monitor.sdk.snapshot import Budget
    from monitor.sdk.step import Step

__all__ = ["CompletionsApi"]


class CompletionAnswer(ChatAnswer):
    """Choices that hold bare text instead of a message."""

    def fold(self, reply: Any) -> None:
        """Add a completion, or the next chunk of one."""
        super().fold(reply)
        for place, said in enumerate(read(reply, "choices") or ()):
            index = read(said, "index")
            choice = self.choices.setdefault(index if isinstance(index, int) else place, Choice())
            self.keep(choice.text, read(said, "text"))


@dataclass(frozen=True, slots=True)
class CompletionsApi:
    """`/completions` of a service."""

    service: Service
    client: bool = True
    asks_usage: bool = True

    def answer(self, limit: int, *, capture: bool) -> Answer:
        """An empty answer."""
        return CompletionAnswer(limit, capture=capture)

    def take(self, body: dict[str, Any], budget: Budget, *, capture: bool) -> dict[str, Any]:
        """What is kept of a request; runs in the app's thread and only copies."""
        request = take_parameters(body)
        if type(body.get("n")) is int:
            request["n"] = body["n"]
        if capture:
            request["texts"] = take_texts(body.get("prompt"), budget)
        return request

    def name(self, step: Step) -> str:
        """`text_completion davinci-002`, as the conventions have it."""
        return f"text_completion {step.said['model']}".strip()

    def attributes(self, step: Step) -> Iterator[tuple[str, Any]]:
        """Request, answer and service."""
        request = step.said
        yield v.OPERATION, "text_completion"
        yield from self.service.attributes()
        yield from described(request)
        if request.get("n", 1) != 1:
            yield v.REQUEST_CHOICE_COUNT, request["n"]
        texts = request.get("texts") or []
        if texts:
            yield v.INPUT_MESSAGES, texts_message(texts)
        answer = step.gave
        if isinstance(answer, CompletionAnswer):
            answer.unpack()
            yield from answer.attributes()
            asked = (text if isinstance(text, int) else estimate_tokens(text) for text in texts)
            yield from answer.estimate(sum(asked))
