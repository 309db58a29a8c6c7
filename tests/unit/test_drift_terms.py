"""Term drift: new words, new formatting and new languages are seen and named."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.drift.terms import TermDetector, terms_of

WINDOW = 200
WORDS = (
    *("pay", "bill", "due", "date", "loan", "call", "agent", "bank"),
    *("card", "year", "next", "last", "month", "owed", "sum", "rate"),
)


def texts(n: int, seed: int) -> list[str]:
    """Short texts in which common words are common."""
    rng = np.random.default_rng(seed)
    share = 1 / np.arange(1, len(WORDS) + 1)
    return [" ".join(rng.choice(WORDS, 8, p=share / share.sum())) for _ in range(n)]


@pytest.fixture(scope="module")
def detector() -> TermDetector:
    """Learnt from three thousand texts."""
    return TermDetector.fit(texts(3_000, 1), window=WINDOW, rng=np.random.default_rng(1))


def test_windows_like_the_baseline_alarm_about_as_rarely_as_promised(detector) -> None:
    """Of two hundred unchanged windows at most 4 % alarm at a nominal 1 %."""
    looks = [detector.compare(texts(WINDOW, 100 + seed)) for seed in range(200)]
    assert np.mean([look.result.status == "drift" for look in looks]) <= 0.04


def test_a_new_product_is_named(detector) -> None:
    """Eight texts of two hundred with a word that nobody used before."""
    moved = texts(WINDOW - 8, 5) + [f"{text} uber" for text in texts(8, 6)]
    look = detector.compare(moved)
    assert look.result.status == "drift"
    assert look.risen[0].term == "uber"
    assert (look.risen[0].count, look.risen[0].share) == (8, 0.04)
    assert look.result.low > 0


def test_a_new_style_is_named_by_its_marks(detector) -> None:
    """Markdown appears in five per cent of the answers."""
    moved = texts(WINDOW - 10, 7) + [f"**Sure!** {text}" for text in texts(10, 8)]
    look = detector.compare(moved)
    assert look.result.status == "drift"
    assert any("**" in one.term for one in look.risen[:5])


def test_another_language_shows_in_the_unknown_words(detector) -> None:
    """Three texts of two hundred in Chinese, which has no spaces between words."""
    moved = [*texts(WINDOW - 3, 9), *(["我们想知道下次付款的日期是什么时候"] * 3)]
    look = detector.compare(moved)
    assert look.result.status == "drift"
    assert look.unknown_share > 0.02 > look.unknown_share_before


def test_numbers_that_differ_in_every_text_are_no_news(detector) -> None:
    """Amounts and dates are told apart by their length only."""
    assert terms_of("due 2024") == terms_of("due 2023") != terms_of("due 24")


def test_too_small_a_window_is_no_verdict_and_too_small_a_baseline_an_error(detector) -> None:
    """Both say so."""
    assert detector.compare(texts(WINDOW - 1, 3)) is None
    with pytest.raises(ValueError, match="a baseline of at least 800"):
        TermDetector.fit(texts(500, 2), window=WINDOW, rng=np.random.default_rng(2))


def test_empty_texts_neither_crash_nor_alarm() -> None:
    """A service that never says anything."""
    detector = TermDetector.fit([""] * 500, window=100, rng=np.random.default_rng(3))
    look = detector.compare([""] * 100)
    assert (look.result.status, look.risen) == ("stable", ())
