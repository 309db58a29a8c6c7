"""`observe`: what goes into a function, what comes out, how long it took; nothing else changes."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from monitor.sdk.generators import observe_async_generator, observe_generator
from monitor.sdk.guard import GUARD, without_us
from monitor.sdk.observed import Observed, begin
from monitor.sdk.step import Step
from monitor.sdk.surroundings import detach, reset

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["observe"]

P = ParamSpec("P")
R = TypeVar("R")


@overload
def observe(function: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def observe(
    *,
    kind: str = ...,
    name: str | None = ...,
    prompt_name: str | None = ...,
    prompt_version: str | None = ...,
    capture: bool = ...,
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


def observe(
    function: Callable[..., Any] | None = None,
    /,
    *,
    kind: str = "function",
    name: str | None = None,
    prompt_name: str | None = None,
    prompt_version: str | None = None,
    capture: bool = True,
) -> Any:
    """Record every call of a function, coroutine, generator, async generator or method.

    What the function returns, raises and yields stays as it is. Inside, `monitor.current()` tells
    the trace; LLM calls and other observed functions nest under it. Arguments and results are
    copied when they can change (see `monitor.sdk.snapshot`); arguments whose name says secret are
    masked. A generator is timed from its first `next` to its end, and recorded as abandoned when it
    is dropped before.

    Args:
        function: What to observe, when the decorator is used without brackets.
        kind: `function`, `tool`, `retriever`, `agent` or `chain`.
        name: Shown instead of the function's own name.
        prompt_name: The prompt that this function and the LLM calls inside it use.
        prompt_version: Its version.
        capture: False keeps neither arguments nor result.

    >>> @observe
    ... def double(number: int) -> int:
    ...     return 2 * number
    >>> double(21)
    42
    """
    options = {"kind": kind, "name": name, "capture": capture}
    options |= {"prompt_name": prompt_name, "prompt_version": prompt_version}
    if function is None:
        return functools.partial(_observe, options=options)
    return _observe(function, options)


def _observe(function: Any, options: dict[str, Any]) -> Any:
    if isinstance(function, (classmethod, staticmethod)):
        return type(function)(_observe(function.__func__, options))
    if not callable(function) or inspect.isclass(function):
        GUARD.warn(
            f"observe {function!r:.80}",
            "outerloop: observe takes a function, not %s",
            type(function).__name__,
        )
        return function
    observed = GUARD(Observed)(function, options)
    if observed is None:
        return function
    if inspect.isasyncgenfunction(function):
        return observe_async_generator(function, observed)
    if inspect.isgeneratorfunction(function):
        return observe_generator(function, observed)
    return (
        _observe_coroutine(function, observed)
        if inspect.iscoroutinefunction(function)
        else _observe_call(function, observed)
    )


def _observe_call(function: Callable[..., Any], observed: Observed) -> Callable[..., Any]:
    close, fail = observed.close, GUARD(Step.fail)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        step = begin(observed, args, kwargs)
        if step is None:
            return function(*args, **kwargs)
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            detach(step.token)
            without_us(error)
            fail(step, error)
            raise
        try:
            reset(step.token)
            close(step, result)
        except Exception as error:  # noqa: BLE001 - the guard's work, in line for speed
            GUARD.swallow(error)
        return result

    return call


def _observe_coroutine(function: Callable[..., Any], observed: Observed) -> Callable[..., Any]:
    close, fail = observed.close, GUARD(Step.fail)

    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        step = begin(observed, args, kwargs)
        if step is None:
            return await function(*args, **kwargs)
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            detach(step.token)
            without_us(error)
            fail(step, error)
            raise
        try:
            detach(step.token)
            close(step, result)
        except Exception as error:  # noqa: BLE001 - the guard's work, in line for speed
            GUARD.swallow(error)
        return result

    return call
