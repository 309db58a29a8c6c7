"""One open span: cheap to start and to end, described only later, by the thread that sends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from opentelemetry.trace import Span, SpanContext, Status, StatusCode, TraceFlags, TraceState

from monitor import vocabulary as v
from monitor.sdk.failure import Failure, describe_failure
from monitor.sdk.sampling import with_probability
from monitor.sdk.snapshot import Budget, snapshot
from monitor.sdk.surroundings import LABELS, NO_LABELS, SPAN, Labels, attach, surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Self

    from monitor.sdk.configuration import Resource
    from monitor.sdk.runtime import Runtime

__all__ = ["Description", "Step", "start"]

SAMPLED = TraceFlags(TraceFlags.SAMPLED)
NOT_SAMPLED = TraceFlags(TraceFlags.DEFAULT)
OVERHEAD_BYTES = 1000
"""What a waiting step holds besides its texts, roughly."""
CANCELLATIONS = frozenset({"GeneratorExit", "CancelledError"})


class Description(Protocol):
    """What kind of thing a step is, and how to write it down; called on the background thread."""

    @property
    def client(self) -> bool:
        """Whether it is a call to another service."""

    def name(self, step: Step) -> str:
        """The span's name."""

    def attributes(self, step: Step) -> Iterator[tuple[str, Any]]:
        """The span's attributes, except for labels and status."""


class Step:
    """A span that other instrumentations nest under and write to like any OpenTelemetry span.

    It is registered as one instead of deriving from it: an instance of OpenTelemetry's own class
    carries a dictionary, and making one costs half as much again.
    """

    __slots__ = (
        "__weakref__", "_mark", "abandoned", "above", "cut", "description", "elapsed_ns", "events",
        "extra", "failure", "gave", "kept", "labels", "parent_id", "runtime", "said", "size",
        "span_id", "started_ns", "token", "trace_id", "trace_state",
    )  # fmt: skip

    path = "/v1/traces"
    scope = (v.SCOPE_NAME, "")

    trace_id: int
    span_id: int
    parent_id: int
    """0 for the first span of a trace."""
    trace_state: TraceState | None
    labels: Labels
    runtime: Runtime
    description: Description
    said: Any
    """What was asked, as its description keeps it."""
    gave: Any
    """What came of it."""
    size: int
    """Bytes that it holds, roughly."""
    started_ns: int
    """Unix time."""
    elapsed_ns: int
    """-1 while it is open."""
    failure: Failure | None
    extra: dict[str, Any] | None
    """Attributes of the app's own."""
    events: list[tuple[int, str, dict[str, Any]]] | None
    cut: tuple[str, ...]
    """The attributes that did not fit."""
    abandoned: bool
    token: Any
    """What makes current again what was so before it."""
    kept: float | None
    """With which probability spans like this one are kept; None where nothing is left out."""
    above: Step | None
    """The step around this one, held only while it may have to be kept for our sake."""
    _mark: int

    @property
    def resource(self) -> Resource:
        """What sends it."""
        return self.runtime.resource

    def _adopt(self, parent: object, runtime: Runtime) -> None:
        """Take a place under a span of another tracer, or begin a trace."""
        above = parent.get_span_context() if isinstance(parent, Span) else None
        if above is not None and above.is_valid:
            self.trace_id = above.trace_id
            self.parent_id = above.span_id
            self.trace_state = above.trace_state
        else:
            self.trace_id = runtime.bits(128) or 1
            self.parent_id = 0
            self.trace_state = None

    def find_place(self, outside: Mapping[str, Any], runtime: Runtime) -> None:
        """Stand under the span that is current in `outside`, with the labels that are."""
        parent = outside.get(SPAN)
        if type(parent) is Step:
            self.trace_id = parent.trace_id
            self.parent_id = parent.span_id
            self.trace_state = parent.trace_state
        else:
            self._adopt(parent, runtime)
        self.labels = outside.get(LABELS, NO_LABELS)

    def enter(self) -> Any:
        """Make this the current span; returns the token for `detach`."""
        return attach({**surroundings(), SPAN: self})

    def since_start_ns(self) -> int:
        """Nanoseconds since the start, by a clock that never jumps."""
        return self.runtime.timer() - self._mark

    def finish(self, gave: Any = None, size: int = 0) -> None:
        """The end: hand over to the outbox, once."""
        if self.elapsed_ns >= 0:
            return
        runtime = self.runtime
        elapsed_ns = runtime.timer() - self._mark
        self.elapsed_ns = elapsed_ns if elapsed_ns > 0 else 0  # noqa: FURB136 - no call here
        self.gave = gave
        self.size += size
        if runtime.sampling is None or runtime.sampling.keeps(self):
            runtime.put(self)

    def fail(self, error: BaseException, gave: Any = None, size: int = 0) -> None:
        """The end by an exception; a cancelled or dropped one is abandoned, not wrong."""
        if type(error).__name__ in CANCELLATIONS:
            self.abandoned = True
        else:
            self.failure = describe_failure(error)
        self.finish(gave, size)

    def told_state(self) -> str:
        """The W3C trace state that is sent with it."""
        state = self.trace_state
        if self.kept is None:
            return state.to_header() if state else ""
        return with_probability(state, self.kept).to_header()

    # What OpenTelemetry asks of a span.

    def get_span_context(self) -> SpanContext:
        """Our ids, as OpenTelemetry wants them."""
        return SpanContext(
            self.trace_id,
            self.span_id,
            is_remote=False,
            trace_flags=SAMPLED if self.kept != 0 else NOT_SAMPLED,
            trace_state=self.trace_state,
        )

    def is_recording(self) -> bool:
        """Whether this span still takes attributes."""
        return self.elapsed_ns < 0

    def set_attribute(self, key: str, value: Any) -> None:
        """Add an attribute of the app's own."""
        if self.elapsed_ns >= 0:
            return
        if self.extra is None:
            self.extra = {}
        if len(self.extra) < 128:
            budget = Budget(4096)
            self.extra[str(key)] = snapshot(value, budget)
            self.size += 4096 - budget.left

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Add several attributes."""
        for key, value in attributes.items():
            self.set_attribute(key, value)

    def add_event(
        self, name: str, attributes: Mapping[str, Any] | None = None, timestamp: int | None = None
    ) -> None:
        """Add something that happened during the span."""
        if self.events is None:
            self.events = []
        if self.elapsed_ns < 0 and len(self.events) < 32:
            budget = Budget(4096)
            copy = snapshot(dict(attributes or {}), budget)
            self.size += 4096 - budget.left
            self.events.append(
                (timestamp or self.started_ns + self.since_start_ns(), str(name), copy)
            )

    def record_exception(
        self,
        exception: BaseException,
        attributes: Mapping[str, Any] | None = None,
        timestamp: int | None = None,
        escaped: bool = False,  # noqa: FBT001, FBT002 - OpenTelemetry's signature
    ) -> None:
        """Add an exception that the app dealt with itself."""
        del escaped
        said = {
            "exception.type": type(exception).__qualname__,
            "exception.message": describe_failure(exception).message,
        }
        self.add_event("exception", {**said, **(attributes or {})}, timestamp)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Mark the span as failed, though nothing was raised."""
        code = status.status_code if isinstance(status, Status) else status
        if code is StatusCode.ERROR and self.elapsed_ns < 0:
            told = status.description if isinstance(status, Status) else description
            self.failure = Failure("error", told or "", ())

    def update_name(self, name: str) -> None:
        """Kept as the function's own name: it is what the views group by."""

    def end(self, end_time: int | None = None) -> None:
        """Ends with the observed call, not before."""

    def add_link(self, context: SpanContext, attributes: Mapping[str, Any] | None = None) -> None:
        """Kept as an event: our views show one parent."""
        said = {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
        self.add_event("link", {**said, **(attributes or {})})

    def add_links(self, links: Any) -> None:
        """Add several links."""
        for link in links or ():
            self.add_link(link.context, link.attributes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Ends with the observed call, not before."""


Span.register(Step)
_new = Step.__new__


def start(
    runtime: Runtime,
    description: Description,
    said: Any,
    size: int,
    outside: Mapping[str, Any],
) -> Step:
    """A step that begins now, where the app is (`surroundings`), and is not current yet.

    A function, for a constructor leaves the interpreter's loop and enters it anew: a third of what
    beginning a step costs after a pause, when nothing of it lies in the caches.
    """
    step = _new(Step)
    if outside:
        step.find_place(outside, runtime)
    else:  # the beginning of most traces
        step.trace_id = runtime.bits(128) or 1
        step.parent_id = 0
        step.trace_state = None
        step.labels = NO_LABELS
    step.span_id = runtime.bits(64) or 1
    step.runtime = runtime
    step.description = description
    step.said = said
    step.size = size + OVERHEAD_BYTES
    step.gave = step.failure = step.extra = step.events = None
    step.cut = ()
    step.abandoned = False
    step.kept = step.above = None
    step.elapsed_ns = -1
    if runtime.sampling is not None:
        runtime.sampling.begin(step, outside.get(SPAN))
    step.started_ns = runtime.clock()
    step._mark = runtime.timer()  # noqa: SLF001 - in place of its constructor
    return step
