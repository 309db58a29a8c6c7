"""`wrap`: an OpenAI client whose calls are recorded; the client itself stays what it is.

All of a client's resources, helpers and raw variants send by its `request`, once for every call,
and `request` sends by `_prepare_request`, once for every attempt. These two are what is observed.
"""

from __future__ import annotations

import inspect
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from monitor.sdk.calls import SENDING
from monitor.sdk.guard import GUARD
from monitor.sdk.sending import Wishes, begin
from monitor.sdk.streams import AsyncStreamProxy, StreamProxy

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["wrap"]

C = TypeVar("C")
MARK = "__outerloop__"
HOOKS = ("request", "_prepare_request")


def wrap(client: C, *, stream_usage: bool = True, propagate: bool = True) -> C:
    """Record every call of an OpenAI client: OpenAI, AsyncOpenAI, Azure's, and their subclasses.

    The very same object comes back, of a class derived from its own, so that what others keep of
    it or have changed in it stays in force: chat completions, responses, embeddings and legacy
    completions, `parse`, streams, `with_raw_response` and `with_streaming_response`, and clients
    made from it by `with_options` or `copy`. Wrapping twice changes nothing.

    Args:
        client: An OpenAI client, for any OpenAI-compatible address.
        stream_usage: Ask for a stream's token counts (`stream_options.include_usage`) where the
            app does not; the extra chunk is kept from the app, and a server that refuses the
            option is asked again without. False sends every request as it is and estimates.
        propagate: Send the W3C `traceparent` header, unless the app sets it itself.
    """
    with GUARD:
        _wrap(client, Wishes(stream_usage, propagate))
    return client


def _wrap(client: Any, wishes: Wishes) -> None:
    kind: Any = type(client)
    if hasattr(kind, MARK):
        return
    if not all(inspect.isfunction(getattr(kind, name, None)) for name in HOOKS):
        GUARD.warn(
            f"wrap {kind}",
            "outerloop: wrap takes an OpenAI or AsyncOpenAI client, not %s",
            kind.__name__,
        )
        return
    client.__class__ = _observed(kind, wishes)


@cache
def _observed(kind: Any, wishes: Wishes) -> type:
    """A class that is `kind`, by name, place and descent, and is observed."""
    waits = inspect.iscoroutinefunction(getattr(kind, HOOKS[1]))
    made: type = _asynchronous(kind, wishes) if waits else _synchronous(kind, wishes)
    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(made, name, getattr(kind, name))

    def reduce(client: Any, protocol: Any) -> Any:
        """Copied and pickled as the class that everyone can import, then wrapped again."""
        make, arguments, *rest = kind.__reduce_ex__(client, protocol)
        if arguments[:1] == (made,):
            return _renew, (make, kind, wishes, *arguments[1:]), *rest
        return make, arguments, *rest

    made.__reduce_ex__ = reduce  # type: ignore[method-assign,assignment]  # it is a new class
    setattr(made, MARK, True)
    return made


def _renew(make: Callable[..., Any], kind: Any, wishes: Wishes, *arguments: Any) -> Any:
    return make(_observed(kind, wishes), *arguments)


def _synchronous(kind: Any, wishes: Wishes) -> type:
    class Client(kind):  # type: ignore[misc]  # known only when it runs
        __slots__ = ()  # so that a client can become one

        def request(self, cast_to: Any, options: Any, *args: Any, **kwargs: Any) -> Any:
            sending = begin(self, options, wishes)
            if sending is None:
                return super().request(cast_to, options, *args, **kwargs)
            try:
                while True:
                    try:
                        reply = super().request(cast_to, sending.options, *args, **kwargs)
                        break
                    except BaseException as error:
                        if not sending.retreats(error):
                            sending.call.fail(error)
                            raise
            finally:
                sending.call.sent()
            return sending.settle(reply, StreamProxy)

        def _prepare_request(self, request: Any) -> None:
            super()._prepare_request(request)
            call = SENDING.get()
            if call is not None:
                call.attempt(request, propagate=wishes.propagate)

    return Client


def _asynchronous(kind: Any, wishes: Wishes) -> type:
    class Client(kind):  # type: ignore[misc]  # known only when it runs
        __slots__ = ()  # so that a client can become one

        async def request(self, cast_to: Any, options: Any, *args: Any, **kwargs: Any) -> Any:
            sending = begin(self, options, wishes)
            if sending is None:
                return await super().request(cast_to, options, *args, **kwargs)
            try:
                while True:
                    try:
                        reply = await super().request(cast_to, sending.options, *args, **kwargs)
                        break
                    except BaseException as error:
                        if not sending.retreats(error):
                            sending.call.fail(error)
                            raise
            finally:
                sending.call.sent()
            return sending.settle(reply, AsyncStreamProxy)

        async def _prepare_request(self, request: Any) -> None:
            await super()._prepare_request(request)
            call = SENDING.get()
            if call is not None:
                call.attempt(request, propagate=wishes.propagate)

    return Client
