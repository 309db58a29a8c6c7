"""Baselines of texts: chosen by themselves, learnt once, the same after their file is lost; shares by traffic."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from monitor.drift.language import LanguageDetector, language_of
from monitor.drift.terms import TermDetector, typical_terms
from monitor.jobs.job import Window
from monitor.jobs.text_baselines import choose_baseline, fitted
from monitor.jobs.text_looks import KINDS
from monitor.jobs.text_sample import LEAST_SHARE, DayCount, SampledText, Shares

START = datetime(2024, 3, 1, tzinfo=UTC)


def texts(days: float, per_day: int) -> list[SampledText]:
    """Evenly spread over the days."""
    rng = np.random.default_rng(1)
    found = []
    for number in range(int(days * per_day)):
        at = START + timedelta(days=number / per_day)
        said = f"pay w{rng.integers(30)} with w{rng.integers(30)} now"
        found.append(SampledText(at, f"t{number}", f"s{number}", "r1", number, said))
    return found


@pytest.mark.parametrize(
    ("days", "per_day", "window", "n"),
    [(20, 50, 200, 800), (9, 400, 400, 2801), (9, 2000, 1000, 14001)],
)
def test_a_baseline_is_four_windows_over_a_week_at_least(
    days: float, per_day: int, window: int, n: int
) -> None:
    """Little traffic needs longer; much traffic larger windows."""
    sample = texts(days, per_day)
    baseline, missing = choose_baseline(sample, release="", key="k")
    assert missing == ""
    assert baseline.window == window
    assert sum(one.timestamp < baseline.until for one in sample) == n


def test_too_little_says_how_much_is_needed() -> None:
    """Texts, or days."""
    assert choose_baseline(texts(6, 400), release="", key="k") == (
        None,
        "a baseline needs 1600 texts over 7 days; there are 2400 over 6.0",
    )
    assert choose_baseline([], release="", key="k") == (None, "no texts yet")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.needs_vectors])
def test_a_detector_comes_back_from_its_file_and_without_it_the_same(kind, tmp_path: Path) -> None:
    """A lost or broken file is made again from the same texts."""
    sample = texts(9, 120)
    baseline, _ = choose_baseline(sample, release="", key="k")
    reads = []

    def read() -> tuple[list[SampledText], dict[int, list[float]]]:
        reads.append(1)
        return sample, {}

    learnt = fitted(tmp_path, kind, baseline, "these", read)
    [file] = tmp_path.iterdir()
    assert fitted(tmp_path, kind, baseline, "these", read) == learnt
    assert len(reads) == 1
    file.write_bytes(b"PK no archive")
    assert fitted(tmp_path, kind, baseline, "these", read) == learnt
    file.unlink()
    assert fitted(tmp_path, kind, baseline, "these", read) == learnt
    fitted(tmp_path, kind, baseline, "one of them was erased", read)
    assert len(reads) == 4


def test_a_state_of_another_version_is_refused() -> None:
    """It is learnt anew, not misread."""
    detector = LanguageDetector.fit(
        ["when is it due?"] * 400, window=100, rng=np.random.default_rng(1)
    )
    with pytest.raises(ValueError, match="learn it anew"):
        TermDetector.from_state({**detector.state(), "version": np.array(99)})


def test_the_share_follows_the_traffic_of_the_days_before() -> None:
    """Between one and two times as many as wanted; a power of two; never below the least."""
    days = [
        DayCount(date(2024, 3, day), calls) for day, calls in enumerate([900, 900, 9_000, 10**9], 1)
    ]
    shares = Shares(days, per_day=1_000)
    assert [shares.of(one.day) for one in days] == [1.0, 1.0, 1.0, 0.5]
    assert shares.of(date(2024, 3, 5)) == LEAST_SHARE
    window = Window(START + timedelta(hours=5), START + timedelta(days=3, hours=2))
    assert list(shares.runs(window)) == [
        (START + timedelta(hours=5), START + timedelta(days=3), 1.0),
        (START + timedelta(days=3), START + timedelta(days=3, hours=2), 0.5),
    ]


def test_typical_words_are_what_sets_texts_apart() -> None:
    """Not what everybody says, not marks, and no word twice."""
    asked = [f"where is my uber number {n}?" for n in range(9)]
    others = [f"where is my card number {n}?" for n in range(90)]
    words = [one.term for one in typical_terms(asked, others)]
    assert "uber" in words[0].split()
    assert not {"where", "is", "number"} & {*words}
    assert typical_terms([], others) == ()


def test_a_language_is_named_and_little_text_has_none() -> None:
    """Chinese signs count for more than letters; numbers have no language."""
    assert language_of("Wann ist meine nächste Rate fällig, bitte?") == "de"
    assert language_of("我们想知道下次付款的日期") == "zh"
    assert language_of("ok 42") == "?"
