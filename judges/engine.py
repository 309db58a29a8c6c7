"""Runs judges over interactions: many at a time, within a hard budget, in the order of a sample.

The order is that of a hash of the interaction, so that wherever a budget or a deadline stops a run,
what was judged is a uniform sample of what was to be judged.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from judges.interaction import Interaction, Judge, JudgeFailure, Verdict
from judges.sampling import uniform

if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["Run", "UnpricedError", "run"]


class UnpricedError(ValueError):
    """A budget was given for a judge of unknown price; pass it a `Price`, or set no budget."""


@dataclass(frozen=True, slots=True)
class Run:
    """Verdicts in the order in which they were asked for; iterating gives the pairs."""

    results: tuple[tuple[Interaction, Verdict], ...]
    spent_usd: float
    """What the verdicts cost, as far as it is known."""
    unjudged: int
    """Pairs of judge and interaction that were not asked about."""
    stopped: str
    """`budget`, `deadline`, or '' when nothing stopped it."""

    def __iter__(self) -> Iterator[tuple[Interaction, Verdict]]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)


@dataclass(slots=True)
class Budget:
    """Money that is held back before a call and settled after it, so that it is never overspent."""

    limit_usd: float | None
    spent_usd: float = 0.0
    held_usd: float = 0.0
    settled: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def hold(self, most_usd: float) -> bool:
        """Set `most_usd` aside, if need be once others settle; False when it cannot be had."""
        if self.limit_usd is None:
            return True
        async with self.settled:
            while self.spent_usd + self.held_usd + most_usd > self.limit_usd:
                if self.held_usd <= 0 or self.spent_usd + most_usd > self.limit_usd:
                    return False
                await self.settled.wait()
            self.held_usd += most_usd
        return True

    async def settle(self, most_usd: float, cost_usd: float | None) -> None:
        """Book what a call really cost; an unknown cost is booked as the most it can have been."""
        async with self.settled:
            if self.limit_usd is not None:
                # Sums of floats drift; what is left when nobody holds anything must be nothing.
                self.held_usd = max(0.0, round(self.held_usd - most_usd, 12))
            self.spent_usd += most_usd if cost_usd is None else cost_usd
            self.settled.notify_all()


async def run(
    judges: Sequence[Judge],
    interactions: Sequence[Interaction],
    *,
    concurrency: int = 8,
    budget_usd: float | None = None,
    deadline_s: float | None = None,
    salt: str = "outerloop",
) -> Run:
    """Ask every judge about every interaction, until the money or the time is used up.

    A judge that raises is recorded as a `JudgeFailure` and does not stop the others. A judge that
    costs money has `most_usd(interaction)`, the most that one verdict can cost.

    Args:
        judges: async functions of an interaction.
        interactions: what is to be judged; order does not matter.
        concurrency: verdicts under way at once.
        budget_usd: hard limit of what the run may spend.
        deadline_s: no verdict is begun later than so many seconds after the start.
        salt: another one gives another order.

    Raises:
        UnpricedError: there is a budget, and a judge does not know its price.
    """
    budgeted = budget_usd is not None
    queue = [
        (interaction, judge, _most_usd(judge, interaction) if budgeted else 0.0)
        for interaction in sorted(interactions, key=lambda one: uniform(one.key, salt))
        for judge in judges
    ]
    budget, slots = Budget(budget_usd), asyncio.Semaphore(concurrency)
    until = None if deadline_s is None else time.monotonic() + deadline_s
    tasks: list[Task[Verdict]] = []
    stopped = ""
    async with asyncio.TaskGroup() as group:
        for interaction, judge, most_usd in queue:
            await slots.acquire()
            if until is not None and time.monotonic() >= until:
                stopped = "deadline"
            elif not await budget.hold(most_usd):
                stopped = "budget"
            if stopped:
                break
            tasks.append(group.create_task(_ask(judge, interaction, budget, slots, most_usd)))
    asked = zip(queue, tasks, strict=False)  # where it stopped there are fewer tasks
    results = tuple((pair[0], task.result()) for pair, task in asked)
    return Run(results, budget.spent_usd, len(queue) - len(tasks), stopped)


async def _ask(
    judge: Judge,
    interaction: Interaction,
    budget: Budget,
    slots: asyncio.Semaphore,
    most_usd: float,
) -> Verdict:
    cost_usd: float | None = None
    try:
        verdict = await judge(interaction)
        cost_usd = verdict.cost_usd
        return verdict
    except Exception as error:  # noqa: BLE001 - anybody's function; its crash is a recorded failure
        return JudgeFailure(_name(judge), _version(judge), f"{type(error).__name__}: {error}", "")
    finally:
        await budget.settle(most_usd, cost_usd)
        slots.release()


def _most_usd(judge: Judge, interaction: Interaction) -> float:
    bound: Callable[[Interaction], float | None] | None = getattr(judge, "most_usd", None)
    most_usd = 0.0 if bound is None else bound(interaction)
    if most_usd is None:
        raise UnpricedError(
            f"the price of judge {_name(judge)} is unknown, so that its budget cannot be held;"
            " pass it a Price, or set no budget"
        )
    return most_usd


def _name(judge: Judge) -> str:
    return str(getattr(judge, "name", getattr(judge, "__name__", type(judge).__name__)))


def _version(judge: Judge) -> str:
    return str(getattr(judge, "version", ""))
