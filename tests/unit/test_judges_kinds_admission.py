"""Who may sit on a jury, with how many votes, and what a jury is worth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from judges.panels.admission import admit, effective_votes, stack, weights


def told(right, wrong, unread=0):
    """Verdicts on anchors of which half are `a`, so many of them right; and the labels."""
    labels = ["a", "b"] * ((right + wrong + unread + 1) // 2)
    labels = labels[: right + wrong + unread]
    verdicts = [
        y if n < right else (("b" if y == "a" else "a") if n < right + wrong else None)
        for n, y in enumerate(labels)
    ]
    return verdicts, labels


@pytest.mark.parametrize(
    ("right", "wrong", "unread", "admitted"),
    [
        (49, 0, 0, False),  # too few anchors
        (50, 0, 0, True),
        (70, 30, 0, True),  # kappa 0.4
        (66, 34, 0, True),  # kappa 0.32, lower bound 0.563
        (64, 36, 0, False),  # kappa 0.28, lower bound 0.542
        (590, 410, 0, True),  # kappa 0.18, lower bound 0.559
        (98, 0, 2, True),
        (97, 0, 3, False),  # 3 % unreadable
        (30, 70, 0, False),
    ],
)
def test_admission_follows_the_anchors(right, wrong, unread, admitted):
    """50 anchors, 2 % unreadable, and kappa of 0.4 or a lower bound of accuracy above 0.55."""
    found = admit(*told(right, wrong, unread))
    assert found.admitted is admitted
    assert bool(found.reason) is not admitted
    assert found.n == right + wrong + unread


def test_a_constant_judge_is_not_admitted_for_being_right_mostly():
    """Where 95 % of the answers are fine, one who always says fine is right in 95 %, and no judge."""
    labels = ["yes"] * 190 + ["no"] * 10
    assert not admit(["yes"] * 200, labels).admitted
    assert not admit(["yes"] * 200, ["yes"] * 200).admitted
    sees = ["yes"] * 190 + ["no"] * 6 + ["yes"] * 4
    assert admit(sees, labels).admitted


def test_anchors_of_which_none_was_read_admit_nobody():
    """A judge that never answers is refused for that, without a division by nothing."""
    found = admit([None] * 60, ["a"] * 60)
    assert (found.admitted, found.invalid, found.accuracy) == (False, 1.0, None)
    assert not admit([], []).admitted


def test_weights_are_log_odds_of_being_right():
    """90 % weighs as ln 9, 70 % as ln(7/3), smoothed by one right and one wrong; half weighs nothing."""
    labels = ["a", "b"] * 100
    rows = [told(right, 200 - right)[0] for right in (180, 140, 100)]
    found = weights(rows, labels)
    odds = [math.log(181 / 21), math.log(141 / 61), 0.0]
    assert found == pytest.approx([one / sum(odds) for one in odds])


def test_jurors_of_one_band_weigh_the_same():
    """Five points of accuracy are noise; a weak juror beside them ends the equality."""
    labels = ["a", "b"] * 100
    rows = [told(right, 200 - right)[0] for right in (170, 175, 178)]
    assert weights(rows, labels) == pytest.approx([1 / 3] * 3)
    assert len(set(weights([*rows, told(130, 70)[0]], labels))) > 1


def test_chance_depends_on_the_number_of_labels():
    """Among four labels, half right is much better than a guess."""
    labels = list("abcd") * 50
    half = [y if n % 2 else "e" for n, y in enumerate(labels)]
    good = [y if n % 10 else "e" for n, y in enumerate(labels)]
    assert 0.2 < weights([half, good], labels)[0] < 0.5


def test_weighing_needs_anchors():
    """Without labels there are no weights."""
    with pytest.raises(ValueError, match="need anchors"):
        weights([[]], [])


def test_stacking_finds_who_is_worth_listening_to():
    """Precise jurors get the weight, a copy shares it, noise gets next to none; the mean stays in scale."""
    rng = np.random.default_rng(3)
    people = rng.integers(1, 6, 300).astype(float)
    precise = people + rng.normal(0, 0.4, 300)
    coarse = people + rng.normal(0, 1.2, 300)
    noise = rng.uniform(1, 5, 300)
    scores = np.column_stack([precise, coarse, noise, precise + 0.3])
    found = stack(scores, people, rng=np.random.default_rng(4))
    assert sum(found.weights) == pytest.approx(1)
    assert min(found.weights) >= 0
    assert found.weights[0] + found.weights[3] > 0.75
    assert found.weights[2] < 0.05
    alone = np.var(people - coarse)
    assert found.mse < alone
    equal = scores.mean(axis=1)
    assert found.mse < np.var(people - equal)
    assert found == stack(scores, people, rng=np.random.default_rng(4))


def test_stacking_of_contrary_jurors_falls_back_to_equal():
    """Where nobody helps, nobody is preferred."""
    people = np.tile([1.0, 2, 3, 4, 5], 4)
    found = stack(np.column_stack([-people, -people]), people, rng=np.random.default_rng(0))
    assert found.weights == (0.5, 0.5)


@pytest.mark.parametrize("scores", [[[1.0]] * 5, [1.0] * 20, [[1.0]] * 19])
def test_stacking_needs_a_table(scores):
    """One row per label, and enough of them for five folds."""
    with pytest.raises(ValueError, match="10 or more"):
        stack(scores, [1.0] * (5 if len(scores) == 5 else 20), rng=np.random.default_rng(0))


def test_jurors_who_err_together_are_one_vote():
    """K / (1 + (k - 1) r): independent errors are worth k votes, equal ones a single vote."""
    rng = np.random.default_rng(5)
    errors = (rng.random((5000, 4)) < 0.3).astype(float)
    assert effective_votes(errors) == pytest.approx(4, abs=0.15)
    assert effective_votes(np.repeat(errors[:, :1], 4, axis=1)) == pytest.approx(1)
