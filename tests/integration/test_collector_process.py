"""The collector as a process of its own, over real sockets, in front of a real store."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from collectors import CollectorProcess, collectors, eventually
from conftest import free_port
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from monitor.store import Store

pytestmark = pytest.mark.integration

CAPTURES = Path(__file__).parents[1] / "data" / "otlp"
PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json; charset=utf-8"}


@pytest.fixture
def run(store_url: str, tmp_path: Path) -> Iterator[Callable[..., CollectorProcess]]:
    """Starts collectors on this test's data directory and database."""
    with collectors(CollectorProcess, tmp_path / "data", store_url) as start:
        yield start


NUMBERS = count(1)


def spans(number: int = 1, *, name: str = "work", **resource: str | int) -> tuple[bytes, list[str]]:
    """A request with fresh ids, and its span ids as text."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    for key, value in {"service.name": "shop", **resource}.items():
        field = "int_value" if isinstance(value, int) else "string_value"
        setattr(group.resource.attributes.add(key=key.replace("__", ".")).value, field, value)
    scoped, ids = group.scope_spans.add(), []
    for _ in range(number):
        span_id = next(NUMBERS).to_bytes(8)
        now = time.time_ns()
        scoped.spans.add(
            trace_id=b"t" * 8 + span_id, span_id=span_id, name=name, start_time_unix_nano=now,
            end_time_unix_nano=now + 5,
        )  # fmt: skip
        ids.append(span_id.hex())
    return request.SerializeToString(), ids


def stored(store: Store) -> list[str]:
    """Span ids in the store."""
    return [row[0] for row in store.client.query("SELECT SpanId FROM otel_traces").result_rows]


def ledger(store: Store) -> dict[tuple[str, str, str], int]:
    """Sums by signal, entry and reason."""
    rows = store.client.query(
        "SELECT signal, entry, reason, sum(count) FROM ledger GROUP BY signal, entry, reason"
    ).result_rows
    return {(signal, entry, reason): number for signal, entry, reason, number in rows}


def test_captures_of_real_senders_are_stored(
    run: Callable[..., CollectorProcess], store: Store
) -> None:
    """What real instrumentations sent as protobuf, gzip and JSON is all in the store."""
    collector, wanted = run(), set()
    for path in sorted(CAPTURES.glob("collector-*")):
        headers = dict(JSON if path.suffix == ".otlpjson" else PROTOBUF)
        body = path.read_bytes()
        signal = "logs" if ".logs." in path.name else "traces"
        if path.suffix == ".gzip":
            headers["content-encoding"] = "gzip"
            request = ExportTraceServiceRequest.FromString(gzip.decompress(body))
        elif path.suffix == ".pb" and signal == "traces":
            request = ExportTraceServiceRequest.FromString(body)
        else:
            request = ExportTraceServiceRequest()
        answer = collector.http.post(f"/v1/{signal}", content=body, headers=headers)
        assert (answer.status_code, answer.content) == (
            200,
            b"{}" if path.suffix == ".otlpjson" else b"",
        )
        wanted |= {
            s.span_id.hex() for r in request.resource_spans for c in r.scope_spans for s in c.spans
        }
    assert wanted
    eventually(lambda: wanted <= set(stored(store)))
    eventually(lambda: store.client.query("SELECT count() FROM otel_logs").first_row[0] > 0)
    vercel = "SELECT count() FROM otel_traces WHERE ServiceName LIKE 'vercel%'"
    eventually(lambda: store.client.query(vercel).first_row[0] > 0)


def test_opentelemetrys_own_exporter_delivers(
    run: Callable[..., CollectorProcess], store: Store
) -> None:
    """The stock Python exporter, with gzip, is a sender like any other."""
    collector = run(OUTERLOOP_TOKEN="secret")
    exporter = OTLPSpanExporter(
        f"http://127.0.0.1:{collector.port}/v1/traces", headers={"authorization": "Bearer secret"}
    )
    provider = TracerProvider(resource=Resource.create({"service.name": "real"}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    with provider.get_tracer("t").start_as_current_span(
        "outer", attributes={"a": [1, 2], "f": 0.5}
    ):
        pass
    assert provider.force_flush()
    provider.shutdown()
    eventually(lambda: stored(store))
    row = store.client.query(
        "SELECT ServiceName, SpanAttributes['a'], SpanAttributes['f'] FROM otel_traces"
    )
    assert row.first_row == ("real", "[1,2]", "0.5")


def test_a_lone_span_does_not_wait_for_company(
    run: Callable[..., CollectorProcess], store: Store
) -> None:
    """One span in one request becomes visible by itself, with nothing after it."""
    collector = run()
    eventually(lambda: collector.answers("/readyz"))
    collector.http.post(
        "/v1/traces", content=spans()[0], headers=PROTOBUF
    )  # the first makes connections
    eventually(lambda: len(stored(store)) == 1)
    collector.http.post("/v1/traces", content=spans()[0], headers=PROTOBUF)
    eventually(lambda: len(stored(store)) == 2)


def test_wrong_requests_are_answered_plainly(run: Callable[..., CollectorProcess]) -> None:
    """Each fault has its status, a reason, and the request's own encoding."""
    http = run().http
    bad = http.post("/v1/traces", content=b"\xff\xff", headers=PROTOBUF)
    assert (bad.status_code, bad.headers["content-type"]) == (400, "application/x-protobuf")
    status = Status.FromString(bad.content)
    assert (status.code, status.message[:14]) == (3, "not a protobuf")
    bad = http.post("/v1/logs", content=b"{", headers=JSON)
    assert (bad.status_code, bad.json()["code"]) == (400, 3)
    assert (
        http.post("/v1/traces", content=b"x", headers={"content-type": "text/plain"}).status_code
        == 415
    )
    assert (
        http.post(
            "/v1/traces", content=b"x", headers={**PROTOBUF, "content-encoding": "br"}
        ).status_code
        == 415
    )
    assert (
        http.post(
            "/v1/traces", content=b"x", headers={**PROTOBUF, "content-encoding": "gzip"}
        ).status_code
        == 400
    )
    bomb = gzip.compress(bytes(65 << 20))
    assert (
        http.post(
            "/v1/traces", content=bomb, headers={**PROTOBUF, "content-encoding": "gzip"}
        ).status_code
        == 413
    )
    large = iter([bytes(1 << 20)] * 65)
    assert http.post("/v1/traces", content=large, headers=PROTOBUF).status_code == 413
    assert http.get("/v1/traces").status_code == 405
    assert http.post("/v1/trace", content=b"", headers=PROTOBUF).status_code == 404
    assert http.post("/v1/metrics", content=b"", headers=PROTOBUF).status_code == 200
    assert 'rejected_total{signal="traces",reason="malformed"} 2' in http.get("/metrics").text


def test_token_is_required_when_set(run: Callable[..., CollectorProcess]) -> None:
    """Only who knows the token may send; health stays open to all."""
    http = run(OUTERLOOP_TOKEN="sesame").http
    body, path = spans()[0], "/v1/traces"
    for header in (None, "Bearer wrong", "Bearer", "Basic !", "sesame", "Bearer ünï".encode()):
        headers = dict(PROTOBUF) if header is None else {**PROTOBUF, "authorization": header}
        assert http.post(path, content=body, headers=headers).status_code == 401
    for auth in (
        {"headers": {**PROTOBUF, "authorization": "bearer sesame"}},
        {"headers": PROTOBUF, "auth": ("pk", "sesame")},
    ):
        assert http.post("/api/public/otel/v1/traces", content=body, **auth).status_code == 200
    assert http.get("/healthz").status_code == 200
    assert http.get("/metrics").status_code == 200


def test_ledger_balances_and_says_why(run: Callable[..., CollectorProcess], store: Store) -> None:
    """Accepted, stored, rejected, counted and dropped are rows, each counted once."""
    collector = run()

    def post(body: bytes | str, path: str = "/v1/traces", headers: dict[str, str] = PROTOBUF):
        return collector.http.post(path, content=body, headers=headers)

    for dropped in (2, 2, 7):
        post(spans(3, service__instance__id="i", outerloop__sdk__dropped=dropped)[0])
    request = ExportTraceServiceRequest.FromString(spans(2)[0])
    request.resource_spans[0].scope_spans[0].spans[0].trace_id = b"short"
    answer = post(request.SerializeToString())
    assert answer.status_code == 200
    assert answer.content
    post(b"\xff\xff")
    gauge = {
        "resourceMetrics": [
            {"scopeMetrics": [{"metrics": [{"name": "m", "gauge": {"dataPoints": [{}, {}]}}]}]}
        ]
    }
    post(json.dumps(gauge), "/v1/metrics", JSON)
    time.sleep(1.2)
    assert collector.stop() == 0
    assert ledger(store) == {
        ("traces", "accepted", ""): 10,
        ("traces", "stored", ""): 10,
        ("traces", "rejected", "invalid ids"): 1,
        ("traces", "rejected", "malformed"): 1,
        ("traces", "dropped", "by the sender"): 7,
        ("metrics", "counted", ""): 2,
    }


def test_poisoned_row_does_not_hold_up_the_rest(
    run: Callable[..., CollectorProcess], store: Store, tmp_path: Path
) -> None:
    """A span that the store refuses is put aside and counted; all others are stored."""
    store.command("ALTER TABLE otel_traces ADD CONSTRAINT clean CHECK SpanName != 'poison'")
    collector = run()
    good, ids = spans(20)
    for body in (good, spans(name="poison")[0], spans(20)[0]):
        assert collector.http.post("/v1/traces", content=body, headers=PROTOBUF).status_code == 200
    eventually(lambda: len(stored(store)) >= 40)
    assert set(ids) <= set(stored(store))
    eventually(lambda: 'waiting{signal="traces"} 0' in collector.http.get("/metrics").text)
    (aside,) = (tmp_path / "data" / "wal" / "refused").glob("*.jsonl")
    line = json.loads(aside.read_text())
    assert line["row"]["SpanName"] == "poison"
    assert "469" in line["reason"]
    assert collector.stop() == 0
    counts = ledger(store)
    assert counts["traces", "accepted", ""] == 41
    assert counts["traces", "stored", ""] == 40
    assert counts["traces", "refused", "by the store"] == 1


def test_port_in_use_names_port_and_setting(
    run: Callable[..., CollectorProcess], tmp_path: Path
) -> None:
    """A taken port is said in one line, with what to change, and ends with 2."""
    first = run()
    second = subprocess.run(
        [sys.executable, "-m", "collector"],
        env={**first.environment, "OUTERLOOP_OTLP_GRPC_PORT": str(free_port())},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert second.returncode == 2
    assert f"port {first.port}" in second.stderr
    assert "OUTERLOOP_OTLP_HTTP_PORT=" in second.stderr


def test_sigterm_stores_what_waits_and_ends_with_zero(
    run: Callable[..., CollectorProcess], store: Store
) -> None:
    """A clean stop leaves nothing in the log when the store is there."""
    collector = run()
    eventually(lambda: collector.answers("/readyz"))
    body, ids = spans(100)
    collector.http.post("/v1/traces", content=body, headers=PROTOBUF)
    assert collector.stop() == 0
    assert sorted(stored(store)) == sorted(ids)


def test_slacks_presses_are_taken_where_a_secret_is_set(
    run: Callable[..., CollectorProcess],
) -> None:
    """With it an unsigned press is refused; without it nobody is there to be asked."""
    with_secret = run(OUTERLOOP_SLACK_SIGNING_SECRET="shh")
    assert with_secret.http.post("/slack/interactions", content=b"payload=x").status_code == 401
    assert with_secret.stop() == 0
    assert run().http.post("/slack/interactions", content=b"payload=x").status_code == 404
