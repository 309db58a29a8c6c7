"""Completes calls: content that came apart from its span, wrappers that are no request of their own.

Reads `calls`, `steps` and `otel_logs`; writes `calls` and `steps` once more. Runs every minute, for rows that others
than our collector wrote: the collector does the same right after it has stored something.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from monitor.jobs.job import Window
from monitor.store.completion import complete_calls

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from monitor.settings import Settings
    from monitor.store import Store

PIECE = timedelta(hours=6)
"""A longer window, such as the first one, is worked through in pieces of this length, …"""
AT_ONCE = 100_000
"""… or longer ones, while they hold no more calls than this."""


def run(store: Store, settings: Settings, window: Window) -> Mapping[str, int]:  # noqa: ARG001 - the signature of a job
    """Complete what the window holds."""
    return {
        "completed": sum(
            complete_calls(store, since, until) for since, until in _pieces(store, window)
        )
    }


def _pieces(store: Store, window: Window) -> Iterable[tuple[datetime, datetime]]:
    since, until = window.since, window.until
    if until - since <= PIECE:
        return [(since, until)]
    return pieces(store.rows("complete_calls_times", since=since, until=until), window)


def pieces(
    quarters: Iterable[Sequence[Any]], window: Window
) -> Iterator[tuple[datetime, datetime]]:
    """A window in pieces that hold calls: as few as their number allows.

    >>> from datetime import UTC
    >>> at = [datetime(2024, 3, 1, hour, tzinfo=UTC) for hour in (0, 6, 12, 18)]
    >>> asked = pieces(zip(at, (70_000, 20_000, 20_000, 5), strict=True), Window(at[0], at[3]))
    >>> [(since.hour, until.hour) for since, until in asked]
    [(0, 12), (12, 18)]
    """
    held, since, until = 0, window.since, window.since
    for start, calls in quarters:
        if held and held + calls > AT_ONCE:
            yield since, until
            held = 0
        since = since if held else max(start, window.since)
        held, until = held + calls, min(start + PIECE, window.until)
    if held:
        yield since, until
