"""`kill -9` of collector or store in mid-stream: nothing acknowledged is lost or doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from collectors import eventually
from conftest import free_port

from monitor.store import Store

pytestmark = pytest.mark.integration

SENDERS = 4


class Sidecar:
    """A store process and a collector process on one data directory."""

    def __init__(self, folder: Path) -> None:
        self.store_port, self.port = free_port(), free_port()
        self.environment = {
            **os.environ,
            "OUTERLOOP_DATA_DIR": str(folder),
            "OUTERLOOP_STORE_PORT": str(self.store_port),
            "OUTERLOOP_OTLP_HTTP_PORT": str(self.port),
            "OUTERLOOP_OTLP_GRPC_PORT": str(free_port()),
        }  # fmt: skip
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, module: str) -> None:
        """Start one of the two and wait until it answers."""
        self.processes[module] = subprocess.Popen(
            [sys.executable, "-m", module], env=self.environment
        )
        path = (
            f"{self.url}/healthz"
            if module == "collector"
            else f"http://127.0.0.1:{self.store_port}/ping"
        )
        eventually(lambda: answers(path))

    def kill(self, module: str) -> None:
        """End it without a word of warning."""
        process = self.processes.pop(module)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stored(self) -> list[str]:
        """Span ids in the store."""
        store = Store(f"http://127.0.0.1:{self.store_port}/outerloop")
        try:
            return [
                row[0] for row in store.client.query("SELECT SpanId FROM otel_traces").result_rows
            ]
        finally:
            store.close()


@pytest.fixture
def sidecar(tmp_path: Path) -> Iterator[Sidecar]:
    """A running sidecar of its own, so that its store may be killed."""
    parts = Sidecar(tmp_path / "data")
    parts.start("collector.embedded_store")
    parts.start("collector")
    eventually(lambda: answers(f"{parts.url}/readyz"))
    yield parts
    for module in list(parts.processes):
        parts.kill(module)


def answers(url: str) -> bool:
    """Whether it answers 200."""
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


class Stream:
    """Senders that each post one span after the other and note what was acknowledged."""

    def __init__(self, url: str) -> None:
        self.acknowledged: list[str] = []
        self.sent: set[str] = set()
        self._url, self._over = f"{url}/v1/traces", threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(n,)) for n in range(SENDERS)]
        for thread in self._threads:
            thread.start()

    def wait_for(self, number: int) -> None:
        """Until so many are acknowledged in all."""
        eventually(lambda: len(self.acknowledged) >= number)

    def end(self) -> None:
        """Stop sending."""
        self._over.set()
        for thread in self._threads:
            thread.join(20)

    def _send(self, sender: int) -> None:
        number = 0
        with httpx.Client(headers={"content-type": "application/json"}, timeout=10) as http:
            while not self._over.is_set():
                number += 1
                span_id = f"{sender + 1:08x}{number:08x}"
                self.sent.add(span_id)
                ids = f'"traceId": "{span_id * 2}", "spanId": "{span_id}"'
                span = f'{{{ids}, "name": "n", "startTimeUnixNano": "{time.time_ns()}"}}'
                try:
                    body = f'{{"resourceSpans": [{{"scopeSpans": [{{"spans": [{span}]}}]}}]}}'
                    if http.post(self._url, content=body).status_code == 200:
                        self.acknowledged.append(span_id)
                except httpx.TransportError:
                    time.sleep(0.02)


def assert_exact(sidecar: Sidecar, stream: Stream) -> None:
    """Every acknowledged span is stored, none twice, and nothing that was never sent."""
    eventually(lambda: set(stream.acknowledged) <= set(sidecar.stored()))
    eventually(lambda: 'waiting{signal="traces"} 0' in httpx.get(f"{sidecar.url}/metrics").text)
    found = Counter(sidecar.stored())
    assert found.most_common(1)[0][1] == 1
    assert set(found) <= stream.sent


def test_collector_killed_in_mid_stream(sidecar: Sidecar) -> None:
    """Three times in a row: what it had acknowledged is in the store after the restart, once."""
    stream = Stream(sidecar.url)
    for goal in (200, 400, 600):
        stream.wait_for(goal)
        sidecar.kill("collector")
        sidecar.start("collector")
    stream.wait_for(800)
    stream.end()
    assert_exact(sidecar, stream)


def test_store_killed_in_mid_stream(sidecar: Sidecar) -> None:
    """While the store is dead the collector accepts on; after its restart all is there, once."""
    stream = Stream(sidecar.url)
    stream.wait_for(200)
    sidecar.kill("collector.embedded_store")
    at_kill = len(stream.acknowledged)
    stream.wait_for(at_kill + 300)
    eventually(lambda: httpx.get(f"{sidecar.url}/readyz").status_code == 503)
    sidecar.start("collector.embedded_store")
    stream.wait_for(at_kill + 600)
    stream.end()
    assert_exact(sidecar, stream)
    eventually(lambda: answers(f"{sidecar.url}/readyz"))


def test_collector_started_before_the_store(tmp_path: Path) -> None:
    """Without a store it accepts and is not ready; when one comes, it delivers."""
    parts = Sidecar(tmp_path / "data")
    try:
        parts.start("collector")
        assert httpx.get(f"{parts.url}/readyz").status_code == 503
        stream = Stream(parts.url)
        stream.wait_for(20)
        stream.end()
        parts.start("collector.embedded_store")
        eventually(lambda: answers(f"{parts.url}/readyz"))
        assert_exact(parts, stream)
        parts.kill("collector.embedded_store")  # an idle collector notices by itself
        eventually(lambda: not answers(f"{parts.url}/readyz"))
    finally:
        for module in list(parts.processes):
            parts.kill(module)
