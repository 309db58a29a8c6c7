"""What the stand-in server truly answered, case by case, and what a dialect verifiably cannot carry of it.

`expected(dialect, case)` is the truth of the case with that dialect's gaps cut out. A gap stands here only
where the captured bytes do not hold the fact; a wrong reading of a held fact is a defect, never a gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from unittest.mock import ANY

__all__ = ["Row", "expected"]

Row = dict[str, Any]

HELLO = "Hello from the fake model. ünï©ode ✓"
STREAMED = "Hello from the fake model."
ANSWERED = "Hello from responses."
PARIS = ("get_weather", "call_abc1", {"city": "Paris"})
ROME = ("get_weather", "call_abc2", {"city": "Rome"})
CALLED = 'get_weather({"city":"Paris"})\nget_weather({"city":"Rome"})'
MODEL = {"request_model": "gpt-4o-mini", "response_model": "gpt-4o-mini-2024-07-18"}
USED = {"input_tokens": 29, "cached_input_tokens": 8, "output_tokens": 17, "reasoning_tokens": 5}
USED_BY_RESPONSES = {
    "input_tokens": 31,
    "cached_input_tokens": 4,
    "output_tokens": 12,
    "reasoning_tokens": 3,
}
NO_USAGE = dict.fromkeys(USED)
CHAT: Row = {
    "operation": "chat",
    "provider": "openai",
    **MODEL,
    **USED,
    "roles": ["user"],
    "output": HELLO,
    "tool_calls": [],
    "finish_reason": "stop",
    "status": "ok",
    "error_type": "",
    "first_token_known": False,
    "session_id": "",
    "user_id": "",
    "tags": {},
}
PERSONAL: Row = {
    "session_id": "sess-1",
    "user_id": "user-1",
    "tags": {"a": "true", "b": "true"},
}
WEATHER: Row = {
    **CHAT,
    "input": "Weather in Paris and Rome?",
    "output": CALLED,
    "tool_calls": [PARIS, ROME],
    "finish_reason": "tool_call",
}
FAILED: Row = {
    **CHAT,
    **NO_USAGE,
    "response_model": "",
    "output": "",
    "finish_reason": "",
    "status": "error",
}
GREETED: Row = {**CHAT, "input": "Say hello, ünï©ode please", "roles": ["system", "user"]}
RESPONSES: Row = {
    **CHAT,
    **USED_BY_RESPONSES,
    "input": "Say hello",
    "output": ANSWERED,
    "roles": ["system", "user"],
}
TRUTH: dict[str, list[Row]] = {
    "chat": [GREETED],
    "multichoice": [
        {
            **CHAT,
            "input": "two please",
            "output": f"{HELLO} (choice 0)\n{HELLO} (choice 1)",
        }
    ],
    "stream": [
        {
            **CHAT,
            "input": "Stream hello",
            "roles": ["system", "user"],
            "output": STREAMED,
            "first_token_known": True,
        }
    ],
    "stream_nousage": [
        {
            **CHAT,
            **NO_USAGE,
            "input": "Stream hello without usage",
            "output": STREAMED,
            "first_token_known": True,
        }
    ],
    "stream_tools": [{**WEATHER, "first_token_known": True}],
    "stream_abandoned": [
        {
            **CHAT,
            **NO_USAGE,
            "input": "Stream hello abandoned",
            "output": "Hello from",
            "finish_reason": "",
            "status": "abandoned",
            "first_token_known": True,
        }
    ],
    "tools": [WEATHER],
    "nested": [WEATHER],
    "tools_result": [
        {
            **CHAT,
            "input": 'user: Weather in Paris?\nassistant: get_weather({"city":"Paris"})\n'
            'tool: {"temp_c": 21}',
            "roles": ["user", "assistant", "tool"],
        }
    ],
    "error": [
        {
            **FAILED,
            "request_model": "rate-limited-model",
            "input": "please fail",
            "error_type": "RateLimitError",
        }
    ],
    "error_conn": [{**FAILED, "input": "nobody home", "error_type": "APIConnectionError"}],
    "embeddings": [
        {
            **CHAT,
            **NO_USAGE,
            "operation": "embeddings",
            "request_model": "text-embedding-3-small",
            "response_model": "text-embedding-3-small",
            "input_tokens": 11,
            "input": "user: first text\nuser: second text",
            "roles": ["user", "user"],
            "output": "",
            "finish_reason": "",
        }
    ],
    "image": [{**CHAT, "input": "What is in this image?\n[uri]"}],
    "structured": [{**CHAT, "input": "json"}],
    "object": [{**CHAT, "input": "json"}],
    "session": [{**GREETED, **PERSONAL}],
    "responses": [RESPONSES],
    "responses_stream": [{**RESPONSES, "roles": ["user"], "first_token_known": True}],
    "responses_tools": [
        {
            **RESPONSES,
            "input": "Weather in Paris?",
            "roles": ["user"],
            "output": 'get_weather({"city":"Paris"})',
            "tool_calls": [("get_weather", "call_r1", {"city": "Paris"})],
            "finish_reason": "tool_call",
        }
    ],
}


@dataclass(frozen=True, slots=True)
class Gap:
    """What the captured bytes do not say, or say otherwise.

    Args:
        dialects: patterns of folder names, separated by blanks.
        cases: patterns of case names, separated by blanks.
        columns: what is expected instead.
        why: for the reader.
    """

    dialects: str
    cases: str
    columns: Row
    why: str

    def holds(self, dialect: str, case: str) -> bool:
        """Whether it is about this capture."""
        return any(fnmatchcase(dialect, d) for d in self.dialects.split()) and any(
            fnmatchcase(case, c) for c in self.cases.split()
        )


GAPS = [
    # who asked, where the captured program said so
    Gap("langsmith-otel", "*", {**PERSONAL, "user_id": "u1"}, "told as metadata of every run"),
    Gap("vercel-ai-5", "*", PERSONAL, "told as telemetry metadata of every call"),
    Gap(
        "openinference-openai",
        "session",
        {"tags": {"a": "true", "b": "true", "env": "prod", "n": "3"}},
        "its metadata was given too",
    ),
    Gap(
        "langfuse-openai",
        "session",
        {"tags": {"a": "true", "b": "true", "k": "v"}, "input": "hi", "roles": ["user"]},
        "its metadata was given too, and another question",
    ),
    Gap(
        "mlflow-otlp",
        "session",
        {"session_id": "", "user_id": "", "tags": {}},
        "its exporter keeps what concerns the trace to itself",
    ),
    Gap("pydantic-ai*", "*", {"session_id": ANY}, "it makes up a conversation id"),
    Gap("litellm-otel vercel-ai-5", "stream", {"roles": ["user"]}, "asked without instructions"),
    # words
    Gap(
        "otel-genai-openai otel-genai-openai-event_only pydantic-ai vercel-ai-7*",
        "image",
        {"input": "What is in this image?\n[blob]"},
        "the picture itself",
    ),
    Gap("vercel-ai-7-legacy", "image", {"input": "What is in this image?\n[file]"}, "says file"),
    Gap("pydantic-ai-v2", "image", {"input": "What is in this image?\n[binary]"}, "says binary"),
    Gap("openlit-openai", "image", {"input": "What is in this image?"}, "drops pictures"),
    Gap(
        "traceloop-openai traceloop-openai-0.*",
        "image",
        {"input": "", "roles": []},
        "drops the whole question that has a picture",
    ),
    Gap("otel-openai-v2-experimental", "image", {"input": ""}, "drops all parts of a list"),
    Gap(
        "otel-openai-v2-* otel-genai-openai otel-genai-openai-event_only vercel-ai-7 "
        "logfire-openai logfire-openai-latest",
        "embeddings",
        {"input": "", "roles": []},
        "texts are not recorded",
    ),
    Gap(
        "openlit-openai pydantic-ai*", "error*", {"input": "", "roles": []}, "set after the answer"
    ),
    Gap(
        "openlit-openai",
        "tools_result",
        {
            "input": 'user: Weather in Paris?\ntool: {"temp_c": 21}',
            "roles": ["user", "tool"],
        },
        "drops the calls of earlier turns",
    ),
    Gap(
        "openlit-openai",
        "multichoice",
        {"output": f"{HELLO} (choice 0) {HELLO} (choice 1)"},
        "joins the choices",
    ),
    Gap("logfire-openai-v1", "multichoice", {"output": f"{HELLO} (choice 0)"}, "first choice only"),
    Gap(
        "traceloop-openai-0.52-legacy",
        "stream_abandoned",
        {"output": ""},
        "dropped with the stream",
    ),
    Gap(
        "mlflow-otlp",
        "stream_tools",
        {"output": "", "tool_calls": [], "finish_reason": "stop"},
        "loses a streamed answer's tool calls and says stop",
    ),
    Gap(
        "litellm-otel",
        "tools",
        {"tool_calls": [(name, "", told) for name, _, told in (PARIS, ROME)]},
        "no ids of tool calls",
    ),
    Gap(
        "openlit-openai traceloop-openai traceloop-openai-0.52-legacy traceloop-openai-events",
        "responses_tools",
        {"tool_calls": [("get_weather", "fc_fake1", {"city": "Paris"})]},
        "the item's id instead of the call's",
    ),
    Gap(
        "traceloop-openai-events",
        "stream*",
        {"output": "", "tool_calls": []},
        "the record of a streamed answer names no trace",
    ),
    # models
    Gap("langfuse-openai", "*", {"provider": ""}, "not told"),
    Gap("langfuse-openai", "[!e]* embeddings", {"request_model": ""}, "the answering model only"),
    Gap("mlflow-otlp", "embeddings", {"provider": ""}, "not told"),
    Gap("langsmith-otel", "stream_abandoned stream_nousage", {"response_model": ""}, "not told"),
    Gap("logfire-openai*", "*stream*", {"response_model": ""}, "repeats the asked one"),
    Gap("litellm-otel", "stream", {"response_model": "gpt-4o-mini"}, "repeats the asked one"),
    Gap("vercel-ai-*", "embeddings", {"response_model": ""}, "not told"),
    # tokens
    Gap(
        "otel-openai-v2-*",
        "*",
        {"cached_input_tokens": None, "reasoning_tokens": None},
        "totals only",
    ),
    Gap(
        "vercel-ai-5",
        "chat tools responses error",
        {"cached_input_tokens": None, "reasoning_tokens": None},
        "generateText's totals only",
    ),
    Gap("vercel-ai-7", "*", {"reasoning_tokens": None}, "supplemental"),
    Gap("openlit-openai", "[!r]*", {"reasoning_tokens": None}, "only of the Responses API"),
    Gap("traceloop-openai-0.40-legacy", "*", {"reasoning_tokens": None}, "not yet"),
    Gap(
        "traceloop-openai traceloop-openai-events traceloop-openai-0.52-legacy",
        "stream stream_tools",
        {"reasoning_tokens": None},
        "not of streams",
    ),
    Gap("traceloop-openai-0.40-legacy", "stream*", NO_USAGE, "none of streams"),
    Gap("traceloop-openai*", "embeddings", {"cached_input_tokens": 0}, "says none were cached"),
    Gap("litellm-otel", "embeddings", {"output_tokens": 0}, "says that there were none"),
    # how it ended
    Gap(
        "langfuse-openai",
        "[!rs]* responses responses_tools structured session",
        {"finish_reason": ""},
        "told of streams only",
    ),
    Gap(
        "logfire-openai* traceloop-openai-0.52-legacy", "responses*", {"finish_reason": ""}, "none"
    ),
    Gap("logfire-openai-v1", "stream*", {"finish_reason": ""}, "none of streams"),
    Gap("langfuse-openai", "error*", {"error_type": ""}, "a message only"),
    Gap("traceloop-openai-0.40-legacy", "error*", {"error_type": ""}, "a message only"),
    Gap("vercel-ai-*", "error", {"error_type": "AI_APICallError"}, "a type of its own"),
    Gap("pydantic-ai*", "error", {"error_type": "ModelRateLimitError"}, "a type of its own"),
    Gap(
        "openinference-openai traceloop-openai* langfuse-openai logfire-openai* "
        "otel-genai-openai-no_content",
        "stream_abandoned",
        {"status": "ok"},
        "a stream that ended like any other",
    ),
    Gap(
        "otel-genai-openai otel-genai-openai-event_only otel-openai-v2-*",
        "stream_abandoned",
        {"status": "error", "finish_reason": "error"},
        "says error",
    ),
    # the first token
    Gap(
        "langsmith-otel litellm-otel logfire-openai* otel-openai-v2-*",
        "*",
        {"first_token_known": False},
        "not told",
    ),
    Gap("traceloop-openai*", "responses_stream", {"first_token_known": False}, "no event of it"),
    Gap(
        "otel-genai-openai-no_content",
        "*",
        {"input": "", "output": "", "roles": [], "tool_calls": []},
        "asked to leave all content out",
    ),
]


def expected(dialect: str, case: str) -> list[Row]:
    """The rows of `calls` that this capture is, in time."""
    rows = TRUTH[case]
    if case == "tools" and dialect.startswith("vercel-ai"):
        rows = AGENT
    elif case == "tools" and dialect.startswith("pydantic-ai"):
        rows = INSTRUCTED
    elif case == "stream_abandoned" and dialect.startswith(("logfire", "openlit")):
        rows = []  # OpenLIT leaves only the HTTP request, Logfire tells later
    rows = [_without_gaps(row, dialect, case) for row in rows]
    if (dialect, case) in LATE:
        rows.insert(0, _without_gaps(*TRUTH["stream_abandoned"], dialect, "stream_abandoned"))
    return rows


def _without_gaps(row: Row, dialect: str, case: str) -> Row:
    for gap in GAPS:
        if gap.holds(dialect, case):
            row = {**row, **gap.columns}
    return row


LATE = {
    ("logfire-openai", "embeddings"),
    ("logfire-openai-latest", "embeddings"),
    ("logfire-openai-v1", "tools"),
}
"""Requests that also hold what Logfire says of an abandoned stream, once Python has collected it."""
AGENT: list[Row] = [
    WEATHER,
    {
        **CHAT,
        "input": f"user: Weather in Paris and Rome?\nassistant: {CALLED}\n"
        'tool: {"temp_c":21,"city":"Paris"}\n{"temp_c":21,"city":"Rome"}',
        "roles": ["user", "assistant", "tool"],
    },
]
"""These two run the tools and ask again, so that one case is two calls."""
INSTRUCTED: list[Row] = [
    {**AGENT[0], "roles": ["system", "user"]},
    {
        **AGENT[1],
        "input": f"system: Use tools.\n{str(AGENT[1]['input']).replace('tool: ', 'user: ')}",
        "roles": ["system", "user", "assistant", "user"],
    },
]
"""Pydantic AI's agent had instructions, and gives a tool's answer in the user's name."""
