"""Judges a dataset: every judge about every sample, many at a time, within money and time."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

from judges.running.engine import run as run_judges
from monitor.evaluation.result import Evaluation
from monitor.evaluation.rows import RunLabel, row_of
from monitor.evaluation.samples import Dataset

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from judges.interaction import Interaction, Judge, Verdict
    from judges.running.budget import Account

__all__ = ["Answer", "Pace", "answered", "apart", "judge_dataset"]

T = TypeVar("T")
Answer = Callable[[str], str | Awaitable[str]]
"""An app under test: from an input to its output; plain or async."""
SALT = "outerloop-eval"


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast, how long, and who is told of every verdict."""

    concurrency: int = 64
    deadline_s: float | None = None
    on_verdict: Callable[[Interaction, Verdict], None] | None = None


async def judge_dataset(
    dataset: Dataset,
    judges: Sequence[Judge],
    *,
    label: RunLabel,
    account: Account | None = None,
    pace: Pace | None = None,
) -> Evaluation:
    """Ask every judge about every sample.

    Args:
        dataset: the samples.
        judges: async functions of an interaction.
        label: names the run.
        account: its money, and where its verdicts are kept for resuming; None for what costs nothing.
        pace: see there.
    """
    pace = pace or Pace()
    started = time.monotonic()
    done = await run_judges(
        judges,
        dataset.samples,
        concurrency=pace.concurrency,
        account=account,
        deadline_s=pace.deadline_s,
        salt=SALT,
        on_verdict=pace.on_verdict,
    )
    order = {sample.key: place for place, sample in enumerate(dataset.samples)}
    results = sorted(done.results, key=lambda pair: order[pair[0].key])
    return Evaluation(
        run_id=label.run_id,
        dataset=label.dataset,
        dataset_hash=label.dataset_hash,
        candidate=label.candidate,
        started_at=label.timestamp,
        duration_s=time.monotonic() - started,
        samples=len(dataset),
        rows=tuple(row_of(label, sample, verdict) for sample, verdict in results),
        due=len(dataset) * len(judges),
        stopped=done.stopped,
    )


async def answered(dataset: Dataset, answer: Answer, *, concurrency: int = 16) -> Dataset:
    """The dataset with outputs that the app gives now; a plain function runs in threads.

    What the app raises ends the evaluation: an answer that is not there cannot be judged.
    """
    slots = asyncio.Semaphore(concurrency)

    async def ask(sample: Interaction) -> Interaction:
        async with slots:
            if inspect.iscoroutinefunction(answer):
                said = await answer(sample.input)
            else:
                told = await asyncio.to_thread(answer, sample.input)
                said = await told if inspect.isawaitable(told) else told
        return replace(sample, output=str(said))

    told = tuple(await asyncio.gather(*map(ask, dataset.samples)))
    return Dataset(dataset.name, dataset.digest, told)


def apart(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, also where a loop is running already: then in a thread of its own."""
    if not _in_a_loop():
        return asyncio.run(coroutine)
    outcome: list[T] = []
    trouble: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(asyncio.run(coroutine))
        except BaseException as error:  # noqa: BLE001 - it is raised again where it belongs
            trouble.append(error)

    thread = Thread(target=run, name="outerloop-eval")
    thread.start()
    thread.join()
    if trouble:
        raise trouble[0]
    return outcome[0]


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:  # the way it says no
        return False
    return True
