"""Have the texts moved? Four views of their embeddings, calibrated on windows of the baseline."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

import numpy as np

from monitor.drift.neighbourhood import NOVELTY_LEVELS, Ball, novelty, scan
from monitor.drift.random_features import RandomFeatures
from monitor.drift.result import DriftResult
from monitor.drift.tail import Null
from monitor.drift.windows import NULL_WINDOWS, draw_windows, stretch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["EmbeddingDetector", "EmbeddingDrift", "Region"]

VIEWS = ("kfda", "mmd", "scan", "novelty")
LARGEST_REFERENCE = 5000
EXAMPLES = 10

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
Numbers = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Indices = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Region:
    """What moved, as rows of the window."""

    kind: Literal["cluster", "novel"]
    """`cluster`: calls that gather where few were; `novel`: calls that are like none before."""
    members: tuple[int, ...]
    """At most ten, the most typical first."""
    count: int
    """The window's calls in the region."""
    share: float
    """Their share of the window."""
    share_before: float
    """The region's share of the reference."""


@dataclass(frozen=True, slots=True)
class EmbeddingDrift:
    """One look at one window."""

    result: DriftResult
    """`effect` is the change of the region's share, with its 95 % interval."""
    region: Region
    views: Mapping[str, float]
    """Each view's statistic in standard deviations of its null."""


class _Look(NamedTuple):
    statistics: Numbers
    ball: Ball
    nearest: Floats
    """Similarity of each member to its nearest reference member."""


@dataclass(frozen=True, slots=True)
class EmbeddingDetector:
    """Compares a window's embeddings with a reference: kernel Fisher, MMD, scan and novelty.

    When to use it: inputs or outputs of a service, a window of fixed size at a time (200 to 1,000;
    more sees less of a shift: 5 % of 1,000 is seen, 5 % of 200 is not). When not: as the reason of
    a retrain (inputs that moved are no errors), or for style, to which sentence encoders are nearly
    blind (scan terms instead).

    The baseline is split in two by time: one half is the reference, from the other null windows
    are drawn, each from a stretch of consecutive calls, so that the usual difference between
    days is inside the null. Statistics are square roots, in standard deviations of their null; the
    largest counts, and its p-value comes from an exponential tail over all null windows.

    Example: quiet at more of the same, alarm at 8 % of something else.

    >>> rng = np.random.default_rng(7)
    >>> topics = rng.standard_normal((20, 32))
    >>> def texts(n, of=slice(0, 19)):
    ...     chosen = topics[of][rng.integers(0, len(topics[of]), n)]
    ...     return chosen + 0.4 * rng.standard_normal((n, 32))
    >>> detector = EmbeddingDetector.fit(texts(3_000), window=250, rng=rng)
    >>> detector.compare(texts(250)).result.status
    'stable'
    >>> moved = detector.compare(np.vstack([texts(230), texts(20, of=slice(19, 20))]))
    >>> moved.result.status, moved.region.kind, min(moved.region.members) >= 230
    ('drift', 'cluster', True)
    """

    features: RandomFeatures
    reference: Floats
    """Unit vectors, shape (n, dimensions)."""
    far: Floats
    """By `NOVELTY_LEVELS`: similarity to the nearest other that so few of the reference are below."""
    null: Null
    window: int
    """Members of a window."""
    alpha: float
    """Probability of a false alarm in one window."""

    @classmethod
    def fit(
        cls,
        baseline: Floats,
        *,
        window: int,
        rng: np.random.Generator,
        alpha: float = 0.01,
        null_windows: int = NULL_WINDOWS,
    ) -> Self:
        """Learn a healthy stretch.

        Args:
            baseline: embeddings in order of time, shape (n, dimensions), n at least four windows.
            window: members of the windows that will be compared.
            rng: draws features and null windows.
            alpha: probability of a false alarm in one window.
            null_windows: how many are drawn.

        Raises:
            ValueError: the baseline is too small for such windows; says how large it must be.
        """
        vectors = _unit(baseline)
        # Every other call: both halves see the same days, and neither sees the other's calls.
        reference, held_out = vectors[::2], vectors[1::2]
        if len(reference) > LARGEST_REFERENCE:
            kept = np.sort(rng.choice(len(reference), LARGEST_REFERENCE, replace=False))
            reference = reference[kept]
        features = RandomFeatures.fit(reference, rng)
        far = _far(reference)
        drawn = draw_windows(len(held_out), window, null_windows, rng)
        null = _null(features, reference, far, held_out, drawn)
        return cls(features, reference, far, Null.fit(null, least=1e-9), window, alpha)

    def compare(self, current: Floats) -> EmbeddingDrift | None:
        """Look at one window; None when it is smaller than the windows that were calibrated.

        Args:
            current: shape (n, dimensions); of more than `window` the last ones are taken.
        """
        if len(current) < self.window:
            return None
        vectors = _unit(current[-self.window :])
        look = _look(self.features, self.reference, self.far, vectors)
        views = self.null.views(look.statistics)
        region = self._region(vectors, look, views)
        offset = len(current) - self.window
        if offset:
            moved = tuple(one + offset for one in region.members)
            region = Region(region.kind, moved, region.count, region.share, region.share_before)
        result = self.null.verdict(
            views,
            self.alpha,
            count=region.count,
            n=self.window,
            share_before=region.share_before,
            before_n=len(self.reference),
        )
        named = dict(zip(VIEWS, views.tolist(), strict=True))
        return EmbeddingDrift(result, region, named)

    def _region(self, vectors: Floats, look: _Look, views: Numbers) -> Region:
        """The ball of the scan; the most novel calls where it shows nothing and they are louder."""
        ball, strangers = views[VIEWS.index("scan")], views[VIEWS.index("novelty")]
        if look.ball.score == 0 or ball < min(strangers, self.null.tail.threshold(self.alpha)):
            level = int(np.searchsorted(NOVELTY_LEVELS, 0.01))
            strange = np.flatnonzero(look.nearest < self.far[level])
            order = np.argsort(look.nearest, kind="stable")
            share = len(strange) / self.window
            members = tuple(order[:EXAMPLES].tolist())
            return Region("novel", members, len(strange), share, NOVELTY_LEVELS[level])
        towards = vectors @ vectors[look.ball.centre]
        inside = np.flatnonzero(towards >= look.ball.similarity)
        nearest_first = inside[np.argsort(-towards[inside], kind="stable")]
        members = tuple(nearest_first[:EXAMPLES].tolist())
        before = look.ball.in_reference / len(self.reference)
        return Region("cluster", members, len(inside), len(inside) / self.window, before)


def _unit(vectors: Floats) -> Floats:
    rows = np.ascontiguousarray(vectors, dtype=np.float32)
    if rows.ndim != 2 or not np.isfinite(rows).all():
        raise ValueError("embeddings are a table of finite numbers, one row per text")
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Floats = rows / np.maximum(lengths, np.float32(1e-12))
    return unit


def _far(reference: Floats) -> Floats:
    similar = reference @ reference.T
    np.fill_diagonal(similar, -np.inf)
    levels: Floats = np.quantile(similar.max(axis=1), NOVELTY_LEVELS).astype(np.float32)
    return levels


def _look(features: RandomFeatures, reference: Floats, far: Floats, vectors: Floats) -> _Look:
    to_reference = vectors @ reference.T
    nearest = to_reference.max(axis=1)
    ball = scan(to_reference, vectors @ vectors.T)
    counts = (nearest[:, None] < far).sum(axis=0).astype(float)
    mean = features.of(vectors).mean(axis=0)
    return _Look(_statistics(features, mean, ball, counts, len(vectors)), ball, nearest)


def _statistics(
    features: RandomFeatures, mean: Floats, ball: Ball, counts: Numbers, n: int
) -> Numbers:
    kfda, mmd = features.distances(mean)
    found: Numbers = np.sqrt(np.array([kfda, mmd, ball.score, novelty(counts, n)]))
    return found


def _null(
    features: RandomFeatures,
    reference: Floats,
    far: Floats,
    pool: Floats,
    drawn: Sequence[Indices],
) -> Numbers:
    """Statistics of windows of the pool, one row each.

    Means, counts and scores are pulled away from their middle, see `stretch`. The pool's own mean
    lies further from the reference's than the truth does: it is pulled back to the distance that
    the reference alone would have.
    """
    away = stretch(len(pool), len(drawn[0]))
    of_pool = features.of(pool)
    to_reference, to_pool = pool @ reference.T, pool @ pool.T
    new = (to_reference.max(axis=1)[:, None] < far).astype(float)
    back = np.float32(sqrt(len(pool) / (len(pool) + len(reference))))
    pool_mean, pool_new = of_pool.mean(axis=0), new.mean(axis=0)
    near_mean = features.mean + back * (pool_mean - features.mean)
    found = np.empty((len(drawn), len(VIEWS)))
    for position, rows in enumerate(drawn):
        mean = near_mean + np.float32(away) * (of_pool[rows].mean(axis=0) - pool_mean)
        counts = len(rows) * (pool_new + away * (new[rows].mean(axis=0) - pool_new))
        ball = scan(to_reference[rows], to_pool[np.ix_(rows, rows)])
        found[position] = _statistics(features, mean, ball, counts, len(rows))
    scans = found[:, VIEWS.index("scan")]
    scans += (away - 1) * (scans - scans.mean())
    return found
