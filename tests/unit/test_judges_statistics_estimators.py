"""What must hold of the corrections whatever the data: limits, weights, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judges.statistics.calibration import cross_fitted, isotonic, transport
from judges.statistics.fusion import fused
from judges.statistics.rates import (
    Design,
    aipw,
    corrected,
    human_only,
    level,
    poststrat_ac,
    ppi,
    rogan_gladen,
    stratified,
    two_phase,
)
from judges.statistics.sampling import hajek
from judges.statistics.worth import cost_ratio, effective_labels, labelled_share

BITS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=3, max_size=60)


def judged(n: int, *, flips: float, seed: int, rate: float = 0.7) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and the verdicts of a judge that is wrong in a share of the calls."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < rate).astype(float)
    return y, np.where(rng.random(n) < flips, 1 - y, y)


@given(BITS)
def test_without_weight_the_labels_speak_alone(pairs: list[tuple[bool, bool]]):
    """PPI++ at lambda 0 is the mean of the labels, and AIPW of equal chances is it too."""
    y, f = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
    rate = ppi(y, f, [0.0, 1.0, 1.0], weight=0.0)
    assert rate is not None
    assert rate.value == pytest.approx(y.mean())
    full = aipw(y, f, [], [1.0] * len(y), weight=0.0)
    assert full is not None
    assert full.value == pytest.approx(y.mean())


@given(BITS)
def test_equal_chances_need_no_weights(pairs: list[tuple[bool, bool]]):
    """Hájek's mean of equal probabilities is the mean."""
    values = [float(one) for one, _ in pairs]
    mean = hajek(values, [0.05] * len(values))
    assert mean is not None
    assert mean.value == pytest.approx(np.mean(values))
    assert mean.n_eff == pytest.approx(len(values))


@given(BITS)
def test_a_constant_moves_every_estimate_by_itself(pairs: list[tuple[bool, bool]]):
    """Labels + 1 give PPI++ + 1 and the same width."""
    y, f = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
    rate, moved = ppi(y, f, [0.0, 1.0, 1.0]), ppi(y + 1, f, [0.0, 1.0, 1.0])
    assert rate is not None
    assert moved is not None
    assert moved.value == pytest.approx(rate.value + 1)
    assert moved.width == pytest.approx(rate.width)


def test_a_judge_of_everybody_needs_no_correction():
    """With a perfect judge the corrected rate is the judge's rate over all calls."""
    y, f = judged(4000, flips=0.0, seed=1)
    for rate in (ppi(y[:200], f[:200], f[200:]), poststrat_ac(y[:200], f[:200], f[200:])):
        assert rate is not None
        assert rate.value == pytest.approx(y.mean(), abs=0.005)
    found = level(y[:200], f[:200], f[200:])
    assert found is not None
    assert found.gain > 5
    assert found.rho == pytest.approx(1)


def test_stratified_is_post_stratified():
    """On the same labels, both give the same point; only the error is reckoned otherwise."""
    y, f = judged(3000, flips=0.1, seed=2)
    shares = [(f == 0).mean(), (f == 1).mean()]
    by_verdict = stratified([y[:150][f[:150] == k] for k in (0, 1)], shares)
    post = poststrat_ac(y[:150], f[:150], f[150:])
    assert by_verdict is not None
    assert post is not None
    assert by_verdict.value == pytest.approx(post.value)
    assert by_verdict.low < y.mean() < by_verdict.high


def test_two_phases_undo_both_draws():
    """Judged more where flagged, labelled more where the judge says no: the traffic's rate comes out."""
    rng, values, covered = np.random.default_rng(3), [], 0
    for _ in range(200):
        y = (rng.random(20_000) < 0.9).astype(float)
        f = np.where(rng.random(20_000) < 0.1, 1 - y, y)
        drawn = np.where(y == 0, 0.3, 0.05)
        seen = rng.random(20_000) < drawn
        label = np.where(f == 0, 0.2, 0.05)
        told = seen & (rng.random(20_000) < label)
        rest = seen & ~told
        design = Design((drawn * label)[told], drawn[told], drawn[rest])
        rate = two_phase(y[told], f[told], f[rest], design)
        assert rate is not None
        values.append(rate.value - y.mean())
        covered += rate.low <= y.mean() <= rate.high
    assert abs(np.mean(values)) < 3 * np.std(values) / 200**0.5 + 0.002
    assert covered / 200 > 0.88


def test_the_choice_follows_the_design():
    """Unequal probabilities are weighed, equal ones change nothing."""
    y, f = judged(1000, flips=0.1, seed=4)
    told = y[:200], f[:200], f[200:]
    even = Design([0.1] * 200, [0.5] * 200, [0.5] * 800)
    assert corrected(*told, design=even) == corrected(*told)
    uneven = Design([0.1, 0.02] * 100, [0.5] * 200, [0.5] * 800)
    rate = corrected(*told, design=uneven)
    assert rate is not None
    assert rate.method == "two_phase"
    found = level(*told, design=uneven)
    assert found is not None
    assert found.human.method == "hajek"


def test_few_scores_take_students_quantile():
    """Scores that are no categories are corrected from 30 labels on, a little wider than normal."""
    rng = np.random.default_rng(5)
    y = rng.normal(3, 1, 500)
    f = y + rng.normal(0, 0.5, 500)
    rate, normal = corrected(y[:40], f[:40], f[40:]), ppi(y[:40], f[:40], f[40:])
    assert rate is not None
    assert normal is not None
    assert rate.value == normal.value
    assert 1.02 < rate.width / normal.width < 1.05


def test_a_useless_judge_is_left_out():
    """Verdicts at random: the labels alone are shown, and that the judge adds nothing."""
    y, _ = judged(2000, flips=0.0, seed=6)
    f = (np.random.default_rng(7).random(2000) < 0.5).astype(float)
    found = level(y[:300], f[:300], f[300:])
    assert found is not None
    assert found.adds_nothing
    assert found.rate == found.human


def test_luck_is_not_certainty():
    """A judge that was right on every label leaves an interval, and none of a share passes 0 or 1."""
    y, f = judged(2000, flips=0.0, seed=11, rate=0.98)
    for n in (40, 120, 400):
        rate = corrected(y[:n], f[:n], f[n:])
        assert rate is not None
        assert rate.high - rate.low > 0.002
        assert 0 <= rate.low <= rate.value <= rate.high <= 1
    everything_right = corrected([1.0] * 150, [1.0] * 150, [1.0] * 1000)
    assert everything_right is not None
    assert everything_right.low < 0.99


def test_rogan_gladen_inverts_a_known_judge():
    """Sensitivity 0.9 and specificity 0.8: 55 % of verdicts are 50 % of calls; a coin inverts nothing."""
    labels = [1] * 100 + [0] * 100
    verdicts = [1] * 90 + [0] * 10 + [0] * 80 + [1] * 20
    rate = rogan_gladen(labels, verdicts, [1] * 550 + [0] * 450)
    assert rate is not None
    assert rate.value == pytest.approx(0.5)
    assert 0 <= rate.low < 0.5 < rate.high <= 1
    assert rogan_gladen([1, 0] * 50, [1, 1, 0, 0] * 25, [1, 0]) is None
    assert rogan_gladen([1] * 50, [1] * 50, [1, 0]) is None


def test_wrong_input_is_refused():
    """Lengths that differ, impossible probabilities, labels that are no yes or no."""
    with pytest.raises(ValueError, match="one verdict per label"):
        ppi([1, 0], [1], [1])
    with pytest.raises(ValueError, match="0 and 1"):
        poststrat_ac([0.5, 1], [1, 1], [1])
    with pytest.raises(ValueError, match="probability"):
        aipw([1, 0], [1, 0], [1], [0.5, 0.0])
    with pytest.raises(ValueError, match="sum to 1"):
        stratified([[1, 0]], [0.5])
    assert human_only([1]) is None
    assert stratified([[1, 0], [1]], [0.5, 0.5]) is None


def test_what_a_judge_is_worth():
    """No correlation, no gain; a free perfect judge costs nothing; a bad one leaves people all the work."""
    assert effective_labels(100, 10_000, 0.0) == pytest.approx(100)
    assert cost_ratio(1.0, 0.0) == 0
    assert cost_ratio(0.0, 0.1) == 1
    assert labelled_share(0.2, 0.2, 0.0) == 1
    with pytest.raises(ValueError):
        cost_ratio(1.2, 0.1)


def test_calibration_stays_inside_what_was_labelled():
    """The curve rises, repeats no label beyond its scores, and says where it would be guessing."""
    rng = np.random.default_rng(8)
    score = rng.uniform(2, 4, 300)
    label = (rng.random(300) < (score - 2) / 2).astype(float)
    curve = isotonic(score, label)
    assert (np.diff(curve.labels) >= 0).all()
    found = curve.at([1.0, 3.0, 5.0, float("nan")])
    assert found.outside.tolist() == [True, False, True, True]
    assert found.values[1] == pytest.approx(0.5, abs=0.2)
    assert found.outside_share == 0.75
    held_out = cross_fitted(score, label, rng=rng)
    assert held_out.mean() == pytest.approx(label.mean(), abs=0.02)
    with pytest.raises(ValueError):
        isotonic([1, 2], [1])


def test_transport_wants_enough_probes():
    """Few probes say nothing, a residual that straddles the margin neither."""
    assert transport([1.0] * 49, [0.0] * 49).status == "inconclusive"
    assert transport([1.0] * 60, [0.0] * 60).status == "fail"
    rng = np.random.default_rng(9)
    label = (rng.random(80) < 0.5).astype(float)
    assert transport(label, np.full(80, 0.5)).status == "inconclusive"


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(1, 5), st.booleans()), min_size=1, max_size=40))
def test_isotonic_keeps_the_mean(pairs: list[tuple[int, bool]]):
    """Pooling violators moves no label mass: the fitted mean is the labels'."""
    score, label = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
    curve = isotonic(score, label)
    assert curve.at(score).values.mean() == pytest.approx(label.mean())


def test_several_judges_are_fused_from_200_labels_on():
    """Three middling judges together follow the labels better than one; few labels get none."""
    rng = np.random.default_rng(10)
    truth = (rng.random(3000) < 0.7).astype(float)
    votes = np.column_stack([np.where(rng.random(3000) < 0.2, 1 - truth, truth) for _ in range(3)])
    assert fused(truth[:199], votes[:199], votes[199:], rng=rng) is None
    both = fused(truth[:400], votes[:400], votes[400:], rng=rng)
    assert both is not None
    fused_rate = ppi(truth[:400], both.verdicts, both.others)
    single = ppi(truth[:400], votes[:400, 0], votes[400:, 0])
    assert fused_rate is not None
    assert single is not None
    assert fused_rate.width < single.width
    assert fused_rate.low < truth.mean() < fused_rate.high
