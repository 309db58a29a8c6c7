"""Outcome join: what really happened, brought to the call it belongs to.

Reads `scores` of source `outcome` and `user` that were told about a trace or a session in the last
`ATTRIBUTION` days, and `calls`; writes one score on the call itself (target `call`, same name, source and value, id
`joined:<id>`). An outcome of a trace or session goes to its last call before the outcome became true. One that
arrives before its call is tried again at every run until the attribution window is over. Runs every ten minutes.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from monitor.records import ScoreRow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.jobs.job import Window
    from monitor.settings import Settings
    from monitor.store import Store

ATTRIBUTION = timedelta(days=60)
"""An outcome told about a call that is older than this is not joined."""


def run(store: Store, settings: Settings, window: Window) -> Mapping[str, int]:
    """Join every outcome that has found its call and is not joined yet."""
    del settings
    period: dict[str, Any] = {"since": window.until - ATTRIBUTION, "until": window.until}
    joined = store.read("outcomes_to_join", ScoreRow, **period)
    store.append("scores", joined)
    return {"joined": len(joined), "waiting": int(store.value("outcomes_waiting", **period))}
