"""Embeddings: texts in, vectors out, of which only the size is kept."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitor import vocabulary as v
from monitor.sdk.answers import Answer, described, take_parameters
from monitor.sdk.json_text import to_json
from monitor.sdk.snapshot import Budget, snapshot
from monitor.sdk.usage import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.sdk.service import Service
    from monitor.sdk.step import Step

__all__ = ["EmbeddingsAnswer", "EmbeddingsApi", "take_texts", "texts_message"]

FLOAT32_BYTES = 4


def take_texts(given: Any, budget: Budget) -> list[Any]:
    """The texts of an input that is one or many; of token numbers only how many they are."""
    if isinstance(given, str):
        return [budget.text(given)]
    if not isinstance(given, (list, tuple)):
        return []
    if given and all(type(item) is int for item in given):
        return [len(given)]
    counted = (
        item if isinstance(item, str) else len(item) if isinstance(item, (list, tuple)) else 0
        for item in given
    )
    taken: list[Any] = snapshot(list(counted), budget)
    return taken


def texts_message(texts: list[Any]) -> str:
    """As the input messages of the conventions: one user message, one part a text."""
    parts = [
        {"type": "text", "content": text}
        if isinstance(text, str)
        else {"type": "tokens", "count": text}
        for text in texts
    ]
    return to_json([{"role": "user", "parts": parts}])


class EmbeddingsAnswer(Answer):
    """How many numbers a vector has; the vectors themselves are never kept."""

    def __init__(self, limit: int, *, capture: bool) -> None:
        super().__init__(limit, capture=capture)
        self.dimensions: int | None = None

    def fold(self, reply: Any) -> None:
        """Take the size of the first vector."""
        super().fold(reply)
        vectors = read(reply, "data") or ()
        vector = read(vectors[0], "embedding") if vectors else None
        if isinstance(vector, str):  # base64 of 32-bit numbers
            self.dimensions = (len(vector) * 3 // 4 - vector[-2:].count("=")) // FLOAT32_BYTES
        elif isinstance(vector, Sized):
            self.dimensions = len(vector)

    def attributes(self) -> Iterator[tuple[str, Any]]:
        """As span attributes."""
        yield from super().attributes()
        yield v.EMBEDDING_DIMENSIONS, self.dimensions


@dataclass(frozen=True, slots=True)
class EmbeddingsApi:
    """`/embeddings` of a service."""

    service: Service
    client: bool = True
    asks_usage: bool = False

    def answer(self, limit: int, *, capture: bool) -> Answer:
        """An empty answer."""
        return EmbeddingsAnswer(limit, capture=capture)

    def take(self, body: dict[str, Any], budget: Budget, *, capture: bool) -> dict[str, Any]:
        """What is kept of a request; runs in the app's thread and only copies."""
        request = take_parameters(body)
        for name, kind in (("encoding_format", str), ("dimensions", int)):
            if type(body.get(name)) is kind:
                request[name] = body[name]
        if capture:
            request["texts"] = take_texts(body.get("input"), budget)
        return request

    def name(self, step: Step) -> str:
        """`embeddings text-embedding-3-small`, as the conventions have it."""
        return f"embeddings {step.said['model']}".strip()

    def attributes(self, step: Step) -> Iterator[tuple[str, Any]]:
        """Request, answer and service."""
        request = step.said
        yield v.OPERATION, "embeddings"
        yield from self.service.attributes()
        yield from described(request)
        if "encoding_format" in request:
            yield v.REQUEST_ENCODING_FORMATS, [request["encoding_format"]]
        if request.get("texts"):
            yield v.INPUT_MESSAGES, texts_message(request["texts"])
        answer = step.gave
        if isinstance(answer, EmbeddingsAnswer):
            answer.unpack()
            if answer.dimensions is None:
                answer.dimensions = request.get("dimensions")
            yield from answer.attributes()
