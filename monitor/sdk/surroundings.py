"""What surrounds a call: the current span (OpenTelemetry's own context) and the app's labels.

Both live in the OpenTelemetry context, so our spans nest with those of every other instrumentation,
in both directions, and follow tasks wherever context variables follow them.
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.context import Context

from monitor import vocabulary as v
from monitor.sdk.guard import GUARD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

__all__ = [
    "LABELS",
    "SPAN",
    "Labels",
    "Place",
    "attach",
    "context",
    "current",
    "current_labels",
    "detach",
    "last_call",
    "reset",
    "surroundings",
]

SPAN: str = next(iter(trace.set_span_in_context(trace.INVALID_SPAN, Context())))
"""The key under which OpenTelemetry keeps the current span."""
LABELS = otel.create_key("outerloop-labels")


def _variable() -> tuple[Callable[[], Context], Callable[[Any], Any], Callable[[Any], None]]:
    """Read, set and reset of the current context: the variable itself where there is one."""
    token: Any = otel.attach(otel.get_current())
    otel.detach(token)
    if isinstance(token, Token):
        variable: ContextVar[Context] = token.var
        return variable.get, variable.set, variable.reset
    return otel.get_current, otel.attach, otel.detach


surroundings, attach, reset = _variable()
"""Attached are plain dictionaries, at half of a `Context`'s price: that is one which is read-only."""


def detach(token: Any) -> None:
    """Make current what was current before `token`."""
    try:
        if token is not None:
            reset(token)
    except (
        ValueError
    ):  # it ends in another context than it began in: that one keeps its own current span
        return


@dataclass(frozen=True, slots=True)
class Labels:
    """What the app said about the calls it is making."""

    session: str | None = None
    user: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    prompt_name: str | None = None
    prompt_version: str | None = None

    def attributes(self) -> Iterator[tuple[str, str]]:
        """As span attributes."""
        named = (
            (v.SESSION_ID, self.session),
            (v.USER_ID, self.user),
            (v.PROMPT_NAME, self.prompt_name),
            (v.PROMPT_VERSION, self.prompt_version),
        )
        yield from ((name, value) for name, value in named if value is not None)
        yield from ((v.OUTERLOOP_TAG_PREFIX + name, value) for name, value in self.tags)


NO_LABELS = Labels()


def current_labels() -> Labels:
    """The labels of the innermost `monitor.context`."""
    labels = surroundings().get(LABELS)
    return labels if isinstance(labels, Labels) else NO_LABELS


@dataclass(frozen=True, slots=True)
class Place:
    """Where a span stands, as feedback and outcomes want to know it."""

    trace_id: str
    """32 hexadecimal digits."""
    span_id: str
    """16 hexadecimal digits."""


def current() -> Place | None:
    """The span that is open here, ours or another instrumentation's; None outside of any.

    Keep its `trace_id` with what is shown to a user, and give it to `monitor.feedback` later.
    """
    span = surroundings().get(SPAN)
    if not isinstance(span, trace.Span):
        return None
    place = span.get_span_context()
    return Place(f"{place.trace_id:032x}", f"{place.span_id:016x}") if place.is_valid else None


_last_call: ContextVar[Place | None] = ContextVar("outerloop_last_call", default=None)


def last_call() -> Place | None:
    """The newest LLM call that a wrapped client made in this task or thread; None before the first.

    Read it straight after the call: a thread or task that is reused still holds the call before.
    """
    return _last_call.get()


def remember_call(trace_id: int, span_id: int) -> None:
    """Make this the call that `last_call` answers with."""
    _last_call.set(Place(f"{trace_id:032x}", f"{span_id:016x}"))


class context:  # noqa: N801 - used as `with monitor.context(...)`
    """Says whose calls these are: everything observed inside carries it, nested contexts add to it.

    Args:
        session: One conversation or task of a user; outcomes can be told by it.
        user: Who it is for.
        tags: Slices to compare later, for example `{"tenant": "acme"}`.
        prompt_name: Which prompt the calls inside use.
        prompt_version: Which version of it.
    """

    def __init__(
        self,
        *,
        session: str | None = None,
        user: str | None = None,
        tags: Mapping[str, Any] | None = None,
        prompt_name: str | None = None,
        prompt_version: str | None = None,
    ) -> None:
        self._said = {
            "session": session,
            "user": user,
            "prompt_name": prompt_name,
            "prompt_version": prompt_version,
        }
        self._tags = tags
        self._tokens: list[Any] = []

    def __enter__(self) -> None:
        token = None
        with GUARD:
            token = attach({**surroundings(), LABELS: self._merged(current_labels())})
        self._tokens.append(token)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with GUARD:
            token = self._tokens.pop()
            if token is not None:
                detach(token)

    def _merged(self, outer: Labels) -> Labels:
        said = {name: str(value) for name, value in self._said.items() if value is not None}
        tags = dict(outer.tags)
        tags.update((str(name), str(value)) for name, value in (self._tags or {}).items())
        return replace(outer, tags=tuple(tags.items()), **said)
