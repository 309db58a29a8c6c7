"""Which terms the texts of a baseline hold, counted once for all windows of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.sparse import csr_array
from scipy.special import xlogy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Counted", "term_ratios", "terms_among"]

Numbers = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Indices = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


def terms_among(tokens: Sequence[str]) -> set[str]:
    """Tokens and neighbouring pairs of them.

    >>> sorted(terms_among(["pay", "now"]))
    ['now', 'pay', 'pay now']
    """
    return {*tokens, *(f"{one} {other}" for one, other in pairwise(tokens))}


def term_ratios(counts: Numbers, texts: int, before: Numbers) -> Numbers:
    """Log-likelihood ratios of terms that so many texts hold where that share did; 0 where fewer do."""
    share = counts / texts
    ratios = xlogy(counts, share / before) + xlogy(texts - counts, (1 - share) / (1 - before))
    above: Numbers = np.where(share > before, ratios, 0.0)
    return above


@dataclass(frozen=True, slots=True)
class Counted:
    """A baseline as sparse tables: a row is a text."""

    documents: Mapping[str, int]
    """By term: texts that hold it."""
    holds: csr_array
    """1 where the text holds the term."""
    held: Numbers
    """Texts by term: the sums of `holds`."""
    spoken: csr_array
    """How often the text says the word."""
    of_word: Indices
    """By word of `spoken`: its column in `holds`."""

    @classmethod
    def of(cls, texts: Sequence[Sequence[str]]) -> Self:
        """Count the terms of texts that are given as tokens."""
        held = Counter[str]()
        words = dict.fromkeys(token for tokens in texts for token in tokens)
        for tokens in texts:
            held.update(terms_among(tokens))
        documents = {term: n for term, n in held.items() if n > 1 or term in words}
        columns = {term: column for column, term in enumerate(documents)}
        places = {word: place for place, word in enumerate(words)}
        spoken = [Counter(tokens) for tokens in texts]
        return cls(
            documents,
            _table([dict.fromkeys(terms_among(tokens), 1) for tokens in texts], columns),
            np.fromiter(documents.values(), float, len(documents)),
            _table(spoken, places),
            np.fromiter((columns[word] for word in words), np.int64, len(words)),
        )

    def left_out(self, rows: Indices) -> tuple[float, float]:
        """The largest `term_ratios` of a window against all other texts; its share of new words."""
        counts = np.asarray(self.holds[rows].sum(axis=0), dtype=float)
        others = self.holds.shape[0] - len(rows)
        present = np.flatnonzero(counts)
        before = (self.held[present] - counts[present] + 0.5) / (others + 1)
        ratios = term_ratios(counts[present], len(rows), before)
        said = np.asarray(self.spoken[rows].sum(axis=0), dtype=float)
        new = counts[self.of_word] == self.held[self.of_word]
        return float(ratios.max(initial=0.0)), float(said[new].sum() / max(1.0, said.sum()))


def _table(rows: Iterable[Mapping[str, int]], columns: Mapping[str, int]) -> csr_array:
    """A row for each mapping; what has no column is left out."""
    ends, places, values = [0], [], []
    for row in rows:
        for term, value in row.items():
            if (place := columns.get(term)) is not None:
                places.append(place)
                values.append(value)
        ends.append(len(places))
    shape = (len(ends) - 1, max(1, len(columns)))
    return csr_array(
        (np.array(values, dtype=np.float32), np.array(places, dtype=np.int32), np.array(ends)),
        shape=shape,
    )
