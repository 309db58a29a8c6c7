"""Nothing that the SDK does wrong reaches the app: one guard, as a decorator or in a `with`."""

from __future__ import annotations

import contextlib
import functools
import logging
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["GUARD", "LOGGER", "Guard", "without_us"]

LOGGER = logging.getLogger("outerloop")

P = ParamSpec("P")
R = TypeVar("R")


class Guard:
    """Swallows an exception of ours, counts it, and logs it once for every place it comes from.

    `strict = True` raises instead: for the SDK's own tests, never decided by sniffing at the
    process.

    >>> guard = Guard()
    >>> LOGGER.disabled = True
    >>> guard(lambda: 1 / 0)() is None
    True
    >>> with guard:
    ...     raise KeyError("not the app's business")
    >>> guard.count
    2
    >>> LOGGER.disabled = False
    """

    def __init__(self) -> None:
        self.strict = False
        self.count = 0
        self._told: set[str] = set()

    def __call__(self, function: Callable[P, R]) -> Callable[P, R | None]:
        """`function`, which then returns None where it would have raised."""

        @functools.wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R | None:
            try:
                return function(*args, **kwargs)
            except Exception as error:  # noqa: BLE001 - that is its purpose
                self.swallow(error)
                return None

        return guarded

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if self.strict or not isinstance(error, Exception):
            return False
        self.note(error)
        return True

    def swallow(self, error: Exception) -> None:
        """What an `except` of ours does with `error`."""
        if self.strict:
            raise error
        self.note(error)

    def note(self, error: Exception) -> None:
        """Count `error` and log it, the first time that its kind comes from its place."""
        self.count += 1
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}" if trace else "?"
        self.warn(
            f"{type(error).__name__} at {place}",
            "outerloop: the SDK failed (%s at %s); the app is not affected, this telemetry is lost",
            type(error).__name__,
            place,
        )

    def warn(self, cause: str, message: str, *values: object) -> None:
        """Log `message`, once for each `cause`."""
        if cause in self._told:
            return
        if len(self._told) < 1000:  # bounded, whatever an app makes up as causes
            self._told.add(cause)
        with contextlib.suppress(
            Exception
        ):  # an app's own log filter may raise; there is nobody left to tell
            LOGGER.warning(message, *values)


GUARD = Guard()
"""The one that every entry point uses."""


def without_us(error: BaseException) -> None:
    """Take the caller's frame out of the traceback of the `error` that it is about to raise again."""
    trace = error.__traceback__
    if trace is not None:
        error.__traceback__ = trace.tb_next
