# ruff: noqa: E501 - samples of what dialects send are one line each
"""`drop-content`: words vanish; tokens, cost, latency, model, ids and finish reason stay."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.masking import Masking
from collector.masking.content import facts
from collector.values import text
from monitor.settings import load_settings

CAPTURES = Path(__file__).parents[1] / "data" / "otlp"
SPOKEN = (b"Hello from the fake model", b"fake model. ", b"Paris", b"Be brief", b"You are")
"""Pieces of prompts, answers and arguments of the captures."""


def dropping(**settings: object) -> Masking:
    """The masking that drops content."""
    made = Masking.from_settings(
        load_settings(**{"mask": "drop-content", "mask_secret": "s", **settings})
    )
    assert made is not None
    return made


def items(request: Any) -> list[Any]:
    """All spans or log records of a request."""
    if isinstance(request, ExportTraceServiceRequest):
        return [s for g in request.resource_spans for c in g.scope_spans for s in c.spans]
    return [r for g in request.resource_logs for c in g.scope_logs for r in c.log_records]


@pytest.mark.parametrize(
    "path", sorted(CAPTURES.glob("*/*.pb")), ids=lambda p: f"{p.parent.name}/{p.stem}"
)
def test_nothing_that_was_said_is_left_of_a_capture(path: Path) -> None:
    """Of every dialect that was captured; and what a call cost, took and was, is as before."""
    logs = path.name.endswith(".logs.pb")
    request = (ExportLogsServiceRequest if logs else ExportTraceServiceRequest)()
    request.ParseFromString(path.read_bytes())
    before = [_facts_of(item) for item in items(request)]
    dropping().apply("logs" if logs else "traces", request)
    left = request.SerializeToString()
    assert [word for word in SPOKEN if word in left] == []
    assert [_facts_of(item) for item in items(request)] == before


def _facts_of(item: Any) -> dict[str, str]:
    """Times, ids, status, and the attributes that say what a call was; not those of recorded content."""
    kept = {
        pair.key: text(pair.value)
        for pair in item.attributes
        if pair.key.startswith(("gen_ai.usage", "gen_ai.request.model", "gen_ai.response", "gen_ai.cost", "session.id",
                                "llm.token_count", "llm.usage", "ai.usage", "ai.response.finishReason", "ai.model",
                                "langfuse.observation.usage", "langfuse.observation.model.name", "user.id", "operation.cost",
                                "gen_ai.operation.name", "llm.model_name", "gen_ai.conversation.id", "openinference"))
        or pair.key.endswith("finish_reason")
    }  # fmt: skip
    if hasattr(item, "end_time_unix_nano"):
        kept["times"] = f"{item.start_time_unix_nano} {item.end_time_unix_nano} {item.status.code}"
    return kept | {"ids": f"{item.trace_id.hex()} {item.span_id.hex()}"}


def span_of(**attributes: str) -> tuple[ExportTraceServiceRequest, Any]:
    """A request with one span."""
    request = ExportTraceServiceRequest()
    span = (
        request.resource_spans.add()
        .scope_spans.add()
        .spans.add(trace_id=b"t" * 16, span_id=b"s" * 8)
    )
    for key, value in attributes.items():
        span.attributes.add(key=key.replace("__", ".")).value.string_value = value
    return request, span


def test_numbered_keys_keep_their_facts() -> None:
    """Role and finish reason stay; a prompt's variable that is called `id` does not."""
    request, span = span_of(
        gen_ai__prompt__0__role="user", gen_ai__prompt__0__content="hi", gen_ai__completion__0__finish_reason="stop",
        gen_ai__prompt__variable__id="4711", gen_ai__prompt__name="greet", llm__output_messages__0__message__content="x",
        retrieval__documents__3__document__score="0.5", retrieval__documents__3__document__metadata="{}",
    )  # fmt: skip
    counts = dropping().apply("traces", request)
    assert {pair.key for pair in span.attributes} == {
        "gen_ai.prompt.0.role", "gen_ai.completion.0.finish_reason", "gen_ai.prompt.name", "retrieval.documents.3.document.score",
    }  # fmt: skip
    assert counts == {("", "content"): 4}


def test_what_is_long_and_unknown_vanishes() -> None:
    """And what is short stays, masked; a list of known facts stays whatever its length."""
    usage = json.dumps({f"tokens_{n}": n for n in range(40)})
    request, span = span_of(app__note="w" * 201, app__flag="ask a@x.com", gen_ai__usage__raw=usage)
    assert dropping().apply("traces", request) == {("", "content"): 1, ("", "email"): 1}
    assert {p.key: p.value.string_value for p in span.attributes} == {
        "app.flag": "ask [email]", "gen_ai.usage.raw": usage,
    }  # fmt: skip


def test_an_allowed_attribute_keeps_its_content() -> None:
    """The list of names is stronger than the table."""
    request, span = span_of(input__value="w" * 300, output__value="w")
    dropping(mask_allow=["input.value"]).apply("traces", request)
    assert [p.key for p in span.attributes] == ["input.value"]


def test_events_status_and_bodies_lose_their_content() -> None:
    """Exceptions quote what they failed on; an event of an LLM call has its words in the body."""
    request, span = span_of()
    span.status.message = "cannot parse " + "w" * 300
    event = span.events.add(name="exception")
    event.attributes.add(key="exception.message").value.string_value = "bad: 'my words'"
    event.attributes.add(key="exception.type").value.string_value = "ValueError"
    dropping().apply("traces", request)
    assert span.status.message == ""
    assert [p.key for p in event.attributes] == ["exception.type"]
    logs = ExportLogsServiceRequest()
    records = logs.resource_logs.add().scope_logs.add().log_records
    for name, body in (("", "started"), ("gen_ai.user.message", "my words"), ("", "w" * 300)):
        records.add(event_name=name).body.string_value = body
    dropping().apply("logs", logs)
    assert [r.body.string_value for r in records] == ["started", "", ""]


@pytest.mark.parametrize(("said", "left"), [
    ('{"choices": [{"message": {"content": "Hi"}, "finish_reason": "length"}], "usage": {"prompt_tokens": 3}, "model": "m"}',
     {"choices": [{"finish_reason": "length"}], "usage": {"prompt_tokens": 3}, "model": "m"}),
    ('{"model": "Ann said that she is ill", "usage": {"note": "x", "n": 1}}', {"usage": {"n": 1}}),
    ('{"my secret words": {"finish_reason": "stop"}}', None),
    ("plain words", None),
    ('{"broken', None),
    ("[" * 500 + "]" * 500, None),
])  # fmt: skip
def test_facts_of_a_content_value(said: str, left: object) -> None:
    """Finish reason, usage and model, as identifiers and numbers; no sentence passes for one."""
    assert (json.loads(facts(said)) if facts(said) else None) == left


def test_counts_are_by_service() -> None:
    """Content too is counted for the service that sent it."""
    request, _ = span_of(input__value="x")
    request.resource_spans[0].resource.attributes.add(
        key="service.name"
    ).value.string_value = "shop"
    assert dropping().apply("traces", request) == Counter({("shop", "content"): 1})
