"""The engine: bounded concurrency, budgets that hold, resuming, and a stop that leaves a uniform sample."""

from __future__ import annotations

import asyncio
import itertools
import math
import random
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from judges.interaction import Interaction, JudgeFailure, Judgement, NotApplicable, Usage, Verdict
from judges.running.books import Asked
from judges.running.budget import Account, Claim, Limits
from judges.running.engine import Run, UnpricedError, run
from judges.running.journal import Journal, JournalError, RunningError
from judges.statistics.sampling import uniform

CALLS = [
    Interaction(f"t{n}", "s", datetime(2024, 1, 1, tzinfo=UTC), input=f"{n}", output="x" * (n % 7))
    for n in range(200)
]
ORDER = sorted(CALLS, key=lambda one: uniform(one.key, "outerloop"))


def cost_of_call(most: float | None) -> Callable[[Interaction], float | None]:
    """The same for every call."""
    return lambda _: most


CENT, TWO_CENTS = cost_of_call(0.01), cost_of_call(0.02)


@dataclass
class Paid:
    """A judge that costs money and watches how many of it run at once."""

    most: Callable[[Interaction], float | None] = TWO_CENTS
    real: Callable[[Interaction], float | None] = CENT
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
        usage = Usage("m", 1, 1, self.real(interaction), 1)
        return Judgement(self.name, True, "yes", "", self.version, usage)

    def most_usd(self, interaction: Interaction) -> float | None:
        """What one verdict costs at most."""
        return self.most(interaction)


async def yes(interaction: Interaction) -> Verdict:
    """A plain function is a judge."""
    return Judgement("yes", True, "yes", interaction.trace_id, "1")


def purse(limit_usd: float | None = None) -> Account:
    """A run's budget, kept in memory."""
    return Account(limits=Limits(limit_usd))


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal in a file."""
    with Journal(tmp_path / "judging.sqlite") as made:
        yield made


async def test_every_call_is_judged_by_every_judge():
    """Pairs come back in the order of the hash, each with its own verdict."""
    result = await run([yes, Paid()], CALLS, concurrency=4)
    assert (len(result), result.unjudged, result.stopped) == (400, 0, "")
    assert [interaction for interaction, _ in result][::2] == ORDER
    assert all(
        verdict.reason == interaction.trace_id
        for interaction, verdict in result
        if verdict.name == "yes"
    )
    assert result.spent_usd == 2.0


async def test_concurrency_is_bounded():
    """No more verdicts are under way than asked for, and that many are."""
    judge = Paid()
    await run([judge], CALLS, concurrency=5)
    assert judge.peak == 5
    with pytest.raises(ValueError, match="at least 1"):
        await run([judge], CALLS, concurrency=0)


@pytest.mark.parametrize(("most", "real"), [(0.02, 0.01), (0.02, 0.02), (0.02, None), (0.5, 0.01)])
async def test_the_budget_is_never_overspent(most: float, real: float | None):
    """Whatever the bound and the truth, the sum stays below, and what was judged is a prefix."""
    judge, account = Paid(cost_of_call(most), cost_of_call(real)), purse(0.6)
    result = await run([judge], CALLS, concurrency=8, account=account)
    assert result.stopped == "budget"
    assert 0 < len(result) < 200
    assert len(result) + result.unjudged == 200
    assert 0.6 - most < result.spent_usd <= 0.6
    assert judge.asked == [one.trace_id for one in ORDER[: len(result)]]
    assert account.spent().settled_usd == account.spent().booked_usd == result.spent_usd
    assert result.unpriced == (len(result) if real is None else 0)


@pytest.mark.parametrize("concurrency", [1, 3, 64])
async def test_a_budget_can_be_used_up_exactly(concurrency: int):
    """Sixty verdicts of one cent fit sixty cents to the last one, with any concurrency."""
    judge = Paid(cost_of_call(0.01), cost_of_call(0.01))
    result = await run([judge], CALLS, concurrency=concurrency, account=purse(0.6))
    assert (len(result), result.spent_usd, result.stopped) == (60, 0.6, "budget")


@pytest.mark.parametrize("concurrency", [1, 4, 64])
async def test_where_money_ends_does_not_depend_on_concurrency(concurrency: int):
    """A hold that others stand in the way of waits for them: the run stops where it would one by one."""
    judge = Paid(cost_of_call(0.05), lambda one: 0.001 * (1 + int(one.input) % 7))
    result = await run([judge], CALLS, concurrency=concurrency, account=purse(0.2))
    spent, alone = 0, 0
    for one in ORDER:
        if spent + 50 > 200:
            break
        spent += 1 + int(one.input) % 7
        alone += 1
    assert (len(result), result.spent_usd) == (alone, spent / 1000)


async def test_no_money_judges_nothing():
    """A budget of zero asks nobody; judges that cost nothing still work."""
    paid = await run([Paid()], CALLS, account=purse(0))
    assert (len(paid), paid.unjudged, paid.stopped) == (0, 200, "budget")
    assert len(await run([yes], CALLS, account=purse(0))) == 200


async def test_a_budget_needs_a_price():
    """An unknown price cannot be held to a limit: refused before anything is asked, unless there is none."""
    judge = Paid(lambda one: None if one is ORDER[-1] else 0.01)
    with pytest.raises(UnpricedError, match="paid"):
        await run([judge], CALLS, account=purse(1.0))
    assert judge.asked == []
    unpriced = Paid(cost_of_call(None), cost_of_call(None))
    result = await run([unpriced], CALLS[:3], account=purse())
    assert (len(result), result.unpriced, result.spent_usd) == (3, 3, 0.0)


async def test_a_judge_that_costs_more_than_it_said_is_counted():
    """What it cost is booked as it is, the overrun is told, and nothing paid is begun after it."""
    judge = Paid(cost_of_call(0.01), cost_of_call(0.5))
    result = await run([judge, yes], CALLS, concurrency=1, account=purse(0.4))
    assert (result.overruns, result.spent_usd, result.stopped) == (1, 0.5, "budget")
    assert len(result) == 1


async def test_a_cheaper_sample_never_takes_the_place_of_one_that_does_not_fit():
    """Unequal costs do not choose what is judged: over many orders its mean cost is that of all.

    A stop depends on the sample that did not fit, which is rather a dear one: that moves the mean by
    no more than one sample in all that were judged. Taking cheaper ones instead would halve it.
    """
    dice = random.Random(5)
    cost = {one.key: 0.05 if dice.random() < 0.3 else 0.002 for one in CALLS}
    judge = Paid(lambda one: cost[one.key], lambda one: cost[one.key])
    means, sizes = [], []
    for salt in range(60):
        result = await run([judge], CALLS, account=purse(1.2), salt=f"{salt}")
        order = sorted(CALLS, key=lambda one, salt=salt: uniform(one.key, f"{salt}"))
        assert [interaction for interaction, _ in result] == order[: len(result)]
        means.append(statistics.fmean(cost[interaction.key] for interaction, _ in result))
        sizes.append(len(result))
    truth = statistics.fmean(cost.values())
    error = statistics.stdev(means) / math.sqrt(len(means))
    assert abs(statistics.fmean(means) - truth) < 4 * error + 0.05 / min(sizes)
    assert statistics.fmean(means) > 0.85 * truth


async def test_a_judge_that_raises_is_a_recorded_failure():
    """One crash is one failure with its error, and costs at most what was held; the others go on."""

    async def fragile(interaction: Interaction) -> Verdict:
        if interaction.trace_id == "t7":
            raise ZeroDivisionError("no such luck")
        return await yes(interaction)

    result = await run([fragile], CALLS)
    [failure] = [verdict for _, verdict in result if isinstance(verdict, JudgeFailure)]
    assert (failure.name, failure.reason) == ("fragile", "ZeroDivisionError: no such luck")
    assert (failure.status, len(result)) == ("error", 200)

    def none(_: Interaction) -> float | None:
        raise KeyError("no answer")

    broken = await run([Paid(real=none)], CALLS[:5], account=purse(1.0))
    assert broken.spent_usd == pytest.approx(0.1)  # nobody knows, so the most
    unbound = await run([Paid(most=none)], CALLS[:5], account=purse(1.0))
    assert (unbound.spent_usd, unbound.summary("paid").failures) == (0.0, {"error": 5})


@pytest.mark.parametrize(
    ("judge", "reason"),
    [
        (lambda _: True, "TypeError"),  # not awaitable
        (lambda _: asyncio.sleep(0), "NoneType, which is no verdict"),
        (lambda _: asyncio.sleep(0, True), "bool, which is no verdict"),
        (lambda _: asyncio.sleep(0, Judgement("odd", math.nan, "", "", "1")), "value is nan"),
    ],
)
async def test_what_is_no_verdict_is_a_failure(judge: Callable[..., object], reason: str):
    """A judge of anybody's may return anything; none of it gets into a mean."""
    result = await run([judge], CALLS[:2])
    assert all(isinstance(one, JudgeFailure) and reason in one.reason for _, one in result)


async def test_a_judge_that_cancels_itself_is_a_failure_and_one_that_exits_ends_the_run():
    """Nothing that a judge does leaves the engine waiting for ever."""

    async def cancelled(_: Interaction) -> Verdict:
        raise asyncio.CancelledError

    async def leaves(_: Interaction) -> Verdict:
        raise BaseExceptionGroup("enough", [SystemError()])

    class Enough(BaseException):
        """As pytest.fail raises."""

    async def fails(_: Interaction) -> Verdict:
        raise Enough

    result = await run([cancelled], CALLS[:3])
    assert [type(one) for _, one in result] == [JudgeFailure] * 3
    with pytest.raises(Enough):
        await run([fails], CALLS)
    assert all(isinstance(one, JudgeFailure) for _, one in await run([leaves], CALLS[:1]))


async def test_a_deadline_begins_nothing_late():
    """After the time is up no verdict is begun, those under way end, and the missing are counted."""
    none = await run([yes], CALLS, deadline_s=0)
    assert (len(none), none.unjudged, none.stopped) == (0, 200, "deadline")

    async def slow(interaction: Interaction) -> Verdict:
        await asyncio.sleep(0.1)
        return await yes(interaction)

    some = await run([slow], CALLS, concurrency=3, deadline_s=0.05)
    assert (len(some), some.unjudged, some.stopped) == (3, 197, "deadline")
    assert (await run([yes], CALLS, deadline_s=60)).stopped == ""


async def test_a_run_waits_for_money_that_others_hold_as_long_as_it_may(journal: Journal):
    """What another run holds may come back: wait for it, until it does or the time is up."""

    def clock() -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC)

    other = Account(journal, "other", Limits(day_usd=0.1), now=clock)
    account = Account(journal, "r", Limits(day_usd=0.1), now=clock)
    [hold] = other.turn((), [Claim(Asked("j", "v", "k"), 90_000_000)]).holds
    late = await run([Paid()], CALLS, account=account, deadline_s=0.1)
    assert (len(late), late.unjudged, late.stopped) == (0, 200, "deadline")
    waiting = asyncio.create_task(run([Paid()], CALLS[:4], account=account))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    other.settle(hold, 20_000_000)
    assert len(await waiting) == 4
    assert account.spent_on("2026-03-01").booked_usd == 0.06
    account.close()
    other.close()


async def test_nothing_to_judge_is_a_run_too(journal: Journal):
    """No samples or no judges: an empty run, and nothing asked."""
    for judges, samples in (([], CALLS), ([Paid()], []), ([], [])):
        result = await run(judges, samples, journal=journal, run_id="r", deadline_s=0)
        assert (len(result), result.unjudged, result.stopped) == (0, 0, "")


async def test_an_interrupted_run_stops_its_judges_and_keeps_what_is_finished(journal: Journal):
    """Cancelling the run cancels what is under way, books it as lost, and resumes with the rest."""
    judge = Paid()

    class Slow(Paid):
        stuck = asyncio.Semaphore(0)

        async def __call__(self, interaction: Interaction) -> Verdict:
            if len(self.asked) >= 30:
                self.stuck.release()
                await asyncio.sleep(60)
            return await super().__call__(interaction)

    slow, told = Slow(), []
    account = Account(journal, "r", Limits(4.5))
    task = asyncio.create_task(
        run([slow], CALLS, concurrency=6, account=account, on_verdict=lambda *one: told.append(one))
    )
    for _ in range(6):
        await slow.stuck.acquire()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == {asyncio.current_task()}
    done = len(slow.asked)
    assert 30 <= done == len(told) <= 36
    assert account.spent().settled_usd == pytest.approx(done * 0.01)
    assert (account.spent().lost_usd, account.spent().held_usd) == (0.02 * 6, 0.0)
    result = await run([judge], CALLS, account=account)
    assert (len(result), result.resumed, len(judge.asked)) == (200, done, 200 - done)
    assert set(judge.asked).isdisjoint(slow.asked)
    account.close()


async def test_a_run_goes_on_where_it_ended(journal: Journal):
    """With more money the same run asks only what is left, and comes to the same results."""
    first, second = Paid(), Paid()
    half = Account(journal, "r", Limits(1.0))
    begun = await run([first], CALLS, account=half)
    assert begun.stopped == "budget"
    whole = Account(journal, "r", Limits(9.0))
    result = await run([second], CALLS, account=whole)
    assert (len(result), result.resumed, result.stopped) == (200, len(begun), "")
    assert result.results[: len(begun)] == begun.results
    assert first.asked + second.asked == [one.trace_id for one in ORDER]
    assert whole.spent().settled_usd == 2.0
    other = Paid(version="w")
    await run([other], CALLS[:10], account=whole)
    assert len(other.asked) == 10  # another version is another judge
    again = await run([Paid()], CALLS, journal=journal, run_id="s")
    assert again.resumed == 0  # another run is another run
    half.close()
    whole.close()


async def test_results_have_no_gap(journal: Journal):
    """Verdicts behind the first unjudged sample are kept and counted, and leave the sample uniform."""
    later = ORDER[50:60]
    account = Account(journal, "r", Limits(0.3))
    assert len(await run([Paid()], later, account=account)) == 10
    result = await run([Paid()], CALLS, account=account)
    assert [interaction for interaction, _ in result] == ORDER[: len(result)]
    assert 10 < len(result) < 50
    assert (result.beyond, result.stopped) == (10, "budget")
    assert len(result) + result.beyond + result.unjudged == 200
    account.close()


async def test_one_run_is_not_run_twice_at_once(journal: Journal):
    """The second is refused and leaves the first alone; afterwards the run is free."""
    account = Account(journal, "r")
    first = asyncio.create_task(run([Paid()], CALLS, concurrency=1, account=account))
    await asyncio.sleep(0.01)
    for other in ({"account": account}, {"journal": journal, "run_id": "r"}) * 2:
        with pytest.raises(RunningError, match="run r is under way already"):
            await run([Paid()], CALLS, **other)
    assert len(await first) == 200
    assert (await run([Paid()], CALLS, journal=journal, run_id="r")).resumed == 200
    account.close()


async def test_the_same_sample_or_judge_twice_is_refused():
    """Two samples of one key would share a verdict; nothing is asked."""
    judge = Paid()
    with pytest.raises(ValueError, match="t3:s"):
        await run([judge], [*CALLS, CALLS[3]])
    with pytest.raises(ValueError, match="two judges"):
        await run([judge, Paid()], CALLS)
    assert judge.asked == []


async def test_account_journal_and_run_must_agree(journal: Journal):
    """An account says where and under what name the run is kept."""
    account = Account(journal, "r")
    with pytest.raises(ValueError, match="are the account's"):
        await run([yes], CALLS, account=account, run_id="s")
    with pytest.raises(ValueError, match="are the account's"):
        await run([yes], CALLS, account=purse(), journal=journal)
    with pytest.raises(ValueError, match="run id"):
        await run([yes], CALLS, journal=journal)
    assert len(await run([yes], CALLS, account=account, journal=journal, run_id="r")) == 200
    account.close()


async def test_progress_tells_each_verdict_once(journal: Journal):
    """Verdicts of the journal come first; a callback that fails ends the run and loses none."""
    told: list[str] = []

    def stop_at_20(interaction: Interaction, _: Verdict) -> None:
        told.append(interaction.key)
        if len(told) == 20:
            raise LookupError("the terminal is gone")

    with pytest.raises(LookupError):
        await run([Paid()], CALLS, journal=journal, run_id="r", on_verdict=stop_at_20)
    kept = len(journal.verdicts("r"))
    told.clear()
    result = await run(
        [Paid()], CALLS, journal=journal, run_id="r", on_verdict=lambda one, _: told.append(one.key)
    )
    assert result.resumed >= kept >= 20
    assert sorted(told) == sorted(one.key for one in CALLS)


async def test_a_journal_that_fails_ends_the_run(tmp_path: Path):
    """Where the books cannot be kept nothing more is asked, and the reason is told."""
    path = tmp_path / "judging.sqlite"
    judge = Paid()
    with Journal(path) as journal:
        account = Account(journal, "r", Limits(1.0))
        task = asyncio.create_task(run([judge], CALLS, concurrency=2, account=account))
        await asyncio.sleep(0.01)
        path.unlink()
        with pytest.raises(JournalError, match="deleted or replaced while in use"):
            await task
        assert len(judge.asked) < 200
        account.close()


async def test_a_reply_that_cannot_be_cached_ends_the_run_and_loses_no_other(tmp_path: Path):
    """A judge that meets a broken journal is no failure of that sample: the run ends and can go on."""

    class Caching(Paid):
        async def __call__(self, interaction: Interaction) -> Verdict:
            if len(self.asked) == 40:
                raise JournalError("the disk is full")
            return await super().__call__(interaction)

    with Journal(tmp_path / "judging.sqlite") as journal:
        with pytest.raises(JournalError, match="the disk is full"):
            await run([Caching()], CALLS, concurrency=8, journal=journal, run_id="r")
        kept = journal.verdicts("r")
        assert len(kept) >= 32
        assert not any(isinstance(one, JudgeFailure) for one in kept.values())
        assert (await run([Paid()], CALLS, journal=journal, run_id="r")).resumed == len(kept)


async def test_work_grows_with_the_samples_and_not_with_their_square(tmp_path: Path):
    """Eight times the samples take some eight times the function calls: no verdict looks at all others."""

    async def took(number: int) -> int:
        made = datetime(2024, 1, 1, tzinfo=UTC)
        calls = [Interaction(f"u{n}", "s", made, "0", "") for n in range(number)]
        steps = itertools.count()
        with Journal(tmp_path / f"{number}.sqlite") as journal:
            account = Account(journal, "r", Limits(100.0))
            sys.setprofile(lambda *_: next(steps))
            try:
                result = await run([Paid()], calls, concurrency=64, account=account)
            finally:
                sys.setprofile(None)
            account.close()
        assert len(result) == number
        return next(steps)

    assert await took(1600) < 12 * await took(200)


def test_a_summary_counts_what_is_missing():
    """Failures are beside the mean, with what it could have been; what does not apply is outside."""
    usage = Usage()
    verdicts: list[Verdict] = [
        *[Judgement("right", n < 6, "", "", "v") for n in range(8)],
        JudgeFailure("right", "v", "cut off", status="invalid_output"),
        JudgeFailure("right", "v", "no", status="refused"),
        NotApplicable("right", "no date", "v"),
        *[Judgement("style", n, "", "", "v", usage) for n in (1.0, 2.0)],
        JudgeFailure("style", "v", "down"),
        Judgement("letter", "C", "C", "", "v"),
    ]
    result = Run(tuple(zip(CALLS, verdicts, strict=False)), 0.0, 0, "")
    right = result.summary("right")
    assert (right.n, right.ok, right.not_applicable, right.invalid_share) == (11, 8, 1, 2 / 11)
    assert right.failures == {"invalid_output": 1, "refused": 1}
    assert (right.mean, right.lowest, right.highest) == (0.75, 0.6, 0.8)
    style = result.summary("style")
    assert (style.mean, style.lowest, style.highest) == (1.5, None, None)
    graded = result.summary("style", scale=(1, 5))
    assert (graded.lowest, graded.highest) == (4 / 3, 8 / 3)
    letter, nothing = result.summary("letter"), result.summary("unknown")
    assert (letter.ok, letter.mean, letter.lowest) == (1, None, None)
    assert (nothing.n, nothing.mean, nothing.lowest, nothing.invalid_share) == (0, None, None, 0.0)
