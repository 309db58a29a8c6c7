"""The account: limits of run, UTC day and service that hold across coroutines, threads and processes."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judges.interaction import Judgement, Usage
from judges.running.books import Asked
from judges.running.budget import Account, Claim, Limits, Settlement, Spend
from judges.running.journal import Journal, JournalError
from judges.running.money import nano, nano_above, nano_below

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CENT = 10_000_000


def claim(most: int = CENT, key: str = "k", service: str = "") -> Claim:
    """A claim of so much."""
    return Claim(Asked("judge", "v", key), most, service)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        """The time."""
        return self.at


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal in a file."""
    with Journal(tmp_path / "judging.sqlite") as made:
        yield made


async def test_money_is_held_and_settled():
    """What is under way is held at its most, what is settled booked at its cost."""
    account = Account(limits=Limits(0.05))
    hold = await account.hold(claim(2 * CENT))
    assert hold is not None
    assert account.spent() == Spend(0.0, 0.0, 0.02)
    account.settle(hold, CENT)
    assert account.spent() == Spend(0.01, 0.0, 0.0)
    assert await account.hold(claim(5 * CENT)) is None
    assert account.spent().booked_usd == 0.01


async def test_an_unknown_cost_is_booked_as_the_most():
    """Nobody knows what it cost, so that it counts as what it can have cost."""
    account = Account(limits=Limits(0.05))
    hold = await account.hold(claim(2 * CENT))
    assert hold is not None
    account.settle(hold, None)
    assert account.spent().settled_usd == 0.02


async def test_a_hold_waits_for_others_only_as_long_as_that_can_help():
    """What others hold may come back; what cannot fit even then is refused at once."""
    account = Account(limits=Limits(0.05))
    first = await account.hold(claim(4 * CENT))
    assert first is not None
    assert await account.hold(claim(6 * CENT)) is None
    second = asyncio.create_task(account.hold(claim(3 * CENT)))
    await asyncio.sleep(0.05)
    assert not second.done()
    account.settle(first, 3 * CENT)
    assert await second is None  # three spent, three wanted, five allowed
    assert await account.hold(claim(2 * CENT)) is not None


async def test_claims_are_granted_from_the_first_on_and_none_is_skipped():
    """The first that does not fit ends it, even if a later one would fit."""
    account = Account(limits=Limits(0.05))
    turn = account.turn((), [claim(2 * CENT), claim(2 * CENT), claim(2 * CENT), claim(CENT)])
    assert (len(turn.holds), turn.blocked) == (2, "wait")
    done = [Settlement(hold, 2 * CENT) for hold in turn.holds]
    assert account.turn(done, [claim(2 * CENT), claim(CENT)]).blocked == "full"
    assert len(account.turn((), [claim(CENT)]).holds) == 1
    assert account.turn((), [claim(1)]).blocked == "wait"


async def test_settling_and_holding_are_one_step():
    """What is settled in a turn is there for the claims of the same turn."""
    account = Account(limits=Limits(0.01))
    [hold] = account.turn((), [claim()]).holds
    turn = account.turn([Settlement(hold, 0)], [claim()])
    assert len(turn.holds) == 1


def test_a_hold_is_settled_once(journal: Journal):
    """Booking it again would make money vanish: refused, and nothing is changed."""
    account = Account(journal, "r", Limits(1.0))
    [hold] = account.turn((), [claim()]).holds
    account.settle(hold, CENT)
    with pytest.raises(JournalError, match="settled twice"):
        account.settle(hold, CENT)
    assert account.spent() == Spend(0.01, 0.0, 0.0)
    account.close()


def test_each_limit_holds_by_itself(journal: Journal):
    """Run, day and service: the narrowest decides, over all runs that share the journal."""
    limits = Limits(run_usd=0.03, day_usd=0.05, service_day_usd={"a": 0.02})
    one = Account(journal, "one", limits, now=Clock())
    two = Account(journal, "two", limits, now=Clock())

    def granted(account: Account, service: str) -> int:
        turn = account.turn((), [claim(CENT, service=service)] * 9)
        account.turn([Settlement(hold, CENT) for hold in turn.holds], ())
        return len(turn.holds)

    assert [granted(one, "a"), granted(one, "b"), granted(two, "a")] == [2, 1, 0]
    assert [granted(two, "b"), granted(two, "c")] == [2, 0]
    assert one.spent_on("2026-03-01").booked_usd == 0.05
    assert one.spent_on("2026-03-01", "a").booked_usd == 0.02
    assert one.spent_on("2026-03-02").booked_usd == 0.0
    assert (one.spent().settled_usd, two.spent().settled_usd) == (0.03, 0.02)
    one.close()
    two.close()


def test_the_day_turns_at_midnight_utc(journal: Journal):
    """A verdict belongs to the UTC day it was asked on, in whatever zone the clock tells the time."""
    clock = Clock()
    account = Account(journal, "r", Limits(day_usd=0.01), now=clock)
    clock.at = datetime(2026, 3, 2, 0, 59, 59, tzinfo=timezone(timedelta(hours=1)))
    [late] = account.turn((), [claim()]).holds
    assert account.turn((), [claim()]).blocked == "wait"
    clock.at += timedelta(seconds=1)
    [early] = account.turn((), [claim()]).holds
    account.turn([Settlement(late, CENT), Settlement(early, CENT // 2)], ())
    assert account.spent_on("2026-03-01").settled_usd == 0.01
    assert account.spent_on("2026-03-02").settled_usd == 0.005
    account.close()


def test_a_clock_that_goes_back_frees_no_money(journal: Journal):
    """Yesterday's books are still there when a clock is set back behind midnight."""
    clock = Clock()
    account = Account(journal, "r", Limits(day_usd=0.01), now=clock)
    for day in (1, 2, 1, 2, 1):
        clock.at = datetime(2026, 3, day, tzinfo=UTC)
        turn = account.turn((), [claim()] * 3)
        account.turn([Settlement(hold, CENT) for hold in turn.holds], ())
    assert account.spent().settled_usd == 0.02
    account.close()


def test_a_holder_that_left_has_lost_what_it_held(journal: Journal):
    """Lost money stays booked at its most, for the run and for the day, and nobody waits for it."""
    gone = Account(journal, "r", Limits(day_usd=0.05), now=Clock())
    gone.turn((), [claim(3 * CENT)])
    here = Account(journal, "r", Limits(day_usd=0.05), now=Clock())
    assert here.turn((), [claim(3 * CENT)]).blocked == "wait"
    gone.close()
    assert here.turn((), [claim(3 * CENT)]).blocked == "full"
    assert here.spent() == Spend(0.0, 0.03, 0.0)
    assert len(here.turn((), [claim(2 * CENT)] * 2).holds) == 1
    assert here.spent_on("2026-03-01") == Spend(0.0, 0.03, 0.02)
    here.close()


def test_an_account_that_is_forgotten_has_left(journal: Journal):
    """Also one that nobody closed."""
    Account(journal, "r").turn((), [claim()])
    assert Account(journal, "r").spent() == Spend(0.0, 0.01, 0.0)


def test_a_late_answer_of_one_thought_dead_is_booked_as_what_it_cost(journal: Journal):
    """A hold can still be settled by whoever holds it, lost or not."""
    account = Account(journal, "r", Limits(1.0))
    [hold] = account.turn((), [claim(3 * CENT)]).holds
    journal.presence.leave(account.holder)
    assert account.spent() == Spend(0.0, 0.03, 0.0)
    account.settle(hold, CENT)
    assert account.spent() == Spend(0.01, 0.0, 0.0)


def test_what_was_free_and_cost_something_is_booked(journal: Journal):
    """A judge without a bound that reports a cost: the books say so, and no paid verdict follows."""
    account = Account(journal, "r", Limits(0.01))
    [hold] = account.turn((), [claim(0)]).holds
    account.settle(hold, 2 * CENT, Judgement("judge", True, "", "", "v", Usage(cost_usd=0.02)))
    assert account.spent() == Spend(0.02, 0.0, 0.0)
    assert account.turn((), [claim(1)]).blocked == "full"
    assert list(journal.verdicts("r")) == [hold.asked]
    account.close()


def test_limits_that_are_none_are_refused(journal: Journal):
    """A wrong limit is said when it is given, not when money is spent."""
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="no amount of US dollars"):
            Account(limits=Limits(wrong))
        with pytest.raises(ValueError, match="no amount of US dollars"):
            Account(limits=Limits(service_day_usd={"a": wrong}), now=Clock())
    with pytest.raises(ValueError, match="clock"):
        Account(limits=Limits(day_usd=1.0))
    with pytest.raises(ValueError, match="run id"):
        Account(journal, "")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0, 1000, allow_subnormal=False), max_size=20))
def test_amounts_are_rounded_to_the_side_that_is_safe(amounts: list[float]):
    """Held is never less than meant, a limit never more, and both within a nano-dollar."""
    for amount in amounts:
        assert nano_below(amount) <= nano(amount) <= nano_above(amount) <= nano_below(amount) + 1
        assert abs(nano(amount) / 1e9 - amount) <= 0.6e-9
    assert nano_above(sum([0.1] * 3)) == nano_below(0.3)


def worker(make: Callable[[], Account], seed: int, peaks: list[float]) -> None:
    """Hold and settle at random until nothing more is to be had."""
    account, dice = make(), random.Random(seed)
    holds = []
    for _ in range(200):
        turn = account.turn((), [claim(dice.randrange(1, 3 * CENT)) for _ in range(2)])
        holds += turn.holds
        peaks.append(account.spent_on("2026-03-01").booked_usd)
        while holds and (turn.blocked or dice.random() < 0.4):
            hold = holds.pop(dice.randrange(len(holds)))
            account.settle(hold, dice.choice([None, 0, hold.most // 2]))
    for hold in holds:
        account.settle(hold, 0)
    account.close()


@pytest.mark.parametrize("shared", [True, False], ids=["one account", "an account each"])
def test_threads_never_pass_a_limit(journal: Journal, shared: bool):
    """Whoever holds and settles, in whatever order: the books stay below, and add up in the end."""
    limits = Limits(day_usd=0.3)
    one = Account(journal, "r", limits, now=Clock())
    make = (lambda: one) if shared else (lambda: Account(journal, "r", limits, now=Clock()))
    peaks: list[float] = []
    threads = [threading.Thread(target=worker, args=(make, seed, peaks)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0.25 < max(peaks) <= 0.3
    assert journal.path is not None
    with closing(sqlite3.connect(journal.path)) as rows:
        [settled] = rows.execute("SELECT sum(settled) FROM holds").fetchone()
    assert settled == nano(one.spent_on("2026-03-01").settled_usd)
    assert one.spent().held_usd == 0.0
