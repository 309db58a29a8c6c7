"""A loopback OTLP collector for the SDK's tests: remembers what it is sent, answers as told."""

from __future__ import annotations

import contextlib
import gzip
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import monitor
from monitor.sdk.guard import GUARD


def plain(value: Any) -> Any:
    """An OTLP AnyValue as a Python value."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    return getattr(value, kind) if kind else None


def attributes(pairs: Any) -> dict[str, Any]:
    """OTLP attributes as a dict."""
    return {pair.key: plain(pair.value) for pair in pairs}


@dataclass
class SinkSpan:
    """One span as it arrived."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: int
    status: int
    message: str
    start_ns: int
    end_ns: int
    attributes: dict[str, Any]
    resource: dict[str, Any]
    events: list[tuple[str, dict[str, Any]]]


@dataclass
class SinkEvent:
    """One log record as it arrived."""

    name: str
    trace_id: str
    span_id: str
    time_ns: int
    attributes: dict[str, Any]


@dataclass
class Sink:
    """What arrived, and what is answered: `answers` first, then 200."""

    port: int = 0
    spans: list[SinkSpan] = field(default_factory=list)
    events: list[SinkEvent] = field(default_factory=list)
    requests: list[dict[str, str]] = field(default_factory=list)
    answers: deque[tuple[int, dict[str, str], bytes]] = field(default_factory=deque)
    connections: int = 0
    hang_s: float = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def span(self, name: str) -> SinkSpan:
        """The only span of this name."""
        (found,) = [span for span in self.spans if span.name == name]
        return found

    def keep(self, path: str, body: bytes) -> None:
        """Decode and remember one accepted request."""
        if path.endswith("/v1/traces"):
            for group in ExportTraceServiceRequest.FromString(body).resource_spans:
                resource = attributes(group.resource.attributes)
                self.spans += [
                    _span(span, resource) for scope in group.scope_spans for span in scope.spans
                ]
        else:
            for group in ExportLogsServiceRequest.FromString(body).resource_logs:
                self.events += [
                    SinkEvent(
                        log.event_name,
                        log.trace_id.hex(),
                        log.span_id.hex(),
                        log.time_unix_nano,
                        attributes(log.attributes),
                    )
                    for scope in group.scope_logs
                    for log in scope.log_records
                ]


def _span(span: Any, resource: dict[str, Any]) -> SinkSpan:
    return SinkSpan(
        span.name, span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(),
        span.kind, span.status.code, span.status.message, span.start_time_unix_nano, span.end_time_unix_nano,
        attributes(span.attributes), resource,
        [(event.name, attributes(event.attributes)) for event in span.events],
    )  # fmt: skip


def serve(sink: Sink, port: int = 0) -> ThreadingHTTPServer:
    """Answer for `sink` on its own thread until `shutdown()`."""

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            sink.connections += 1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if sink.hang_s:
                time.sleep(sink.hang_s)
            status, headers, content = sink.answers.popleft() if sink.answers else (200, {}, b"")
            sink.requests.append(
                {
                    "path": self.path,
                    "status": str(status),
                    **{k.lower(): v for k, v in self.headers.items()},
                }
            )
            if status == 200:
                sink.keep(
                    self.path,
                    gzip.decompress(body)
                    if self.headers.get("Content-Encoding") == "gzip"
                    else body,
                )
            with contextlib.suppress(
                BrokenPipeError, ConnectionResetError
            ):  # a client that did not wait
                self._say(status, headers, content)

        def _say(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *said: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("", port), Answer)  # every loopback address
    server.daemon_threads = True
    sink.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A collector that listens and remembers."""
    sink = Sink()
    server = serve(sink)
    yield sink
    server.shutdown()
    server.server_close()


@pytest.fixture
def sdk(sink: Sink) -> Iterator[Sink]:
    """The SDK switched on, sending to the sink, with its guard raising what it would swallow."""
    monitor.init(service="shop", release="r1", environment="test", endpoint=sink.url)
    GUARD.strict = True
    yield sink
    GUARD.strict = False
    monitor.shutdown()


@pytest.fixture
def lenient() -> Iterator[None]:
    """The guard as it is in production, whatever `sdk` says; its count starts at 0."""
    GUARD.strict, before = False, GUARD.count
    GUARD.count = 0
    yield
    GUARD.count = before


def delivered(sink: Sink, count: int) -> list[SinkSpan]:
    """Flush, insist that the collector has everything; its spans in order of their start."""
    delivery = monitor.flush(5)
    assert (delivery.pending, delivery.dropped) == (0, 0), delivery
    assert len(sink.spans) + len(sink.events) == count, [span.name for span in sink.spans]
    return sorted(sink.spans, key=lambda span: span.start_ns)
