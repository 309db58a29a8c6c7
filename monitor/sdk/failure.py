"""What is kept of an exception, without holding on to it or to its frames."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Failure", "describe_failure"]

DEEPEST_TRACE = 30
PLAIN = (BaseException.__str__, Exception.__str__)


class Failure(NamedTuple):
    """An exception, without holding on to it or to its frames."""

    kind: str
    message: str
    places: tuple[tuple[str, int, str], ...]
    """File, line and function, from the outermost call inwards."""


def describe_failure(error: BaseException) -> Failure:
    """What is kept of `error`. Its message is asked for once; one that raises is left empty."""
    message = _message(error)
    places: list[tuple[str, int, str]] = []
    trace = error.__traceback__
    while trace is not None and len(places) < DEEPEST_TRACE:
        code = trace.tb_frame.f_code
        places.append((code.co_filename, trace.tb_lineno, code.co_qualname))
        trace = trace.tb_next
    return Failure(type(error).__qualname__, message, tuple(places))


def _message(error: BaseException) -> str:
    """The text of `error`, without running the app's code where that can be avoided."""
    if len(error.args) == 1 and type(error.args[0]) is str and type(error).__str__ in PLAIN:
        return error.args[0][:4096]
    try:
        return str(error)[:4096]
    except Exception:  # noqa: BLE001 - the app's own __str__ may raise anything
        return ""
