"""Which words are new or suddenly frequent? A scan of terms, which names what it finds."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.special import xlogy

from monitor.drift.result import DriftResult
from monitor.drift.tail import Null
from monitor.drift.windows import NULL_WINDOWS, draw_windows, stretch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["RisenTerm", "TermDetector", "TermDrift", "terms_of"]

TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\w+|[^\w\s]+")
"""A character of Chinese, Japanese or Korean, a word, or a run of marks."""
NUMBER = re.compile(r"\d+")
TEXT_LIMIT = 20_000
"""Characters of a text that are read."""
TOP = 10

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
    return _with_pairs(_tokens(text))


@dataclass(frozen=True, slots=True)
class TermDetector:
    """Compares which terms the texts of a window hold with a reference, term by term.

    The statistic of a term that c of n texts hold, where a share p of the reference's did, is the
    binomial log-likelihood ratio of c/n against p when it is above; the largest over all terms
    counts, and so does the share of words that the reference never used. Both are standardised by
    null windows as in `EmbeddingDetector`, and the larger one decides.

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

    documents: Mapping[str, int]
    """By term: texts of the reference that hold it."""
    reference_n: int
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
        reference, held_out = baseline[::2], baseline[1::2]
        drawn = draw_windows(len(held_out), window, null_windows, rng)
        documents = Counter[str]()
        for text in reference:
            documents.update(terms_of(text))
        pool = [_read(text, documents) for text in held_out]
        null = np.array(
            [_statistics([pool[row] for row in rows], documents, len(reference)) for rows in drawn]
        )
        null += (stretch(len(pool), window) - 1) * (null - null.mean(axis=0))
        unknown = _unknown_share(pool)
        return cls(documents, len(reference), unknown, Null.fit(null, least=1e-6), window, alpha)

    def compare(self, current: Sequence[str]) -> TermDrift | None:
        """Look at one window; None when it is smaller than the windows that were calibrated.

        Args:
            current: texts; of more than `window` the last ones are taken.
        """
        if len(current) < self.window:
            return None
        texts = [_read(text, self.documents) for text in current[-self.window :]]
        views = self.null.views(_statistics(texts, self.documents, self.reference_n))
        risen = _risen(texts, self.documents, self.reference_n)
        first = risen[0] if risen else RisenTerm("", 0, 0.0, 0.0, 0.0)
        result = self.null.verdict(
            views,
            self.alpha,
            count=first.count,
            n=self.window,
            share_before=first.share_before,
            before_n=self.reference_n,
        )
        return TermDrift(result, tuple(risen), _unknown_share(texts), self.unknown_before)


@dataclass(frozen=True, slots=True)
class _Read:
    """One text, read once."""

    terms: set[str]
    words: int
    unknown: int
    """Words that the reference never used."""


def _tokens(text: str) -> list[str]:
    found = TOKEN.findall(text[:TEXT_LIMIT].lower())
    return [NUMBER.sub(lambda digits: "0" * len(digits.group()), token) for token in found]


def _read(text: str, known: Mapping[str, int]) -> _Read:
    tokens = _tokens(text)
    unknown = sum(token not in known for token in tokens)
    return _Read(_with_pairs(tokens), len(tokens), unknown)


def _with_pairs(tokens: Sequence[str]) -> set[str]:
    return {*tokens, *(f"{one} {other}" for one, other in pairwise(tokens))}


def _scores(
    texts: Sequence[_Read], known: Mapping[str, int], reference_n: int
) -> tuple[list[str], Numbers, Numbers, Numbers]:
    """Terms, how many texts hold each, which share did before, and the log-likelihood ratios."""
    held = Counter[str]()
    for text in texts:
        held.update(text.terms)
    terms = list(held)
    counts = np.fromiter(held.values(), float, len(terms))
    seen = np.fromiter((known.get(term, 0) for term in terms), float, len(terms))
    before = (seen + 0.5) / (reference_n + 1)
    share = counts / len(texts)
    ratios = xlogy(counts, share / before) + xlogy(len(texts) - counts, (1 - share) / (1 - before))
    return terms, counts, before, np.where(share > before, ratios, 0.0)


def _statistics(texts: Sequence[_Read], known: Mapping[str, int], reference_n: int) -> Numbers:
    *_, ratios = _scores(texts, known, reference_n)
    return np.array([sqrt(float(ratios.max(initial=0.0))), sqrt(_unknown_share(texts))])


def _unknown_share(texts: Sequence[_Read]) -> float:
    return sum(one.unknown for one in texts) / max(1, sum(one.words for one in texts))


def _risen(texts: Sequence[_Read], known: Mapping[str, int], reference_n: int) -> list[RisenTerm]:
    terms, counts, before, ratios = _scores(texts, known, reference_n)
    order = np.argsort(-ratios, kind="stable")[:TOP]
    return [
        RisenTerm(
            terms[row],
            int(counts[row]),
            float(counts[row]) / len(texts),
            float(before[row]),
            float(ratios[row]),
        )
        for row in order
        if ratios[row] > 0
    ]
