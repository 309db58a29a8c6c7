"""Which texts are nearly the same as one of others: by the character n-grams that are rare in this traffic.

A service's inputs often share a long template and differ in a name, a date, an amount. A plain
cosine calls them all the same and would keep the whole traffic out of training; so each n-gram
weighs by how rare it is among the texts at hand, and what everybody says counts for next to nothing.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["NearestTexts", "near_vectors", "normalised"]

GRAM = 5
"""Characters in an n-gram."""
BUCKETS = 2**20
MOST_GRAMS = 2048
"""Of one text: those with the smallest hashes, so that two texts of much the same keep much the same."""
PRIOR = 100
"""Texts that are thought of beside those at hand, so that rarity among a few texts means little."""
COMMON = 0.02
"""An n-gram of more than this share of the texts is compared through a projection, the others exactly."""
DIMENSIONS = 512
BLOCK = 512
"""Texts compared at once."""
INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]")


def normalised(text: str) -> str:
    r"""The text without what does not count: case, compatibility forms, invisible characters, white space.

    >>> normalised("  Pay\u200b  ﬁrst\n") == normalised("pay FIRST")
    True
    """
    plain = INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).casefold()
    return " ".join(plain.split())


class NearestTexts:
    """Compares texts with a fixed set of others.

    Args:
        others: what is compared with, for example the reserved calls' inputs.
        texts: what will be asked about; rarity is counted over both.

    >>> others = [f"Loan {n:05d}-{n * 7 % 89} of {n * 31:06d} dollars" for n in range(300)]
    >>> asked = ["loan 00007-49 of 000217 dollars!", "Loan 90001-11 of 770217 dollars"]
    >>> NearestTexts(others, asked).cosines().round(1)
    array([0.9, 0.2], dtype=float32)
    """

    def __init__(self, others: Sequence[str], texts: Sequence[str]) -> None:
        rows = [_grams(text) for text in (*others, *texts)]
        seen = np.zeros(BUCKETS, dtype=np.int64)
        for row in rows:
            seen[row] += 1
        weights = np.log((len(rows) + PRIOR) / np.maximum(seen, 1)).astype(np.float32)
        common = seen > max(PRIOR, COMMON * len(rows))
        self._rare, self._usual = _vectors(rows, weights, common)
        self._others = len(others)

    def cosines(self) -> NDArray[np.float32]:
        """For each text the cosine with the nearest of the others."""
        there_rare, there_usual = (
            self._rare[: self._others].T.tocsc(),
            self._usual[: self._others].T,
        )
        nearest = []
        for start in range(self._others, self._rare.shape[0], BLOCK):
            block = slice(start, start + BLOCK)
            cosine = (self._rare[block] @ there_rare).toarray()
            cosine += self._usual[block] @ there_usual
            nearest.append(cosine.max(axis=1, initial=0.0))
        return np.concatenate(nearest) if nearest else np.zeros(0, dtype=np.float32)


def near_vectors(vectors: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """For each vector of length 1 the cosine with the nearest of the others, seen from the middle of all.

    Sentence embeddings of one service lie close together, those of a template closest: what they
    share is taken away first.
    """
    if not len(vectors) or not len(others):
        return np.full(len(vectors), -1.0, dtype=np.float32)
    middle = np.concatenate([vectors, others]).mean(axis=0)
    ours, theirs = _unit(vectors - middle), _unit(others - middle)
    nearest = [
        (ours[start : start + BLOCK] @ theirs.T).max(axis=1, initial=-1.0)
        for start in range(0, len(ours), BLOCK)
    ]
    return np.concatenate(nearest)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: NDArray[np.float32] = vectors / np.maximum(lengths, np.float32(1e-9))
    return unit


def _grams(text: str) -> NDArray[np.int32]:
    """Buckets of a text's n-grams, each once; spaces around it, so that short texts have some too."""
    padded = f" {normalised(text)} ".ljust(GRAM)
    codes = np.frombuffer(padded.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    mixed = np.zeros(len(codes) - GRAM + 1, dtype=np.uint64)
    for place in range(GRAM):
        mixed = mixed * np.uint64(0x100000001B3) + codes[place : place + len(mixed)]
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(32)
    found = np.unique(mixed)[:MOST_GRAMS]
    return np.unique((found % np.uint64(BUCKETS)).astype(np.int32))


def _vectors(
    rows: Sequence[NDArray[np.int32]], weights: NDArray[np.float32], common: NDArray[np.bool_]
) -> tuple[sparse.csr_matrix, NDArray[np.float32]]:
    """The rare n-grams of each text as they are, the common ones projected; together of length 1."""
    usual = np.zeros((len(rows), DIMENSIONS), dtype=np.float32)
    indices: list[NDArray[np.int32]] = [np.zeros(0, dtype=np.int32)]
    values: list[NDArray[np.float32]] = [np.zeros(0, dtype=np.float32)]
    ends = [0]
    for number, row in enumerate(rows):
        weight = weights[row]
        length = float(np.sqrt((weight**2).sum())) or 1.0
        often = common[row]
        if often.any():
            place, sign = _projected(row[often])
            np.add.at(usual[number], place, weight[often] * sign)
            size = float(np.sqrt((usual[number] ** 2).sum())) or 1.0
            usual[number] *= float(np.sqrt((weight[often] ** 2).sum())) / (size * length)
        indices.append(row[~often])
        values.append(weight[~often] / length)
        ends.append(ends[-1] + len(indices[-1]))
    rare = sparse.csr_matrix(
        (np.concatenate(values), np.concatenate(indices), np.array(ends)),
        shape=(len(rows), BUCKETS),
    )
    return rare, usual


def _projected(buckets: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Where an n-gram goes in the projection, and with which sign: by its hash, so for ever the same."""
    mixed = (buckets.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(31)
    place = (mixed % np.uint64(DIMENSIONS)).astype(np.int64)
    sign = np.where((mixed >> np.uint64(40)) & np.uint64(1), 1.0, -1.0).astype(np.float32)
    return place, sign
