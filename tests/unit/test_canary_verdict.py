"""The canary's verdict, and the test of two rates beneath it that may be looked at any time."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from monitor.drift.two_rates import (
    Block,
    difference_e_value,
    difference_over_time,
    evidence_path,
)
from monitor.retrain.canary import CanaryHour, judge_canary, settled
from monitor.watching.reading import EPOCH

MARGIN = 0.02


def hours(
    candidate: float, production: float, *, n: int = 48, seed: int = 1, series: str = "call/error"
) -> list[CanaryHour]:
    """So many hours of 60 calls of the candidate and 400 of production."""
    rng = np.random.default_rng(seed)
    return [
        CanaryHour(
            series, hour, int(rng.binomial(60, candidate)), 60, int(rng.binomial(400, production)), 400
        )
        for hour in range(n)
    ]  # fmt: skip


def test_equal_releases_are_rarely_called_worse_at_any_time() -> None:
    """Looked at after every hour, through nights and shifting shares, the false verdicts stay within the level."""
    rng, wrong = np.random.default_rng(5), 0
    for _ in range(200):
        blocks = []
        for hour in range(48):
            rate = 0.05 + 0.03 * np.sin(hour / 4)
            n = int(rng.integers(0, 120))
            blocks.append(Block(int(rng.binomial(n, rate)), n, int(rng.binomial(300, rate)), 300))
        wrong += max(evidence_path(blocks, 0.0, above=True)) >= 20
    assert wrong / 200 <= 0.05


def test_a_rise_by_the_margin_is_rarely_called_safe() -> None:
    """The other verdict keeps its level too."""
    wrong = sum(
        max(evidence_path([Block(h.count, h.n, h.others, h.others_n) for h in hours(0.06, 0.04, seed=seed)],
                          MARGIN, above=False)) >= 20
        for seed in range(150)
    )  # fmt: skip
    assert wrong / 150 <= 0.05


def test_both_verdicts_are_reached() -> None:
    """A candidate that fails three times as often is worse, one that fails as often is safe."""
    worse, safe = (judge_canary(hours(rate, 0.03), margin=MARGIN) for rate in (0.10, 0.03))
    assert (worse.verdict, safe.verdict) == ("worse", "safe")
    assert worse.series[0].low > 0
    assert safe.series[0].high < MARGIN
    assert (worse.n, safe.series[0].hours) == (48 * 60, 48)


def test_one_bad_series_is_enough_and_pays_for_the_others() -> None:
    """Any series may say `worse`, at a level shared by all; for `safe` all of them have to agree."""
    bad = hours(0.12, 0.03, series="outcome/correct")
    found = judge_canary([*hours(0.03, 0.03), *bad], margin=MARGIN)
    assert found.verdict == "worse"
    assert "outcome/correct" in found.sentence
    young = hours(0.03, 0.03, n=2, series="outcome/correct")
    waiting = judge_canary([*hours(0.03, 0.03), *young], margin=MARGIN)
    assert waiting.verdict == "undecided"
    assert "outcome/correct" in waiting.sentence
    sparse = [CanaryHour("user/thumbs", hour, 0, 1, 0, 5) for hour in range(8)]
    assert judge_canary([*hours(0.03, 0.03), *sparse], margin=MARGIN).verdict == "safe"


def test_nothing_is_known_without_calls_of_both() -> None:
    """No hours, hours of one side only and a single hour decide nothing."""
    assert judge_canary([], margin=MARGIN).verdict == "undecided"
    one_sided = [CanaryHour("call/error", hour, 9, 10, 0, 0) for hour in range(50)]
    found = judge_canary(one_sided, margin=MARGIN)
    assert (found.verdict, found.series[0].low, found.series[0].high) == ("undecided", -1.0, 1.0)
    assert judge_canary(hours(0.5, 0.5, n=1), margin=MARGIN).verdict == "undecided"


@pytest.mark.parametrize(
    ("count", "others", "verdict"), [(0, 0, "safe"), (60, 400, "safe"), (60, 0, "worse")]
)
def test_rates_of_nothing_and_of_all(count: int, others: int, verdict: str) -> None:
    """Never failing, always failing, and each the opposite: no division by nothing, and the right word."""
    told = [CanaryHour("call/error", hour, count, 60, others, 400) for hour in range(48)]
    found = judge_canary(told, margin=MARGIN)
    assert found.verdict == verdict
    assert -1 <= found.series[0].low <= found.series[0].difference <= found.series[0].high <= 1


def test_the_interval_holds_the_truth_at_all_times_together() -> None:
    """Looked at after every day of a fortnight, it loses the true difference in few of the canaries."""
    lost = 0
    for seed in range(20):
        told = [
            Block(h.count, h.n, h.others, h.others_n) for h in hours(0.07, 0.05, n=96, seed=seed)
        ]
        lost += any(
            not (found := difference_over_time(told[:n], margin=MARGIN)).low <= 0.02 <= found.high
            for n in (4, 24, 96)
        )
    assert lost <= 2


def test_an_hour_counts_when_its_words_have_come() -> None:
    """Errors after an hour, judges after three, outcomes after a day: before that a young release looks bad."""
    told = [
        CanaryHour(series, 0, 0, 1, 0, 1) for series in ("call/error", "judge/polite", "outcome/x")
    ]

    def known(after: float) -> list[str]:
        until: datetime = EPOCH + timedelta(hours=after)
        return [one.series for one in settled(told, until)]

    assert [len(known(after)) for after in (1, 2, 4, 25)] == [0, 1, 2, 3]
    assert known(2) == ["call/error"]


def test_impossible_counts_and_bounds_are_refused() -> None:
    """More failures than calls, and a difference that no rates have, are errors."""
    with pytest.raises(ValueError, match="among the calls"):
        difference_e_value([Block(2, 1, 0, 1)], 0.0, above=True)
    with pytest.raises(ValueError, match="between -1 and 1"):
        difference_e_value([], 1.0, above=True)
