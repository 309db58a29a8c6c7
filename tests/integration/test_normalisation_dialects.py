"""Every instrumentation dialect ends in the same columns, over every protocol.

Real captures are posted to a real collector, once as protobuf, once as JSON and once over gRPC, and what
became of them is compared with what the stand-in server truly answered (`normalisation_truth`). Where a
dialect puts the words into log records, those are posted too and merged as the product merges them.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from conftest import free_port, start, stop
from normalisation_captures import as_json, captures, read, request
from normalisation_truth import expected

from monitor.store import Store, migrate
from monitor.store.completion import complete_calls

pytestmark = pytest.mark.integration

SIGNALS = ("traces", "logs")
NAMES = [name for name in captures() if not name.startswith("openinference-anthropic")]
TWICE = [name for name in captures() if name.startswith("openinference-anthropic")]
"""Anthropic's client tells of its requests itself, so that an instrumentation around it is the second to tell."""
BY_ROUTE = ("protobuf", "json", "grpc")
COST = {"input": 0.15e-6, "cached": 0.075e-6, "output": 0.6e-6, "embedded": 0.02e-6}
CONVENTIONS = {
    "langfuse": "langfuse",
    "langsmith": "langsmith",
    "litellm": "litellm",
    "logfire": "logfire",
    "mlflow": "mlflow",
    "openinference": "openinference",
    "openlit": "openlit",
    "otel": "otel_genai",
    "pydantic": "pydantic_ai",
    "traceloop": "traceloop",
    "vercel": "vercel_ai",
}

Tables = dict[str, list[dict[str, Any]]]
Send = Callable[[str, str], None]


@contextmanager
def over_http(port: int, encode: Callable[[str, str], bytes], content_type: str) -> Iterator[Send]:
    """Posts captures to the collector's HTTP port."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:

        def send(name: str, signal: str) -> None:
            answer = client.post(
                f"/v1/{signal}",
                content=encode(name, signal),
                headers={"content-type": content_type},
            )
            assert answer.status_code == 200, (name, answer.text)

        yield send


@contextmanager
def over_grpc(port: int) -> Iterator[Send]:
    """Sends captures to the collector's gRPC port, as an exporter does."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        methods = {
            signal: channel.unary_unary(
                f"/opentelemetry.proto.collector.{service}/Export",
                request_serializer=lambda message: message.SerializeToString(),
                response_deserializer=bytes,
            )
            for signal, service in (
                ("traces", "trace.v1.TraceService"),
                ("logs", "logs.v1.LogsService"),
            )
        }
        yield lambda name, signal: methods[signal](request(name, signal), timeout=30)


def tables_after(store_server: str, data_dir: Path, route: str) -> Tables:
    """What every capture became when it was sent this way: the rows of `calls` and of `steps`."""
    url = f"{store_server}/t_{uuid.uuid4().hex[:12]}"
    migrate(url, retention_days=0)
    store, http_port, grpc_port = Store(url), free_port(), free_port()
    collector = start(
        "collector",
        ready=f"http://127.0.0.1:{http_port}/healthz",
        OUTERLOOP_DATA_DIR=str(data_dir),
        OUTERLOOP_STORE_URL=url,
        OUTERLOOP_OTLP_HTTP_PORT=str(http_port),
        OUTERLOOP_OTLP_GRPC_PORT=str(grpc_port),
    )
    routes = {
        "protobuf": lambda: over_http(
            http_port,
            lambda name, signal: request(name, signal).SerializeToString(),
            "application/x-protobuf",
        ),
        "json": lambda: over_http(http_port, as_json, "application/json"),
        "grpc": lambda: over_grpc(grpc_port),
    }
    try:
        with routes[route]() as send:
            for signal in SIGNALS:
                for name in captures(signal):
                    send(name, signal)
        wait_until_stored(store)
    finally:
        assert stop(collector) == 0
    [window] = read(
        store, "SELECT min(Timestamp) AS since, max(Timestamp) AS until FROM otel_traces"
    )
    complete_calls(store, window["since"], window["until"] + timedelta(seconds=1))
    tables = {
        table: read(store, f"SELECT * {told} FROM {table} FINAL ORDER BY timestamp, span_id")
        for table, told in (("calls", ", input, output, tool_calls"), ("steps", ""))
    }
    store.close()
    return tables


def wait_until_stored(store: Store) -> None:
    """Wait for the last span and the last record of the captures."""
    spans = sum(len(span_ids(name)) for name in captures())
    records = sum(len(list(records_of(name))) for name in captures("logs"))
    deadline = time.monotonic() + 60
    found: list[int] = []
    while found != [spans, records]:
        assert time.monotonic() < deadline, (found, spans, records)
        found = [
            read(store, f"SELECT count() AS n FROM {table}")[0]["n"]
            for table in ("otel_traces", "otel_logs")
        ]
        time.sleep(0.05)


def span_ids(name: str) -> set[str]:
    """Ids of the spans of a capture."""
    return {
        span.span_id.hex()
        for resource in request(name).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }


def records_of(name: str) -> Iterator[Any]:
    """Log records of a capture."""
    for resource in request(name, "logs").resource_logs:
        for scope in resource.scope_logs:
            yield from scope.log_records


@pytest.fixture(scope="module")
def stored(store_server: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tables]:
    """What the captures became, by the route they took."""
    with ThreadPoolExecutor(len(BY_ROUTE)) as pool:
        under_way = {
            route: pool.submit(tables_after, store_server, tmp_path_factory.mktemp(route), route)
            for route in BY_ROUTE
        }
        return {route: tables.result() for route, tables in under_way.items()}


def rows_of(tables: Tables, name: str, table: str = "calls") -> list[dict[str, Any]]:
    """Rows that the spans of one capture became."""
    ids = span_ids(name)
    return [row for row in tables[table] if row["span_id"] in ids]


def told(row: dict[str, Any]) -> dict[str, Any]:
    """A row with what the truth is told in: roles, tool calls, whether the first token's time is known."""
    called = json.loads(row["tool_calls"] or "[]")
    return {
        **row,
        "roles": [said["role"] for said in json.loads(row["input_messages"] or "[]")],
        "tool_calls": [(tool["name"], tool.get("id", ""), tool["arguments"]) for tool in called],
        "first_token_known": row["time_to_first_token_ms"] is not None,
    }


def cost(row: dict[str, Any]) -> float | None:
    """What the call costs at the list price, by its tokens."""
    if row["input_tokens"] is None:
        return None
    if row["operation"] == "embeddings":
        return float(row["input_tokens"] * COST["embedded"])
    cached = row["cached_input_tokens"] or 0
    fresh = row["input_tokens"] - cached
    return float(
        fresh * COST["input"] + cached * COST["cached"] + row["output_tokens"] * COST["output"]
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_captured_call_reads_as_it_was(stored: dict[str, Tables], name: str) -> None:
    """Each LLM call of a capture is one row whose columns say what was asked and answered."""
    rows = [told(row) for row in rows_of(stored["protobuf"], name)]
    truth = expected(*name.split("/"))
    assert len(rows) == len(truth), "one LLM call is one row"
    for row, true in zip(rows, truth, strict=True):
        wrong = {c: (row[c], "is", true[c]) for c in true if row[c] != true[c]}
        assert not wrong


@pytest.mark.parametrize("name", NAMES)
def test_what_the_table_derives_fits_what_it_was_told(stored: dict[str, Tables], name: str) -> None:
    """Cost follows from the tokens, messages are role and parts, the convention is the sender's, times are positive."""
    for row in rows_of(stored["protobuf"], name):
        assert row["cost_usd"] == pytest.approx(cost(row)), "unknown tokens cost an unknown sum"
        assert row["convention"] == CONVENTIONS[name.split("-", maxsplit=1)[0]]
        assert row["duration_ms"] > 0
        assert (row["error_message"] != "") == (
            row["status"] == "error" and row["finish_reason"] == ""
        )
        if row["time_to_first_token_ms"] is not None:
            assert 0 < row["time_to_first_token_ms"] <= row["duration_ms"]
        for column in ("input_messages", "output_messages"):
            for said in json.loads(row[column] or "[]"):
                assert isinstance(said["role"], str)
                assert all(part["type"] for part in said["parts"])


@pytest.mark.parametrize("route", BY_ROUTE[1:])
def test_the_protocol_makes_no_difference(stored: dict[str, Tables], route: str) -> None:
    """JSON and gRPC leave exactly the rows that protobuf over HTTP leaves."""
    assert stored[route] == stored["protobuf"]


def test_every_captured_span_is_a_call_or_a_step(stored: dict[str, Tables]) -> None:
    """No span gets lost between the raw table and the two it becomes."""
    seen = [row["span_id"] for table in stored["protobuf"].values() for row in table]
    assert sorted(seen) == sorted(span_id for name in captures() for span_id in span_ids(name))


def test_system_instructions_stand_once_in_front_of_the_messages(
    stored: dict[str, Tables],
) -> None:
    """The Responses API's instructions are the first message, and do not hide the question."""
    for name in NAMES:
        if name.endswith("/responses"):
            for row in rows_of(stored["protobuf"], name):
                roles = [said["role"] for said in json.loads(row["input_messages"] or "[]")]
                assert roles in (["system", "user"], []), name


def test_a_captured_tool_span_is_a_step_with_its_arguments(stored: dict[str, Tables]) -> None:
    """A tool's span keeps its name, what it got and what it gave."""
    for dialect in ("vercel-ai-5", "vercel-ai-7", "vercel-ai-7-legacy", "pydantic-ai"):
        tools = [
            (row["name"], row["input"], row["output"])
            for row in rows_of(stored["protobuf"], f"{dialect}/tools", "steps")
            if row["kind"] == "tool"
        ]
        assert sorted(tools) == [
            ("get_weather", '{"city":"Paris"}', '{"temp_c":21,"city":"Paris"}'),
            ("get_weather", '{"city":"Rome"}', '{"temp_c":21,"city":"Rome"}'),
        ]


@pytest.mark.parametrize("name", TWICE)
def test_a_request_that_two_instrumentations_told_of_is_one_row(
    stored: dict[str, Tables], name: str
) -> None:
    """Its tokens count once, the cached ones are in, and what only one of the two knew is there."""
    [row] = rows_of(stored["protobuf"], name)
    tools = [("get_weather", "toolu_1", {"city": "Paris"})] if name.endswith("/tools") else []
    true = {
        "provider": "anthropic",
        "request_model": "claude-sonnet-4-0",
        "response_model": "claude-sonnet-4-20250514",
        "input_tokens": 32,
        "cached_input_tokens": 8,
        "output_tokens": 17,
        "tool_calls": tools,
        "finish_reason": "tool_call" if tools else "stop",
        "first_token_known": name.endswith("/stream"),
        "status": "ok",
    }
    assert {column: told(row)[column] for column in true} == true
    assert row["input"]
    assert row["output"]
