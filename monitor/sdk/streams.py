"""A streamed answer: the app reads the client's own stream through a proxy that takes notes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from monitor.sdk.bodies import follow_close
from monitor.sdk.guard import GUARD
from monitor.sdk.usage import read

if TYPE_CHECKING:
    from types import TracebackType

    from monitor.sdk.calls import Call

__all__ = ["AsyncStreamProxy", "StreamProxy"]


class _Proxy:
    """Everything that is not reading is the client's own stream, its class included."""

    def __init__(self, stream: Any, call: Call) -> None:
        self._outerloop_stream = stream
        self._outerloop_call = call
        self._outerloop_take = GUARD(_take)
        response = getattr(stream, "response", None)
        if hasattr(response, "aclose"):
            follow_close(response, call)

    @property  # type: ignore[misc]  # so that isinstance(stream, openai.Stream) still holds
    def __class__(self) -> type:
        return type(self._outerloop_stream)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_outerloop"):
            raise AttributeError(name)
        return getattr(self._outerloop_stream, name)

    def __del__(self) -> None:
        call = self.__dict__.get("_outerloop_call")
        if call is not None:
            call.abandon()


def _take(call: Call, chunk: Any) -> bool:
    """Take note of a chunk; whether it is only ours, because we asked for the usage in it."""
    call.note(chunk)
    if not call.hides_usage:
        return False
    if read(chunk, "usage") is not None:
        return not read(chunk, "choices")
    given = getattr(chunk, "model_fields_set", None)
    if isinstance(given, set):  # `"usage": null` stands in every chunk, because we asked
        given.discard("usage")
    return False


class StreamProxy(_Proxy):
    """Stands for an `openai.Stream`."""

    def __iter__(self) -> StreamProxy:
        return self

    def __next__(self) -> Any:
        while True:
            try:
                with self._outerloop_call:
                    chunk = next(self._outerloop_stream)
            except StopIteration:
                self._outerloop_call.succeed()
                raise
            if not self._outerloop_take(self._outerloop_call, chunk):
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
            self._outerloop_call.abandon()

    def close(self) -> None:
        """Close the response; what was read so far is recorded."""
        try:
            self._outerloop_stream.close()
        finally:
            self._outerloop_call.abandon()


class AsyncStreamProxy(_Proxy):
    """Stands for an `openai.AsyncStream`."""

    def __aiter__(self) -> AsyncStreamProxy:
        return self

    async def __anext__(self) -> Any:
        while True:
            try:
                with self._outerloop_call:
                    chunk = await self._outerloop_stream.__anext__()
            except StopAsyncIteration:
                self._outerloop_call.succeed()
                raise
            if not self._outerloop_take(self._outerloop_call, chunk):
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
            self._outerloop_call.abandon()

    async def close(self) -> None:
        """Close the response; what was read so far is recorded."""
        try:
            await self._outerloop_stream.close()
        finally:
            self._outerloop_call.abandon()
