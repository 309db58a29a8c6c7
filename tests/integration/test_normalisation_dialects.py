"""Every instrumentation dialect ends in the same columns: real captures against what the server truly answered."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from normalisation_captures import DATA, capture, insert, read

from monitor.store import Store, migrate

pytestmark = pytest.mark.integration

NAMES = sorted(f"{path.parent.name}/{path.stem}" for path in DATA.glob("*/*.pb"))
HELLO = "Hello from the fake model. ünï©ode ✓"
GREETING = {
    "input": "Say hello, ünï©ode please",
    "output": HELLO,
    "finish_reason": "stop",
    "status": "ok",
}
MODELS = {
    "request_model": "gpt-4o-mini",
    "response_model": "gpt-4o-mini-2024-07-18",
    "operation": "chat",
}
OPENAI = {"provider": "openai", **MODELS}
USAGE = {"input_tokens": 29, "cached_input_tokens": 8, "output_tokens": 17, "reasoning_tokens": 5}
COST = pytest.approx((21 * 0.15 + 8 * 0.075 + 17 * 0.6) / 1e6)
NO_CACHE = {
    "input_tokens": 29,
    "cached_input_tokens": None,
    "output_tokens": 17,
    "reasoning_tokens": None,
}
NO_CACHE_COST = pytest.approx((29 * 0.15 + 17 * 0.6) / 1e6)
WEATHER = {
    "input": "Weather in Paris and Rome?",
    "output": 'get_weather({"city":"Paris"})\nget_weather({"city":"Rome"})',
    "finish_reason": "tool_call",
}
HISTORY = 'user: Weather in Paris?\nassistant: get_weather({"city":"Paris"})\ntool: {"temp_c": 21}'
FAILED = {
    "request_model": "rate-limited-model",
    "status": "error",
    "error_type": "RateLimitError",
    "input": "please fail",
    "output": "",
    "input_tokens": None,
    "output_tokens": None,
    "cost_usd": None,
    "finish_reason": "",
}
EMBEDDED = {
    "operation": "embeddings",
    "provider": "openai",
    "request_model": "text-embedding-3-small",
    "input_tokens": 11,
    "output": "",
    "output_messages": "",
    "status": "ok",
    "cost_usd": pytest.approx(11 * 0.02 / 1e6),
}
TEXTS = "user: first text\nuser: second text"
SESSION = {"session_id": "sess-1", "user_id": "user-1"}

EXPECTED: dict[str, dict[str, Any]] = {
    "otel-genai-openai/chat": {
        **OPENAI,
        **GREETING,
        **USAGE,
        "cost_usd": COST,
        "convention": "otel_genai",
    },
    "otel-genai-openai/tools": {**OPENAI, **WEATHER, **USAGE},
    "otel-genai-openai/tools_result": {**OPENAI, "input": HISTORY, "output": HELLO},
    "otel-genai-openai/error": {
        **FAILED,
        "provider": "openai",
        "error_message": "Error code: 429 - Rate limit reached for rate-limited-model",
    },
    "otel-genai-openai/embeddings": {
        **EMBEDDED,
        "input": "",
        "output_tokens": None,
        "response_model": "text-embedding-3-small",
    },
    "otel-genai-openai/responses": {
        **OPENAI,
        "input": "Say hello",
        "output": "Hello from responses.",
        "input_tokens": 31,
        "cached_input_tokens": 4,
        "output_tokens": 12,
        "reasoning_tokens": 3,
    },
    "otel-genai-openai/stream_abandoned": {
        **OPENAI,
        "status": "error",
        "finish_reason": "error",
        "output": "Hello from",
        "input_tokens": None,
        "cost_usd": None,
        "time_to_first_token_ms": pytest.approx(57.53478),
    },
    "otel-genai-openai/multichoice": {
        **OPENAI,
        "output": f"{HELLO} (choice 0)\n{HELLO} (choice 1)",
    },
    "otel-genai-openai/image": {
        **OPENAI,
        "input": "What is in this image?\n[blob]",
        "output": HELLO,
    },
    "otel-openai-v2-legacy/chat": {
        **OPENAI,
        **NO_CACHE,
        "cost_usd": NO_CACHE_COST,
        "input": "",
        "output": "",
        "finish_reason": "stop",
    },
    "otel-openai-v2-legacy/tools": {**OPENAI, **NO_CACHE, "finish_reason": "tool_call"},
    "otel-openai-v2-legacy/error": {**FAILED, "input": "", "convention": "otel_genai"},
    "otel-openai-v2-legacy/embeddings": EMBEDDED,
    "otel-openai-v2-experimental/chat": {**OPENAI, **GREETING, **NO_CACHE},
    "otel-openai-v2-experimental/tools_result": {**OPENAI, "input": HISTORY, "output": HELLO},
    "otel-openai-v2-experimental/stream_abandoned": {
        **OPENAI,
        "status": "error",
        "output": "Hello from",
    },
    "openinference-openai/chat": {
        **OPENAI,
        **GREETING,
        **USAGE,
        "cost_usd": COST,
        "convention": "openinference",
    },
    "openinference-openai/tools": {**OPENAI, **WEATHER, **USAGE},
    "openinference-openai/tools_result": {**OPENAI, "input": HISTORY, "output": HELLO},
    "openinference-openai/error": {
        **FAILED,
        "error_message": "RateLimitError: Error code: 429 - Rate limit reached for rate-limited-model",
    },
    "openinference-openai/embeddings": {**EMBEDDED, "input": TEXTS},
    "openinference-openai/session": {
        **OPENAI,
        **SESSION,
        "prompt_version": "v1",
        "tags": {"a": "true", "b": "true", "env": "prod", "n": "3"},
    },
    "openinference-openai/nested": {**OPENAI, **WEATHER},
    "openinference-openai/stream": {
        **OPENAI,
        **USAGE,
        "output": "Hello from the fake model.",
        "time_to_first_token_ms": pytest.approx(82, abs=1),
    },
    "traceloop-openai/chat": {**OPENAI, **GREETING, **USAGE, "convention": "traceloop"},
    "traceloop-openai/tools": {**OPENAI, **WEATHER},
    "traceloop-openai/embeddings": {**EMBEDDED, "input": TEXTS},
    "traceloop-openai-0.40-legacy/tools": {
        **OPENAI,
        **WEATHER,
        "input_tokens": 29,
        "cached_input_tokens": 8,
        "convention": "traceloop",
    },
    "traceloop-openai-0.40-legacy/tools_result": {**OPENAI, "input": HISTORY, "output": HELLO},
    "traceloop-openai-0.52-legacy/chat": {**OPENAI, **GREETING, **USAGE},
    "traceloop-openai-0.52-legacy/responses": {
        **OPENAI,
        "input": "Say hello",
        "output": "Hello from responses.",
        "reasoning_tokens": 3,
    },
    "vercel-ai-5/chat": {
        **OPENAI,
        **GREETING,
        **NO_CACHE,
        **SESSION,
        "tags": {"a": "true", "b": "true"},
        "convention": "vercel_ai",
    },
    "vercel-ai-5/stream": {
        **OPENAI,
        **USAGE,
        "output": "Hello from the fake model.",
        "time_to_first_token_ms": pytest.approx(69.03783),
    },
    "vercel-ai-5/error": {**FAILED, "error_type": "AI_APICallError"},
    "vercel-ai-5/embeddings": {**EMBEDDED, "input": TEXTS},
    "langfuse-openai/chat": {
        **MODELS,
        **GREETING,
        **USAGE,
        "request_model": "",
        "provider": "",
        "finish_reason": "",
        "cost_usd": COST,
        "environment": "lab",
        "release": "r1",
        "convention": "langfuse",
    },
    "langfuse-openai/tools": {**WEATHER, "finish_reason": ""},
    "langfuse-openai/session": {
        **SESSION,
        "input": "hi",
        "tags": {"a": "true", "b": "true", "k": "v"},
    },
    "langfuse-openai/error": {
        "status": "error",
        "response_model": "rate-limited-model",
        "input": "please fail",
        "input_tokens": None,
    },
    "langfuse-openai/stream": {
        **USAGE,
        "finish_reason": "stop",
        "time_to_first_token_ms": pytest.approx(95, abs=1),
    },
    "langfuse-openai/responses_tools": {
        "input": "Weather in Paris?",
        "output": 'get_weather({"city":"Paris"})',
        "input_tokens": 31,
    },
    "litellm-otel/chat": {
        **OPENAI,
        **GREETING,
        **USAGE,
        "cost_usd": 1.395e-05,
        "convention": "litellm",
    },
    "litellm-otel/tools": {**OPENAI, **WEATHER},
    "litellm-otel/error": FAILED,
    "litellm-otel/embeddings": {**EMBEDDED, "input": TEXTS},
    "logfire-openai/stream": {
        **OPENAI,
        **USAGE,
        "response_model": "gpt-4o-mini",
        "output": "Hello from the fake model.",
        "duration_ms": pytest.approx(194.142372),
        "convention": "logfire",
    },
    "logfire-openai/error": {
        **FAILED,
        "error_message": "RateLimitError: Error code: 429 - Rate limit reached for rate-limited-model",
    },
    "logfire-openai/responses": {
        **OPENAI,
        "input": "Say hello",
        "output": "Hello from responses.",
        "cached_input_tokens": 4,
    },
    "logfire-openai-v1/chat": {**OPENAI, **GREETING, **USAGE},
    "logfire-openai-v1/responses": {
        **OPENAI,
        "input": "Say hello",
        "output": "Hello from responses.",
    },
    "logfire-openai-v1/multichoice": {
        **OPENAI,
        "input": "two please",
        "output": f"{HELLO} (choice 0)",
    },
}


Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def captured(store_server: str) -> Rows:
    """What every capture of this repository became: the rows of `calls` and of `steps`."""
    url = f"{store_server}/t_{uuid.uuid4().hex[:12]}"
    migrate(url, retention_days=0)
    store = Store(url)
    insert(store, [row for name in NAMES for row in capture(name)])
    tables = {
        table: read(store, f"SELECT * FROM {table} FINAL ORDER BY timestamp")
        for table in ("calls", "steps")
    }
    store.close()
    return tables


def calls_of(captured: Rows, name: str, table: str = "calls") -> list[dict[str, Any]]:
    """Rows that the spans of one capture became."""
    ids = {row["SpanId"] for row in capture(name)}
    return [row for row in captured[table] if row["span_id"] in ids]


@pytest.mark.parametrize("name", EXPECTED)
def test_a_captured_call_reads_as_it_was(captured: Rows, name: str) -> None:
    """Each capture is one row of `calls` whose columns say what the stand-in server answered."""
    [row] = calls_of(captured, name)
    expected = EXPECTED[name]
    assert {column: row[column] for column in expected} == expected


@pytest.mark.parametrize("name", NAMES)
def test_messages_are_json_in_the_conventions_shape(captured: Rows, name: str) -> None:
    """Whatever spelling came in, messages are role and parts, and tool calls are the answer's tool_call parts."""
    for row in calls_of(captured, name):
        for column in ("input_messages", "output_messages"):
            for said in json.loads(row[column] or "[]"):
                assert isinstance(said["role"], str)
                assert all(part["type"] for part in said["parts"])
        tools = [
            part
            for said in json.loads(row["output_messages"] or "[]")
            for part in said["parts"]
            if part["type"] == "tool_call"
        ]
        called = json.loads(row["tool_calls"] or "[]")
        assert [tool["name"] for tool in called] == row["output"].count("get_weather") * [
            "get_weather"
        ]
        if tools:
            assert [tool["arguments"] for tool in tools] == [tool["arguments"] for tool in called]


@pytest.mark.parametrize(
    "name",
    [
        "otel-genai-openai/tools",
        "openinference-openai/tools",
        "traceloop-openai-0.40-legacy/tools",
        "langfuse-openai/tools",
        "litellm-otel/tools",
    ],
)
def test_tool_calls_are_the_same_whoever_tells(captured: Rows, name: str) -> None:
    """Arguments are JSON values, not text in text, in every dialect."""
    [row] = calls_of(captured, name)
    called = json.loads(row["tool_calls"])
    assert [(tool["name"], tool["arguments"]) for tool in called] == [
        ("get_weather", {"city": "Paris"}),
        ("get_weather", {"city": "Rome"}),
    ]


def test_system_instructions_stand_in_front_of_the_messages(captured: Rows) -> None:
    """The Responses API's instructions are the first message, and do not hide the question."""
    [row] = calls_of(captured, "otel-genai-openai/responses")
    assert [said["role"] for said in json.loads(row["input_messages"])] == ["system", "user"]
    assert row["input"] == "Say hello"


@pytest.mark.parametrize(
    ("name", "calls", "steps"),
    [
        ("vercel-ai-5/tools", 2, 3),
        ("vercel-ai-5/chat", 1, 1),
        ("vercel-ai-5/embeddings", 1, 1),
        ("litellm-otel/chat", 1, 1),
        ("logfire-openai/stream", 1, 1),
        ("openinference-openai/nested", 1, 1),
        ("langfuse-openai/session", 1, 1),
    ],
)
def test_one_call_is_one_row_whatever_wraps_it(
    captured: Rows, name: str, calls: int, steps: int
) -> None:
    """Outer and duplicate spans are steps of the trace, never a second call."""
    assert len(calls_of(captured, name)) == calls
    assert len(calls_of(captured, name, "steps")) == steps


def test_a_captured_tool_span_is_a_step_with_its_arguments(captured: Rows) -> None:
    """A tool's span keeps its name, what it got and what it gave."""
    tools = [
        row for row in calls_of(captured, "vercel-ai-5/tools", "steps") if row["kind"] == "tool"
    ]
    assert sorted((row["name"], row["input"], row["output"]) for row in tools) == [
        ("get_weather", '{"city":"Paris"}', '{"temp_c":21,"city":"Paris"}'),
        ("get_weather", '{"city":"Rome"}', '{"temp_c":21,"city":"Rome"}'),
    ]


def test_every_captured_span_is_a_call_or_a_step(captured: Rows) -> None:
    """No span gets lost between the raw table and the two it becomes."""
    seen = [row["span_id"] for table in captured.values() for row in table]
    assert sorted(seen) == sorted(row["SpanId"] for name in NAMES for row in capture(name))
