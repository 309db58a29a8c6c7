"""A judge's rate corrected by people: the inverse of what the judge gets wrong, and when there is none."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from judges.statistics.trust import Judged, trust
from monitor.judging.trust import JudgeHealth
from monitor.watching.judged import Quality

NOW = datetime(2024, 1, 1, tzinfo=UTC)


def health(calls: list[Judged]) -> JudgeHealth:
    """A judge with these verdicts."""
    return JudgeHealth(
        "bank", "right", "v1", "m", True, NOW, NOW, trust(calls), 0, {}, None, (), ()
    )


def judged(n: int, *, labelled: int, bad: float, seed: int) -> list[Judged]:
    """Calls of a judge that finds 80 % of the bad answers and passes 95 % of the good ones."""
    rng = np.random.default_rng(seed)
    calls = []
    for place in range(n):
        truth = float(rng.random() >= bad)
        right = rng.random() < (0.95 if truth else 0.8)
        calls.append(
            Judged(truth if right else 1 - truth, label=truth if place < labelled else None)
        )
    return calls


def test_a_rate_is_corrected_by_what_the_judge_gets_wrong() -> None:
    """3 % bad answers look like 7.25 % to it; corrected, the interval holds the truth, and 10 % are told from it."""
    quality = Quality.of(health(judged(2000, labelled=600, bad=0.2, seed=1)))
    assert quality is not None
    usual = quality.correct(725, 10_000)
    assert usual is not None
    assert usual.low < 0.03 < usual.high
    assert usual.rate < 0.06
    worse = quality.correct(1250, 10_000)
    assert worse is not None
    assert worse.low < 0.10 < worse.high
    assert worse.rate > usual.rate


@pytest.mark.parametrize(
    "calls",
    [
        judged(500, labelled=29, bad=0.2, seed=2),
        [Judged(4.0, label=4.0), Judged(2.0, label=1.0)] * 40,
    ],
    ids=["too few labels", "a score"],
)
def test_where_nothing_can_be_inverted_nothing_is_shown(calls: list[Judged]) -> None:
    """The raw rate stands alone then."""
    assert Quality.of(health(calls)) is None


def guided(seed: int, n: int, *, bad: float) -> tuple[list[Judged], int, int]:
    """Calls of which a check flags most that look bad; these are judged, and verdicts of bad labelled, more often.

    Returns them, and how the judge would find a uniform sample: its failures, and of how many.
    """
    rng = np.random.default_rng(seed)
    calls, failed, seen = [], 0, 0
    for _ in range(n):
        truth = float(rng.random() >= bad)
        obvious = not truth and rng.random() < 0.6
        right = rng.random() < (0.95 if truth else 1.0 if obvious else 0.4)
        value = truth if right else 1 - truth
        probability = 0.8 if obvious or rng.random() < 0.03 else 0.1
        draw = rng.random()
        failed, seen = failed + (draw < 0.1 and not value), seen + (draw < 0.1)
        if draw < probability:
            share = 0.05 if value else 0.6
            label = truth if rng.random() < share else None
            calls.append(Judged(value, probability, label, share))
    return calls, failed, seen


def test_labels_of_unequal_probability_correct_as_well() -> None:
    """Where flagged calls are judged and bad verdicts labelled more often the corrected rate still holds the truth.

    The judge finds 76 % of the bad answers and passes 95 % of the good ones; the plain table of labels says otherwise.
    """
    held, rates = 0, []
    for seed in range(20):
        calls, failed, seen = guided(seed, 20_000, bad=0.1)
        quality = Quality.of(health(calls))
        assert quality is not None
        assert quality.labels > 5 * 30
        told = quality.correct(failed, seen)
        assert told is not None
        held += told.low <= 0.1 <= told.high
        rates.append(told.rate)
        table = trust(calls).confusion
        assert table is not None
        plain = table.counts[1][1] / sum(table.counts[1])
        assert abs(told.specificity - 0.95) < 0.03 < abs(plain - 0.95)
    assert held >= 17
    assert abs(np.mean(rates) - 0.1) < 0.015


def test_a_judge_no_better_than_a_coin_corrects_nothing() -> None:
    """Its verdicts say nothing of the answers."""
    assert Quality("right", 50, 20, 50, 30).correct(100, 1_000) is None
    assert Quality("right", 0, 0, 60, 55).correct(100, 1_000) is None
    assert Quality("right", 50, 45, 50, 45).correct(0, 0) is None
