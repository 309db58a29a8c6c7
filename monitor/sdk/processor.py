"""A span processor for an app that has an OpenTelemetry provider of its own.

Its spans (web requests, database calls, other GenAI instrumentations) then travel to the collector
with ours, with the session, user and tags of `monitor.context`. The provider stays the app's: its
sampler, its other processors and its exporters are untouched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor import vocabulary as v
from monitor.sdk.configuration import Resource
from monitor.sdk.guard import GUARD
from monitor.sdk.runtime import Runtime, active, flush
from monitor.sdk.surroundings import LABELS, NO_LABELS, Labels, current_labels

if TYPE_CHECKING:
    from opentelemetry.context import Context

__all__ = ["ForeignSpan", "SpanProcessor", "span_processor"]

OVERHEAD_BYTES = 2000
UNNAMED = "unknown_service"
_resources: dict[int, tuple[Any, int, Resource]] = {}


class ForeignSpan:
    """A span of another tracer that has ended, and so no longer changes."""

    __slots__ = ("resource", "runtime", "scope", "size", "span")

    path = "/v1/traces"

    def __init__(self, runtime: Runtime, span: Any) -> None:
        self.runtime = runtime
        self.span = span
        told = span.instrumentation_scope
        self.scope = (told.name, told.version or "") if told is not None else ("", "")
        self.resource = _resource(span.resource, runtime)
        values = (span.attributes or {}).values()
        self.size = OVERHEAD_BYTES + sum(len(value) for value in values if type(value) is str)

    def write(self) -> bytes:
        """As an OTLP `Span`; on the background thread."""
        from monitor.sdk.foreign import write_span  # noqa: PLC0415 - for this thread only

        return write_span(self.span, self.runtime.mask)


def _resource(told: Any, runtime: Runtime) -> Resource:
    """The provider's resource, converted once; with the app's name from us where it has none."""
    known = _resources.get(id(told))
    if known is None or known[0] is not told or known[1] != runtime.number:
        pairs = {str(name): value for name, value in told.attributes.items()}
        if str(pairs.get(v.SERVICE_NAME) or UNNAMED).startswith(UNNAMED):
            pairs |= dict(runtime.resource.attributes)
        known = _resources[id(told)] = (told, runtime.number, Resource(tuple(pairs.items())))
    return known[2]


class SpanProcessor:
    """What a `TracerProvider` calls; has the methods of OpenTelemetry's own class."""

    def on_start(self, span: Any, parent_context: Context | None = None) -> None:
        """Say whose call it is, where `monitor.context` knows."""
        with GUARD:
            held = parent_context.get(LABELS) if parent_context else None
            labels = held if isinstance(held, Labels) else current_labels()
            if labels is not NO_LABELS:
                span.set_attributes(dict(labels.attributes()))

    def on_end(self, span: Any) -> None:
        """Queue it, where it is sampled."""
        with GUARD:
            runtime = active()
            if runtime is not None and span.context.trace_flags.sampled:
                runtime.put(ForeignSpan(runtime, span))

    def _on_ending(self, span: Any) -> None:
        """Newer providers announce the end; nothing to do."""

    def shutdown(self) -> None:
        """The provider ends; we go on until the process does."""
        flush(1.0)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Whether the collector has confirmed everything within that time."""
        return flush(timeout_millis / 1000).pending == 0


def span_processor() -> SpanProcessor:
    """For `provider.add_span_processor(...)` of the provider that the app already has."""
    return SpanProcessor()
