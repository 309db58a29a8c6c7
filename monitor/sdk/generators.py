"""Observed generators: driven by hand, so that the span is current only while their own code runs.

What the consumer sends or throws, its dropping of the generator (GeneratorExit) included, is handed
to the app's generator by the same method, so that it sees and answers exactly what it would have
without us.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from monitor import vocabulary as v
from monitor.sdk.guard import GUARD, without_us
from monitor.sdk.lasting import ended, lasts
from monitor.sdk.observed import Observed, open_step
from monitor.sdk.snapshot import Budget, snapshot
from monitor.sdk.surroundings import detach

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from monitor.sdk.step import Step

__all__ = ["observe_async_generator", "observe_generator"]


class Yields:
    """What a generator has yielded so far, within the budget of one attribute."""

    __slots__ = ("__weakref__", "_budget", "_items", "_keep", "_limit", "_step")

    def __init__(self, observed: Observed, step: Step | None) -> None:
        self._limit = step.runtime.limit if step is not None else 0
        self._keep = step is not None and observed.capture and step.runtime.capture
        self._budget = Budget(self._limit)
        self._items: list[Any] = []
        self._step = step
        if step is not None:
            lasts(self)

    def note(self, item: Any) -> None:
        """Keep one more item, while there is room."""
        if not self._keep:
            return
        if self._budget.left <= 0:
            self._budget.cut = True
            return
        self._items.append(snapshot(item, self._budget))

    def close(self, error: BaseException | None) -> None:
        """The end: by running out, by an exception, or by being dropped."""
        step, self._step = self._step, None
        if step is None:
            return
        ended(self)
        self._keep = False
        if self._budget.cut:
            step.cut = (*step.cut, v.OUTERLOOP_OUTPUT)
        size = self._limit - self._budget.left
        if error is None:
            step.finish(self._items, size)
        else:
            step.fail(error, self._items, size)

    def abandon(self) -> None:
        """The process ends before the generator does."""
        self.close(GeneratorExit())


def observe_generator(function: Callable[..., Any], observed: Observed) -> Callable[..., Any]:
    """`function`, with every run of its generator as one span."""
    enter = GUARD(observed.enter)

    @functools.wraps(function)
    def generate(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        step = open_step(observed, args, kwargs)
        if step is None:
            return (yield from function(*args, **kwargs))
        yields = Yields(observed, step)
        note, close = GUARD(yields.note), GUARD(yields.close)
        value: Any = None
        try:
            inner = function(*args, **kwargs)
            resume = inner.send
            while True:
                token = enter(step)
                try:
                    item = resume(value)
                finally:
                    detach(token)
                note(item)
                try:
                    value = yield item
                    resume = inner.send
                except BaseException as error:  # noqa: BLE001 - handed on to the generator
                    without_us(error)
                    value, resume = error, inner.throw
        except StopIteration as stop:
            close(None)
            return stop.value
        except BaseException as error:
            value = None  # or the exception would hold itself by way of this frame
            without_us(error)
            close(error)
            raise

    return generate


def observe_async_generator(function: Callable[..., Any], observed: Observed) -> Callable[..., Any]:
    """`function`, with every run of its async generator as one span."""
    enter = GUARD(observed.enter)

    @functools.wraps(function)
    async def generate(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        step = open_step(observed, args, kwargs)
        yields = Yields(observed, step)
        note, close = GUARD(yields.note), GUARD(yields.close)
        value: Any = None
        try:
            inner = function(*args, **kwargs)
            resume = inner.asend
            while True:
                token = enter(step) if step is not None else None
                try:
                    item = await resume(value)
                finally:
                    detach(token)
                note(item)
                try:
                    value = yield item
                    resume = inner.asend
                except BaseException as error:  # noqa: BLE001 - handed on to the generator
                    without_us(error)
                    value, resume = error, inner.athrow
        except StopAsyncIteration:
            close(None)
        except BaseException as error:
            value = None  # or the exception would hold itself by way of this frame
            without_us(error)
            close(error)
            raise

    return generate
