"""Agreement, ranking, paired tests, power and the choice of calls for people."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judges.statistics.agreement import (
    cohen_kappa,
    confusion,
    effective_votes,
    error_correlation,
    gwet_ac1,
    kendall,
    krippendorff_alpha,
    repeatability,
    spearman,
)
from judges.statistics.paired import mcnemar, paired_difference, permutation
from judges.statistics.position import both_orders
from judges.statistics.power import (
    design_effect,
    judgements_needed,
    mcnemar_power,
    power_of,
    smallest_change,
    smallest_gain,
    smallest_shown,
)
from judges.statistics.ranking import Comparisons, bootstrap, bradley_terry, win_rates
from judges.statistics.selection import Item, allocate, neyman, review

LABELS = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=2, max_size=40)

# The worked example of Krippendorff, "Computing Krippendorff's alpha-reliability" (2011), section D.
_ = None
KRIPPENDORFF = (
    (1, 1, _, 1), (2, 2, 3, 2), (3, 3, 3, 3), (3, 3, 3, 3), (2, 2, 2, 2), (1, 2, 3, 4),
    (4, 4, 4, 4), (1, 1, 2, 1), (2, 2, 2, 2), (_, 5, 5, 5), (_, _, 1, 1), (_, 3, _, _),
)  # fmt: skip


def test_alpha_of_the_published_example():
    """Four raters with gaps: 0.743 nominal, 0.815 ordinal, 0.849 interval."""
    levels = ("nominal", "ordinal", "interval")
    found = [krippendorff_alpha(KRIPPENDORFF, level=one) for one in levels]
    assert found == pytest.approx([0.743, 0.815, 0.849], abs=5e-4)


@settings(deadline=None)  # the first call imports scikit-learn
@given(LABELS)
def test_kappa_is_scikit_learns(pairs: list[tuple[int, int]]):
    """Plain, linear and quadratic, wherever both are defined."""
    metrics = pytest.importorskip("sklearn.metrics")
    one, other = ([*side] for side in zip(*pairs, strict=True))
    if len({*one, *other}) < 2:
        assert cohen_kappa(one, other) is None
        return
    for weights, theirs in (("none", None), ("linear", "linear"), ("quadratic", "quadratic")):
        expected = metrics.cohen_kappa_score(one, other, weights=theirs)
        assert cohen_kappa(one, other, weights=weights) == pytest.approx(expected, abs=1e-12)


@given(LABELS)
def test_agreement_has_no_favourite_rater(pairs: list[tuple[int, int]]):
    """Kappa, AC1 and alpha are the same when the raters change places."""
    one, other = ([*side] for side in zip(*pairs, strict=True))
    for measure in (cohen_kappa, gwet_ac1):
        assert measure(one, other) == pytest.approx(measure(other, one))
    assert krippendorff_alpha(pairs) == pytest.approx(
        krippendorff_alpha([(b, a) for a, b in pairs])
    )
    assert confusion(one, other).n == len(pairs)


def test_measures_say_when_they_have_nothing():
    """One label, one rater, a constant, no pair: None, never a number."""
    assert cohen_kappa([], []) is None
    assert cohen_kappa(["yes"] * 5, ["yes"] * 5) is None
    assert gwet_ac1([], []) is None
    assert krippendorff_alpha([(1, None), (None, 2)]) is None
    assert spearman([1, 1, 1], [1, 2, 3]) is None
    assert kendall([1, 2], [1, 2]) is None
    assert error_correlation([[0, 1], [0, 1]]) is None
    assert repeatability([[1, 1], [1, 1]]) is None
    assert both_orders([], []) is None
    with pytest.raises(ValueError, match="same items"):
        cohen_kappa([1], [1, 2])


def test_independent_judges_keep_their_votes():
    """Five judges whose errors are independent are worth about five votes, copies of one are one."""
    errors = (np.random.default_rng(1).random((20_000, 5)) < 0.2).astype(float)
    assert effective_votes(errors) == pytest.approx(5, abs=0.2)
    assert effective_votes(errors[:, [0, 0, 0]]) == pytest.approx(1)


def test_bradley_terry_finds_planted_strengths():
    """Strengths come back within their error, ties as halves, and the bootstrap covers them."""
    rng, truth = np.random.default_rng(2), np.array([1.0, 0.3, -0.3, -1.0])
    first, second = rng.integers(0, 4, (2, 8000))
    keep = first != second
    first, second = first[keep], second[keep]
    chance = 1 / (1 + np.exp(truth[second] - truth[first]))
    result = (rng.random(len(first)) < chance).astype(float)
    games = Comparisons(("a", "b", "c", "d"), first, second, result)
    assert bradley_terry(games) == pytest.approx(truth, abs=0.1)
    assert (np.diff(win_rates(games)) < 0).all()
    low, high = bootstrap(games, bradley_terry, rng=rng, draws=40)
    assert (low < bradley_terry(games)).all()
    assert (bradley_terry(games) < high).all()


def test_bradley_terry_says_when_there_is_no_strength():
    """A model that won all is infinitely strong: said, not computed; a prior makes it finite."""
    games = Comparisons.of(["a"] * 5, ["b"] * 5, [1.0] * 5)
    with pytest.raises(ValueError, match="prior"):
        bradley_terry(games)
    strong, weak = bradley_terry(games, prior=1.0)
    assert strong - weak == pytest.approx(np.log(11))  # 5 + 1/2 wins against 1/2


def test_paired_tests_agree():
    """On yes/no results the sign-flip test is McNemar's, exactly where both can be enumerated."""
    first, second = [0] * 8 + [1] * 3 + [1] * 20, [1] * 8 + [0] * 3 + [1] * 20
    exact = mcnemar(first, second)
    flips = permutation(first, second, rng=np.random.default_rng(3))
    assert flips.p_value == pytest.approx(exact.p_value)
    assert (exact.better, exact.worse, exact.n) == (8, 3, 31)
    drawn = permutation(first, second, rng=np.random.default_rng(3), draws=1999)
    assert drawn.p_value == pytest.approx(exact.p_value, abs=0.04)


def test_a_paired_test_keeps_its_level():
    """No change is called one in at most 5 % of the runs."""
    rng, alarms = np.random.default_rng(4), 0
    for _ in range(400):
        a, b = rng.normal(0, 1, (2, 30))
        alarms += permutation(a, b, rng=rng, draws=199).p_value <= 0.05
    assert alarms / 400 < 0.08
    assert mcnemar([1, 0], [1, 0]).p_value == 1
    rate = paired_difference([1] * 50, [1] * 50)
    assert rate is not None
    assert rate.low < 0 < rate.high


def test_a_paired_interval_covers():
    """The interval of a difference of rates holds the true one as often as it says, also of rare faults."""
    rng = np.random.default_rng(2)
    for up, down in ((0.08, 0.03), (0.01, 0.0)):
        inside = []
        for b, c, _ in rng.multinomial(200, (up, down, 1 - up - down), size=500).tolist():
            found = paired_difference(
                [0] * b + [1] * (200 - b), [1] * b + [0] * c + [1] * (200 - b - c)
            )
            assert found is not None
            inside.append(found.low <= up - down <= found.high)
        assert np.mean(inside) >= 0.94


def test_the_smallest_difference_that_was_to_be_seen():
    """It falls with the items, is seen as often as it says, and five items show nothing at all."""
    few, many = smallest_shown(100, 0.02), smallest_shown(2000, 0.02)
    assert few is not None
    assert many is not None
    assert many < 0.015 < few
    assert mcnemar_power(few, 0.0, 100) == pytest.approx(0.8, abs=0.01)
    assert smallest_shown(5, 0.5) is None
    assert smallest_shown(0, 0.0) is None


def test_power_plans_what_simulation_sees():
    """The judgements that the plan asks for see the change as often as it says."""
    n = judgements_needed(0.03, 0.05)
    rng = np.random.default_rng(5)
    quiet, loud = (rng.binomial(n, p, 20_000) for p in (0.03, 0.05))
    critical = np.quantile(quiet, 0.95, method="higher")
    assert (quiet > critical).mean() <= 0.05
    assert (loud > critical).mean() == pytest.approx(0.8, abs=0.06)
    assert power_of(0.03, 0.05, n) == pytest.approx(0.8, abs=0.06)


def test_what_makes_a_change_dearer():
    """An erring judge, an unequal draw, a smaller change and more power all cost judgements."""
    plain = judgements_needed(0.03, 0.05)
    assert judgements_needed(0.03, 0.05, specificity=0.95) > plain
    assert judgements_needed(0.03, 0.05, sensitivity=0.8) > plain
    assert judgements_needed(0.03, 0.04) > plain
    assert judgements_needed(0.03, 0.05, power=0.9) > plain
    twice = judgements_needed(0.03, 0.05, design_effect=2.0)
    assert twice == 2 * plain
    assert judgements_needed(0.05, 0.03) > 0
    assert design_effect([0.1] * 7) == pytest.approx(1)


def test_the_smallest_change_is_the_plans_inverse():
    """What n judgements can see needs n judgements."""
    for n in (200, 1000, 5000):
        gain = smallest_change(0.02, n, sensitivity=0.9, specificity=0.97)
        assert gain is not None
        needed = judgements_needed(0.02, 0.02 + gain, sensitivity=0.9, specificity=0.97)
        assert needed == pytest.approx(n, rel=0.06)
    assert smallest_change(0.02, 0) is None


def test_a_plan_refuses_what_cannot_be_seen():
    """No change, a rate that is none, a judge that is a coin."""
    for rates, options in (
        ((0.05, 0.05), {}),
        ((0.05, 1.2), {}),
        ((0.05, 0.1), {"sensitivity": 0.5, "specificity": 0.5}),
    ):
        with pytest.raises(ValueError):
            judgements_needed(*rates, **options)


def test_power_of_the_paired_test_is_exact():
    """Against simulation; and 50 items do not see a small gain, which is said before the run."""
    rng, seen = np.random.default_rng(6), 0
    for _ in range(600):
        kind = rng.choice(3, 50, p=[0.25, 0.08, 0.67])
        seen += mcnemar(kind == 1, kind == 0).p_value <= 0.05
    assert mcnemar_power(0.25, 0.08, 50) == pytest.approx(seen / 600, abs=0.06)
    small, large = smallest_gain(50, 0.25), smallest_gain(200, 0.25)
    assert small is not None
    assert large is not None
    assert large < small / 1.7
    assert smallest_gain(50, 0.05) is None


@given(
    st.dictionaries(st.sampled_from("abcde"), st.floats(0.01, 1), min_size=1),
    st.integers(10, 500),
)
def test_allocations_add_up(shares: dict[str, float], n: int):
    """Every stratum has its least, and together they are as many labels as asked for."""
    total = sum(shares.values())
    shares = {key: one / total for key, one in shares.items()}
    found = neyman(shares, dict.fromkeys(shares, 0.4), n)
    assert sum(found.values()) == n
    assert min(found.values()) >= 2
    assert sum(allocate(shares, {}, n).values()) == n


def test_neyman_only_where_the_judge_is_informative():
    """After a pilot in which verdicts say nothing of the labels, the rest is shared in proportion."""
    shares = {"yes": 0.8, "no": 0.2}
    useless = {"yes": [1, 0] * 8, "no": [1, 0, 1, 0]}
    assert allocate(shares, useless, 100) == {"yes": 80, "no": 20}
    useful = {"yes": [1] * 16, "no": [1, 0, 1, 0]}
    assert allocate(shares, useful, 100)["no"] > 30


def test_a_review_can_be_weighed_back():
    """Probabilities are those of the draw: the weighted sizes are the true ones, disputes come first."""
    rng = np.random.default_rng(7)
    items = [
        Item(f"call-{k}", "no" if rng.random() < 0.1 else "yes", disputed=rng.random() < 0.05)
        for k in range(20_000)
    ]
    drawn = review(items, 2000, allocation={"yes": 1, "no": 1})
    assert len(drawn) == pytest.approx(2000, rel=0.08)
    assert sum(1 / one.probability for one in drawn) == pytest.approx(20_000, rel=0.08)
    nos = sum(1 / one.probability for one in drawn if one.verdict == "no")
    assert nos == pytest.approx(sum(one.verdict == "no" for one in items), rel=0.08)
    assert all(0 < one.probability <= 1 for one in drawn)
    assert sum(one.double for one in drawn) / len(drawn) == pytest.approx(0.15, abs=0.03)
    assert review([], 10) == []
