"""Delivery: the collector's word, patience, bounds, forks and exits."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from sdk_sink import Sink, delivered, serve

import monitor

pytestmark = pytest.mark.integration


@monitor.observe
def work(text: str = "x") -> str:
    """Something to observe."""
    return text


def test_flush_tells_what_the_collector_acknowledged(sdk: Sink) -> None:
    """Every record is acknowledged once, over one kept-alive connection."""
    for _ in range(1200):
        work()
    assert monitor.flush(10) == monitor.Delivery(acknowledged=1200, pending=0, dropped=0)
    assert len({span.span_id for span in sdk.spans}) == 1200
    assert sdk.connections == 1


def test_a_trickle_shares_requests_and_a_flush_waits_for_nobody(sdk: Sink) -> None:
    """The first record leaves alone, those right after it together, a moment later."""
    begun = time.monotonic()
    for _ in range(40):
        work()
        time.sleep(0.01)
    work()
    delivered(sdk, 41)
    assert len(sdk.requests) <= 3 + (time.monotonic() - begun) / 0.25


@pytest.mark.parametrize("status", [429, 500, 503])
def test_refusals_for_now_are_tried_again(sdk: Sink, status: int) -> None:
    """429 and 5xx are tried again until they pass; nothing is lost and nothing is sent twice."""
    sdk.answers.extend([(status, {}, b"")] * 2)
    work()
    delivered(sdk, 1)
    assert [request["status"] for request in sdk.requests] == [str(status)] * 2 + ["200"]


def test_retry_after_is_respected(sdk: Sink) -> None:
    """The collector says how long to wait."""
    sdk.answers.append((503, {"Retry-After": "0.5"}, b""))
    work()
    begun = time.monotonic()
    delivered(sdk, 1)
    assert time.monotonic() - begun > 0.4


def test_refusals_for_good_are_dropped_and_told(
    sdk: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    """A 401 is counted as dropped, logged with what to do, and told with the next delivery."""
    sdk.answers.append((401, {}, b""))
    work()
    assert monitor.flush(5) == monitor.Delivery(0, 0, 1)
    assert "OUTERLOOP_TOKEN" in caplog.text
    work()
    assert monitor.flush(5) == monitor.Delivery(1, 0, 1)
    assert sdk.spans[0].resource["outerloop.sdk.dropped"] == 1


def test_partial_success_counts_as_dropped(sdk: Sink) -> None:
    """What the collector refuses inside a 200 is not acknowledged."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = 1
    sdk.answers.append((200, {}, answer.SerializeToString()))
    work()
    work()
    assert monitor.flush(5) == monitor.Delivery(acknowledged=1, pending=0, dropped=1)


def test_too_large_requests_are_split(sdk: Sink) -> None:
    """A 413 halves the request instead of losing it."""
    sdk.answers.append((413, {}, b""))
    for _ in range(4):
        work()
    delivered(sdk, 4)


def test_nothing_is_lost_while_the_collector_is_away() -> None:
    """Records wait in memory until it is back on its port."""
    sink = Sink()
    server = serve(sink)
    port = sink.port
    server.shutdown()
    server.server_close()
    monitor.init(endpoint=sink.url)
    for _ in range(100):
        work()
    assert monitor.flush(0.3) == monitor.Delivery(0, 100, 0)
    server = serve(sink, port)
    assert monitor.flush(10) == monitor.Delivery(100, 0, 0)
    assert len(sink.spans) == 100
    monitor.shutdown()
    server.shutdown()
    server.server_close()


def test_memory_is_bounded_by_records_and_by_bytes() -> None:
    """With nobody listening the queue fills to its limits, and the rest is counted as dropped."""
    monitor.init(
        endpoint="http://127.0.0.1:9", limits=monitor.Limits(queue_records=50, exit_timeout_s=0.2)
    )
    for _ in range(700):
        work()
    delivery = monitor.flush(0)
    assert delivery.pending + delivery.dropped == 700
    assert delivery.pending <= 50 + 512
    monitor.shutdown()
    monitor.init(
        endpoint="http://127.0.0.1:9",
        limits=monitor.Limits(queue_bytes=100_000, exit_timeout_s=0.2),
    )
    for _ in range(30):
        work("x" * 20_000)
    assert monitor.flush(0).pending <= 4
    monitor.shutdown()


def test_token_travels_and_only_loopback_is_uncompressed(sink: Sink) -> None:
    """The token is sent as a bearer; what leaves the machine would be gzipped, loopback is not."""
    monitor.init(endpoint=sink.url, token="t")
    work("x" * 5000)
    delivered(sink, 1)
    assert sink.requests[0]["authorization"] == "Bearer t"
    assert "content-encoding" not in sink.requests[0]
    monitor.init(
        endpoint=sink.url.replace("127.0.0.1", "127.0.0.2")
    )  # loopback to the system, far away to us
    work("x" * 5000)
    delivered(sink, 2)
    assert sink.requests[1]["content-encoding"] == "gzip"
    monitor.shutdown()


def run(code: str, **environment: str) -> tuple[subprocess.CompletedProcess[str], float]:
    """Run a program of its own; returns it with how long it took."""
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env={**os.environ, **environment}, text=True,
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    return done, time.monotonic() - begun


PROGRAM = """
    import time, monitor
    @monitor.observe
    def f(x): return x
    for n in range({count}): f(n)
    print(time.monotonic())
"""


def test_everything_is_sent_at_exit(sink: Sink) -> None:
    """A program that just ends loses nothing; the environment alone switches on."""
    done, _ = run(PROGRAM.format(count=700), OUTERLOOP_ENDPOINT=sink.url, OTEL_SERVICE_NAME="cli")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(sink.spans) == 700
    assert sink.spans[0].resource["service.name"] == "cli"


@pytest.mark.parametrize("hangs", [False, True], ids=["dead", "hanging"])
def test_exit_is_bounded_when_the_collector_is_not_there(sink: Sink, hangs: bool) -> None:
    """With a dead or hanging collector the process ends soon after its last line, not when that answers."""
    sink.hang_s = 30 if hangs else 0
    endpoint = sink.url if hangs else "http://127.0.0.1:9"
    done, _ = run(PROGRAM.format(count=100), OUTERLOOP_ENDPOINT=endpoint)
    ended = time.monotonic()
    assert done.returncode == 0
    assert ended - float(done.stdout) < 15  # about a second on a machine that does nothing else
    assert "being dropped" in done.stderr


def test_a_forked_child_sends_its_own_and_only_its_own(sink: Sink) -> None:
    """Parent and child both deliver, nothing twice, with their own instance ids."""
    code = """
        import os, monitor
        @monitor.observe
        def f(x): return x
        for n in range(10): f("parent")
        child = os.fork()
        for n in range(5): f("child" if child == 0 else "after")
        print(monitor.flush(5))
        if child == 0: os._exit(0)
        os.waitpid(child, 0)
    """
    done, _ = run(code, OUTERLOOP_ENDPOINT=sink.url)
    assert done.returncode == 0, done.stderr
    assert "acknowledged=5, pending=0, dropped=0" in done.stdout
    assert "acknowledged=15, pending=0, dropped=0" in done.stdout
    assert len({span.span_id for span in sink.spans}) == len(sink.spans) == 20
    assert len({span.resource["service.instance.id"] for span in sink.spans}) == 2


def test_sys_exit_inside_an_observed_call(sink: Sink, tmp_path: Path) -> None:
    """The exit code stays, and the call is recorded."""
    code = """
        import sys, monitor
        @monitor.observe
        def f(): sys.exit(3)
        f()
    """
    done, _ = run(code, OUTERLOOP_ENDPOINT=sink.url)
    assert (done.returncode, done.stderr) == (3, "")
    assert sink.spans[0].attributes["error.type"] == "SystemExit"


def test_records_of_an_older_init_keep_their_release(sdk: Sink) -> None:
    """A second `init` changes what follows, not what waits."""
    work()
    monitor.init(service="shop", release="r2", endpoint=sdk.url)
    work()
    first, second = delivered(sdk, 2)
    assert (first.resource["service.version"], second.resource["service.version"]) == ("r1", "r2")
