"""The trace across threads, executors, services and other OpenTelemetry set-ups."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from sdk_sink import Sink, delivered

import monitor


@monitor.observe
def work(number: int) -> int:
    """Something to observe."""
    return number


def test_propagate_carries_span_and_labels_into_an_executor(sdk: Sink) -> None:
    """What runs in a pool nests under who submitted it, at once and any number of times."""

    @monitor.observe
    def root() -> int:
        with ThreadPoolExecutor(4) as pool:
            return sum(pool.map(monitor.propagate(work), range(20)))

    with monitor.context(session="s-1"):
        assert root() == 190
    first, *others = delivered(sdk, 21)
    assert {span.parent_id for span in others} == {first.span_id}
    assert {span.attributes["session.id"] for span in others} == {"s-1"}


def test_threads_without_it_begin_their_own_trace(sdk: Sink) -> None:
    """Nothing is patched: a plain thread starts anew, a propagated one goes on; tasks follow anyway."""

    @monitor.observe
    async def root() -> None:
        for target in (work, monitor.propagate(work)):
            thread = threading.Thread(target=target, args=(1,))
            thread.start()
            thread.join()
        await asyncio.to_thread(work, 2)
        await asyncio.create_task(monitor.propagate(task)())

    async def task() -> None:
        work(3)

    asyncio.run(root())
    first, plain, *others = delivered(sdk, 5)
    assert plain.trace_id != first.trace_id
    assert {span.parent_id for span in others} == {first.span_id}


def test_w3c_headers_in_and_out(sdk: Sink) -> None:
    """A request that comes in with headers continues its trace; one that goes out carries it on."""
    sent: dict[str, str] = {}

    @monitor.observe
    def call_out() -> None:
        monitor.inject(sent)

    incoming = {"Traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01", "TraceState": "vendor=x"}
    with monitor.extract(incoming):
        call_out()
    with monitor.extract({"traceparent": "nonsense"}):
        work(1)
    span, other = delivered(sdk, 2)
    assert (span.trace_id, span.parent_id) == ("a" * 32, "b" * 16)
    assert sent == {
        "traceparent": f"00-{span.trace_id}-{span.span_id}-01",
        "tracestate": "vendor=x",
    }
    assert other.parent_id == ""
    assert monitor.current() is None


def test_opentelemetrys_own_propagator_and_tracer_see_our_spans(sdk: Sink) -> None:
    """Ours nests under a server span of the app's provider, and its client span under ours."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("web")
    headers: dict[str, str] = {}

    @monitor.observe
    def handler() -> None:
        with tracer.start_as_current_span("GET", kind=SpanKind.CLIENT):
            TraceContextTextMapPropagator().inject(headers)

    with tracer.start_as_current_span("POST /ask", kind=SpanKind.SERVER):
        handler()
    (span,) = delivered(sdk, 1)
    client, server = exporter.get_finished_spans()
    assert server.context is not None
    assert client.context is not None
    assert client.parent is not None
    assert span.parent_id == f"{server.context.span_id:016x}"
    assert f"{client.parent.span_id:016x}" == span.span_id
    assert headers["traceparent"].split("-")[2] == f"{client.context.span_id:016x}"
    provider.shutdown()


def test_the_span_processor_sends_the_apps_own_spans_too(sdk: Sink) -> None:
    """Attached to the app's provider: everything of its spans arrives, with session and user."""
    provider = TracerProvider(resource=Resource({"service.name": "web", "replica": 3}))
    provider.add_span_processor(monitor.span_processor())  # type: ignore[arg-type]  # has all of its methods
    tracer = provider.get_tracer("app.http", "1.2")
    link = Link(SpanContext(7, 8, is_remote=False), {"why": "batch"})
    with monitor.context(session="s-1", tags={"tenant": "acme"}):
        span = tracer.start_span("GET /", kind=SpanKind.SERVER, links=[link])
        span.set_attributes(
            {"http.status": 500, "share": 0.5, "ok": False, "hosts": ["a", "b"], "n": -3}
        )
        span.add_event("retry", {"n": 1})
        span.set_status(Status(StatusCode.ERROR, "down"))
        span.end()
    assert provider.force_flush()
    (seen,) = delivered(sdk, 1)
    assert (seen.name, seen.kind, seen.status, seen.message) == ("GET /", 2, 2, "down")
    assert seen.resource["service.name"] == "web"
    assert seen.resource["replica"] == 3
    assert seen.attributes == {"http.status": 500, "share": 0.5, "ok": False, "hosts": ["a", "b"], "n": -3,
            "session.id": "s-1", "outerloop.tag.tenant": "acme"}  # fmt: skip
    assert seen.events == [("retry", {"n": 1})]
    assert 0 <= seen.end_ns - seen.start_ns < 10**10
    provider.shutdown()


def test_a_provider_without_a_name_is_this_service(sdk: Sink) -> None:
    """Spans of a provider that nobody named are the app's: service, release and environment."""
    provider = TracerProvider()
    provider.add_span_processor(monitor.span_processor())  # type: ignore[arg-type]  # has all of its methods
    provider.get_tracer("app").start_span("call").end()
    (seen,) = delivered(sdk, 1)
    assert (seen.resource["service.name"], seen.resource["service.version"]) == ("shop", "r1")
    assert seen.resource["telemetry.sdk.name"] == "opentelemetry"
    provider.shutdown()


def test_a_provider_is_never_replaced(sdk: Sink) -> None:
    """Switching on leaves OpenTelemetry's global provider alone."""
    before = trace.get_tracer_provider()
    work(1)
    monitor.span_processor()
    assert trace.get_tracer_provider() is before


@pytest.mark.parametrize("value", [1, "x"])
def test_propagate_changes_nothing_else(value: Any) -> None:
    """Signature, name, result and exceptions stay."""

    def named(x: Any) -> Any:
        """Doc."""
        if x == "x":
            raise KeyError(x)
        return x

    run = monitor.propagate(named)
    assert (run.__name__, run.__doc__) == ("named", "Doc.")
    if value == 1:
        assert run(1) == 1
    else:
        with pytest.raises(KeyError):
            run(value)
