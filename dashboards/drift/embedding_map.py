"""Texts on a plane: principal components of their vectors, clusters of them, and which clusters grew or shrank; pure.

A picture to look at, not a test: the clusters are found in the same texts whose shares are then compared, so their
intervals are a little too narrow. The verdict is the detector's, whose false alarms are counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.cluster.vq import kmeans2

from monitor.drift.intervals import rate_difference
from monitor.drift.terms import typical_terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.drift.intervals import Interval

__all__ = ["Cluster", "Mapped", "draw_map"]

CLUSTERS, SMALLEST = 8, 12
"""Clusters at most, and texts that one has at least on average."""
COMPONENTS = 20
"""Principal components that clusters are found in; the first two are drawn."""
SHORTEST = 3
"""Letters of a Latin word that says what texts are about."""
NAMED_BY = 3
"""Typical words of a cluster's name."""
COMPARED = 400
"""Texts of other clusters that its words are compared with."""
EXAMPLES = 5
WITHIN = 0.6
"""Two clusters whose centres are nearer than that share of the larger one's radius are one."""
LEVEL = 0.99
"""Of the intervals: several clusters are looked at at once."""

Vectors = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Rows = np.ndarray[tuple[int, ...], np.dtype[np.intp]]


@dataclass(frozen=True, slots=True)
class Cluster:
    """Texts that lie near each other."""

    number: int
    words: tuple[str, ...]
    """What they have in common and the others have not; empty where nothing stands out."""
    before: int
    """Texts of before in it."""
    now: int
    change: Interval
    """99 % interval of its share now minus its share before."""
    difference: float
    examples: tuple[int, ...]
    """Rows of texts of now (of before, where there are none of now), the most typical first."""

    @property
    def moved(self) -> bool:
        """Whether its share changed by more than chance does."""
        return self.change.low > 0 or self.change.high < 0

    @property
    def name(self) -> str:
        """Its typical words, or its number."""
        return ", ".join(self.words[:NAMED_BY]) or f"cluster {self.number + 1}"


@dataclass(frozen=True, slots=True)
class Mapped:
    """Every text's place, and the clusters: those that moved first, the largest change first."""

    places: Vectors
    """Shape (n, 2)."""
    cluster_of: Rows
    clusters: tuple[Cluster, ...]
    explained: tuple[float, float]
    """Share of the variance along the two axes."""


def draw_map(
    vectors: Vectors, is_now: Sequence[bool], texts: Sequence[str], *, rng: np.random.Generator
) -> Mapped:
    """Place, cluster and name the texts of two stretches of time.

    Args:
        vectors: shape (n, dimensions), one model's.
        is_now: by row: whether it is of the later stretch.
        texts: by row; '' where the text is gone.
        rng: begins the clustering.

    >>> rng = np.random.default_rng(7)
    >>> old, new = rng.normal(0, 0.1, (60, 8)), rng.normal(0, 0.1, (40, 8)) + np.eye(8)[0] * 3
    >>> drawn = draw_map(np.vstack([old, new]), [False] * 60 + [True] * 40,
    ...                  ["where is my card"] * 60 + ["cancel my loan"] * 40, rng=rng)
    >>> any("loan" in one.name for one in drawn.clusters if one.moved and one.difference > 0)
    True
    """
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    centred = unit - unit.mean(axis=0)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    scores = centred @ axes[:COMPONENTS].T
    variance = sizes**2 / max(float((sizes**2).sum()), 1e-12)
    how_many = int(np.clip(len(vectors) // SMALLEST, 1, CLUSTERS))
    _, member = kmeans2(scores, how_many, minit="++", seed=rng)
    member = _joined(scores, np.asarray(member, dtype=np.intp))
    now = np.asarray(is_now, dtype=bool)
    found = [
        _cluster(int(number), scores, member == number, now, texts) for number in np.unique(member)
    ]
    found.sort(key=lambda one: (not one.moved, -abs(one.difference)))
    places = np.zeros((len(vectors), 2))
    places[:, : min(2, scores.shape[1])] = scores[:, :2]
    explained = (float(variance[0]), float(variance[1]) if len(variance) > 1 else 0.0)
    return Mapped(places, member, tuple(found), explained)


def _joined(scores: Vectors, member: Rows) -> Rows:
    """Clusters that lie within each other are one: k-means cuts a round cloud into pieces."""
    joined = member.copy()
    while len(numbers := np.unique(joined)) > 1:
        inside = [scores[joined == number] for number in numbers]
        centres = np.array([one.mean(axis=0) for one in inside])
        radii = np.array(
            [np.sqrt(((one - one.mean(axis=0)) ** 2).sum(axis=1).mean()) for one in inside]
        )
        apart = np.linalg.norm(centres[:, None] - centres, axis=2)
        reach = np.maximum(np.maximum(radii[:, None], radii), 1e-9)
        ratio = apart / reach + np.where(np.eye(len(numbers), dtype=bool), np.inf, 0.0)
        one, other = np.unravel_index(int(ratio.argmin()), ratio.shape)
        if ratio[one, other] >= WITHIN:
            break
        joined[joined == numbers[max(one, other)]] = numbers[min(one, other)]
    return joined


def _cluster(
    number: int, scores: Vectors, inside: np.ndarray, now: np.ndarray, texts: Sequence[str]
) -> Cluster:
    before, current = int((inside & ~now).sum()), int((inside & now).sum())
    all_before, all_now = max(1, int((~now).sum())), max(1, int(now.sum()))
    shown = np.flatnonzero(inside & now if current else inside)
    offsets = scores[shown] - scores[inside].mean(axis=0)
    nearest = shown[np.argsort((offsets**2).sum(axis=1), kind="stable")]
    mine = [texts[row] for row in np.flatnonzero(inside).tolist() if texts[row]]
    others = [texts[row] for row in np.flatnonzero(~inside).tolist() if texts[row]]
    told = typical_terms(mine, others[:: 1 + len(others) // COMPARED])
    return Cluster(
        number=number,
        words=tuple(
            one.term for one in told if len(one.term) >= SHORTEST or not one.term.isascii()
        ),
        before=before,
        now=current,
        change=rate_difference(current, all_now, before, all_before, LEVEL),
        difference=current / all_now - before / all_before,
        examples=tuple(int(row) for row in nearest[:EXAMPLES]),
    )
