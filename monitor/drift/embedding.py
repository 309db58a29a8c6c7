"""Have the texts moved? Four views of their embeddings, calibrated on windows of the baseline."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self

import numpy as np

from monitor.drift.left_out import Neighbours
from monitor.drift.neighbourhood import NOVELTY_LEVELS, Ball, novelty, scan
from monitor.drift.random_features import RandomFeatures
from monitor.drift.tail import Null, Share, check_version, verdict
from monitor.drift.windows import NULL_WINDOWS, draw_windows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.drift.result import DriftResult

__all__ = ["EmbeddingDetector", "EmbeddingDrift", "Region"]

VIEWS = ("kfda", "mmd", "scan", "novelty")
LARGEST_REFERENCE = 5000
EXAMPLES = 10

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
Numbers = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


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
    rows: tuple[int, ...] = ()
    """All of the window's calls in the region."""


@dataclass(frozen=True, slots=True)
class EmbeddingDrift:
    """One look at one window."""

    result: DriftResult
    """`effect` is the change of the region's share, with its 95 % interval."""
    region: Region
    views: Mapping[str, float]
    """Each view's surprise, -log10 of its own p-value."""


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

    Calibration: every null window is a part of the baseline, compared with the rest of it, so that
    all of the baseline is both reference and null. Random choices say what chance does, stretches
    of consecutive calls what hours, days and batches do beside it (`Null`). Statistics are square
    roots; each view is weighed by its own null, and the most surprising one counts.

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

    STATE_VERSION: ClassVar[int] = 1

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
        drawn = draw_windows(len(vectors), window, null_windows, rng)
        kept = np.ones(len(vectors), dtype=bool)
        kept[rng.permutation(len(vectors))[LARGEST_REFERENCE:]] = False
        features = RandomFeatures.fit(vectors, rng)
        distances = features.left_out(features.of(vectors), [*drawn])
        neighbours = Neighbours.of(vectors, kept, window, rng)
        scores = np.array([neighbours.scan_and_novelty(rows) for rows in drawn])
        found = np.sqrt(np.hstack([distances, scores]))
        null = Null.fit(found[: len(drawn.random)], found[len(drawn.random) :])
        reference = vectors[kept]
        return cls(features, reference, _far(reference), null, window, alpha)

    def compare(self, current: Floats) -> EmbeddingDrift | None:
        """Look at one window; None when it is smaller than the windows that were calibrated.

        Args:
            current: shape (n, dimensions); of more than `window` the last ones are taken.
        """
        if len(current) < self.window:
            return None
        vectors = _unit(current[-self.window :])
        look = _look(self.features, self.reference, self.far, vectors)
        views = dict(zip(VIEWS, self.null.surprises(look.statistics), strict=True))
        statistic = max(views.values())
        p_value = self.null.joint.p_value(statistic)
        region = self._region(vectors, look, views)
        offset = len(current) - self.window
        if offset:
            members, rows = (
                tuple(one + offset for one in which) for which in (region.members, region.rows)
            )
            region = replace(region, members=members, rows=rows)
        before = round(region.share_before * len(self.reference))
        moved = Share(region.count, self.window, before, len(self.reference), region.share_before)
        result = verdict(
            p_value,
            alpha=self.alpha,
            statistic=statistic,
            threshold=self.null.joint.threshold(self.alpha),
            moved=moved,
        )
        return EmbeddingDrift(result, region, views)

    def _region(self, vectors: Floats, look: _Look, views: Mapping[str, float]) -> Region:
        """The ball of the scan; the most novel calls where it shows nothing and they are louder."""
        quiet = min(views["novelty"], self.null.joint.threshold(self.alpha))
        if look.ball.score == 0 or views["scan"] < quiet:
            level = int(np.searchsorted(NOVELTY_LEVELS, 0.01))
            strange = np.flatnonzero(look.nearest < self.far[level])
            order = np.argsort(look.nearest, kind="stable")
            share = len(strange) / self.window
            members = tuple(order[:EXAMPLES].tolist())
            rows = tuple(strange.tolist())
            return Region("novel", members, len(strange), share, NOVELTY_LEVELS[level], rows)
        towards = vectors @ vectors[look.ball.centre]
        inside = np.flatnonzero(towards >= look.ball.similarity)
        nearest_first = inside[np.argsort(-towards[inside], kind="stable")]
        members = tuple(nearest_first[:EXAMPLES].tolist())
        before = look.ball.in_reference / len(self.reference)
        share, rows = len(inside) / self.window, tuple(inside.tolist())
        return Region("cluster", members, len(inside), share, before, rows)

    def state(self) -> dict[str, np.ndarray[Any, Any]]:
        """The detector as arrays, with a version."""
        lower = np.tril_indices(len(self.features.factor))
        return {
            "version": np.array(self.STATE_VERSION),
            "weights": self.features.weights,
            "mean": self.features.mean,
            "factor": self.features.factor[lower],
            "reference": self.reference,
            "far": self.far,
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
        factor = np.zeros((len(state["mean"]), len(state["mean"])), dtype=np.float32)
        factor[np.tril_indices(len(factor))] = state["factor"]
        window, alpha = state["fitted"].tolist()
        return cls(
            RandomFeatures(state["weights"], state["mean"], factor),
            state["reference"],
            state["far"],
            Null.from_state(state),
            int(window),
            alpha,
        )


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
