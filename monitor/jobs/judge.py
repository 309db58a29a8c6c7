"""Sampled judges: is what the model answers in production any good?

Reads new successful `calls` of the services that the definitions in `<data dir>/judges/*.toml` name, with the cheap
signals on them in `scores` and `incidents`; writes `draws` (every call that might have been judged, with its inclusion
probability) and `scores` (source `judge`: each verdict with probability, version and price; what is no verdict has the
value NaN and says why in its label). Runs every hour.

A call is drawn once, five minutes after it was made; a signal that comes later changes nothing about it. Stops hard at
OUTERLOOP_JUDGE_DAILY_BUDGET_USD and OUTERLOOP_JUDGE_SERVICE_BUDGETS_USD; verdicts are kept in `judging.sqlite` as they
come, so that a run that was killed goes on and pays for nothing twice. Without OUTERLOOP_JUDGE_BASE_URL and
OUTERLOOP_JUDGE_MODELS it is skipped.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from math import isnan
from typing import TYPE_CHECKING

from judges.definitions.reading import build
from judges.running.journal import Journal
from monitor.clock import wall_now
from monitor.evaluation.bench import JOURNAL, Bench
from monitor.jobs.job import Window
from monitor.jobs.series import SETTLE
from monitor.judging.jurors import seated
from monitor.judging.money import affordable, quota
from monitor.judging.production import production_definitions, share_of
from monitor.judging.rows import NOT_APPLICABLE
from monitor.judging.sampling import candidates, drawn_calls, make_draws
from monitor.judging.verdicts import judge_calls

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from judges.definitions.reading import Definition
    from monitor.judging.sampling import Undrawn
    from monitor.records import ScoreRow
    from monitor.settings import Settings
    from monitor.store import Store

PRICED = timedelta(days=7)
"""The price of a verdict is the mean of so long."""
TICK = timedelta(hours=1)
"""The least span of calls that a run is taken to be about: its own period."""
KEPT_DAYS = 45
"""Verdicts and replies older than this leave the journal, and never later than their calls leave the store."""


def missing(settings: Settings) -> str | None:
    """What the job lacks to run."""
    if settings.judge_base_url is None or not settings.judge_models:
        return "no judge is set; give OUTERLOOP_JUDGE_BASE_URL and OUTERLOOP_JUDGE_MODELS to sample judgements"
    return None


def run(store: Store, settings: Settings, window: Window) -> Mapping[str, int]:
    """Draw from the calls of the window that had no draw yet, and judge what was drawn."""
    definitions = production_definitions(settings)
    if not definitions:
        return {"judges": 0}
    return asyncio.run(_run(store, settings, definitions, window))


async def _run(
    store: Store, settings: Settings, definitions: Sequence[Definition], window: Window
) -> Mapping[str, int]:
    counts: Counter[str] = Counter(judges=len(definitions))
    settled = Window(
        window.since - SETTLE, window.until - SETTLE
    )  # the last checks have said their word
    with Journal(settings.data_dir / JOURNAL) as journal:
        async with Bench(settings, journal=journal) as bench:
            built = [
                (one, seated(store, one, build(one, bench.endpoint), window.until))
                for one in definitions
            ]
            await bench.probe()
            for definition, judge in built:
                for service in definition.services:
                    _draw(store, settings, journal, definition, service, settled)
                    calls = drawn_calls(store, definition.score, service, settled)
                    rows = await judge_calls(
                        store, settings, journal, judge, calls, now=window.until
                    )
                    counts.update(_counted(rows))
        kept = min(KEPT_DAYS, settings.retention_days or KEPT_DAYS)
        journal.prune(before=(wall_now() - timedelta(days=kept)).date())
    return counts


def _draw(
    store: Store,
    settings: Settings,
    journal: Journal,
    definition: Definition,
    service: str,
    window: Window,
) -> None:
    found = candidates(store, definition.score, service, window)
    if not found:
        return
    span = _span(found)
    price = store.value(
        "judge_cost",
        judge=definition.score,
        since=window.until - PRICED,
        until=window.until + SETTLE,
    )
    money = affordable(journal, settings, service, span=span, now=wall_now())
    make_draws(
        store,
        definition.score,
        service,
        found,
        verdicts=quota(span, money, price),
        share=share_of(definition),
    )


def _span(found: Sequence[Undrawn]) -> timedelta:
    return max(TICK, found[-1].timestamp - found[0].timestamp)


def _counted(rows: Sequence[ScoreRow]) -> Counter[str]:
    words = Counter(row.label for row in rows if isnan(row.value))
    return Counter(
        judged=len(rows) - words["over_budget"],
        failed=sum(row.value <= 0 for row in rows),
        invalid=words["invalid_output"] + words["refused"] + words["error"],
        not_applicable=words[NOT_APPLICABLE],
        over_budget=words["over_budget"],
    )
