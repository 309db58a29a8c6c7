"""Sampled LLM judge: is the answer right for what was asked?

Reads new successful `calls`, a uniform share of them chosen by hash; writes `scores` (source `judge`) with the
inclusion probability and the price of each verdict. Runs every hour. Stops at OUTERLOOP_JUDGE_DAILY_BUDGET_USD; without
OUTERLOOP_JUDGE_BASE_URL and OUTERLOOP_JUDGE_MODELS it is skipped. The question asked about a service is the text file
`<data dir>/questions/<service>.md`; services without one are not judged.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from math import nan
from typing import TYPE_CHECKING

import numpy as np
from openai import AsyncOpenAI

from judges.engine import run as run_judges
from judges.interaction import Judgement, NotApplicable
from judges.question import Question
from judges.sampling import sampled
from monitor.clock import wall_now
from monitor.jobs.calls import calls_without
from monitor.records import ScoreRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from judges.interaction import Verdict
    from monitor.jobs.calls import Call
    from monitor.jobs.job import Window
    from monitor.settings import Settings
    from monitor.store import Store

SHARE = 0.2
"""Inclusion probability of a call in the uniform sample."""
SALT = "outerloop-judge"
CONCURRENCY = 8
NAME = "judged_right"


def missing(settings: Settings) -> str | None:
    """What the job lacks to run."""
    if settings.judge_base_url is None or not settings.judge_models:
        return "no judge is set; give OUTERLOOP_JUDGE_BASE_URL and OUTERLOOP_JUDGE_MODELS to sample judgements"
    return None


def run(store: Store, settings: Settings, window: Window) -> Mapping[str, int]:
    """Judge the sampled calls of the window that have no verdict yet, within today's budget."""
    folder = settings.data_dir / "questions"
    questions = {path.stem: path.read_text("utf-8").strip() for path in sorted(folder.glob("*.md"))}
    if not questions:
        return {"services": 0}
    chosen = [
        call
        for call in calls_without(store, NAME, window)
        if call.service in questions and sampled(call.trace_id, SHARE, SALT)
    ]
    counts: Counter[str] = Counter(services=len(questions))
    for service, text in questions.items():
        calls = [call for call in chosen if call.service == service]
        rows = asyncio.run(_judge(text, calls, settings, _left_today(store, settings), window))
        store.append("scores", rows)
        counts.update(
            judged=len(rows),
            failed=sum(row.value == 0 for row in rows),
            invalid=sum(row.label == "invalid" for row in rows),
        )
    return counts


def _left_today(store: Store, settings: Settings) -> float | None:
    """USD that may still be spent today, None when there is no limit."""
    if settings.judge_daily_budget_usd is None:
        return None
    midnight = wall_now().replace(hour=0, minute=0, second=0, microsecond=0)
    return max(
        0.0, settings.judge_daily_budget_usd - float(store.value("judge_spend", since=midnight))
    )


async def _judge(
    text: str, calls: Sequence[Call], settings: Settings, budget_usd: float | None, window: Window
) -> list[ScoreRow]:
    key = settings.judge_api_key.get_secret_value() if settings.judge_api_key else "none"
    by_span = {call.span_id: call for call in calls}
    async with AsyncOpenAI(base_url=settings.judge_base_url, api_key=key) as client:
        judge = Question(
            name=NAME,
            question=text,
            model=settings.judge_models[0],
            client=client,
            rng=np.random.default_rng(),
        )
        interactions = [call.interaction() for call in calls]
        results = await run_judges(
            [judge], interactions, concurrency=CONCURRENCY, budget_usd=budget_usd
        )
    return [_row(by_span[interaction.span_id], verdict, window) for interaction, verdict in results]


def _row(call: Call, verdict: Verdict, window: Window) -> ScoreRow:
    """A verdict as a score; what is no verdict is kept as NaN, so that it is neither counted nor paid twice."""
    if isinstance(verdict, Judgement):
        value, label = float(verdict.value), verdict.label
    else:
        value, label = nan, "not applicable" if isinstance(verdict, NotApplicable) else "invalid"
    return ScoreRow(
        timestamp=window.until,
        score_id=f"judge:{verdict.name}:{call.trace_id}:{call.span_id}",
        target="call",
        trace_id=call.trace_id,
        span_id=call.span_id,
        session_id=call.session_id,
        service=call.service,
        name=verdict.name,
        source="judge",
        value=value,
        label=label,
        explanation=verdict.reason,
        expected="",
        author=f"{verdict.model}/{verdict.version}",
        observed_at=call.timestamp,
        sampling_probability=SHARE,
        cost_usd=verdict.cost_usd,
    )
