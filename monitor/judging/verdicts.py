"""Asking in production: drawn calls in, verdicts as rows of `scores` out, nothing paid for twice."""

from __future__ import annotations

import json
from collections import defaultdict
from contextlib import closing
from dataclasses import replace
from math import nan
from typing import TYPE_CHECKING

from judges.interaction import JudgeFailure, Judgement, NotApplicable, known_as, version_known
from judges.running.engine import run as run_judges
from monitor.jobs.calls import steps_of
from monitor.judging.money import account_of
from monitor.judging.rows import NOT_APPLICABLE
from monitor.records import ScoreRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from judges.interaction import Judge, Verdict
    from judges.running.budget import Account
    from judges.running.journal import Journal
    from monitor.judging.sampling import DrawnCall
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = ["details_of", "judge_calls", "number_of", "score_of", "word_of"]

DEADLINE_S = 600.0
"""A run begins no verdict later than this: other jobs wait for it."""


async def judge_calls(
    store: Store,
    settings: Settings,
    journal: Journal,
    judge: Judge,
    calls: Sequence[DrawnCall],
    *,
    now: datetime,
) -> list[ScoreRow]:
    """Judge drawn calls and append a row for each: a number, or the word for why there is none.

    The journal's run is named after judge, service and the day of the call, so that a run that was
    killed finds its verdicts there, whenever it is taken up again.
    """
    by_day: dict[tuple[str, str], list[DrawnCall]] = defaultdict(list)
    for call in calls:
        by_day[call.service, f"{call.timestamp:%Y-%m-%d}"].append(call)
    rows = []
    for (service, day), members in sorted(by_day.items()):
        run_id = f"production/{service}/{known_as(judge)}/{day}"
        with closing(account_of(journal, settings, run_id)) as account:
            rows += await _judge_day(store, account, judge, members, now)
    return rows


def number_of(verdict: Verdict) -> float:
    """The verdict as a number; NaN where it is none, which no mean and no count takes in."""
    if isinstance(verdict, Judgement) and not isinstance(verdict.value, str):
        return float(verdict.value)
    return nan


def word_of(verdict: Verdict) -> str:
    """The verdict's label; of one that is no judgement, why."""
    if isinstance(verdict, Judgement):
        return verdict.label
    return NOT_APPLICABLE if isinstance(verdict, NotApplicable) else verdict.status


def score_of(call: DrawnCall, verdict: Verdict, probability: float, now: datetime) -> ScoreRow:
    """A verdict as a row."""
    told = call.score(
        f"judge:{verdict.name}",
        name=verdict.name,
        source="judge",
        value=number_of(verdict),
        label=word_of(verdict),
        explanation=verdict.reason,
        author=f"{verdict.usage.model or '-'}/{verdict.version}",
        now=now,
    )
    return replace(
        told,
        sampling_probability=probability,
        cost_usd=verdict.usage.cost_usd,
        details=details_of(verdict),
    )


def details_of(verdict: Verdict) -> str:
    """What the verdict says beside its value, as JSON; '' where that is nothing.

    >>> details_of(Judgement("better", 1.0, "better", "", "v1", order="swapped"))
    '{"order": "swapped"}'
    """
    if not isinstance(verdict, Judgement):
        return ""
    told = {"order": verdict.order, "mode": verdict.mode, "details": dict(verdict.details)}
    said = {name: value for name, value in told.items() if value}
    return json.dumps(said, ensure_ascii=False) if said else ""


async def _judge_day(
    store: Store, account: Account, judge: Judge, calls: Sequence[DrawnCall], now: datetime
) -> list[ScoreRow]:
    """Verdicts on the calls of one service and day.

    Where money or time ends, what was judged is a uniform part of what was drawn: its probability is
    that of the draw times the part, and the rest is settled as `over_budget`.
    """
    steps = steps_of(store, sorted({call.trace_id for call in calls}))
    by_key = {call.key: call for call in calls}
    interactions = [call.interaction(steps=steps.get(call.trace_id, ())) for call in calls]
    done = await run_judges([judge], interactions, account=account, deadline_s=DEADLINE_S)
    part = len(done.results) / len(calls)
    rows = []
    for interaction, verdict in done.results:
        call = by_key.pop(interaction.key)
        rows.append(score_of(call, verdict, call.probability * part, now))
    why = "the day's budget was used up" if done.stopped == "budget" else "there was no time left"
    unasked = JudgeFailure(known_as(judge), version_known(judge), why, status="over_budget")
    rows += [score_of(call, unasked, call.probability, now) for call in by_key.values()]
    store.append("scores", rows)
    return rows
