"""Structural checks on new calls: is the answer valid JSON, and does it keep the service's schema?

Reads new rows of `calls`; writes `scores` (source `check`, names `json_valid` and `json_schema`). Runs every ten
minutes. A service whose answers are mostly no JSON is left alone. The schema of a service is the file
`<data dir>/schemas/<service>.json` (JSON Schema 2020-12); without one only validity is checked.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from judges.checks.json_answers import JsonSchema, JsonValid
from judges.interaction import Judgement
from monitor.exceptions import ConfigurationError
from monitor.jobs.calls import Call, calls_without
from monitor.records import ScoreRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from judges.interaction import Judge
    from monitor.jobs.job import Window
    from monitor.settings import Settings
    from monitor.store import Store

STRUCTURED_SHARE = 0.5
"""A service is taken to answer in JSON when at least this share of its answers starts like it."""


def run(store: Store, settings: Settings, window: Window) -> Mapping[str, int]:
    """Check every call of the window that has no check yet."""
    by_service: dict[str, list[Call]] = defaultdict(list)
    for call in calls_without(store, "json_valid", window):
        by_service[call.service].append(call)
    counts: Counter[str] = Counter()
    for service, calls in by_service.items():
        if not _structured(calls):
            continue
        rows = asyncio.run(
            _verdicts(_checks(settings.data_dir / "schemas", service), calls, window)
        )
        counts["calls"] += len(calls)
        counts["failed"] += sum(row.value == 0 for row in rows)
        store.append("scores", rows)
    return counts


def _structured(calls: Sequence[Call]) -> bool:
    answered = [call.output.lstrip()[:1] in "{[" for call in calls if call.output.strip()]
    return bool(answered) and sum(answered) / len(answered) >= STRUCTURED_SHARE


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
