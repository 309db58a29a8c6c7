"""One evaluation from judges' names to its result: checked and probed before any money is spent, then run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from judges.interaction import known_as, version_known
from judges.running.budget import Account, Limits
from judges.running.engine import UnpricedError
from judges.running.journal import Journal, JournalError
from monitor.clock import wall_now
from monitor.evaluation.bench import JOURNAL, Bench
from monitor.evaluation.rows import RunLabel
from monitor.evaluation.run import Pace, answered, apart, judge_dataset
from monitor.evaluation.samples import Dataset
from monitor.exceptions import ConfigurationError, OuterloopError

if TYPE_CHECKING:
    from datetime import datetime

    from judges.interaction import Interaction, Judge, Verdict
    from monitor.evaluation.result import Evaluation
    from monitor.evaluation.rows import EvaluationRow
    from monitor.evaluation.run import Answer
    from monitor.settings import Settings

__all__ = ["Session"]


@dataclass(frozen=True, slots=True)
class Hearing:
    """Who judges, and how; the same for both versions."""

    judges: Sequence[Judge]
    lower: frozenset[str]
    """Those of which a lower value is better."""
    journal: Journal | None
    pace: Pace


@dataclass(frozen=True, slots=True)
class Session:
    """What a run needs beside samples and judges."""

    settings: Settings
    run_id: str
    now: datetime
    budget_usd: float | None = None
    """Of this run; the daily limits of the settings, the services' too, hold as well."""
    concurrency: int = 64
    deadline_s: float | None = None
    candidate: str = ""
    models: tuple[str, ...] = ()

    def run(
        self,
        dataset: Dataset,
        judges: Iterable[str | Judge],
        *,
        baseline: Dataset | Sequence[EvaluationRow] | None = None,
        answer: Answer | None = None,
        before: Callable[[Sequence[Judge]], None] | None = None,
        on_verdict: Callable[[Interaction, Verdict], None] | None = None,
    ) -> tuple[Evaluation, Evaluation | Sequence[EvaluationRow] | None]:
        """Judge the dataset, and the baseline where it is one; returns both.

        Args:
            dataset: what is judged.
            judges: names of definitions or checks, or judges themselves.
            baseline: the other version's samples, or the rows of an earlier run.
            answer: an app that gives the outputs now.
            before: is told the judges when all is in order and nothing has been asked yet.
            on_verdict: is told of every verdict.

        Raises:
            ConfigurationError: something is wrong that has to be mended first; nothing was spent.
        """
        return apart(self._run(dataset, list(judges), baseline, answer, before, on_verdict))

    async def _run(
        self,
        dataset: Dataset,
        named: Sequence[str | Judge],
        baseline: Dataset | Sequence[EvaluationRow] | None,
        answer: Answer | None,
        before: Callable[[Sequence[Judge]], None] | None,
        on_verdict: Callable[[Interaction, Verdict], None] | None,
    ) -> tuple[Evaluation, Evaluation | Sequence[EvaluationRow] | None]:
        async with Bench(self.settings, self.models) as bench:
            judges = bench.judges(named, dataset)
            self._refuse_other_version(judges, baseline)
            await bench.probe()
            self._refuse_unpriced(bench, dataset)
            if before is not None:
                before(judges)
            if answer is not None:
                dataset = await answered(dataset, answer)
            with ExitStack() as stack:
                journal = stack.enter_context(self._journal()) if bench.endpoints else None
                bench.keep_replies(journal)
                pace = Pace(self.concurrency, self.deadline_s, on_verdict)
                hearing = Hearing(judges, frozenset(bench.lower), journal, pace)
                if not isinstance(baseline, Dataset):
                    return await self._judge(dataset, hearing, self.budget_usd), baseline
                return await self._judge_both(dataset, baseline, hearing)

    async def _judge_both(
        self, dataset: Dataset, baseline: Dataset, hearing: Hearing
    ) -> tuple[Evaluation, Evaluation]:
        """Half of the money for each version, and what the first leaves for the second."""
        half = None if self.budget_usd is None else self.budget_usd / 2
        done = await self._judge(dataset, hearing, half)
        left = None if self.budget_usd is None else self.budget_usd - (done.cost_usd or 0.0)
        other = replace(self, run_id=f"{self.run_id}-baseline", candidate=baseline.name)
        return done, await other._judge(baseline, hearing, left)  # noqa: SLF001 - its own class

    async def _judge(
        self, dataset: Dataset, hearing: Hearing, budget_usd: float | None
    ) -> Evaluation:
        label = RunLabel(
            self.run_id, self.now, dataset.name, dataset.digest, self.candidate, hearing.lower
        )
        day_usd, services = self.settings.judge_daily_budget_usd, self._service_budgets(dataset)
        limits = Limits(budget_usd, day_usd, services)
        account = None
        if hearing.journal is not None:
            # the content is part of the id: a resumed run must not take verdicts on other answers
            account = Account(
                hearing.journal, f"{self.run_id}/{dataset.digest}", limits, now=wall_now
            )
        try:
            return await judge_dataset(
                dataset, hearing.judges, label=label, account=account, pace=hearing.pace
            )
        except JournalError as error:
            raise OuterloopError(str(error)) from error
        except UnpricedError as error:
            raise ConfigurationError(str(error)) from error
        finally:
            if account is not None:
                account.close()

    def _service_budgets(self, dataset: Dataset) -> dict[str, float]:
        """Daily budgets of the services whose calls are among the samples."""
        services = {one.service for one in dataset}
        budgets = self.settings.judge_service_budgets_usd
        return {name: usd for name, usd in budgets.items() if name in services}

    def _refuse_unpriced(self, bench: Bench, dataset: Dataset) -> None:
        """A budget that cannot be held is worse than none."""
        limited = self.budget_usd is not None or self.settings.judge_daily_budget_usd is not None
        if (limited or self._service_budgets(dataset)) and (unpriced := bench.unpriced()):
            raise ConfigurationError(
                f"the price of {', '.join(unpriced)} is not known, so no budget can be held for it; tell it, e.g."
                f" OUTERLOOP_JUDGE_PRICES={unpriced[0]}=0.10/0.40 (USD per million input/output tokens),"
                " or run without a budget"
            )

    def _refuse_other_version(
        self, judges: Sequence[Judge], baseline: Dataset | Sequence[EvaluationRow] | None
    ) -> None:
        """Would come out only when both have been judged."""
        if baseline is None or isinstance(baseline, Dataset):
            return
        known = {row.judge: row.judge_version for row in baseline}
        for judge in judges:
            name, version = known_as(judge), version_known(judge)
            if known.get(name, version) != version:
                raise ConfigurationError(
                    f"judge {name} is version {version} now and was {known[name]} in run"
                    f" {baseline[0].run_id}, and verdicts of two versions do not compare; give the"
                    " baseline's file instead, so that both are judged now"
                )

    def _journal(self) -> Journal:
        try:
            self.settings.data_dir.mkdir(parents=True, exist_ok=True)
            return Journal(self.settings.data_dir / JOURNAL)
        except (JournalError, OSError) as error:
            raise ConfigurationError(f"the judging journal cannot be opened: {error}") from error
