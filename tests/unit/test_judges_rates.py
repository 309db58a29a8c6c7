"""Sampling and rates, against exact numbers of an independent reference computation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from judges.statistics.rates import corrected, poststrat_ac, ppi, wilson
from judges.statistics.sampling import hajek, sampled, uniform

# A hundred labelled answers of a model to TriviaQA and the verdict of a judge that looks for the
# golden answer in the text: (label, verdict) -> how many; and its verdicts on the other 1,838.
# Counted from the human labels of QA-Eval (github.com/wangcunxiang/QA-Eval, Apache-2.0).
PAIRS = {(1.0, 1.0): 75, (0.0, 0.0): 20, (1.0, 0.0): 5}
OTHERS = [1.0] * 1300 + [0.0] * 538
LABELS = [label for (label, _), count in PAIRS.items() for _ in range(count)]
VERDICTS = [verdict for (_, verdict), count in PAIRS.items() for _ in range(count)]


def test_ppi_gives_the_reference_numbers():
    """Point, interval and lambda agree with the reference to six digits."""
    rate = ppi(LABELS, VERDICTS, OTHERS)
    assert rate is not None
    assert [rate.value, rate.low, rate.high, rate.weight] == pytest.approx(
        [0.770537, 0.727760, 0.813314, 0.689851], abs=1e-6
    )


def test_post_stratification_gives_the_reference_numbers():
    """Point and interval agree with the reference to six digits."""
    rate = poststrat_ac(LABELS, VERDICTS, OTHERS)
    assert rate is not None
    assert [rate.value, rate.low, rate.high] == pytest.approx(
        [0.767595, 0.716033, 0.819158], abs=1e-6
    )


def test_a_useless_judge_is_not_trusted():
    """A verdict that never varies, or says the opposite, gets no weight: the labels speak alone."""
    labels = [1.0, 0.0] * 50
    for verdicts in ([1.0] * 100, [0.0, 1.0] * 50):
        rate = ppi(labels, verdicts, [1.0, 0.0] * 400)
        assert rate is not None
        assert (rate.weight, rate.value) == (0.0, 0.5)


def test_too_few_labels_support_no_level():
    """Below thirty labels nothing is shown; from a hundred on PPI++ takes over."""
    assert corrected(LABELS[:29], VERDICTS[:29], OTHERS) is None
    forty = LABELS[-40:], VERDICTS[-40:], OTHERS
    assert corrected(*forty) == poststrat_ac(*forty)
    assert corrected(LABELS, VERDICTS, OTHERS) == ppi(LABELS, VERDICTS, OTHERS)


def test_a_verdict_that_nobody_labelled_has_no_stratum():
    """Post-stratification says nothing rather than leaving a part of the traffic out."""
    assert poststrat_ac([1.0, 0.0], [1.0, 1.0], [0.0]) is None


@given(st.integers(0, 500), st.integers(0, 500))
def test_wilsons_interval_holds_the_share(count: int, more: int):
    """It lies within 0 and 1, contains the share, and mirrors when right and wrong are swapped."""
    rate, mirror = wilson(count, count + more), wilson(more, count + more)
    if rate is None or mirror is None:
        assert count + more == 0
        return
    assert 0 <= rate.low <= rate.value <= rate.high <= 1
    assert rate.low == pytest.approx(1 - mirror.high, abs=1e-12)


def test_an_impossible_count_is_refused():
    """More hits than tries is an error of the caller."""
    with pytest.raises(ValueError, match="no share"):
        wilson(3, 2)


def test_a_larger_sample_contains_the_smaller():
    """Raising the probability adds calls and drops none; the share comes out as asked for."""
    names = [f"trace-{n}" for n in range(20_000)]
    small = {name for name in names if sampled(name, 0.05, "salt")}
    large = {name for name in names if sampled(name, 0.2, "salt")}
    assert small <= large
    assert len(small) / len(names) == pytest.approx(0.05, abs=0.006)
    assert not any(sampled(name, 0.0, "salt") for name in names)
    assert all(sampled(name, 1.0, "salt") for name in names)


def test_the_hash_is_the_published_rule():
    """First 64 bits of sha256('salt:id') over 2^64, so that anybody can draw the same sample."""
    import hashlib

    first = bytes.fromhex(hashlib.sha256(b"ppi:TQ:0").hexdigest())[:8]
    assert uniform("TQ:0", "ppi") == int.from_bytes(first, "big") / 2**64


def test_hajek_undoes_unequal_sampling():
    """Errors drawn more often do not raise the rate, and n_eff says what the sample is worth."""
    rng = np.random.default_rng(5)
    truth = rng.random(50_000) < 0.03
    chances = np.where(truth, 0.5, 0.05)
    drawn = rng.random(50_000) < chances
    mean = hajek(truth[drawn].astype(float), chances[drawn])
    assert mean is not None
    assert truth[drawn].mean() > 0.2
    assert mean.low < truth.mean() < mean.high
    assert mean.value == pytest.approx(0.03, abs=0.004)
    assert mean.n_eff < mean.n
    even = hajek([0.0, 1.0], [0.1, 0.1])
    assert even is not None
    assert even.n_eff == pytest.approx(2)


def test_hajek_refuses_what_was_never_drawn():
    """A probability of nothing, or above one, or a missing one is an error of the caller."""
    for probabilities in ([0.0], [1.5], [0.5, 0.5]):
        with pytest.raises(ValueError):
            hajek([1.0], probabilities)
    assert hajek([], []) is None
