"""The pace of asking: how it opens, where it stays, when it shuts, and who goes first."""

from __future__ import annotations

import asyncio
import time

import pytest

from judges.asking.pace import HOPELESS, IN_A_ROW, PLATEAU_ROUNDS, Outcome, Pace, Place


async def entered(pace: Pace, number: int) -> list[Place]:
    """So many places."""
    return [await pace.enter() for _ in range(number)]


async def round_trip(pace: Pace, *, took_s: float = 0.0) -> None:
    """As many clean answers as there are places."""
    for place in await entered(pace, int(pace.window)):
        pace.leave(Place(place.epoch, time.monotonic() - took_s), "clean")


async def refused(pace: Pace, *, limit: int) -> None:
    """All places are taken; what is above the limit is refused, the rest is never heard of."""
    places = await entered(pace, int(pace.window))
    for place in places[limit:]:
        pace.leave(place, "refused")
    for place in places[:limit]:
        pace.leave(place, "left")


async def test_a_clean_round_trip_makes_four_times_the_places_up_to_the_cap():
    """Two round trips lead from the first guess to all that is allowed."""
    pace = Pace(start=8, cap=64)
    await round_trip(pace)
    assert pace.window == 32
    await round_trip(pace)
    assert pace.window == 64
    await round_trip(pace)
    assert pace.window == pace.most_under_way == 64


async def test_slow_answers_open_no_more_places_than_a_queue_would_bear():
    """Were they answered one after another, all of them would still come in time."""
    pace = Pace(start=16)
    await round_trip(pace, took_s=39.9)
    assert int(pace.window) == 16
    await round_trip(pace, took_s=20)
    assert int(pace.window) == 32
    await round_trip(pace, took_s=60)
    assert int(pace.window) == 32


async def test_after_refusals_it_stays_below_the_ceiling_and_then_looks_beyond():
    """What is refused is taken off at once; several round trips later it asks for 1, 2, 4 more."""
    pace = Pace(start=32)
    await refused(pace, limit=20)
    assert (pace.ceiling, int(pace.window)) == (20, 19)
    await round_trip(pace)
    windows = []
    for _ in range(PLATEAU_ROUNDS + 3):
        windows.append(pace.window)
        await round_trip(pace)
    assert windows == [20] * (PLATEAU_ROUNDS + 1) + [21, 23]
    assert pace.window == 27


async def test_a_refusal_on_the_plateau_ends_the_search():
    """It goes back below the ceiling, and begins with one more again."""
    pace = Pace(start=32)
    await refused(pace, limit=20)
    for _ in range(PLATEAU_ROUNDS + 3):
        await round_trip(pace)
    assert pace.window == 23
    await refused(pace, limit=20)
    assert (pace.ceiling, int(pace.window)) == (20, 19)
    for _ in range(PLATEAU_ROUNDS + 2):
        await round_trip(pace)
    assert pace.window == 21


async def test_a_single_failure_changes_nothing():
    """One broken connection among many answers is bad luck."""
    pace = Pace(start=16)
    places = await entered(pace, 16)
    pace.leave(places[0], "failed")
    for place in places[1:]:
        pace.leave(place, "clean")
    assert pace.window == 16
    assert pace.ceiling == float("inf")


async def test_nothing_but_refusals_shut_the_gate_for_the_time_that_was_named():
    """Who comes then waits; one clean answer would have kept it open."""
    pace = Pace(start=IN_A_ROW)
    for place in await entered(pace, IN_A_ROW):
        pace.leave(place, "refused", wait_s=0.05)
    late = asyncio.create_task(pace.enter())
    await asyncio.sleep(0)
    assert not late.done()
    place = await late
    assert pace.under_way == 1
    pace.leave(place, "clean")
    assert pace.under_way == 0


async def test_the_gate_is_not_shut_for_longer_than_anybody_waits():
    """An endpoint that wants a day of peace tells so to each who asks, instead of keeping all waiting."""
    pace = Pace(start=IN_A_ROW)
    for place in await entered(pace, IN_A_ROW):
        pace.leave(place, "refused", wait_s=86_400)
    async with asyncio.timeout(0.1):
        await pace.enter()


async def test_who_was_refused_goes_first():
    """A place that comes free is given to those who were sent away before."""
    pace = Pace(start=1)
    place = await pace.enter()
    order: list[str] = []

    async def wait(name: str, *, again: bool) -> None:
        taken = await pace.enter(again=again)
        order.append(name)
        pace.leave(taken, "clean")

    waiting = [asyncio.create_task(wait("new", again=False))]
    await asyncio.sleep(0)
    waiting.append(asyncio.create_task(wait("again", again=True)))
    await asyncio.sleep(0)
    pace.leave(place, "left")
    await asyncio.gather(*waiting)
    assert order == ["again", "new"]


@pytest.mark.parametrize(
    ("outcome", "times", "hopeless"),
    [("failed", HOPELESS - 1, False), ("failed", HOPELESS, True), ("refused", 100, False)],
)
async def test_failures_in_a_row_are_hopeless_and_refusals_are_not(
    outcome: Outcome, times: int, hopeless: bool
):
    """A busy endpoint is a living one; a clean answer ends all doubt."""
    pace = Pace()
    for _ in range(times):
        pace.leave(await pace.enter(), outcome)
    assert pace.hopeless is hopeless
    pace.leave(await pace.enter(), "clean")
    assert not pace.hopeless


async def test_refusals_are_hopeless_once_patience_is_at_its_end():
    """Without a single answer for so long, nobody waits any more."""
    pace = Pace(patience_s=0.02)
    pace.leave(await pace.enter(), "refused")
    assert not pace.hopeless
    await asyncio.sleep(0.03)
    assert pace.hopeless
    pace.leave(await pace.enter(), "clean")
    assert not pace.hopeless
