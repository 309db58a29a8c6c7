"""What a judge is worth, and whether it has changed: the pure parts."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from judges.statistics.anchors import (
    JUMP_ALPHA,
    Verdicts,
    compare,
    offset,
    people_lost,
    slow_e_values,
)
from judges.statistics.trust import Judged, carried, trust
from monitor.judging.pairs import Told, first_of, orders_of, read_details


def judged(number: int, labelled: int, *, agrees: float, seed: int) -> list[Judged]:
    """Calls of which people say yes to 90 %, and the judge the same as often as given."""
    rng = np.random.default_rng(seed)
    calls = []
    for place in range(number):
        truth = float(rng.random() < 0.9)
        value = truth if rng.random() < agrees else 1 - truth
        calls.append(Judged(value, label=truth if place < labelled else None))
    return calls


def test_a_level_needs_thirty_labels() -> None:
    """29 show movement alone, 30 a level with an interval that is wider than nothing."""
    assert trust(judged(2000, 29, agrees=0.95, seed=1)).level is None
    found = trust(judged(2000, 30, agrees=0.95, seed=1)).level
    assert found is not None
    assert found.rate.high - found.rate.low > 0.02


def test_a_judge_that_tosses_coins_adds_nothing() -> None:
    """It is said, and the labels alone are shown; a good judge makes a label worth more."""
    useless = trust(judged(2000, 200, agrees=0.5, seed=2))
    assert useless.level is not None
    assert useless.level.adds_nothing
    assert "adds nothing" in useless.note
    good = trust(judged(2000, 200, agrees=0.98, seed=2))
    assert good.level is not None
    assert good.level.gain > 1.5


def test_the_level_holds_the_truth_though_flagged_calls_were_judged_more() -> None:
    """With the probabilities of calls and labels the corrected level is that of the traffic."""
    rng = np.random.default_rng(3)
    truth = rng.random(20_000) < 0.9
    flagged = np.where(truth, rng.random(20_000) < 0.05, rng.random(20_000) < 0.6)
    probability = np.where(flagged, 0.8, 0.1)
    calls = []
    for right, chance in zip(truth, probability, strict=True):
        if rng.random() < chance:
            value = float(right if rng.random() < 0.95 else not right)
            share = 0.5 if value == 0 else 0.1
            label = float(right) if rng.random() < share else None
            calls.append(Judged(value, float(chance), label, share))
    found = trust(calls)
    assert found.level is not None
    assert found.raw is not None
    assert abs(found.level.rate.value - truth.mean()) < 3 * found.level.rate.error
    assert np.mean([one.value for one in calls]) < truth.mean() - 0.1


def test_failures_widen_the_rate_and_never_enter_it() -> None:
    """Ten failures beside ninety verdicts: the mean is that of the ninety, its bounds say what the ten may hide."""
    found = trust([Judged(1.0)] * 90, failed=10)
    assert found.raw is not None
    assert (found.raw.value, found.invalid_share) == (1.0, 0.1)
    assert (found.worst, found.best) == pytest.approx((0.9, 1.0))


def test_transport_passes_fails_or_says_that_it_does_not_know() -> None:
    """The same release passes, one on which verdicts mean something else fails, few labels are inconclusive."""
    before = judged(3000, 1500, agrees=0.95, seed=4)
    assert carried(before, judged(1000, 1000, agrees=0.95, seed=5)).status == "pass"
    assert carried(before, judged(1000, 1000, agrees=0.6, seed=6)).status == "fail"
    few = carried(before, judged(1000, 49, agrees=0.6, seed=7))
    assert (few.status, few.n) == ("inconclusive", 49)


def noisy(chance: np.ndarray, rng: np.random.Generator) -> list[float]:
    """One pass of a judge that answers each anchor by its own chance of yes."""
    return (rng.random(len(chance)) < chance).astype(float).tolist()


def test_a_noisy_judge_is_not_called_changed() -> None:
    """A hundred judges whose repeats agree as ICC 0.9: none of a hundred runs each is told."""
    rng = np.random.default_rng(8)
    for _ in range(20):
        chance = rng.beta(0.8 / 9, 0.2 / 9, 100)
        first, second = noisy(chance, rng), noisy(chance, rng)
        statuses = {compare(first, second, noisy(chance, rng)).status for _ in range(20)}
        assert statuses == {"stable"}


def test_a_swap_that_keeps_the_rate_is_seen_too() -> None:
    """As many yes as before, on other calls: McNemar is blind to it, the odd one out is not."""
    before = [1.0] * 70 + [0.0] * 30
    after = [1.0] * 50 + [0.0] * 20 + [1.0] * 20 + [0.0] * 10
    found = compare(before, before, after)
    assert found.higher == found.lower == 20
    assert (found.status, found.odd, found.split) == ("jump", 40, 40)
    assert found.p_value < JUMP_ALPHA


def test_a_judge_that_begins_to_refuse_has_changed() -> None:
    """A refusal is its word; an endpoint that is away is not."""
    before: Verdicts = [1.0] * 100
    assert compare(before, before, [*["refused"] * 30, *[1.0] * 70]).status == "jump"
    gone = compare(before, before, [*[None] * 30, *[1.0] * 70])
    assert (gone.status, gone.n) == ("stable", 70)
    assert compare(before, before, [None] * 60 + [1.0] * 40).status == "insufficient_data"


def test_graded_values_are_compared_by_their_distance() -> None:
    """A judge of 1 to 5 that became half a point milder stands apart on most anchors."""
    rng = np.random.default_rng(9)
    level = rng.uniform(1, 5, 100)
    first, second, third = (list(level + rng.normal(0, 0.1, 100)) for _ in range(3))
    assert compare(first, second, third).status == "stable"
    milder = [one + 0.5 for one in third]
    found = compare(first, second, milder)
    assert found.status == "jump"
    assert found.offset is not None
    assert found.offset.low < 0.5 < found.offset.high


def test_the_martingale_keeps_its_promise() -> None:
    """Of 100 stable judges, each looked at after every one of 150 runs, at most about 1 % ever reach 100."""
    rng = np.random.default_rng(10)
    told = sum(max(slow_e_values(rng.normal(size=150), rng.random(150))) >= 100 for _ in range(100))
    assert told <= 4


def test_a_slow_slide_is_seen_over_runs() -> None:
    """A hundredth a run, each far too little for one run, is told within forty."""
    rng = np.random.default_rng(11)
    slide = [max(0, n - 20) * 0.005 + rng.normal(0, 0.015) for n in range(60)]
    assert max(slow_e_values(slide, rng.random(60))) > 100


def test_bridges_and_people() -> None:
    """The offset is the paired mean with an interval that is never nothing; people's side is exact."""
    same = offset([1.0, 0.0] * 60, [1.0, 0.0] * 60)
    assert same is not None
    assert (same.value, same.low < 0 < same.high) == (0.0, True)
    assert offset([], []) is None
    labels = [1.0] * 100
    assert people_lost(labels, labels, [1.0] * 80 + [0.0] * 20) == (20, 0, pytest.approx(2.0**-20))
    assert not math.isnan(people_lost([], [], [])[2])


def pair(label: str, **details: object) -> Told | None:
    """What a row says of a pair's verdict."""
    return read_details(label, json.dumps(details))


def test_rows_tell_how_the_place_of_an_answer_pulls() -> None:
    """Orders of both and of an audit are brought to one numbering; one order alone says who was first."""
    told = [
        pair("better", order="both", details={"order_given": "better", "order_swapped": "better"}),
        pair("tie", order="both", details={"order_given": "better", "order_swapped": "worse"}),
        pair("better", order="given", details={"other_order": "worse"}),
        pair("better", order="swapped", details={"other_order": "worse"}),
        pair("worse", order="swapped", details={"own_family": True}),
        pair("better", order="given", details={"other_order": "error"}),
    ]
    said = [one for one in told if one is not None]
    orders = orders_of(said)
    assert orders is not None
    assert orders.consistent.n == 4
    assert orders.consistent.value == 0.25
    assert (orders.primacy.value, orders.recency.value) == (0.5, 0.25)
    first = first_of(said)
    assert first is not None
    assert (first.value, first.n) == (0.75, 4)
    assert [one.own_family for one in said] == [False] * 4 + [True, False]


def test_a_row_without_details_is_no_pair() -> None:
    """Rows of other judges tell nothing of orders."""
    assert read_details("yes", "") is None
    assert orders_of([]) is None
    graded = pair("4", mode="expected")
    assert graded is not None
    assert first_of([graded]) is None
