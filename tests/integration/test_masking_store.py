# ruff: noqa: E501 - a message is one line
"""From the socket to the store: what is masked is nowhere on the disk, and the ledger says how much it was."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from collectors import CollectorProcess, collectors, eventually
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from monitor.store import Store

pytestmark = pytest.mark.integration
MAIL, CARD = "alice.liddell@example.com", "4111 1111 1111 1111"


def request() -> bytes:
    """One LLM call that names a person and a card."""
    message = ExportTraceServiceRequest()
    group = message.resource_spans.add()
    now = time.time_ns()
    span = group.scope_spans.add().spans.add(
        trace_id=b"t" * 16, span_id=b"s" * 8, name="chat gpt-4o", kind=3,
        start_time_unix_nano=now - 2_000_000_000, end_time_unix_nano=now,
    )  # fmt: skip
    texts = {
        "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "user.id": MAIL,
        "gen_ai.input.messages": f'[{{"role":"user","parts":[{{"type":"text","content":"I am {MAIL}, {CARD}"}}]}}]',
        "gen_ai.output.messages": '[{"role":"assistant","parts":[{"type":"text","content":"Hello"}],"finish_reason":"stop"}]',
    }  # fmt: skip
    group.resource.attributes.add(key="service.name").value.string_value = "shop"
    for key, value in texts.items():
        span.attributes.add(key=key).value.string_value = value
    for key, number in {"gen_ai.usage.input_tokens": 29, "gen_ai.usage.output_tokens": 17}.items():
        span.attributes.add(key=key).value.int_value = number
    return message.SerializeToString()


def send(data_dir: Path, store_url: str, store: Store, **environment: str) -> None:
    """Post the call to a collector process with these settings, and wait until it is a row."""
    with collectors(CollectorProcess, data_dir, store_url) as start:
        headers = {"content-type": "application/x-protobuf"}
        answer = start(**environment).http.post("/v1/traces", content=request(), headers=headers)
        assert answer.status_code == 200
        log = b"".join(p.read_bytes() for p in data_dir.rglob("*") if p.is_file())
        assert MAIL.encode() not in log
        eventually(lambda: store.client.command("SELECT count() FROM calls"))
        masked = "SELECT count() FROM ledger WHERE entry = 'masked'"
        eventually(lambda: store.client.command(masked))


def test_masked_values_reach_neither_log_nor_store(
    store_url: str, store: Store, tmp_path: Path
) -> None:
    """The call is there with its tokens; the person and the card are not; the ledger counts both."""
    send(tmp_path / "data", store_url, store, OUTERLOOP_MASK="on", OUTERLOOP_MASK_SECRET="s")
    user, said, tokens = store.client.query(
        "SELECT user_id, input, input_tokens FROM calls FINAL"
    ).result_rows[0]
    assert user.startswith("[email:")
    assert "I am [email], [card]" in said
    assert tokens == 29
    whole = str(store.client.query("SELECT * FROM otel_traces").result_rows)
    assert MAIL not in whole
    assert CARD not in whole
    counted = dict(
        store.client.query(
            "SELECT reason, sum(count) FROM ledger WHERE entry = 'masked' AND service = 'shop' GROUP BY reason"
        ).result_rows
    )
    assert counted == {"email": 2, "card": 1}


def test_dropped_content_leaves_a_call_that_can_be_counted(
    store_url: str, store: Store, tmp_path: Path
) -> None:
    """No word of prompt or answer is stored; model, tokens, latency and finish reason are."""
    send(tmp_path / "data", store_url, store, OUTERLOOP_MASK="drop-content")
    row = store.client.query(
        "SELECT request_model, input_tokens, output_tokens, finish_reason, round(duration_ms) FROM calls FINAL"
    ).result_rows[0]
    assert row == ("gpt-4o", 29, 17, "stop", 2000)
    whole = str(store.client.query("SELECT * FROM otel_traces").result_rows)
    assert "Hello" not in whole
    assert "I am" not in whole
