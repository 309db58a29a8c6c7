"""The engine: bounded concurrency, a budget that holds, and a stop that leaves a uniform sample."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from judges.engine import UnpricedError, run
from judges.interaction import Interaction, JudgeFailure, Judgement, Verdict
from judges.sampling import uniform

CALLS = [
    Interaction(f"t{n}", "s", datetime(2024, 1, 1, tzinfo=UTC), input=f"{n}", output="x" * (n % 7))
    for n in range(200)
]


@dataclass
class Paid:
    """A judge that costs money and watches how many of it run at once."""

    most: float | None = 0.02
    real: float | None = 0.01
    name: str = "paid"
    version: str = "v"
    now: int = 0
    peak: int = 0
    asked: list[str] = field(default_factory=list)

    async def __call__(self, interaction: Interaction) -> Verdict:
        """Say yes after a moment."""
        self.now += 1
        self.peak = max(self.peak, self.now)
        self.asked.append(interaction.trace_id)
        await asyncio.sleep(0.001 * (int(interaction.input) % 3))
        self.now -= 1
        return Judgement(self.name, True, "yes", "", self.version, cost_usd=self.real)

    def most_usd(self, _: Interaction) -> float | None:
        """What one verdict costs at most."""
        return self.most


async def yes(interaction: Interaction) -> Verdict:
    """A plain function is a judge."""
    return Judgement("yes", True, "yes", interaction.trace_id, "1")


async def test_every_call_is_judged_by_every_judge():
    """Pairs come back in the order of the hash, each with its own verdict."""
    result = await run([yes, Paid()], CALLS, concurrency=4)
    assert len(result) == 400
    assert (result.unjudged, result.stopped) == (0, "")
    order = sorted(CALLS, key=lambda one: uniform(one.key, "outerloop"))
    assert [interaction for interaction, _ in result][::2] == order
    assert all(
        verdict.reason == interaction.trace_id
        for interaction, verdict in result
        if verdict.name == "yes"
    )


async def test_concurrency_is_bounded():
    """No more verdicts are under way than asked for, and that many are."""
    judge = Paid()
    await run([judge], CALLS, concurrency=5)
    assert judge.peak == 5


@pytest.mark.parametrize(("most", "real"), [(0.02, 0.01), (0.02, 0.02), (0.02, None), (0.5, 0.01)])
async def test_the_budget_is_never_overspent(most: float, real: float | None):
    """Whatever the estimate and the truth, the sum stays below, and the rest is counted."""
    judge = Paid(most, real)
    result = await run([judge], CALLS, concurrency=8, budget_usd=0.6)
    assert result.stopped == "budget"
    assert 0 < len(result) < 200
    assert len(result) + result.unjudged == 200
    assert result.spent_usd <= 0.6 + 1e-9
    assert result.spent_usd + most > 0.6 - 1e-9
    order = sorted(CALLS, key=lambda one: uniform(one.key, "outerloop"))
    assert judge.asked == [one.trace_id for one in order[: len(result)]]


async def test_no_money_judges_nothing():
    """A budget of zero asks nobody; judges that cost nothing still work."""
    paid = await run([Paid()], CALLS, budget_usd=0)
    assert (len(paid), paid.unjudged, paid.stopped) == (0, 200, "budget")
    assert len(await run([yes], CALLS, budget_usd=0)) == 200


async def test_a_budget_needs_a_price():
    """An unknown price cannot be held to a limit: refused, unless there is none."""
    with pytest.raises(UnpricedError, match="paid"):
        await run([Paid(most=None)], CALLS, budget_usd=1.0)
    result = await run([Paid(most=None, real=None)], CALLS[:3])
    assert [verdict.cost_usd for _, verdict in result] == [None] * 3


async def test_a_judge_that_raises_is_a_recorded_failure():
    """One crash is one failure with its error; the others go on."""

    async def fragile(interaction: Interaction) -> Verdict:
        if interaction.trace_id == "t7":
            raise ZeroDivisionError("no such luck")
        return await yes(interaction)

    result = await run([fragile], CALLS)
    [failure] = [verdict for _, verdict in result if isinstance(verdict, JudgeFailure)]
    assert (failure.name, failure.reason) == ("fragile", "ZeroDivisionError: no such luck")
    assert len(result) == 200


async def test_a_deadline_begins_nothing_late():
    """After the time is up no verdict is begun, and the missing ones are counted."""
    result = await run([yes], CALLS, deadline_s=0)
    assert (len(result), result.unjudged, result.stopped) == (0, 200, "deadline")


async def test_an_interrupted_run_stops_its_judges():
    """Cancelling the run cancels what is under way; nothing is left running behind."""

    async def slow(_: Interaction) -> Verdict:
        await asyncio.sleep(60)
        raise AssertionError("never reached")

    task = asyncio.create_task(run([slow], CALLS))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == {asyncio.current_task()}
