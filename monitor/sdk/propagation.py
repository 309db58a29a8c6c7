"""The trace across threads, executors and services; nothing here patches anything.

Tasks follow by themselves (context variables do). A thread or an executor does not: give it
`propagate(function)`, or switch on OpenTelemetry's own threading instrumentation, which carries
our spans too, since they live in OpenTelemetry's context.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, TypeVar

from monitor.sdk.guard import GUARD
from monitor.sdk.surroundings import attach, detach, surroundings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping

__all__ = ["extract", "inject", "propagate"]

F = TypeVar("F", bound="Callable[..., Any]")


def propagate(function: F) -> F:
    """`function`, to be run elsewhere as if here: under the current span, session, user and tags.

    For `executor.submit(monitor.propagate(work), ...)`, `executor.map`, `threading.Thread`,
    callbacks. May be called any number of times, also at once.
    """
    here = surroundings()
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def continued(*args: Any, **kwargs: Any) -> Any:
            token = attach(here)
            try:
                return await function(*args, **kwargs)
            finally:
                detach(token)

        return continued  # type: ignore[return-value]  # the same signature, by way of wraps

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        token = attach(here)
        try:
            return function(*args, **kwargs)
        finally:
            detach(token)

    return run  # type: ignore[return-value]  # the same signature, by way of wraps


def inject(headers: MutableMapping[str, str]) -> None:
    """Add W3C `traceparent` and `tracestate` of the current span to the headers of a request.

    Session, user and tags stay here: they are nobody else's business.
    """
    with GUARD:
        _w3c().inject(headers)


class extract:  # noqa: N801 - used as `with monitor.extract(...)`
    """Everything inside belongs to the trace that the headers of a request name, if any.

    Not needed where OpenTelemetry's instrumentation of the web framework is at work: its server
    span is the current one, and ours nest under it.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers
        self._token: Any = None

    def __enter__(self) -> None:
        with GUARD:
            named = {str(name).lower(): str(value) for name, value in self._headers.items()}
            self._token = attach(_w3c().extract(named, context=surroundings()))

    def __exit__(self, *error: object) -> None:
        detach(self._token)


def _w3c() -> Any:
    from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415 - only where used
        TraceContextTextMapPropagator,
    )

    return TraceContextTextMapPropagator()
