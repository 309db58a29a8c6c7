"""Embedding drift: quiet at more of the same, loud at something else, and plain about too little."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.drift.embedding import EmbeddingDetector
from monitor.drift.neighbourhood import scan
from monitor.drift.tail import Tail, e_value_of

WINDOW = 250


class Topics:
    """Texts about twenty matters, as vectors around their centres."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.centres = self.rng.standard_normal((20, 48)).astype(np.float32)

    def texts(self, n: int, first: int = 0, last: int = 18) -> np.ndarray:
        """`n` texts about the matters [first, last)."""
        chosen = self.rng.integers(first, last, n)
        noise = 0.4 * self.rng.standard_normal((n, 48))
        return (self.centres[chosen] + noise).astype(np.float32)


@pytest.fixture(scope="module")
def topics() -> Topics:
    """One world for all tests of this file."""
    return Topics(11)


@pytest.fixture(scope="module")
def detector(topics: Topics) -> EmbeddingDetector:
    """Learnt from four thousand calls about eighteen matters."""
    return EmbeddingDetector.fit(topics.texts(4_000), window=WINDOW, rng=topics.rng)


def test_windows_like_the_baseline_alarm_about_as_rarely_as_promised(
    topics: Topics, detector: EmbeddingDetector
) -> None:
    """Of two hundred unchanged windows at most 4 % alarm at a nominal 1 %."""
    looks = [detector.compare(topics.texts(WINDOW)) for _ in range(200)]
    assert np.mean([look.result.status == "drift" for look in looks]) <= 0.04


def test_a_new_matter_is_seen_and_its_calls_are_the_examples(
    topics: Topics, detector: EmbeddingDetector
) -> None:
    """Eight per cent about a matter that nobody asked about before: the ball holds just them."""
    fresh = np.vstack([topics.texts(WINDOW - 20), topics.texts(20, first=19, last=20)])
    look = detector.compare(fresh)
    assert look.result.status == "drift"
    assert look.region.kind == "cluster"
    assert min(look.region.members) >= WINDOW - 20
    assert look.result.low > 0


def test_scattered_strange_calls_are_named_as_novel(
    topics: Topics, detector: EmbeddingDetector
) -> None:
    """Calls that are like nothing, and not like one another, make no cluster."""
    strange = 3 * topics.rng.standard_normal((40, 48)).astype(np.float32)
    look = detector.compare(np.vstack([topics.texts(WINDOW - 40), strange]))
    assert look.result.status == "drift"
    assert look.region.kind == "novel"
    assert min(look.region.members) >= WINDOW - 40


def test_a_window_that_is_too_small_is_no_verdict(
    topics: Topics, detector: EmbeddingDetector
) -> None:
    """Nothing was calibrated for fewer calls."""
    assert detector.compare(topics.texts(WINDOW - 1)) is None


def test_of_a_longer_window_the_last_calls_count_and_keep_their_rows(
    topics: Topics, detector: EmbeddingDetector
) -> None:
    """Examples are rows of what was given, not of what was looked at."""
    fresh = topics.texts(20, first=19, last=20)
    look = detector.compare(np.vstack([topics.texts(500), topics.texts(WINDOW - 20), fresh]))
    assert look.result.n == WINDOW
    assert min(look.region.members) >= 500 + WINDOW - 20


@pytest.mark.parametrize("rows", [100, 999])
def test_a_baseline_that_is_too_short_says_how_long_it_must_be(topics: Topics, rows: int) -> None:
    """Four windows are the least."""
    with pytest.raises(ValueError, match="a baseline of at least 1000"):
        EmbeddingDetector.fit(topics.texts(rows), window=WINDOW, rng=topics.rng)


def test_what_is_no_number_is_refused(topics: Topics, detector: EmbeddingDetector) -> None:
    """A broken vector would poison every mean."""
    broken = topics.texts(WINDOW)
    broken[3, 3] = np.nan
    with pytest.raises(ValueError, match="finite"):
        detector.compare(broken)


def test_identical_calls_neither_crash_nor_alarm() -> None:
    """A service that is always asked the same has a baseline of one point."""
    same = np.ones((1_000, 16), dtype=np.float32)
    detector = EmbeddingDetector.fit(same, window=100, rng=np.random.default_rng(1))
    assert detector.compare(same[:100]).result.status == "stable"


def test_the_scan_finds_the_ball_that_was_planted() -> None:
    """Forty-one members of a window around one point, where the reference has none."""
    rng = np.random.default_rng(5)
    reference, window = rng.standard_normal((2, 400, 24)).astype(np.float32)
    window[:41] = 1 + 0.01 * rng.standard_normal((41, 24))
    reference /= np.linalg.norm(reference, axis=1, keepdims=True)
    window /= np.linalg.norm(window, axis=1, keepdims=True)
    ball = scan(window @ reference.T, window @ window.T)
    assert ball.centre < 41
    assert (ball.in_window, ball.in_reference) == (41, 0)


def test_the_tail_goes_on_where_counting_ends() -> None:
    """A statistic beyond all null windows still has a probability above 0."""
    tail = Tail.fit(np.random.default_rng(2).exponential(size=300))
    assert 0 < tail.p_value(20) < tail.p_value(10) < 1 / 300
    assert tail.p_value(tail.threshold(0.01)) == pytest.approx(0.01)
    with pytest.raises(ValueError, match="must lie above 0"):
        tail.threshold(0.5)
    with pytest.raises(ValueError, match="must lie above 0"):
        e_value_of(0.0)
