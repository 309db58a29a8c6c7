"""OTLP over HTTP and gRPC at one real collector: the same bytes, the same answers, the real exporters."""

from __future__ import annotations

import gzip
import json
import os
import resource
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import grpc
import httpx
import pytest
import zstandard
from collectors import CollectorProcess, collectors, eventually
from conftest import free_port
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from monitor.store import Store

pytestmark = pytest.mark.integration

CAPTURES = Path(__file__).parents[1] / "data" / "otlp"
PROTOBUF = {"content-type": "application/x-protobuf"}
SERVICES = {
    "traces": "trace.v1.TraceService",
    "logs": "logs.v1.LogsService",
    "metrics": "metrics.v1.MetricsService",
}


class Front(CollectorProcess):
    """A collector process and clients for both of its ports."""

    def __init__(self, data_dir: Path, store_url: str, **environment: str) -> None:
        super().__init__(data_dir, store_url, **environment)
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.grpc_port}")

    def post(self, body: object, path: str = "/v1/traces", **headers: str) -> httpx.Response:
        """One OTLP/HTTP request, protobuf unless `content_type` says otherwise."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post(path, content=body, headers={**PROTOBUF, **named})

    def export(self, body: bytes, signal: str = "traces", **options: object) -> bytes:
        """One OTLP/gRPC call with ready bytes."""
        method = f"/opentelemetry.proto.collector.{SERVICES[signal]}/Export"
        return self.channel.unary_unary(method)(body, timeout=60, **options)

    def refusal(self, body: bytes, **options: object) -> grpc.RpcError:
        """The error of a call that has to fail."""
        with pytest.raises(grpc.RpcError) as error:
            self.export(body, **options)
        return error.value

    def stop(self) -> int:
        """SIGTERM, and the exit status."""
        self.channel.close()
        return super().stop()

    def close(self) -> None:
        """End it whatever it does."""
        self.channel.close()
        super().close()


@pytest.fixture
def run(store_url: str, tmp_path: Path) -> Iterator[Callable[..., Front]]:
    """Starts collectors on this test's data directory and database."""
    with collectors(Front, tmp_path / "data", store_url) as start:
        yield start


def span(name: str = "work", number: int = 1, *, trace_id: bytes = b"t" * 16) -> bytes:
    """A request with one span."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = "shop"
    now = time.time_ns()
    group.scope_spans.add().spans.add(
        trace_id=trace_id, span_id=number.to_bytes(8), name=name, start_time_unix_nano=now,
        end_time_unix_nano=now + 5,
    )  # fmt: skip
    return request.SerializeToString()


def names(store: Store) -> list[str]:
    """Span names in the store."""
    rows = store.client.query("SELECT SpanName FROM otel_traces ORDER BY SpanName").result_rows
    return [row[0] for row in rows]


def bodies() -> Iterator[tuple[Path, str, bytes]]:
    """Every captured protobuf body."""
    for path in sorted(CAPTURES.rglob("*.pb*")):
        if path.suffix in (".pb", ".gzip"):
            raw = path.read_bytes()
            kind = next((s for s in ("logs", "metrics") if f".{s}." in path.name), "traces")
            yield path, kind, gzip.decompress(raw) if path.suffix == ".gzip" else raw


def test_both_protocols_answer_every_capture_alike(run: Callable[..., Front], store: Store) -> None:
    """Each body that a real instrumentation sent is taken over HTTP and over gRPC with the same empty answer."""
    front, total = run(), 0
    for path, kind, body in bodies():
        answer = front.post(body, f"/v1/{kind}")
        assert (answer.status_code, answer.content) == (200, b""), path
        assert front.export(body, kind) == b"", path
        total += 1
    assert total > 10
    figures = front.http.get("/metrics").text
    for protocol, status in (("http", "200"), ("grpc", "OK")):
        counted = [
            int(line.rsplit(" ", 1)[1]) for line in figures.splitlines()
            if f'protocol="{protocol}"' in line and f'status="{status}"' in line
        ]  # fmt: skip
        assert sum(counted) == total


def test_opentelemetrys_grpc_exporter_delivers(run: Callable[..., Front], store: Store) -> None:
    """The stock Python gRPC exporter, with gzip and a bearer token, is a sender like any other."""
    front = run(OUTERLOOP_TOKEN="sesame")
    exporter = OTLPSpanExporter(
        f"http://127.0.0.1:{front.grpc_port}", insecure=True,
        headers={"authorization": "Bearer sesame"}, compression=grpc.Compression.Gzip,
    )  # fmt: skip
    provider = TracerProvider(resource=Resource.create({"service.name": "real"}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    with provider.get_tracer("t").start_as_current_span("over gRPC"):
        pass
    assert provider.force_flush()
    provider.shutdown()
    eventually(lambda: names(store) == ["over gRPC"])


def test_grpc_refuses_with_the_codes_that_exporters_know(run: Callable[..., Front]) -> None:
    """Malformed, empty, unknown and too large calls each have their code, and good ones go on."""
    front = run()
    error = front.refusal(b"\xff\xff")
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "not a protobuf" in error.details()
    stream = front.channel.stream_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")  # fmt: skip
    with pytest.raises(grpc.RpcError) as nothing:
        stream(iter(()), timeout=60)
    assert nothing.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    with pytest.raises(grpc.RpcError) as unknown:
        front.channel.unary_unary("/some.Service/Call")(b"", timeout=60)
    assert unknown.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert front.refusal(bytes(65 << 20)).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    bomb = front.refusal(bytes(65 << 20), compression=grpc.Compression.Gzip)
    assert bomb.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert front.export(b"") == b""
    assert front.export(span()) == b""


def test_partial_success_is_told_in_both_protocols(run: Callable[..., Front]) -> None:
    """A span with an impossible id is refused by number and reason, and not the request."""
    front, bad = run(), span(trace_id=b"short")
    for answer in (front.post(bad).content, front.export(bad)):
        told = ExportTraceServiceResponse.FromString(answer).partial_success
        assert told.rejected_spans == 1
        assert "16 bytes" in told.error_message


def test_token_opens_grpc_as_bearer_and_as_basic(run: Callable[..., Front]) -> None:
    """Without the token a call is unauthenticated, whatever is in it."""
    front = run(OUTERLOOP_TOKEN="sesame")
    for header in (None, "Bearer wrong", "Basic !", "sesame"):
        metadata = [] if header is None else [("authorization", header)]
        error = front.refusal(span(), metadata=metadata)
        assert error.code() is grpc.StatusCode.UNAUTHENTICATED
        assert "Bearer" in error.details()
    for header in ("Bearer sesame", "bearer sesame", "Basic cGs6c2VzYW1l"):
        assert front.export(span(), metadata=[("authorization", header)]) == b""


@pytest.mark.parametrize(
    ("encoding", "code"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("zstd", zstandard.compress)],
)
def test_http_undoes_encodings_and_chunks(
    run: Callable[..., Front], store: Store, encoding: str, code: Callable[[bytes], bytes]
) -> None:
    """Small and large bodies, whole and in chunks, over one connection, arrive whatever coded them."""
    front = run()
    large = span("x" * 2_000_000, 2)
    for body in (span("small", 1), large):
        coded = code(body)
        pieces = [coded[i : i + 1000] for i in range(0, len(coded), 1000)]
        assert front.post(coded, content_encoding=encoding).status_code == 200
        assert front.post(iter(pieces), content_encoding=encoding).status_code == 200
        assert front.post(coded[:-3], content_encoding=encoding).status_code == 400
    assert front.stop() == 0
    assert {name[:5] for name in names(store)} == {"small", "xxxxx"}


def test_paths_are_forgiving_and_never_redirect(run: Callable[..., Front]) -> None:
    """A trailing or a doubled slash is accepted; a wrong path says the right ones; GET says POST."""
    front = run()
    base = str(front.http.base_url).rstrip("/")
    for path in ("/v1/traces", "/v1/traces/", "//v1/traces", "/api/public/otel/v1/traces/"):
        assert front.post(span(), base + path).status_code == 200, path
    lost = front.post(span(), "/v1/trace")
    assert (lost.status_code, "/v1/traces, /v1/logs" in lost.text) == (404, True)
    wrong = front.http.get("/v1/traces")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")


def test_http_refusals_speak_the_senders_encoding(run: Callable[..., Front]) -> None:
    """Every refusal is a `google.rpc.Status`, protobuf to protobuf and JSON to JSON."""
    front = run(OUTERLOOP_TOKEN="sesame")
    key = {"authorization": "Bearer sesame"}
    for status, code, body, headers in [
        (401, 16, span(), {}),
        (400, 3, b"\xff\xff", key),
        (413, 8, gzip.compress(bytes(65 << 20)), {**key, "content_encoding": "gzip"}),
        (415, 3, span(), {**key, "content_encoding": "br"}),
    ]:
        answer = front.post(body, **headers)
        assert (answer.status_code, Status.FromString(answer.content).code) == (status, code)
        answer = front.post(body, content_type="application/JSON; charset=utf-8", **headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert front.post(b"<xml/>", content_type="text/xml", **key).json()["code"] == 3
    assert front.post(b"{}", content_type="application/json;charset=UTF-8", **key).json() == {}


def test_full_log_pushes_back_over_both_protocols(
    run: Callable[..., Front], tmp_path: Path
) -> None:
    """When nothing can be kept, HTTP says 503 with a short Retry-After and gRPC UNAVAILABLE."""
    front = run(OUTERLOOP_STORE_URL=f"http://127.0.0.1:{free_port()}/outerloop")
    assert front.post(span()).status_code == 200
    limit = 2_000_000
    limit_files(front.process.pid, limit)
    large = span("x" * (limit + 1000), 9)
    answer = front.post(large)
    assert answer.status_code == 503
    assert Status.FromString(answer.content).code == 14
    assert 1 < int(answer.headers["retry-after"]) <= 3
    assert front.refusal(large).code() is grpc.StatusCode.UNAVAILABLE


def limit_files(pid: int, size: int) -> None:
    """Let a process write no file larger than `size`: the disk is full, for what it can tell."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, size))


def test_ready_lines_name_both_ports_and_sigterm_ends_both(run: Callable[..., Front]) -> None:
    """A clean stop answers what is under way and ends with 0; nobody listens afterwards."""
    front = run()
    assert front.export(span()) == b""
    assert front.stop() == 0
    for port in (front.port, front.grpc_port):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize("name", ["HTTP", "GRPC"])
def test_taken_port_is_one_line_with_the_setting(tmp_path: Path, name: str) -> None:
    """Whoever has the port, HTTP's or gRPC's, it is said before anything else starts."""
    with socket.socket() as owner:
        owner.bind(("127.0.0.1", 0))
        owner.listen()
        port = owner.getsockname()[1]
        ports = {"HTTP": free_port(), "GRPC": free_port(), name: port}
        environment = {f"OUTERLOOP_OTLP_{key}_PORT": str(value) for key, value in ports.items()}
        done = refused(tmp_path, **environment)
    assert done.count("\n") == 1
    assert f"port {port} on 127.0.0.1 is taken" in done
    assert f"OUTERLOOP_OTLP_{name}_PORT=" in done


def test_one_port_for_both_protocols_is_refused(tmp_path: Path) -> None:
    """The two ports have to differ."""
    port = str(free_port())
    said = refused(tmp_path, OUTERLOOP_OTLP_HTTP_PORT=port, OUTERLOOP_OTLP_GRPC_PORT=port)
    assert "two ports" in said


def test_open_listener_without_token_is_refused(tmp_path: Path) -> None:
    """What others can reach has a token, or does not start."""
    assert "OUTERLOOP_TOKEN" in refused(tmp_path, OUTERLOOP_HOST="0.0.0.0")


def refused(folder: Path, **environment: str) -> str:
    """What a collector says that has to end with 2."""
    done = subprocess.run(
        [sys.executable, "-m", "collector"],
        env={**os.environ, "OUTERLOOP_DATA_DIR": str(folder / "data"), **environment},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A certificate for localhost and its key, made for this run."""
    folder = tmp_path_factory.mktemp("tls")
    chain, key = folder / "tls.crt", folder / "tls.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", str(key), "-out", str(chain)],
        check=True, capture_output=True,
    )  # fmt: skip
    return {"OUTERLOOP_TLS_CERTIFICATE": str(chain), "OUTERLOOP_TLS_KEY": str(key)}


def test_tls_serves_both_protocols(run: Callable[..., Front], certificate: dict[str, str]) -> None:
    """With certificate and key, both ports speak TLS that a client can verify, and nothing else."""
    front = run(**certificate)
    assert front.post(span()).status_code == 200
    chain = Path(certificate["OUTERLOOP_TLS_CERTIFICATE"]).read_bytes()
    with grpc.secure_channel(
        f"localhost:{front.grpc_port}", grpc.ssl_channel_credentials(chain)
    ) as channel:
        method = f"/opentelemetry.proto.collector.{SERVICES['traces']}/Export"
        assert channel.unary_unary(method)(span(), timeout=60) == b""
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{front.port}/healthz")
    assert front.refusal(span()).code() is grpc.StatusCode.UNAVAILABLE
    assert front.stop() == 0


def test_unusable_certificates_are_refused_at_start(
    tmp_path: Path, certificate: dict[str, str]
) -> None:
    """Half a pair, a missing file and a key that is none are each said by name."""
    chain, key = certificate["OUTERLOOP_TLS_CERTIFICATE"], certificate["OUTERLOOP_TLS_KEY"]
    assert "OUTERLOOP_TLS_KEY is not" in refused(tmp_path, OUTERLOOP_TLS_CERTIFICATE=chain)
    assert "OUTERLOOP_TLS_CERTIFICATE is not" in refused(tmp_path, OUTERLOOP_TLS_KEY=key)
    gone = refused(
        tmp_path, OUTERLOOP_TLS_CERTIFICATE=chain, OUTERLOOP_TLS_KEY=str(tmp_path / "no.key")
    )
    assert "no.key cannot be read" in gone
    mixed = refused(tmp_path, OUTERLOOP_TLS_CERTIFICATE=chain, OUTERLOOP_TLS_KEY=chain)
    assert "cannot be used together" in mixed


def score(name: str = "s-1", **body: object) -> dict[str, object]:
    """A score as the Langfuse SDK writes it."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"id": f"event-{name}", "type": "score-create", "timestamp": now,
            "body": {"id": name, "name": "thumbs", **body}}  # fmt: skip


def test_langfuse_users_change_the_host_only(run: Callable[..., Front], store: Store) -> None:
    """Its SDK's spans, scores, media and check of credentials all find an answer that it takes for good."""
    front = run(OUTERLOOP_TOKEN="sk-sesame")
    login = ("pk-lf-1", "sk-sesame")
    capture = (CAPTURES / "collector-langfuse-openai-chat.pb.gzip").read_bytes()
    sent = front.http.post(
        "/api/public/otel/v1/traces", content=capture, auth=login,
        headers={**PROTOBUF, "content-encoding": "gzip"},
    )  # fmt: skip
    assert sent.status_code == 200
    batch = {"batch": [
        score(value=-1, comment="wrong year", traceId="0af7651916cd43dd8448eb211c80319c",
              observationId="b7ad6b7169203331"),
        score("s-2", value="good", sessionId="talk"), score("s-3", value=1), score("s-4", value=1, traceId="short"),
        {"id": "old", "type": "trace-create", "timestamp": "", "body": {}},
    ], "metadata": {}}  # fmt: skip
    told = front.http.post("/api/public/ingestion", json=batch, auth=login)
    assert told.status_code == 207
    assert [good["id"] for good in told.json()["successes"]] == ["event-s-1", "event-s-2"]
    assert [bad["status"] for bad in told.json()["errors"]] == [400, 400, 400]
    media = {"sha256Hash": "ab+/" * 10, "contentType": "image/png", "contentLength": 3}
    declined = front.http.post("/api/public/media", json=media, auth=login)
    assert declined.json() == {"mediaId": ("ab-_" * 10)[:22], "uploadUrl": None}
    assert front.http.get("/api/public/projects", auth=login).json()["data"][0]["id"]
    for path in ("ingestion", "media"):
        assert front.http.post(f"/api/public/{path}", json={}, auth=("pk", "no")).status_code == 401
    assert front.stop() == 0
    rows = store.client.query(
        "SELECT score_id, target, name, value, explanation FROM scores FINAL ORDER BY score_id"
    ).result_rows
    assert [row[0] for row in rows] == ["s-1", "s-2"]
    assert rows[0][1:] == ("call", "thumbs", -1.0, "wrong year")


def test_json_ids_and_numbers_are_read_as_javascript_writes_them(run: Callable[..., Front]) -> None:
    """OTLP/JSON with integers as numbers or texts and unknown fields is a request like any other."""
    document = {"resourceSpans": [{"scopeSpans": [{"spans": [{
        "traceId": "0AF7651916CD43DD8448EB211C80319C", "spanId": "b7ad6b7169203331", "name": "js", "kind": 1,
        "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": 1700000000000000001,
        "droppedAttributesCount": 0, "news": {}, "attributes": [{"key": "n", "value": {"intValue": 3}}],
    }]}]}]}  # fmt: skip
    front = run()
    answer = front.post(json.dumps(document).encode(), content_type="application/json")
    assert (answer.status_code, answer.json()) == (200, {})
