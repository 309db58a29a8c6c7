"""Load by the real Python exporter and by our SDK, each noting what was acknowledged to it."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ExporterLoad", "SdkLoad"]

BATCH = 20
logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # it tells every retry
QUESTION = {"role": "user", "parts": [{"type": "text", "content": "how late is it? " * 30}]}
CALL = {
    "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.usage.input_tokens": 12, "gen_ai.usage.output_tokens": 7,
    "gen_ai.input.messages": json.dumps([QUESTION]),
}  # fmt: skip


class _Catch(SpanExporter):
    """Keeps the spans that the SDK ends."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans += spans
        return SpanExportResult.SUCCESS


class ExporterLoad:
    """OpenTelemetry's own OTLP/HTTP exporter with its own retries, in threads.

    Args:
        url: of the collector.
        senders: threads, each with an exporter.
        spans_per_s: of all together.
    """

    def __init__(self, url: str, *, senders: int = 4, spans_per_s: float = 400.0) -> None:
        self.acknowledged: set[str] = set()
        self.sent: set[str] = set()
        self.refused = 0
        self._pause_s = senders * BATCH / spans_per_s
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._send, args=(url, n), daemon=True) for n in range(senders)
        ]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Stop sending; waits for the requests under way."""
        self._over.set()
        for thread in self._threads:
            thread.join(30)

    def _send(self, url: str, number: int) -> None:
        catch = _Catch()
        provider = TracerProvider(resource=Resource.create({"service.name": f"exporter-{number}"}))
        provider.add_span_processor(SimpleSpanProcessor(catch))
        tracer = provider.get_tracer("faults")
        exporter = OTLPSpanExporter(endpoint=f"{url}/v1/traces")
        while not self._over.is_set():
            for _ in range(BATCH):
                with tracer.start_as_current_span("chat", attributes=CALL):
                    pass
            spans, catch.spans = catch.spans, []
            ids = {f"{span.context.span_id:016x}" for span in spans}
            self.sent |= ids
            if exporter.export(spans) is SpanExportResult.SUCCESS:
                self.acknowledged |= ids
            else:
                self.refused += len(ids)
            self._over.wait(self._pause_s)


SDK = """
import json, sys, time, monitor
url, pause_s = sys.argv[1], float(sys.argv[2])
monitor.init(service="sdk", endpoint=url)

@monitor.observe
def step(number: int) -> int:
    return number

number, over = 0, []
import threading
threading.Thread(target=lambda: over.append(sys.stdin.read()), daemon=True).start()
while not over:
    step(number)
    number += 1
    time.sleep(pause_s)
delivery = monitor.flush(timeout=60.0)
print(json.dumps([number, delivery.acknowledged, delivery.pending, delivery.dropped]))
"""


class SdkLoad:
    """An application with our SDK, in a process of its own."""

    def __init__(self, url: str, *, calls_per_s: float = 100.0) -> None:
        command = [sys.executable, "-c", SDK, url, str(1 / calls_per_s)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.began = time.monotonic()

    def end(self) -> tuple[int, int, int, int]:
        """Stop it; returns calls made, acknowledged, pending and dropped by the SDK's own word."""
        told, _ = self._process.communicate(b"", timeout=120)
        made, acknowledged, pending, dropped = json.loads(told.splitlines()[-1])
        return made, acknowledged, pending, dropped
