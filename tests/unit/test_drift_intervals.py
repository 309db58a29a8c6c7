"""Intervals cover what they claim, and agree with published figures."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from monitor.drift import (
    clopper_pearson,
    clopper_pearson_upper,
    rate_difference,
    wilson,
)


@pytest.mark.parametrize(("count", "n"), [(0, 10), (10, 10), (3, 50), (700, 1_000), (1, 10**7)])
def test_exact_and_wilson_agree_with_scipy(count: int, n: int) -> None:
    """Both intervals equal those of an independent implementation."""
    test = binomtest(count, n)
    for mine, method in ((clopper_pearson(count, n), "exact"), (wilson(count, n), "wilson")):
        theirs = test.proportion_ci(0.95, method)
        assert (mine.low, mine.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_clopper_pearson_covers_at_least_as_promised() -> None:
    """At small rates too the exact interval and the upper bound hold the truth often enough."""
    rng = np.random.default_rng(1)
    for rate in (0.002, 0.05, 0.5):
        counts = rng.binomial(300, rate, size=1_000).tolist()
        inside = [
            clopper_pearson(c, 300).low <= rate <= clopper_pearson(c, 300).high for c in counts
        ]
        below = [rate <= clopper_pearson_upper(c, 300) for c in counts]
        assert np.mean(inside) >= 0.94
        assert np.mean(below) >= 0.935


def test_no_data_is_no_knowledge() -> None:
    """Without calls every rate is possible."""
    assert (clopper_pearson(0, 0).low, clopper_pearson(0, 0).high) == (0, 1)
    assert (wilson(0, 0).low, wilson(0, 0).high, clopper_pearson_upper(0, 0)) == (0, 1, 1)
    assert rate_difference(0, 0, 0, 0).low <= 0 <= rate_difference(0, 0, 0, 0).high


def test_newcombe_published_examples() -> None:
    """Newcombe's own examples come out as printed."""
    one = rate_difference(56, 70, 48, 80)
    assert (one.low, one.high) == pytest.approx((0.0524, 0.3339), abs=1e-4)
    two = rate_difference(10, 10, 0, 10)
    assert (two.low, two.high) == pytest.approx((0.6075, 1.0), abs=1e-4)


@pytest.mark.parametrize("bad", [(2, 1), (-1, 1)])
def test_refuses_impossible_counts(bad: tuple[int, int]) -> None:
    """More events than calls, or fewer than none, are refused."""
    for interval in (clopper_pearson, clopper_pearson_upper, wilson):
        with pytest.raises(ValueError, match="count"):
            interval(*bad)
