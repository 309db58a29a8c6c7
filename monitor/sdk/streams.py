"""A streamed answer: the app reads the client's own stream through a proxy that takes notes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from monitor.sdk.chat import Answer
from monitor.sdk.guard import GUARD

if TYPE_CHECKING:
    from types import TracebackType

    from monitor.sdk.step import Step

__all__ = ["AsyncStreamProxy", "Call", "StreamProxy"]


class Call:
    """One call to the model, from the request to the last word of its answer."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.answer = Answer(step.runtime.limit, capture=step.runtime.capture)
        self.open = True

    def note(self, chunk: Any) -> None:
        """A chunk has arrived."""
        if self.answer.first_chunk_ns is None:
            self.answer.first_chunk_ns = self.step.since_start_ns()
        self.answer.fold(chunk)

    def succeed(self) -> None:
        """The answer is complete."""
        if self.open:
            self.open = False
            self._mark_cut()
            self.step.finish(self.answer, self._size())

    def fail(self, error: BaseException) -> None:
        """It ended in an exception."""
        if self.open:
            self.open = False
            self._mark_cut()
            self.step.fail(error, self.answer, self._size())

    def abandon(self) -> None:
        """The app has stopped reading before the end; nothing happens where it had not."""
        if self.open:
            self.step.abandoned = True
            self.succeed()

    def _mark_cut(self) -> None:
        if self.answer.budget.cut:
            self.step.cut = (*self.step.cut, "gen_ai.output.messages")

    def _size(self) -> int:
        return self.step.runtime.limit - self.answer.budget.left + len(self.answer.raw or b"")


class _Proxy:
    """Everything that is not reading is the client's own stream, its class included."""

    def __init__(self, stream: Any, call: Call) -> None:
        self._outerloop_stream = stream
        self._outerloop_call = call
        self._outerloop_note = GUARD(call.note)
        self._outerloop_succeed = GUARD(call.succeed)
        self._outerloop_fail = GUARD(call.fail)
        self._outerloop_abandon = GUARD(call.abandon)

    @property  # type: ignore[misc]  # so that isinstance(stream, openai.Stream) still holds
    def __class__(self) -> type:
        return type(self._outerloop_stream)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_outerloop"):
            raise AttributeError(name)
        return getattr(self._outerloop_stream, name)

    def __del__(self) -> None:
        call = self.__dict__.get("_outerloop_call")
        if call is not None and call.open:
            self._outerloop_abandon()


class StreamProxy(_Proxy):
    """Stands for an `openai.Stream`."""

    def __iter__(self) -> StreamProxy:
        return self

    def __next__(self) -> Any:
        try:
            chunk = next(self._outerloop_stream)
        except StopIteration:
            self._outerloop_succeed()
            raise
        except BaseException as error:
            self._outerloop_fail(error)
            raise
        self._outerloop_note(chunk)
        return chunk

    def __enter__(self) -> Self:
        self._outerloop_stream.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> Any:
        try:
            return self._outerloop_stream.__exit__(kind, error, trace)
        finally:
            self._outerloop_abandon()

    def close(self) -> None:
        """Close the response; what was read so far is recorded."""
        try:
            self._outerloop_stream.close()
        finally:
            self._outerloop_abandon()


class AsyncStreamProxy(_Proxy):
    """Stands for an `openai.AsyncStream`."""

    def __aiter__(self) -> AsyncStreamProxy:
        return self

    async def __anext__(self) -> Any:
        try:
            chunk = await self._outerloop_stream.__anext__()
        except StopAsyncIteration:
            self._outerloop_succeed()
            raise
        except BaseException as error:
            self._outerloop_fail(error)
            raise
        self._outerloop_note(chunk)
        return chunk

    async def __aenter__(self) -> Self:
        await self._outerloop_stream.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> Any:
        try:
            return await self._outerloop_stream.__aexit__(kind, error, trace)
        finally:
            self._outerloop_abandon()

    async def close(self) -> None:
        """Close the response; what was read so far is recorded."""
        try:
            await self._outerloop_stream.close()
        finally:
            self._outerloop_abandon()
