"""The sample of production: known probabilities, unbiased rates, no more than was wished for."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judges.statistics.sampling import hajek
from monitor.judging.design import SIGNALS, Candidate, draw, plan
from monitor.judging.money import PER_DAY, quota


def traffic(
    number: int, rng: np.random.Generator, *, bad: float
) -> tuple[list[Candidate], list[float]]:
    """Calls of two releases with failures that a check sees half of, and whether each failed."""
    calls, failed = [], []
    for place in range(number):
        wrong = bool(rng.random() < bad)
        signals = []
        if rng.random() < (0.5 if wrong else 0.03):
            signals.append("failed_check")
        if rng.random() < 0.02:
            signals.append("novel")
        release = "new" if rng.random() < 0.05 else "old"
        calls.append(Candidate(f"{place}-{rng.integers(1 << 60)}", release, "p1", tuple(signals)))
        failed.append(float(wrong))
    return calls, failed


def test_hajeks_rate_is_unbiased_while_flagged_calls_are_over_sampled() -> None:
    """Over 100 draws the weighted rate misses the true one by nothing but chance, the raw one by far."""
    rng = np.random.default_rng(5)
    misses, raw = [], []
    for _ in range(100):
        calls, failed = traffic(800, rng, bad=0.05)
        said = {one.key: one for one in draw(plan(calls, 150), calls) if one.drawn}
        kept = [
            (y, said[one.key].probability)
            for one, y in zip(calls, failed, strict=True)
            if one.key in said
        ]
        found = hajek([y for y, _ in kept], [p for _, p in kept])
        assert found is not None
        misses.append(found.value - float(np.mean(failed)))
        raw.append(float(np.mean([y for y, _ in kept]) - np.mean(failed)))
    error = float(np.std(misses)) / np.sqrt(len(misses))
    assert abs(np.mean(misses)) < 3 * error
    assert np.mean(raw) > 0.1


def test_its_interval_covers() -> None:
    """Hájek's 95 % interval holds the true rate about that often."""
    rng = np.random.default_rng(6)
    covered = 0
    for _ in range(100):
        calls, failed = traffic(800, rng, bad=0.08)
        said = {one.key: one.probability for one in draw(plan(calls, 250), calls) if one.drawn}
        kept = [(y, said[one.key]) for one, y in zip(calls, failed, strict=True) if one.key in said]
        found = hajek([y for y, _ in kept], [p for _, p in kept])
        assert found is not None
        covered += found.low <= np.mean(failed) <= found.high
    assert covered >= 90


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 400), min_size=1, max_size=5),
    flagged=st.lists(st.sampled_from(sorted(SIGNALS)), max_size=60),
    wanted=st.floats(0, 2000),
)
def test_no_plan_draws_more_than_was_wanted(
    sizes: list[int], flagged: list[str], wanted: float
) -> None:
    """Every probability is in (0, 1], and together they come to what was wanted, or to all there is."""
    calls = [
        Candidate(f"{n}-{k}", f"r{n}", "p") for n, size in enumerate(sizes) for k in range(size)
    ]
    calls = [
        Candidate(one.key, one.release, "p", (flagged[place],)) if place < len(flagged) else one
        for place, one in enumerate(calls)
    ]
    found = draw(plan(calls, wanted), calls)
    assert all(0 < one.probability <= 1 for one in found)
    assert sum(one.probability for one in found) <= wanted + len(calls) * 1e-6 + 1e-6


def test_a_small_new_release_is_seen_as_well_as_the_large_one() -> None:
    """The floor goes by the square root of the traffic: one call in fifty has more than one verdict in ten."""
    calls = [Candidate(str(n), "new" if n % 50 == 0 else "old", "p") for n in range(10_000)]
    said = plan(calls, 500).floors
    assert said["new", "p"] > 5 * said["old", "p"]
    assert said["new", "p"] * 200 + said["old", "p"] * 9800 == pytest.approx(500)


def test_a_call_has_the_largest_probability_that_it_is_due() -> None:
    """A thumbs-down and an odd length: the thumbs-down counts, and is kept as the route."""
    calls = [Candidate(str(n), "r", "p") for n in range(1000)]
    calls += [
        Candidate("both", "r", "p", ("novel", "feedback")),
        Candidate("odd", "r", "p", ("novel",)),
    ]
    said = {one.key: one for one in draw(plan(calls, 100), calls)}
    assert (said["both"].route, said["both"].probability) == ("feedback", 1.0)
    assert said["odd"].route == "novel"
    assert said["0"].route == "floor"


def test_a_given_share_is_the_floor_of_every_stratum() -> None:
    """The definition's `share` overrides the wished-for number; flagged calls still have more."""
    calls = [Candidate(str(n), "r", "p", ("feedback",) if n < 5 else ()) for n in range(1000)]
    found = draw(plan(calls, 100, share=0.2), calls)
    assert Counter(one.probability for one in found) == {0.2: 995, 1.0: 5}


def test_the_same_draw_comes_out_again() -> None:
    """It is a matter of the call's hash, not of the moment."""
    calls = [Candidate(str(n), "r", "p") for n in range(100)]
    assert draw(plan(calls, 30), calls) == draw(plan(calls, 30), calls)


def test_a_days_verdicts_follow_from_the_change_to_be_seen_and_the_money() -> None:
    """A day's worth sees 3 % become 5 %, an hour has its part, and money that buys fewer says so."""
    assert 400 < PER_DAY < 800
    assert quota(timedelta(hours=1), None, None) == pytest.approx(PER_DAY / 24)
    assert quota(timedelta(days=1), 0.05, 0.001) == pytest.approx(50)
    assert quota(timedelta(days=1), None, 0.001) == PER_DAY
