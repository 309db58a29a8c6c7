"""The load: OTLP requests made once from a seed, so that every server gets the same bytes.

Traces have four spans (agent, retriever, LLM call, tool), each with some 1.5 KB of text, GenAI and
OpenInference attributes side by side. The text is made word by word from Python's own help pages
by a chain of word pairs: it compresses like prose and repeats nothing verbatim.
"""

from __future__ import annotations

import random
import re
import time
from collections import defaultdict
from dataclasses import dataclass
from pydoc_data.topics import topics
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Request", "load"]

MODELS = {
    "gpt-4o": "openai", "gpt-4o-mini": "openai", "claude-sonnet-4-5": "anthropic",
    "gemini-2.5-pro": "google", "mistral-large": "mistral_ai",
}  # fmt: skip
RESOURCE = {
    "service.name": "shop-assistant", "service.version": "1.4.2", "telemetry.sdk.language": "python",
    "deployment.environment.name": "prod", "telemetry.sdk.name": "opentelemetry", "host.name": "bench",
}  # fmt: skip
HOURS = 24
Span = tuple[str, str, bytes, float, float, dict[str, object]]


@dataclass(frozen=True, slots=True)
class Request:
    """One OTLP/HTTP body."""

    spans: int
    """Spans in it."""
    body: bytes
    """Protobuf."""


def load(spans: int, *, per_request: int, seed: int) -> list[Request]:
    """Requests of `per_request` spans each, `spans` in all."""
    story = _Story(seed)
    stream = story.spans()
    return [story.request(stream, per_request) for _ in range(spans // per_request)]


class _Story:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        words = re.findall(r"[A-Za-z][A-Za-z'_]*[.,;:]?", " ".join(topics.values()))
        self._next: dict[tuple[str, str], list[str]] = defaultdict(list)
        for first, second, third in zip(words, words[1:], words[2:], strict=False):
            self._next[first, second].append(third)
        self._pairs = list(self._next)
        self._began = time.time_ns() - HOURS * 3600 * 10**9

    def request(self, stream: Iterator[object], number: int) -> Request:
        request = ExportTraceServiceRequest()
        group = request.resource_spans.add()
        _add(group.resource.attributes, RESOURCE)
        scoped = group.scope_spans.add()
        scoped.scope.name = "bench"
        for _ in range(number):
            scoped.spans.append(next(stream))
        return Request(number, request.SerializeToString())

    def spans(self) -> Iterator[object]:
        span_type = ExportTraceServiceRequest().resource_spans.add().scope_spans.add().spans.add
        while True:
            yield from self._trace(span_type)

    def _trace(self, new: object) -> Iterator[object]:
        r = self._random
        trace_id, ids = r.randbytes(16), [r.randbytes(8) for _ in range(4)]
        model = r.choice(list(MODELS))
        session = {"session.id": f"s-{r.randrange(1_000)}", "user.id": f"u-{r.randrange(500)}"}
        start = self._began + int(r.random() * (HOURS - 1) * 3600e9)
        call_ms, tool_ms = r.lognormvariate(6.8, 0.7), r.lognormvariate(4.5, 0.6)
        plan = (
            ("agent run", "AGENT", b"", 0.0, call_ms + tool_ms, {"gen_ai.operation.name": "invoke_agent"}),
            ("retrieve docs", "RETRIEVER", ids[0], 1.0, 40.0, {}),
            (f"chat {model}", "LLM", ids[0], 50.0, call_ms, self._call(model)),
            ("call tool", "TOOL", ids[2], 60.0, tool_ms, {"gen_ai.operation.name": "execute_tool"}),
        )  # fmt: skip
        for span_id, (name, kind, parent, after_ms, ms, own) in zip(ids, plan, strict=True):
            span = new(trace_id=trace_id, span_id=span_id, parent_span_id=parent, name=name)
            span.kind = 3 if kind == "LLM" else 1
            span.start_time_unix_nano = start + int(after_ms * 1e6)
            span.end_time_unix_nano = span.start_time_unix_nano + int(ms * 1e6)
            span.status.code = 2 if kind == "LLM" and r.random() < 0.03 else 1
            text = {"input.value": self._text(1000), "output.value": self._text(500)}
            _add(span.attributes, {"openinference.span.kind": kind, **text, **session, **own})
            yield span

    def _call(self, model: str) -> dict[str, object]:
        asked, answered = self._random.randrange(100, 400), self._random.randrange(50, 200)
        return {
            "gen_ai.operation.name": "chat", "gen_ai.provider.name": MODELS[model],
            "gen_ai.request.model": model, "gen_ai.response.model": model,
            "gen_ai.response.id": f"chatcmpl-{self._random.getrandbits(96):024x}",
            "gen_ai.request.temperature": 0.7, "gen_ai.request.max_tokens": 1024,
            "gen_ai.usage.input_tokens": asked, "gen_ai.usage.output_tokens": answered,
            "gen_ai.response.finish_reasons": ["stop"], "llm.model_name": model,
            "llm.token_count.prompt": asked, "llm.token_count.completion": answered,
        }  # fmt: skip

    def _text(self, characters: int) -> str:
        r = self._random
        pair = r.choice(self._pairs)
        words, length = list(pair), sum(map(len, pair)) + 2
        while length < characters:
            follow = self._next.get(pair)
            if follow is None or r.random() < 0.08:  # a jump, so that no long run repeats
                pair = r.choice(self._pairs)
                words += pair
                length += len(pair[0]) + len(pair[1]) + 2
                continue
            pair = (pair[1], r.choice(follow))
            words.append(pair[1])
            length += len(pair[1]) + 1
        return " ".join(words)


def _add(attributes: object, values: dict[str, object]) -> None:
    for key, found in values.items():
        value = attributes.add(key=key).value
        if isinstance(found, str):
            value.string_value = found
        elif isinstance(found, int):
            value.int_value = found
        elif isinstance(found, float):
            value.double_value = found
        else:
            for item in found:
                value.array_value.values.add().string_value = item
