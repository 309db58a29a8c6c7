"""Checks and judges on both answers of the same calls; a judge of pairs sees them in both orders.

Asked are the definitions in `<data dir>/judges` that name the service, and those of pairs; without
one of these a plain question stands in. Checks look at every call, a judge at `JUDGED` of them, by
hash. A judge that asks the candidate's own model is refused, and one that fails or finds no money is
said, and never ends the comparison.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass, replace
from math import isnan
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from judges.definitions.reading import define, load_folder
from judges.interaction import Interaction, known_as
from judges.running.budget import Account, Limits
from judges.running.engine import UnpricedError
from judges.running.journal import Journal, JournalError
from judges.statistics.paired import paired_difference
from judges.statistics.power import smallest_shown
from monitor.clock import wall_now
from monitor.evaluation.bench import JOURNAL, Bench
from monitor.evaluation.comparison import compare_rows
from monitor.evaluation.rows import RunLabel
from monitor.evaluation.run import Pace, apart, judge_dataset
from monitor.evaluation.samples import Dataset, dataset_of
from monitor.exceptions import ConfigurationError, OuterloopError
from monitor.judging.production import FOLDER
from monitor.retrain.compare import Opinions, holm
from monitor.retrain.findings import JudgeDifference

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from judges.definitions.reading import Definition
    from judges.interaction import Judge
    from monitor.evaluation.result import Evaluation
    from monitor.settings import Settings

__all__ = ["JUDGED", "Pair", "hear"]

log = logging.getLogger(__name__)
JUDGED = 100
"""Calls that a judge is asked about: a paired test sees 17 points with them nine times in ten."""
DEADLINE_S = 600
CRITERION = "Which response answers what was asked more correctly and more completely?"


@dataclass(frozen=True, slots=True)
class Pair:
    """One call with both answers."""

    trace_id: str
    span_id: str
    timestamp: datetime
    service: str
    input: str
    expected: str
    production: str
    candidate: str
    production_model: str
    candidate_model: str

    def interaction(self, *, candidate: bool) -> Interaction:
        """As a judge sees it; of a pair, the judged answer is the candidate's."""
        said = (self.candidate, self.production)
        models = (self.candidate_model, self.production_model)
        (output, other), (model, other_model) = (
            (said, models) if candidate else (said[::-1], models[::-1])
        )
        return Interaction(
            self.trace_id,
            self.span_id,
            self.timestamp,
            self.input,
            output,
            expected=self.expected,
            model=model,
            other=other,
            other_model=other_model,
            service=self.service,
        )


@dataclass(frozen=True, slots=True)
class _Chamber:
    """What one hearing needs."""

    settings: Settings
    journal: Journal | None
    label: RunLabel
    now: datetime

    async def judge(self, dataset: Dataset, judges: Sequence[Judge], side: str) -> Evaluation:
        """Every judge on one side's answers, within the daily budgets."""
        account = None
        settings = self.settings
        if self.journal is not None:
            limits = Limits(
                None, settings.judge_daily_budget_usd, settings.judge_service_budgets_usd
            )
            run = f"{self.label.run_id}/{side}/{dataset.digest}"
            account = Account(self.journal, run, limits, now=wall_now)
        try:
            label = replace(self.label, candidate=side, dataset_hash=dataset.digest)
            pace = Pace(deadline_s=DEADLINE_S)
            return await judge_dataset(dataset, judges, label=label, account=account, pace=pace)
        finally:
            if account is not None:
                account.close()


def hear(
    settings: Settings, service: str, pairs: Sequence[Pair], *, run_id: str, now: datetime
) -> Opinions:
    """What checks and judges say of both answers.

    Raises:
        ConfigurationError: a definition is no definition.
    """
    if not pairs:
        return Opinions(refused="no call has both answers")
    asked, refused, lacking = _definitions(settings, service, pairs)
    label = RunLabel(run_id, now, service, "")
    found: list[JudgeDifference] = []
    problems = [lacking] if lacking else []
    # apart, so that an endpoint which does not answer takes no check away
    for group in ([one for one in asked if not one.models], [one for one in asked if one.models]):
        try:
            found += apart(_hear(settings, group, pairs, label, now)) if group else []
        except (OuterloopError, JournalError, UnpricedError) as error:
            log.warning("nobody compared the candidate", extra={"error": str(error)})
            problems.append(" ".join(str(error).split()))
    adjusted = holm([one.p_value for one in found])
    judged = [replace(one, adjusted_p=p) for one, p in zip(found, adjusted, strict=True)]
    return Opinions((*judged, *refused), "; ".join(problems))


def _definitions(
    settings: Settings, service: str, pairs: Sequence[Pair]
) -> tuple[list[Definition], list[JudgeDifference], str]:
    """Who is asked, who is refused, and why nobody is asked where that is so."""
    known = [
        one
        for one in _folder(settings)
        if service in one.services or (one.kind == "pairwise" and not one.services)
    ]
    if not any(one.kind == "pairwise" for one in known):
        known.append(
            define(
                {"kind": "pairwise", "name": "preferred", "criterion": CRITERION, "orders": "both"}
            )
        )
    models = {pairs[0].candidate_model}
    asked: list[Definition] = []
    refused: list[JudgeDifference] = []
    usual = next(iter(settings.judge_models), "")
    lacking = ""
    for one in known:
        named = {model or usual for model in one.models}
        if named & models:
            why = f"{', '.join(sorted(named & models))} is the candidate itself; name another model"
            refused.append(_silent(one, why))
        elif named and (settings.judge_base_url is None or "" in named):
            lacking = "no judge was asked: give OUTERLOOP_JUDGE_BASE_URL and OUTERLOOP_JUDGE_MODELS"
        else:
            asked.append(_both_orders(one))
    return asked, refused, lacking


def _folder(settings: Settings) -> Sequence[Definition]:
    try:
        return load_folder(settings.data_dir / FOLDER)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error


def _both_orders(one: Definition) -> Definition:
    """A single decision rests on both orders, whatever tracking does."""
    return one.model_copy(update={"orders": "both"}) if one.kind == "pairwise" else one


async def _hear(
    settings: Settings,
    asked: Sequence[Definition],
    pairs: Sequence[Pair],
    label: RunLabel,
    now: datetime,
) -> list[JudgeDifference]:
    from judges.definitions.reading import build  # noqa: PLC0415 - with the model client, half a second

    found: list[JudgeDifference] = []
    with ExitStack() as stack:
        journal = None
        if any(one.models for one in asked):
            journal = stack.enter_context(Journal(settings.data_dir / JOURNAL))
        async with Bench(settings, journal=journal) as bench:
            try:
                built = [
                    (one, build(one, bench.endpoint, embedder=bench.embedder())) for one in asked
                ]
            except ValueError as error:
                raise ConfigurationError(" ".join(str(error).split())) from error
            await bench.probe()
            chamber = _Chamber(settings, journal, label, now)
            both = [
                dataset_of([one.interaction(candidate=side) for one in pairs], now=now)
                for side in (True, False)
            ]
            for definition, judge in built:
                limit = JUDGED if definition.models else None
                candidate, production = (one.cut(limit) for one in both)
                lower = frozenset({known_as(judge)} if definition.direction == "lower" else ())
                room = replace(chamber, label=replace(label, lower=lower))
                done = await room.judge(candidate, [judge], "candidate")
                if definition.kind == "pairwise":
                    found.append(_preferred(known_as(judge), done))
                    continue
                other = await room.judge(production, [judge], "production")
                found += _compared(done, other)
    return found


def _compared(candidate: Evaluation, production: Evaluation) -> list[JudgeDifference]:
    if not candidate.rows or not production.rows:
        return []
    found = []
    for one in compare_rows(candidate.rows, production.rows):
        flips = (len(one.better) + len(one.worse)) / one.n if one.n else 0.0
        yes_no = one.kind == "yes_no"
        found.append(
            JudgeDifference(
                judge=one.judge, kind=one.kind, direction=one.direction, n=one.n,
                production=_finite(one.before), candidate=_finite(one.after),
                difference=_finite(one.difference), low=_finite(one.low, -1.0),
                high=_finite(one.high, 1.0), p_value=one.p_value, test=one.test,
                smallest=smallest_shown(one.n, flips) if yes_no else _shown(one.low, one.high),
                refused="" if one.n else "it had no verdict on both answers of any call",
            )
        )  # fmt: skip
    return found


def _preferred(name: str, done: Evaluation) -> JudgeDifference:
    """Wins against losses, ties apart: a sign test, exact."""
    values = np.asarray([row.value for row in done.rows if not isnan(row.value)])
    n = len(values)
    if not n:
        why = next((row.reason for row in done.rows if row.reason), "it gave no verdict")
        return replace(_nothing(name, "pairwise"), refused=why)
    wins, losses = int((values > 0.5).sum()), int((values < 0.5).sum())
    between = paired_difference(values < 0.5, values > 0.5)
    return JudgeDifference(
        judge=name, kind="pairwise", direction="higher", n=n,
        production=losses / n, candidate=wins / n, difference=(wins - losses) / n,
        low=between.low if between else -1.0, high=between.high if between else 1.0,
        p_value=float(stats.binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0,
        test="sign test of both orders", smallest=smallest_shown(n, (wins + losses) / n),
    )  # fmt: skip


def _silent(one: Definition, why: str) -> JudgeDifference:
    return replace(_nothing(one.score, one.kind), refused=why)


def _nothing(name: str, kind: str) -> JudgeDifference:
    return JudgeDifference(name, kind, "higher", 0, 0.0, 0.0, 0.0, -1.0, 1.0, 1.0, "not asked")


def _shown(low: float, high: float) -> float | None:
    """Of a score: what an interval of this width sees 4 times in 5, by the normal law."""
    if isnan(low) or isnan(high):
        return None
    return float(
        (high - low) / 2 / stats.norm.ppf(0.975) * (stats.norm.ppf(0.975) + stats.norm.ppf(0.8))
    )


def _finite(value: float, otherwise: float = 0.0) -> float:
    return otherwise if isnan(value) else value
