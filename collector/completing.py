"""After a segment: calls whose content comes as log events are completed at once, not a minute later.

The scheduled job `completion` does the same for rows that stock Collectors wrote, and for calls
that wrap others; see `monitor.store.completion`.
"""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from clickhouse_connect.driver.exceptions import ClickHouseError

from monitor.store.completion import complete_calls

if TYPE_CHECKING:
    from collector.batch import Account
    from monitor.store import Store

__all__ = ["Completing"]

LOG = logging.getLogger(__name__)

EVENTS_FOR_S = 600.0
"""So long after the last such event, spans may be what it belongs to."""
EVERY_S = 1.0
APART = timedelta(minutes=5)
"""An event's time and its span's differ by less."""
SLICE, MOST_SLICES = timedelta(hours=6), 28
"""Of the told times; data that span more than a week are left to the job."""
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


class Completing:
    """Remembers what may have to be completed; used by the writer's thread alone."""

    def __init__(self) -> None:
        self._events_until = self._ran = 0.0
        self._window: tuple[int, int] | None = None

    def note(self, account: Account) -> None:
        """A segment has been stored."""
        now = time.monotonic()
        if account.completes:
            self._events_until = now + EVENTS_FOR_S
        if now < self._events_until and account.times[0]:
            first, last = self._window or account.times
            self._window = (min(first, account.times[0]), max(last, account.times[1]))

    def run(self, store: Store, *, at_once: bool = False) -> None:
        """Complete what was noted, at most once a second; a failure is left to the job."""
        if self._window is None or (time.monotonic() - self._ran < EVERY_S and not at_once):
            return
        (first, last), self._window = self._window, None
        until = min(_moment(last) + timedelta(microseconds=1), LATEST)
        since = max(min(_moment(first), until), until - SLICE * MOST_SLICES)
        try:
            while since < until:
                end = min(since + SLICE, until)
                complete_calls(store, since, end, apart=APART)
                since = end
        except ClickHouseError as error:
            LOG.warning("completion.failed reason=%s", str(error)[:500])
        self._ran = time.monotonic()


def _moment(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(min(nanoseconds / 1e9, LATEST.timestamp()), UTC)
