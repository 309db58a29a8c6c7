"""A wrapped client through the real collector and store: `calls` equals the service's own books."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import openai
import pytest
from model_service import WORDS, ModelService, serving  # noqa: F401 - a fixture
from openai import AsyncOpenAI, OpenAI

import monitor
from monitor.store import Store

pytestmark = pytest.mark.integration

ASK: Any = {"messages": [{"role": "user", "content": "When is it due?"}]}
TOOLS: Any = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]
FLAT: Any = [{"type": "function", "name": "add", "parameters": {}, "strict": False}]


def work(client: OpenAI) -> int:
    """Every kind of call once; how many they are."""
    chat: Any = client.chat.completions
    chat.create(model="m", **ASK)
    list(chat.create(model="m", **ASK, stream=True))
    list(chat.create(model="m", **ASK, stream=True, stream_options={"include_usage": True}))
    chat.create(model="m", **ASK, n=2, tools=TOOLS)
    chat.create(model="flaky-1", **ASK)
    client.responses.create(model="m", input="When?", tools=FLAT)
    list(client.responses.create(model="m", input="When?", stream=True))
    client.embeddings.create(model="e", input="When?")
    client.completions.create(model="m", prompt="When?")
    return 9


async def work_too(client: AsyncOpenAI) -> int:
    """The same, all at once, by an asynchronous client."""
    chat: Any = client.chat.completions

    async def stream(**options: Any) -> None:
        async for _ in await chat.create(model="m", **ASK, stream=True, **options):
            pass

    await asyncio.gather(
        chat.create(model="m", **ASK),
        stream(),
        stream(n=2),
        stream(tools=TOOLS),
        client.responses.create(model="m", input="When?"),
        client.embeddings.create(model="e", input="When?"),
    )
    return 6


def troubles(client: OpenAI) -> int:
    """Calls that end badly or early."""
    for model in ("fail-400", "fail-429", "fail-500", "drop", "cut"):
        with pytest.raises(openai.APIError):
            list(client.with_options(max_retries=0).chat.completions.create(
                model=model, **ASK, stream=True
            ))  # fmt: skip
    for number, _ in enumerate(client.chat.completions.create(model="slow", **ASK, stream=True)):
        if number == 1:
            break
    return 6


def test_calls_match_the_services_books(
    collector_url: str, store: Store, service: ModelService
) -> None:
    """Sync and async, plain and streamed: to the token; failures and abandonments as what they are."""
    monitor.init(service="shop", release="r1", endpoint=collector_url)
    with OpenAI(base_url=service.url, api_key="k") as client:
        count = work(monitor.wrap(client))
    billed = len(service.served)

    async def run() -> int:
        async with AsyncOpenAI(base_url=service.url, api_key="k") as waiting:
            return await work_too(monitor.wrap(waiting))

    count += asyncio.run(run())
    billed += 6
    books = dict(service.served)
    assert len(books) == billed == count
    with OpenAI(base_url=service.url, api_key="k") as client:
        count += troubles(monitor.wrap(client))
    assert monitor.flush(20) == monitor.Delivery(acknowledged=count, pending=0, dropped=0)
    monitor.shutdown()
    rows = _rows(store, count)
    told = sorted(
        (
            row["input_tokens"],
            row["cached_input_tokens"],
            row["output_tokens"],
            row["reasoning_tokens"],
        )
        for row in rows
        if row["status"] == "ok" and row["operation"] != "embeddings"
    )
    assert told == sorted(
        (entry.input_tokens, entry.cached_tokens, entry.output_tokens, entry.reasoning_tokens)
        for entry in books.values()
        if entry.output_tokens
    )
    vectors = [row for row in rows if row["operation"] == "embeddings"]
    assert sorted(row["input_tokens"] for row in vectors) == sorted(
        entry.input_tokens for entry in books.values() if not entry.output_tokens
    )
    assert {row["convention"] for row in rows} == {"outerloop"}
    assert {row["provider"] for row in rows} == {"openai"}
    _check_troubles(rows)
    said = [row["output"] for row in rows if row["status"] == "ok" and row["tool_calls"] == "[]"]
    assert all("".join(WORDS) in text for text in said if text)


def _rows(store: Store, count: int) -> list[dict[str, Any]]:
    columns = (
        "operation", "provider", "request_model", "input", "output", "tool_calls", "input_tokens",
        "cached_input_tokens", "output_tokens", "reasoning_tokens", "time_to_first_token_ms",
        "duration_ms", "status", "error_type", "finish_reason", "convention", "usage_estimated",
    )  # fmt: skip
    deadline = time.monotonic() + 60
    rows: list[Any] = []
    while len(rows) < count and time.monotonic() < deadline:
        time.sleep(0.1)
        rows = list(
            store.client.query(
                f"SELECT {', '.join(columns)} FROM calls FINAL ORDER BY timestamp"
            ).result_rows
        )
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _check_troubles(rows: list[dict[str, Any]]) -> None:
    bad = {row["request_model"]: row for row in rows if row["status"] != "ok"}
    assert {model: (row["status"], row["error_type"]) for model, row in bad.items()} == {
        "fail-400": ("error", "BadRequestError"),
        "fail-429": ("error", "RateLimitError"),
        "fail-500": ("error", "InternalServerError"),
        "drop": ("error", "APIConnectionError"),
        "cut": ("error", "APIConnectionError"),
        "slow": ("abandoned", ""),
    }
    assert bad["cut"]["output"] == "It is "
    assert bad["slow"]["output"] == "It "
    assert [row["request_model"] for row in rows if row["usage_estimated"]] == ["cut", "slow"]
    assert 0 < bad["slow"]["time_to_first_token_ms"] < bad["slow"]["duration_ms"]
    called = [row for row in rows if row["finish_reason"] == "tool_call"]
    assert len(called) == 3
    assert all('"add"' in row["tool_calls"].replace(" ", "") for row in called)
