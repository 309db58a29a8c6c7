"""Completes calls: content that came apart from its span, wrappers that are no request of their own.

Reads `calls`, `steps` and `otel_logs`; writes `calls` and `steps` once more. Runs every minute, for rows that others
than our collector wrote: the collector does the same right after it has stored something.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from monitor.store.completion import complete_calls

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from monitor.jobs.job import Window
    from monitor.settings import Settings
    from monitor.store import Store

PIECE = timedelta(hours=6)
"""A longer window, such as the first one, is worked through in pieces of this length."""


def run(store: Store, settings: Settings, window: Window) -> Mapping[str, int]:  # noqa: ARG001 - the signature of a job
    """Complete what the window holds."""
    return {
        "completed": sum(
            complete_calls(store, since, until) for since, until in _pieces(store, window)
        )
    }


def _pieces(store: Store, window: Window) -> Iterator[tuple[datetime, datetime]]:
    if window.until - window.since <= PIECE:
        yield window.since, window.until
        return
    for (start,) in store.rows("complete_calls_times", since=window.since, until=window.until):
        yield max(start, window.since), min(start + PIECE, window.until)
