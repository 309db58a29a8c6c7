"""Structural checks on new calls: is the answer valid JSON, and does it keep the service's schema?

Reads new rows of `calls`; writes `scores` (source `check`, names `json_valid` and `json_schema`). Runs every ten
minutes. A service whose answers are mostly no JSON is left alone. The schema of a service is the file
`<data dir>/schemas/<service>.json` (JSON Schema 2020-12); without one only validity is checked.

Calls that come in late (a sender was cut off, an outage is filled in) are found by what they lack: up to `LATE` before
the window, a call without a verdict whose service has verdicts is checked too, the oldest first, `MOST_LATE` a run.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from judges.checks.json_answers import JsonSchema, JsonValid
from judges.interaction import Judgement
from monitor.exceptions import ConfigurationError
from monitor.jobs.calls import Call, calls_without
from monitor.records import ScoreRow
from monitor.retrain.answers import structured

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from judges.interaction import Judge
    from monitor.jobs.job import Window
    from monitor.settings import Settings
    from monitor.store import Store

LATE = timedelta(days=3)
"""How long after its own time a call may come in and still be checked."""
MOST_LATE = 5_000
"""Late calls of one run; the next one takes up what is left."""


def run(store: Store, settings: Settings, window: Window) -> Mapping[str, int]:
    """Check every call of the window that has no check yet, and what came in late."""
    found: dict[str, list[Call]] = defaultdict(list)
    for call in calls_without(store, "json_valid", window):
        found[call.service].append(call)
    kept = {
        service: calls
        for service, calls in found.items()
        if structured(call.output for call in calls)
    }
    counts: Counter[str] = Counter()
    for service, calls in _late(store, window).items():
        kept[service] = [*calls, *kept.get(service, [])]
        counts["late"] += len(calls)
    for service, calls in kept.items():
        rows = asyncio.run(
            _verdicts(_checks(settings.data_dir / "schemas", service), calls, window)
        )
        counts["calls"] += len(calls)
        counts["failed"] += sum(row.value == 0 for row in rows)
        store.append("scores", rows)
    return counts


def _late(store: Store, window: Window) -> dict[str, list[Call]]:
    """Calls from before the window that nobody has checked, by service; hours of plain answers are left out."""
    hours: dict[tuple[str, datetime], list[Call]] = defaultdict(list)
    since = window.since - LATE
    for call in store.read(
        "calls_late_without_score",
        Call,
        name="json_valid",
        since=since,
        until=window.since,
        most=MOST_LATE,
    ):
        hours[call.service, call.timestamp.replace(minute=0, second=0, microsecond=0)].append(call)
    late: dict[str, list[Call]] = defaultdict(list)
    for (service, _), calls in hours.items():
        if structured(call.output for call in calls):
            late[service] += calls
    return late


def _checks(folder: Path, service: str) -> list[Judge]:
    path = folder / f"{service}.json"
    if not path.exists():
        return [JsonValid()]
    try:
        return [JsonValid(), JsonSchema(json.loads(path.read_text("utf-8")))]
    except ValueError as error:
        raise ConfigurationError(f"{path} is no JSON Schema: {error}") from error


async def _verdicts(
    checks: Sequence[Judge], calls: Sequence[Call], window: Window
) -> list[ScoreRow]:
    rows = []
    for call in calls:
        for check in checks:
            verdict = await check(call.interaction())
            if isinstance(verdict, Judgement):
                rows.append(_row(call, verdict, window))
    return rows


def _row(call: Call, verdict: Judgement, window: Window) -> ScoreRow:
    return call.score(
        f"check:{verdict.name}",
        name=verdict.name,
        source="check",
        value=float(verdict.value),
        label=verdict.label,
        explanation=verdict.reason,
        author=verdict.version,
        now=window.until,
    )
