"""Hours: what the calls of each service and hour add up to, so that the dashboards need not read the calls.

Reads `calls`, `scores_by_time` and `hours_touched`; writes `hours_tags`, `hours_told` and then `hours`, which is the
seal, and `hours_touched` once more for hours whose calls were scored since. Runs every ten minutes; nothing stops it
and nothing depends on it: an hour that is not summed up, or to which calls have come since, is read call by call.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.jobs.job import Window
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = ["add_up", "run"]

QUIET_S = 600
"""An insert takes less than this: what began before an hour was read is then in it."""
AT_ONCE, ROUNDS = 300, 40
"""Hours of services that are added up at once, so that it fits into memory; and rounds of one run."""
EDGE = timedelta(days=2)
"""Hours that come so near the end of their keeping are opened for good: rows go there while nobody looks."""


def run(store: Store, settings: Settings, _: Window) -> Mapping[str, int]:
    """Add up the hours that are due. When that is, is the store's clock's affair."""
    return add_up(store, kept_since=_kept_since(store, settings), quiet_s=QUIET_S)


def add_up(store: Store, *, kept_since: datetime, quiet_s: int) -> Mapping[str, int]:
    """Add up the hours after `kept_since` that have been quiet for so long; counts them and those that still wait."""
    store.write("open_aged_hours", kept_since=kept_since)
    store.write("mark_scored_hours", quiet_s=quiet_s)
    sealed, waiting = 0, 0
    for _round in range(ROUNDS):
        found = store.rows("hours_due", quiet_s=quiet_s, kept_since=kept_since, how_many=AT_ONCE)
        waiting = found[0][3] if found else 0
        if not found:
            break
        due, began = [(service, hour) for service, hour, *_ in found], found[0][2]
        for question in ("seal_tags", "seal_told", "seal_hours"):
            store.write(question, due=due, began=began)
        sealed, waiting = sealed + len(due), waiting - len(due)
    return {"hours": sealed, "waiting": waiting}


def _kept_since(store: Store, settings: Settings) -> datetime:
    if not settings.retention_days:
        return datetime.fromtimestamp(0, UTC)
    now: datetime = store.value("store_time")
    return now - timedelta(days=settings.retention_days) + EDGE
