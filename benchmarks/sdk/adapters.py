# ruff: noqa: PLC0415 - each of these imports exists in one environment only
"""How each SDK is switched on towards a port of this machine: its decorator, and its flush.

Every decorator records the argument and the result, as its documentation has it; what phones home
is switched off.
"""

from __future__ import annotations

import atexit
import functools
import inspect
import os
from collections.abc import Callable
from typing import Any

__all__ = ["ADAPTERS"]

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
Adapter = Callable[[int], tuple[Decorator, Callable[[], object]]]


def _address(port: int, path: str = "") -> str:
    return f"http://127.0.0.1:{port}{path}"


def _outerloop(port: int) -> Any:
    import monitor

    monitor.init(service="bench", endpoint=_address(port))
    return monitor.observe, lambda: monitor.flush(timeout=60)


def _otel(port: int) -> Any:
    """What one writes by hand with the plain SDK."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    exporter = OTLPSpanExporter(endpoint=_address(port, "/v1/traces"))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    start = provider.get_tracer("bench").start_as_current_span
    atexit.register(provider.shutdown)

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        name = function.__name__

        @functools.wraps(function)
        def call(x: str) -> str:
            with start(name) as span:
                span.set_attribute("input.value", x)
                result: str = function(x)
                span.set_attribute("output.value", result)
                return result

        @functools.wraps(function)
        async def call_async(x: str) -> str:
            with start(name) as span:
                span.set_attribute("input.value", x)
                result: str = await function(x)
                span.set_attribute("output.value", result)
                return result

        return call_async if inspect.iscoroutinefunction(function) else call

    return decorate, provider.force_flush


def _langfuse(port: int) -> Any:
    from langfuse import Langfuse, observe

    client = Langfuse(public_key="pk-lf-x", secret_key="sk-lf-x", base_url=_address(port))
    return observe(), client.flush


def _opik(port: int) -> Any:
    os.environ |= {
        "OPIK_URL_OVERRIDE": _address(port, "/api/"), "OPIK_WORKSPACE": "default",
        "OPIK_SENTRY_ENABLE": "false", "OPIK_ANALYTICS_ENABLE": "false",
        "OPIK_CONSOLE_LOGGING_LEVEL": "CRITICAL",
    }  # fmt: skip
    import opik

    return opik.track, opik.flush_tracker


def _mlflow(port: int) -> Any:
    """Its OTLP export; its own protocol needs its server."""
    os.environ |= {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": _address(port, "/v1/traces"),
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf", "MLFLOW_TRACKING_URI": _address(port),
        "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true",
    }  # fmt: skip
    import mlflow

    return mlflow.trace, mlflow.flush_trace_async_logging


def _traceloop(port: int) -> Any:
    os.environ |= {"TRACELOOP_TELEMETRY": "false", "TRACELOOP_METRICS_ENABLED": "false"}
    from traceloop.sdk import Traceloop
    from traceloop.sdk.decorators import task

    Traceloop.init(
        app_name="bench", api_endpoint=_address(port), api_key="x", telemetry_enabled=False
    )
    return task(name="call"), _flush_global


def _phoenix(port: int) -> Any:
    """With `batch=True`; the documented default blocks on a request for every span."""
    from phoenix.otel import register

    provider = register(
        endpoint=_address(port, "/v1/traces"),
        protocol="http/protobuf",
        batch=True,
        verbose=False,
        project_name="bench",
    )
    return provider.get_tracer("bench").chain, provider.force_flush


def _logfire(port: int) -> Any:
    os.environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = _address(port, "/v1/traces")
    import logfire

    logfire.configure(send_to_logfire=False, console=False, metrics=False, inspect_arguments=False)
    return logfire.instrument("call {x=}", record_return=True), logfire.force_flush


def _openlit(port: int) -> Any:
    import openlit

    openlit.init(
        otlp_endpoint=_address(port),
        application_name="bench",
        disable_metrics=True,
        disable_events=True,
    )
    return openlit.trace, _flush_global


def _weave(port: int) -> Any:
    """Its own HTTP client, wired by hand: `weave.init` wants a login."""
    os.environ |= {
        "WANDB_API_KEY": "x" * 40, "WANDB_BASE_URL": _address(port), "WF_TRACE_SERVER_URL": _address(port),
        "WEAVE_PRINT_CALL_LINK": "false", "WEAVE_USE_SERVER_CACHE": "false",
    }  # fmt: skip
    import weave
    from weave.trace.context.weave_client_context import set_weave_client_global
    from weave.trace.weave_client import WeaveClient
    from weave.trace_server_bindings.remote_http_trace_server import RemoteHTTPTraceServer

    server = RemoteHTTPTraceServer(_address(port), should_batch=True)
    client = WeaveClient("entity", "bench", server, ensure_project_exists=False)
    set_weave_client_global(client)
    return weave.op, client.flush


def _langsmith(port: int) -> Any:
    os.environ |= {
        "LANGSMITH_ENDPOINT": _address(port), "LANGSMITH_API_KEY": "lsv2_x", "LANGSMITH_TRACING": "true",
    }  # fmt: skip
    import langsmith
    from langsmith.run_trees import get_cached_client

    return langsmith.traceable, lambda: get_cached_client().flush()


def _flush_global() -> None:
    from opentelemetry import trace

    provider: Any = trace.get_tracer_provider()
    provider.force_flush()


ADAPTERS: dict[str, Adapter] = {
    "outerloop": _outerloop, "otel": _otel, "langfuse": _langfuse, "opik": _opik, "mlflow": _mlflow,
    "traceloop": _traceloop, "phoenix": _phoenix, "logfire": _logfire, "openlit": _openlit, "weave": _weave,
    "langsmith": _langsmith,
}  # fmt: skip
"""A port in, a decorator and a flush out."""
