"""Which cure fits: every kind of incident gets its own, with evidence, and a retrain only when that is the answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from monitor.advice import (
    Advice,
    Cooling,
    Costs,
    Counted,
    Cure,
    Labels,
    Learnability,
    Owner,
    Past,
    Promoted,
    Situation,
    advise,
    failing_learnable,
    label_learnable,
)

NOW = datetime(2024, 1, 3, tzinfo=UTC)
STORY = Situation(
    service="loan-extractor",
    severity="page",
    causes={"calendar": 0.85, "unknown": 0.1, "decay": 0.05},
    now=NOW,
    after=Counted(25, 500),
    before=Counted(60, 6000),
    confirmed_by=("outcome correct", "judge right"),
    labels=Labels(failing=22, failing_reserved=3, unlabelled=0, passing=430, before=5600),
    owner=Owner("own", "extractor-2023-11", "a fine-tune job is set"),
    costs=Costs(training_tokens=300_000, usd_per_million_tokens=0.4, example_tokens=200),
)
PROVIDER = Owner("provider", "gpt-x", "gpt-x is openai's own model")


def cure(advice: Advice, name: str) -> Cure:
    """One of the cures that were weighed."""
    return next(one for one in advice.cures if one.name == name)


def causing(cause: str, **more: object) -> Situation:
    """The story with another cause."""
    return replace(STORY, causes={cause: 0.9, "unknown": 0.1}, **more)  # type: ignore[arg-type]  # fields by name


def test_the_story_is_cured_by_a_retrain() -> None:
    """January, an own model, a dozen labels and a witness: retrain, with what it would do and take."""
    told = advise(STORY)
    assert told.retrain
    assert told.sentence.startswith("Retrain with labelled examples")
    assert "Confirmed by outcome correct, judge right." in told.sentence
    assert "300,000 training tokens (USD 0.12)" in told.sentence
    assert "22 failing calls since the change have a right answer" in told.sentence


@pytest.mark.parametrize(
    ("cause", "expected"),
    [("prompt", "rollback"), ("model", "rollback"), ("provider", "rollback"), ("schema", "data"),
     ("calendar", "retrain"), ("input", "retrain"), ("decay", "retrain"), ("unknown", "retrain")],
)  # fmt: skip
def test_each_cause_has_its_cure(cause: str, expected: str) -> None:
    """What was deployed is taken back, a structure is mended where it is made, what the world did is learnt."""
    assert advise(causing(cause)).cure == expected


def test_a_judge_that_drifted_is_looked_at_first() -> None:
    """Only a judge says so and it has changed: labels, and no retrain; with another witness it is no judge's fault."""
    drifted = causing("judge", judge_alone=True, confirmed_by=())
    told = advise(drifted)
    assert told.cure == "judge"
    assert "Retrain nothing" in told.sentence
    assert cure(told, "judge").effect is not None
    assert cure(advise(replace(drifted, judge_alone=False)), "judge").forbidden


def test_a_providers_model_is_not_retrained() -> None:
    """Nobody here can train it: words or examples instead, and the sentence says why not."""
    told = advise(replace(STORY, owner=PROVIDER))
    assert told.cure in ("prompt", "examples")
    assert "No retrain: gpt-x is openai's own model; nobody here can train it." in told.sentence
    shown = advise(replace(STORY, owner=PROVIDER, labels=Labels()))
    assert shown.cure == "prompt"
    assert cure(shown, "examples").forbidden


def test_without_any_label_a_retrain_says_how_many_it_wants() -> None:
    """No label at all: confirmed by a judge, the retrain is still the cure, and its price is twelve labels."""
    told = advise(replace(STORY, labels=Labels(unlabelled=30), confirmed_by=("judge right",)))
    assert told.retrain
    assert "12 more labels, about 12 minutes at a minute each" in told.sentence
    assert any("no failing call has a right answer" in one for one in told.cures[0].speaks_against)


def test_nothing_is_done_before_anybody_has_confirmed_it() -> None:
    """No witness: look at the examples; the retrain is forbidden and says what it waits for."""
    told = advise(replace(STORY, confirmed_by=()))
    assert told.cure == "wait"
    assert "a retrain waits for that" in told.sentence
    assert cure(told, "retrain").forbidden == ("no judge, outcome or person has confirmed it yet",)


def test_drift_of_texts_alone_never_asks_for_a_retrain() -> None:
    """A watch incident waits, whatever else is known."""
    for cause in ("input", "unknown", "decay", "model", "prompt"):
        told = advise(causing(cause, severity="watch"))
        assert told.cure == "wait"
        assert "No retrain for this" in told.sentence


def test_cool_down_and_limit_hold() -> None:
    """Too soon after the last one: not retrain, and until when; once the time has passed it is."""
    cooling = Cooling(NOW + timedelta(days=2), "cool-down until 2024-01-05 00:00 UTC, for …")
    told = advise(replace(STORY, cooling=cooling))
    assert not told.retrain
    assert "No retrain: cool-down until 2024-01-05" in told.sentence
    assert advise(replace(STORY, cooling=cooling, now=NOW + timedelta(days=3))).retrain


def test_noise_is_not_taught() -> None:
    """Failing calls that look like all others speak against a retrain, and those that do not speak for it."""
    noise = Learnability("failing", 0.51, 0.45, 0.57, 0.56, 0.4, 400, 90)
    clear = replace(noise, value=0.9, low=0.86, high=0.94, p_value=0.005)
    points = [
        cure(advise(replace(STORY, learnable=known)), "retrain").points
        for known in ((noise,), (), (clear,))
    ]
    assert points == sorted(points)
    unsure = causing("unknown", labels=Labels(failing=2), learnable=(noise,))
    assert cure(advise(unsure), "retrain").points < 1


def test_the_expected_effect_comes_from_earlier_retrains() -> None:
    """With past ones, their share of today's rate; without, anything from nothing to the whole rise."""
    unknown = cure(advise(STORY), "retrain").effect
    assert unknown is not None
    assert (unknown.low, unknown.best) == (0.0, None)
    assert 0.04 < unknown.high < 0.07
    past = cure(advise(replace(STORY, past=Past(2, 0.8, 0.6, 0.9))), "retrain").effect
    assert past is not None
    assert (past.low, past.best, past.high) == pytest.approx((0.03, 0.04, 0.045))
    assert "2 earlier retrains" in past.sentence


def test_a_promoted_release_is_waited_for_or_taken_back() -> None:
    """Promoted and quiet: wait. Worse than what it replaced: roll back. Only as bad as that: another retrain."""
    promoted = Promoted("rt-1", "r2", "r1", NOW - timedelta(hours=5), calls=120)
    told = advise(replace(STORY, promoted=promoted))
    assert told.cure == "wait"
    assert "has answered 120 calls" in told.sentence
    worse = replace(promoted, regressed=("check x fails",), worse=("check x fails",))
    told = advise(replace(STORY, promoted=worse, confirmed_by=()))
    assert told.cure == "rollback"
    assert "`outerloop retrain rollback rt-1`" in told.sentence
    again = replace(promoted, regressed=("check x fails",))
    assert advise(replace(STORY, promoted=again)).retrain


def test_nothing_takes_the_place_of_a_release_that_is_being_watched() -> None:
    """However much speaks for a retrain, of whichever incident, until somebody knows what the last one has done."""
    clear = Learnability("failing", 0.9, 0.86, 0.94, 0.56, 0.005, 400, 90)
    sure = replace(STORY, learnable=(clear, replace(clear, what="label")))
    promoted = Promoted("rt-1", "r2", "r1", NOW - timedelta(days=8), calls=120)
    assert advise(sure).retrain
    assert advise(replace(sure, promoted=promoted)).cure == "wait"
    other = advise(replace(sure, waits_for=promoted))
    assert not other.retrain
    assert "No retrain: r2 of retrain rt-1 is being watched for another incident" in other.sentence


def test_every_cure_is_told_with_its_evidence() -> None:
    """All seven, the best possible one first, and those that are forbidden last and with their reason."""
    told = advise(STORY)
    assert len(told.cures) == 7
    flags = [one.possible for one in told.cures]
    assert flags == sorted(flags, reverse=True)
    assert all(one.forbidden for one in told.cures if not one.possible)


def test_shuffled_labels_are_not_learnt_and_the_alarm_rate_is_five_per_cent() -> None:
    """Under the null p is at most 0.05 in about one set of twenty: 60 sets, at most 8 (99.9 % of binomials)."""
    rng = np.random.default_rng(5)
    words = [f"w{number}" for number in range(80)]
    false = 0
    for _ in range(60):
        texts = [f"{number} {' '.join(rng.choice(words, 6))}" for number in range(60)]
        found = failing_learnable(texts, list(rng.random(60) < 0.4), rng=rng)
        assert found is not None
        false += found.found
    assert false <= 8


def test_the_same_input_twice_is_not_learnt_by_heart() -> None:
    """Five inputs asked forty times each are five calls: too few to say anything."""
    texts = [f"question {number % 5}" for number in range(200)]
    failing = [number % 5 == 0 for number in range(200)]
    assert failing_learnable(texts, failing, rng=np.random.default_rng(1)) is None


def test_a_label_that_stands_in_the_input_is_learnable() -> None:
    """Two classes by one word are told; labels that are all different are no classes."""
    rng = np.random.default_rng(2)
    topics = [("refund", "billing"), ("crash", "bug"), ("thanks", "praise")]
    drawn = [topics[number % 3] for number in range(120)]
    texts = [f"{word} case {rng.integers(1e6)}" for word, _ in drawn]
    found = label_learnable(texts, [label for _, label in drawn], rng=rng)
    assert found is not None
    assert found.found
    assert found.low > 0.9
    assert label_learnable(texts, [str(number) for number in range(120)], rng=rng) is None
