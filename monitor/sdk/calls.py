"""One call to a model, from the request to the last word of its answer, whatever becomes of it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from monitor import vocabulary as v
from monitor.sdk.guard import GUARD
from monitor.sdk.lasting import ended, lasts
from monitor.sdk.snapshot import Budget
from monitor.sdk.step import start
from monitor.sdk.surroundings import detach, remember_call, surroundings

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from monitor.sdk.answers import Api
    from monitor.sdk.runtime import Runtime

__all__ = ["SENDING", "Call"]

SENDING: ContextVar[Call | None] = ContextVar("outerloop_sending", default=None)
"""The call whose request is being sent in this task or thread."""
LONGEST_BODY_BYTES = 1024 * 1024
LAST_PIECES = 64
"""What is kept of a longer body besides its beginning: usage comes last."""
END_OF_STREAM = b"data: [DONE]"
"""What the client takes for the end, without reading on to the end of the body."""
TRACEPARENT = "traceparent"


class Call:
    """One call to the model. As a context manager: while a piece of its answer is being read.

    The response is closed both by its end and by an app that has read enough; what happens inside
    the `with` is the client's own doing, so a close there is no abandonment.
    """

    def __init__(self, runtime: Runtime, api: Api, body: dict[str, Any]) -> None:
        budget = Budget(runtime.limit)
        request = api.take(body, budget, capture=runtime.capture)
        self.answer = api.answer(runtime.limit, capture=runtime.capture)
        self.hides_usage = False
        """The app did not ask for the chunk that carries the usage, so it must not see it."""
        self._busy = False
        self._body_bytes = 0
        self._ends: list[Callable[[], None]] = []
        self.step = start(runtime, api, request, runtime.limit - budget.left, surroundings())
        if budget.cut:
            self.step.cut = (v.INPUT_MESSAGES,)
        remember_call(self.step.trace_id, self.step.span_id)
        self.open = True
        self._current = self.step.enter()
        self._sending = SENDING.set(self)

    def sent(self) -> None:
        """The reply has begun, or there is none: what follows is not inside the call any more."""
        SENDING.reset(self._sending)
        detach(self._current)

    @GUARD
    def attempt(self, request: Any, *, propagate: bool) -> None:
        """The client is about to send `request`, for the first time or again."""
        self.answer.attempts += 1
        if self.answer.attempts > 1:
            self.step.add_event("retry", {v.HTTP_RESEND_COUNT: self.answer.attempts - 1})
        if propagate and TRACEPARENT not in request.headers:
            place = self.step.get_span_context()
            request.headers[TRACEPARENT] = (
                f"00-{place.trace_id:032x}-{place.span_id:016x}-{int(place.trace_flags):02x}"
            )

    def note(self, chunk: Any) -> None:
        """A chunk has arrived."""
        answer = self.answer
        if answer.first_chunk_ns is None and answer.begins(chunk):
            answer.first_chunk_ns = self.step.since_start_ns()
        answer.fold(chunk)

    def keep_body(self, piece: bytes) -> None:
        """Bytes of a raw response have arrived."""
        answer = self.answer
        if answer.first_chunk_ns is None and self.step.said["stream"]:
            answer.first_chunk_ns = self.step.since_start_ns()
        self._body_bytes += len(piece)
        answer.bodies.append(piece)
        if self._body_bytes > LONGEST_BODY_BYTES and len(answer.bodies) > LAST_PIECES:
            answer.budget.cut = True
            middle = len(answer.bodies) - LAST_PIECES
            self._body_bytes -= len(answer.bodies[middle])
            answer.bodies[middle] = b""

    def succeed(self) -> None:
        """The answer is complete."""
        self._end(None)

    def fail(self, error: BaseException) -> None:
        """It ended in an exception."""
        self._end(error)

    def abandon(self) -> None:
        """The app has stopped reading before the end; nothing happens where it had not."""
        if self.open:
            self.step.abandoned = True
            self._end(None)

    def close(self) -> None:
        """The response was closed: by the app, unless this is the client's own reading of it."""
        if self._busy:
            return
        if END_OF_STREAM in b"".join(self.answer.bodies[-2:]):
            self.succeed()
        else:
            self.abandon()

    def lasts(self) -> None:
        """The app reads the answer piece by piece."""
        lasts(self)

    def at_end(self, action: Callable[[], None]) -> None:
        """Do this when the call is over."""
        self._ends.append(action)

    @GUARD
    def _end(self, error: BaseException | None) -> None:
        if not self.open:
            return
        self.open = False
        ended(self)
        ends, self._ends = self._ends, []
        for action in ends:
            action()
        answer, step = self.answer, self.step
        if answer.budget.cut:
            step.cut = (*step.cut, v.OUTPUT_MESSAGES)
        size = step.runtime.limit - answer.budget.left + self._body_bytes
        if error is None:
            step.failure = answer.failure
            step.finish(answer, size)
        else:
            status = getattr(error, "status_code", None)
            answer.http_status = status if type(status) is int else None
            step.fail(error, answer, size)

    def __enter__(self) -> None:
        self._busy = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._busy = False
        if error is not None and not isinstance(error, (StopIteration, StopAsyncIteration)):
            self.fail(error)

    def __del__(self) -> None:
        if getattr(self, "open", False):
            self.abandon()
