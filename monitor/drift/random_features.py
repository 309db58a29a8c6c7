"""A kernel's view of vectors in finitely many coordinates, and two distances between samples in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.linalg import cholesky, solve_triangular

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["RandomFeatures"]

FREQUENCIES = 1024
"""Each gives a cosine and a sine."""
RIDGE = 0.1
"""Times the mean eigenvalue of the features' covariance."""
PAIRS = 4000
"""Drawn for the median distance, which is the kernel's bandwidth."""

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


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
        mean = features.mean(axis=0)
        centred = features - mean
        spread = centred.T @ centred / np.float32(max(1, len(reference) - 1))
        ridge = RIDGE * float(np.trace(spread)) / len(spread)
        spread[np.diag_indices_from(spread)] += max(ridge, 1e-8)
        return cls(weights, mean, cholesky(spread, lower=True).astype(np.float32))

    def of(self, vectors: Floats) -> Floats:
        """Features of vectors: shape (n, 2 x frequencies)."""
        return _features(vectors, self.weights)

    def distances(self, mean: NDArray[np.float32]) -> tuple[float, float]:
        """How far a sample's mean feature lies from the reference's.

        Returns:
            The kernel Fisher distance, which counts directions by how much the reference varies in
            them, and the maximum mean discrepancy, which does not. Both squared.
        """
        apart = mean - self.mean
        scaled = solve_triangular(self.factor, apart, lower=True, check_finite=False)
        return float(scaled @ scaled), float(apart @ apart)


def _features(vectors: Floats, weights: Floats) -> Floats:
    phases = vectors @ weights
    found = np.empty((len(vectors), 2 * weights.shape[1]), dtype=np.float32)
    np.cos(phases, out=found[:, : weights.shape[1]])
    np.sin(phases, out=found[:, weights.shape[1] :])
    found *= np.float32(weights.shape[1] ** -0.5)
    return found
