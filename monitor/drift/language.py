"""Do people, or the model, speak another language than they did?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from judges.languages import letters_of, likeliest
from monitor.drift.tail import Null, Share, check_version, verdict
from monitor.drift.term_counts import term_ratios
from monitor.drift.windows import NULL_WINDOWS, draw_windows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.drift.result import DriftResult

__all__ = ["UNKNOWN", "LanguageDetector", "LanguageDrift", "language_of"]

UNKNOWN = "?"
"""Too short, or not surely one language."""
LETTERS = 12
"""Fewer (`letters_of`) have no certain language."""
SURE = 0.5
TEXT_LIMIT = 600
"""Characters of a text that are read."""

Numbers = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class LanguageDrift:
    """One look at one window."""

    result: DriftResult
    """`effect` is the change of the risen language's share of texts, with its 95 % interval."""
    language: str
    """ISO 639-1 code of the language that rose most; `UNKNOWN` where it is none."""
    shares: Mapping[str, float]
    """Of the window's texts, by language."""
    rows: tuple[int, ...] = ()
    """The window's texts in the risen language."""


def language_of(text: str) -> str:
    """The likeliest of 139 languages, as an ISO 639-1 code, or `UNKNOWN`.

    >>> language_of("When is my next payment due, please?"), language_of("42")
    ('en', '?')
    """
    start = text[:TEXT_LIMIT]
    if letters_of(start) < LETTERS:
        return UNKNOWN
    language, probability = likeliest(start)
    return language if probability >= SURE else UNKNOWN


@dataclass(frozen=True, slots=True)
class LanguageDetector:
    """Compares which languages the texts of a window are in with a baseline.

    The statistic is the largest binomial log-likelihood ratio of a language's share above what it
    was, weighed by null windows as in `EmbeddingDetector`: a language that is often read wrongly in
    short texts is read as wrongly in them.

    When to use it: inputs and outputs of any length above a few words. When not: code and tables,
    whose language is a guess.

    >>> rng = np.random.default_rng(7)
    >>> def texts(n):
    ...     return [f"When is payment number {rng.integers(99)} of my loan due?" for _ in range(n)]
    >>> detector = LanguageDetector.fit(texts(400), window=100, rng=rng)
    >>> detector.compare(texts(100)).result.status
    'stable'
    >>> moved = detector.compare([*texts(94), *["Wann ist meine nächste Rate fällig, bitte?"] * 6])
    >>> moved.result.status, moved.language
    ('drift', 'de')
    """

    STATE_VERSION: ClassVar[int] = 1

    texts: Mapping[str, int]
    """By language: texts of the baseline."""
    null: Null
    window: int
    alpha: float

    @classmethod
    def fit(
        cls,
        baseline: Sequence[str],
        *,
        window: int,
        rng: np.random.Generator,
        alpha: float = 0.01,
        null_windows: int = NULL_WINDOWS,
    ) -> Self:
        """Learn a healthy stretch of texts in order of time, at least four windows of it.

        Raises:
            ValueError: the baseline is too small for such windows; says how large it must be.
        """
        drawn = draw_windows(len(baseline), window, null_windows, rng)
        names, spoken = np.unique([language_of(text) for text in baseline], return_inverse=True)
        total = np.bincount(spoken, minlength=len(names)).astype(float)
        found = []
        for rows in drawn:
            counts = np.bincount(spoken[rows], minlength=len(names)).astype(float)
            before = (total - counts + 0.5) / (len(baseline) - window + 1)
            found.append([sqrt(float(term_ratios(counts, window, before).max()))])
        null = np.array(found)
        calibrated = Null.fit(null[: len(drawn.random)], null[len(drawn.random) :])
        texts = dict(zip(names.tolist(), total.astype(int).tolist(), strict=True))
        return cls(texts, calibrated, window, alpha)

    def compare(self, current: Sequence[str]) -> LanguageDrift | None:
        """Look at one window; None when it is smaller than the windows that were calibrated."""
        if len(current) < self.window:
            return None
        offset = len(current) - self.window
        named = [language_of(text) for text in current[offset:]]
        spoken = Counter(named)
        baseline_n = sum(self.texts.values())
        seen = np.array([self.texts.get(name, 0) for name in spoken], dtype=float)
        counts = np.fromiter(spoken.values(), float, len(spoken))
        ratios = term_ratios(counts, self.window, (seen + 0.5) / (baseline_n + 1))
        first = int(ratios.argmax())
        p_value = self.null.p_value([sqrt(float(ratios[first]))])
        language, count, before = list(spoken)[first], int(counts[first]), int(seen[first])
        result = verdict(
            p_value,
            alpha=self.alpha,
            statistic=max(self.null.surprises([sqrt(float(ratios[first]))])),
            threshold=self.null.joint.threshold(self.alpha),
            moved=Share(count, self.window, before, baseline_n, before / baseline_n),
        )
        shares = {name: held / self.window for name, held in spoken.most_common()}
        rows = tuple(row + offset for row, one in enumerate(named) if one == language)
        return LanguageDrift(result, language, shares, rows)

    def state(self) -> dict[str, np.ndarray[Any, Any]]:
        """The detector as arrays, with a version."""
        return {
            "version": np.array(self.STATE_VERSION),
            "languages": np.array(list(self.texts)),
            "texts": np.fromiter(self.texts.values(), np.int64, len(self.texts)),
            "fitted": np.array([self.window, self.alpha]),
            **self.null.state(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, np.ndarray[Any, Any]]) -> Self:
        """The detector that gave this `state()`.

        Raises:
            ValueError: another version of the program wrote it.
        """
        check_version(state, cls.STATE_VERSION)
        texts = dict(zip(state["languages"].tolist(), state["texts"].tolist(), strict=True))
        window, alpha = state["fitted"].tolist()
        return cls(texts, Null.from_state(state), int(window), alpha)
