"""A span of the OpenTelemetry SDK as OTLP protobuf; on the background thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.sdk.encoding import write_event
from monitor.sdk.wire import clean, field, fixed64, pair, varint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["write_span"]


def write_span(span: Any, mask: Callable[[str, Any], Any] | None) -> bytes:
    """An OTLP `Span`: everything that it says, in the order of the fields."""
    return b"".join(_pieces(span, mask))


def _pieces(span: Any, mask: Callable[[str, Any], Any] | None) -> Iterator[bytes]:
    place = span.context
    yield field(b"\x0a", place.trace_id.to_bytes(16, "big"))
    yield field(b"\x12", place.span_id.to_bytes(8, "big"))
    if place.trace_state:
        yield field(b"\x1a", clean(place.trace_state.to_header()))
    if span.parent is not None:
        yield field(b"\x22", span.parent.span_id.to_bytes(8, "big"))
    yield field(b"\x2a", clean(str(span.name)))
    yield b"\x30" + varint(span.kind.value + 1)
    yield fixed64(0x39, span.start_time or 0)
    yield fixed64(0x41, span.end_time or 0)
    for content in _pairs((span.attributes or {}).items(), mask):
        yield field(b"\x4a", content)
    for event in span.events:
        said = ((key, _masked(key, value, mask)) for key, value in (event.attributes or {}).items())
        yield field(b"\x5a", write_event(event.timestamp or 0, event.name, said))
    for link in span.links:
        yield field(b"\x6a", _link(link))
    status = b"\x18" + varint(span.status.status_code.value)
    if span.status.description:
        status = field(b"\x12", clean(span.status.description)) + status
    yield field(b"\x7a", status)


def _link(link: Any) -> bytes:
    ids = (link.context.trace_id.to_bytes(16, "big"), link.context.span_id.to_bytes(8, "big"))
    pairs = (field(b"\x22", content) for content in _pairs((link.attributes or {}).items(), None))
    return field(b"\x0a", ids[0]) + field(b"\x12", ids[1]) + b"".join(pairs)


def _pairs(
    said: Iterable[tuple[str, Any]], mask: Callable[[str, Any], Any] | None
) -> Iterator[bytes]:
    yield from (pair(name, _masked(name, value, mask)) for name, value in said)


def _masked(name: str, value: Any, mask: Callable[[str, Any], Any] | None) -> Any:
    return value if mask is None else mask(name, value)
