"""Which words are new or suddenly frequent? A scan of terms, which names what it finds."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from monitor.drift.tail import Null, Share, check_version, verdict
from monitor.drift.term_counts import Counted, term_ratios, terms_among
from monitor.drift.windows import NULL_WINDOWS, draw_windows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.drift.result import DriftResult

__all__ = ["RisenTerm", "TermDetector", "TermDrift", "terms_of", "typical_terms"]

TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\w+|[^\w\s]+")
"""A character of Chinese, Japanese or Korean, a word, or a run of marks."""
MARKS = re.compile(r"[^\w\s]")
NUMBER = re.compile(r"\d+")
CALENDAR = frozenset(
    [
        *("january", "february", "march", "april", "june", "july", "august", "september"),
        *("october", "november", "december", "jan", "feb", "apr", "jun", "jul", "aug", "sep"),
        *("sept", "oct", "nov", "dec", "monday", "tuesday", "wednesday", "thursday", "friday"),
        *("saturday", "sunday"),
    ]
)
"""English months and weekdays are one term: a new month is no news. `may` is a verb too often."""
DATE = "<date>"
TEXT_LIMIT = 4_000
"""Characters of a text that are read."""
TOP = 10
TELLING = 2.0
"""Least log-likelihood ratio of a typical term."""

Numbers = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class RisenTerm:
    """A word, a mark or a pair of them that more texts hold than before."""

    term: str
    count: int
    """Texts of the window that hold it."""
    share: float
    share_before: float
    score: float
    """Binomial log-likelihood ratio."""


@dataclass(frozen=True, slots=True)
class TermDrift:
    """One look at one window."""

    result: DriftResult
    """`effect` is the change of the first term's share of texts, with its 95 % interval."""
    risen: tuple[RisenTerm, ...]
    """The most surprising first, at most ten."""
    unknown_share: float
    """Share of a window's words that the reference never used."""
    unknown_share_before: float


def terms_of(text: str) -> set[str]:
    """The terms of a text: words and runs of marks, lower case, and neighbouring pairs of them.

    Numbers are told apart by their length only, since every text has its own.

    >>> sorted(terms_of("Pay $120 now!"))
    ['!', '$', '$ 000', '000', '000 now', 'now', 'now !', 'pay', 'pay $']
    """
    return terms_among(_tokens(text))


def typical_terms(texts: Sequence[str], others: Sequence[str]) -> tuple[RisenTerm, ...]:
    """Terms that set texts apart from others, the most surprising first, at most ten.

    At least two texts hold each, and none shares a word with one before it; runs of marks are left
    out, they say nothing of what a text is about.

    >>> asked = ["book an uber now", "my uber is late", "where is my uber"]
    >>> [one.term for one in typical_terms(asked, ["where is my card", "pay my bill now"] * 20)][:1]
    ['uber']
    """
    held, before = Counter[str](), Counter[str]()
    for text in texts:
        held.update(terms_of(text))
    for text in others:
        before.update(terms_of(text) & held.keys())
    terms = [term for term, count in held.items() if count > 1 and MARKS.search(term) is None]
    counts = np.array([held[term] for term in terms], dtype=float)
    shares = (np.array([before[term] for term in terms]) + 0.5) / (len(others) + 1)
    ratios = term_ratios(counts, max(1, len(texts)), shares)
    found: list[RisenTerm] = []
    told: set[str] = set()
    for row in np.argsort(-ratios, kind="stable").tolist():
        words = set(terms[row].split())
        if ratios[row] >= TELLING and not words & told and len(found) < TOP:
            share, count = counts[row] / len(texts), int(counts[row])
            found.append(RisenTerm(terms[row], count, share, float(shares[row]), ratios[row]))
            told |= words
    return tuple(found)


@dataclass(frozen=True, slots=True)
class TermDetector:
    """Compares which terms the texts of a window hold with a reference, term by term.

    The statistic of a term that c of n texts hold, where a share p of the reference's did, is the
    binomial log-likelihood ratio of c/n against p when it is above; the largest over all terms
    counts, and so does the share of words that the baseline never used. Both are weighed by null
    windows as in `EmbeddingDetector`, and the more surprising one decides.

    When to use it: outputs, whose style and formatting sentence encoders do not see; inputs, for
    new products and names. When not: a service whose texts hold new names all day (its null is as
    wide as that, so it does not alarm; it also sees little).

    >>> rng = np.random.default_rng(7)
    >>> words = "pay bill due date loan call agent bank card year".split()
    >>> def texts(n):
    ...     return [" ".join(rng.choice(words, 6)) for _ in range(n)]
    >>> detector = TermDetector.fit(texts(2_000), window=200, rng=rng)
    >>> detector.compare(texts(200)).result.status
    'stable'
    >>> moved = detector.compare([*texts(190), *("**Note** " + text for text in texts(10))])
    >>> moved.result.status, moved.risen[0].count
    ('drift', 10)
    """

    STATE_VERSION: ClassVar[int] = 1

    documents: Mapping[str, int]
    """By term: texts of the baseline that hold it. Pairs that only one holds are left out."""
    baseline_n: int
    unknown_before: float
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
        counted = Counted.of([_tokens(text) for text in baseline])
        found = np.sqrt(np.array([counted.left_out(rows) for rows in drawn]))
        unknown = found[: len(drawn.random), 1] ** 2
        null = Null.fit(found[: len(drawn.random)], found[len(drawn.random) :])
        before = float(unknown.mean())
        return cls(counted.documents, len(baseline), before, null, window, alpha)

    def compare(self, current: Sequence[str]) -> TermDrift | None:
        """Look at one window; None when it is smaller than the windows that were calibrated.

        Args:
            current: texts; of more than `window` the last ones are taken.
        """
        if len(current) < self.window:
            return None
        texts = [_tokens(text) for text in current[-self.window :]]
        terms, counts, before = self._held(texts)
        ratios = term_ratios(counts, len(texts), before)
        words = sum(map(len, texts))
        unknown = sum(token not in self.documents for tokens in texts for token in tokens)
        unknown_share = unknown / max(1, words)
        looked = [sqrt(float(ratios.max(initial=0.0))), sqrt(unknown_share)]
        statistic = max(self.null.surprises(looked))
        p_value = self.null.joint.p_value(statistic)
        risen = [
            RisenTerm(
                terms[row], int(counts[row]), counts[row] / len(texts), before[row], ratios[row]
            )
            for row in np.argsort(-ratios, kind="stable")[:TOP].tolist()
            if ratios[row] > 0
        ]
        first = risen[0] if risen else RisenTerm("", 0, 0.0, 0.0, 0.0)
        held = self.documents.get(first.term, 0)
        moved = Share(first.count, self.window, held, self.baseline_n, first.share_before)
        result = verdict(
            p_value,
            alpha=self.alpha,
            statistic=statistic,
            threshold=self.null.joint.threshold(self.alpha),
            moved=moved,
        )
        return TermDrift(result, tuple(risen), unknown_share, self.unknown_before)

    def holding(self, term: str, texts: Sequence[str]) -> tuple[int, ...]:
        """Rows of the texts that hold a term."""
        return tuple(row for row, text in enumerate(texts) if term in terms_of(text))

    def state(self) -> dict[str, np.ndarray[Any, Any]]:
        """The detector as arrays, with a version."""
        return {
            "version": np.array(self.STATE_VERSION),
            "terms": np.frombuffer("\n".join(self.documents).encode(), dtype=np.uint8),
            "documents": np.fromiter(self.documents.values(), np.int64, len(self.documents)),
            "fitted": np.array([self.baseline_n, self.unknown_before, self.window, self.alpha]),
            **self.null.state(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, np.ndarray[Any, Any]]) -> Self:
        """The detector that gave this `state()`.

        Raises:
            ValueError: another version of the program wrote it.
        """
        check_version(state, cls.STATE_VERSION)
        terms = state["terms"].tobytes().decode().split("\n") if len(state["documents"]) else []
        documents = dict(zip(terms, state["documents"].tolist(), strict=True))
        baseline_n, unknown, window, alpha = state["fitted"].tolist()
        null = Null.from_state(state)
        return cls(documents, int(baseline_n), unknown, null, int(window), alpha)

    def _held(self, texts: Sequence[Sequence[str]]) -> tuple[list[str], Numbers, Numbers]:
        """Terms of a window, how many texts hold each, and which share of the baseline's does."""
        held = Counter[str]()
        for tokens in texts:
            held.update(terms_among(tokens))
        terms = list(held)
        counts = np.fromiter(held.values(), float, len(terms))
        seen = np.fromiter((self.documents.get(term, 0) for term in terms), float, len(terms))
        return terms, counts, (seen + 0.5) / (self.baseline_n + 1)


def _tokens(text: str) -> list[str]:
    found = TOKEN.findall(text[:TEXT_LIMIT].lower())
    return [
        DATE if token in CALENDAR else NUMBER.sub(lambda digits: "0" * len(digits.group()), token)
        for token in found
    ]
