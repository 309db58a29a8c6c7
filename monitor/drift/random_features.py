"""A kernel's view of vectors in finitely many coordinates, and two distances between samples in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.linalg import cholesky, solve_triangular

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["RandomFeatures"]

FREQUENCIES = 1024
"""Each gives a cosine and a sine."""
RIDGE = 0.1
"""Times the mean eigenvalue of the features' covariance."""
PAIRS = 4000
"""Drawn for the median distance, which is the kernel's bandwidth."""

REFITTED = 2
"""Windows without which the covariance is learnt anew; what it changes hardly differs among them."""

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
Numbers = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Indices = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class RandomFeatures:
    """Random Fourier features of the Gaussian kernel, with the mean and spread of a reference.

    With z(x) = D^-1/2 [cos Wx, sin Wx], W drawn from N(0, 1/bandwidth²), <z(x), z(y)> is close to
    the kernel, and the distance of two mean features close to the maximum mean discrepancy.

    References:
        A. Rahimi, B. Recht (2007), Random features for large-scale kernel machines.
        A. Gretton et al. (2012), A kernel two-sample test, JMLR 13.
        Z. Harchaoui, F. Bach, E. Moulines (2007), Testing for homogeneity with kernel Fisher
        discriminant analysis.
    """

    weights: Floats
    """Shape (dimensions, frequencies)."""
    mean: Floats
    """Of the reference's features, shape (2 x frequencies,)."""
    factor: Floats
    """Lower Cholesky factor of their covariance plus the ridge."""

    @classmethod
    def fit(
        cls, reference: Floats, rng: np.random.Generator, *, frequencies: int = FREQUENCIES
    ) -> Self:
        """Draw the features and learn the reference.

        Args:
            reference: shape (n, dimensions), rows of any length; unit length is usual.
            rng: draws frequencies and the pairs of the median distance.
            frequencies: coordinates are twice as many.
        """
        one, other = rng.integers(0, len(reference), (2, PAIRS))
        squared = ((reference[one] - reference[other]) ** 2).sum(axis=1)
        apart = squared[squared > 1e-9]
        bandwidth = float(np.sqrt(np.median(apart))) if len(apart) else 1.0
        shape = (reference.shape[1], frequencies)
        weights = (rng.standard_normal(shape) / bandwidth).astype(np.float32)
        features = _features(reference, weights)
        return cls(weights, features.mean(axis=0), _factor(features))

    def of(self, vectors: Floats) -> Floats:
        """Features of vectors: shape (n, 2 x frequencies)."""
        return _features(vectors, self.weights)

    def distances(self, mean: Floats) -> tuple[float, float]:
        """How far a sample's mean feature lies from the reference's.

        Returns:
            The kernel Fisher distance, which counts directions by how much the reference varies in
            them, and the maximum mean discrepancy, which does not. Both squared.
        """
        apart = mean - self.mean
        scaled = solve_triangular(self.factor, apart, lower=True, check_finite=False)
        return float(scaled @ scaled), float(apart @ apart)

    def left_out(self, features: Floats, windows: Sequence[Indices]) -> Numbers:
        """`distances` as windows like these parts of the reference have them, one row each.

        A part is compared with the rest. The rest is smaller than the reference, and the factor has
        seen the part: both are made up for.

        Args:
            features: of the reference, `of(reference)`.
            windows: rows of it.
        """
        counts = np.array([len(rows) for rows in windows], dtype=np.float32)[:, None]
        member = np.zeros((len(windows), len(features)), dtype=np.float32)
        for line, rows in zip(member, windows, strict=True):
            line[rows] = 1.0
        sums, total = member @ features, features.sum(axis=0)
        apart = sums / counts - (total - sums) / (len(features) - counts)
        apart *= np.sqrt(1 - (counts / len(features)) ** 2)  # 1/n + 1/N for 1/n + 1/(N - n)
        fisher = _squares(self.factor, apart)
        unseen = [
            _unseen(np.delete(features, rows, axis=0), one, len(features)) / seen
            for rows, one, seen in zip(windows[:REFITTED], apart, fisher, strict=False)
            if seen > 0
        ]
        larger = float(np.mean(unseen)) if unseen else 1.0
        return np.stack([larger * fisher, (apart**2).sum(axis=1)], axis=1).astype(np.float64)


def _unseen(rest: Floats, apart: Floats, size: int) -> float:
    """The kernel Fisher distance by a factor of `size` rows like the rest.

    The smaller the sample that a covariance is learnt from, the larger the distances by it: as
    1 / (1 - d/size), d its degrees of freedom. The rest and half of the rest show d.
    """
    by_all, by_half = (
        1 / float(_squares(_factor(rows), apart[None])[0]) for rows in (rest, rest[::2])
    )
    n, half = len(rest), (len(rest) + 1) // 2
    per_share = (by_half - by_all) / (1 / half - 1 / n)
    return 1 / (by_all - per_share * (1 / n - 1 / size))


def _factor(features: Floats) -> Floats:
    """Lower Cholesky factor of the features' covariance plus the ridge."""
    centred = features - features.mean(axis=0)
    spread = centred.T @ centred / np.float32(max(1, len(features) - 1))
    ridge = RIDGE * float(np.trace(spread)) / len(spread)
    spread[np.diag_indices_from(spread)] += max(ridge, 1e-8)
    return cholesky(spread, lower=True, overwrite_a=True, check_finite=False).astype(np.float32)


def _squares(factor: Floats, apart: Floats) -> Floats:
    scaled = solve_triangular(factor, apart.T, lower=True, check_finite=False)
    lengths: Floats = (scaled**2).sum(axis=0)
    return lengths


def _features(vectors: Floats, weights: Floats) -> Floats:
    phases = vectors @ weights
    found = np.empty((len(vectors), 2 * weights.shape[1]), dtype=np.float32)
    np.cos(phases, out=found[:, : weights.shape[1]])
    np.sin(phases, out=found[:, weights.shape[1] :])
    found *= np.float32(weights.shape[1] ** -0.5)
    return found
