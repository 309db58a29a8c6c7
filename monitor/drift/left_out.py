"""A baseline's windows against the rest of it: who is near whom is looked up once for all windows."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Self

import numpy as np

from monitor.drift.neighbourhood import NEIGHBOURS, NOVELTY_LEVELS, ball_scores, novelty

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Neighbours"]

CHUNK = 512
"""Rows whose similarities are in memory at once."""
NEARBY = 24
"""Neighbours among which a reference member's nearest one outside the window is looked for."""
MARGIN = 1.3
"""Neighbours that are kept beyond those that a ball of average density holds."""

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
Rows = np.ndarray[tuple[int, ...], np.dtype[np.int32]]


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The nearest neighbours of every row of a baseline, so far as a scan of its windows asks.

    A ball that holds fewer of the window than its share scores nothing, so only the nearest
    80 / share neighbours of a row matter, and a window is scanned in milliseconds.
    """

    rows: Rows
    """Shape (baseline, kept): the nearest first; equally near ones in random order."""
    similarity: Floats
    kept_reference: NDArray[np.bool_]
    """Which rows are in the reference."""

    @classmethod
    def of(
        cls,
        vectors: Floats,
        kept_reference: NDArray[np.bool_],
        window: int,
        rng: np.random.Generator,
    ) -> Self:
        """Look them up for windows of that size."""
        count = len(vectors)
        share = window / (window + kept_reference.sum())
        kept = min(count - 1, ceil(MARGIN * (max(NEIGHBOURS) + 1) / share * count / (count + 1)))
        shuffled = rng.permutation(count).astype(np.int32)
        columns = vectors[shuffled]
        place = np.empty(count, dtype=np.int64)
        place[shuffled] = np.arange(count)
        rows = np.empty((count, kept), dtype=np.int32)
        near = np.empty((count, kept), dtype=np.float32)
        for start in range(0, count, CHUNK):
            these = np.arange(start, min(start + CHUNK, count))
            similar = vectors[these] @ columns.T
            similar[np.arange(len(these)), place[these]] = -np.inf
            nearest = np.argpartition(-similar, kept - 1, axis=1)[:, :kept]
            found = np.take_along_axis(similar, nearest, axis=1)
            order = np.argsort(-found, axis=1, kind="stable")
            rows[these] = shuffled[np.take_along_axis(nearest, order, axis=1)]
            near[these] = np.take_along_axis(found, order, axis=1)
        return cls(rows, near, kept_reference)

    def scan_and_novelty(self, window: NDArray[np.int64]) -> tuple[float, float]:
        """Scores of `scan` and `novelty` for the window against the reference without it."""
        inside = np.zeros(len(self.rows), dtype=bool)
        inside[window] = True
        outside = self.kept_reference & ~inside
        here, there = inside[self.rows[window]], outside[self.rows[window]]
        similarity = self.similarity[window]
        share = len(window) / (len(window) + int(outside.sum()))
        others = np.flatnonzero(outside)
        far = np.quantile(
            _nearest(outside[self.rows[others, :NEARBY]], self.similarity[others, :NEARBY]),
            NOVELTY_LEVELS,
        )
        counts = (_nearest(there, similarity)[:, None] < far).sum(axis=0).astype(float)
        return _densest(here, there, similarity, share), novelty(counts, len(window))


def _nearest(is_one: NDArray[np.bool_], similarity: Floats) -> Floats:
    """Similarity of the first one in each row; of the last neighbour kept where there is none."""
    first = np.where(is_one.any(axis=1), is_one.argmax(axis=1), is_one.shape[1] - 1)
    return np.take_along_axis(similarity, first[:, None], axis=1)[:, 0]


def _densest(
    here: NDArray[np.bool_], there: NDArray[np.bool_], similarity: Floats, share: float
) -> float:
    passed = np.cumsum(here, axis=1, dtype=np.int32)
    passed_there = np.cumsum(there, axis=1, dtype=np.int32)
    lines, last = np.arange(len(here)), here.shape[1]
    best = 0.0
    for k in (k for k in NEIGHBOURS if k < len(here) - 1):
        complete = passed[:, -1] >= k
        reach = similarity[lines, np.where(complete, (passed >= k).argmax(axis=1), 0)]
        ends = np.minimum((similarity >= reach[:, None]).sum(axis=1), last) - 1
        scores = ball_scores(1 + passed[lines, ends], passed_there[lines, ends], share)
        best = max(best, float(scores[complete].max(initial=0.0)))
    return best
