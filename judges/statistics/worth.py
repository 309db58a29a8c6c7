"""What a judge is worth beside people: in labels, and in money."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

__all__ = ["correlation", "cost_ratio", "effective_labels", "labelled_share"]


def correlation(
    labels: Sequence[float] | ArrayLike, verdicts: Sequence[float] | ArrayLike
) -> float | None:
    """Pearson's rho of labels and verdicts; None below three pairs or where one side is constant.

    >>> round(correlation([1, 0, 1, 1], [1, 0, 1, 0]), 4)
    0.5774
    """
    y, f = np.asarray(labels, dtype=float), np.asarray(verdicts, dtype=float)
    if y.shape != f.shape:
        raise ValueError(f"{y.size} labels against {f.size} verdicts: one verdict per label")
    if y.size < 3 or np.ptp(y) == 0 or np.ptp(f) == 0:
        return None
    return float(np.corrcoef(y, f)[0, 1])


def effective_labels(n: int, judged: int, rho: float) -> float:
    """As many labels alone would be as precise: n (n + N) / (n + N (1 - rho²)), N judged only.

    It goes to n / (1 - rho²) for N far above n. Source: the power analysis of `ppi_py`.

    >>> round(effective_labels(418, 5398, 0.9750932104))
    3557
    """
    return n * (n + judged) / (n + judged * (1 - rho**2))


def cost_ratio(rho: float, price_ratio: float) -> float:
    """Cost of an effective label against a human one, at the best share of labels; below 1 it pays.

    (√(1 - rho²) + rho √gamma)², gamma the judge's price over the human label's.

    >>> [round(cost_ratio(0.44, gamma), 2) for gamma in (0.01, 0.05, 0.10)]
    [0.89, 0.99, 1.08]
    """
    if not 0 <= rho <= 1 or price_ratio < 0:
        raise ValueError("rho is between 0 and 1, the price ratio not below 0")
    return (math.sqrt(1 - rho**2) + rho * math.sqrt(price_ratio)) ** 2


def labelled_share(variance: float, mse: float, price_ratio: float) -> float:
    """Share of the judged calls that a person should label as well, for the least error per dollar.

    √(gamma · MSE / (Var(Y) - MSE)), at most 1; 1 where MSE ≥ Var(Y)/(1 + gamma): then the judge
    does not pay. Source: arXiv 2506.07949 (2025).

    Args:
        variance: of the labels.
        mse: mean squared error of the judge against them.
        price_ratio: gamma, the judge's price over the human label's.

    >>> round(labelled_share(0.25, 0.09, 0.01), 3), labelled_share(0.25, 0.25, 0.01)
    (0.075, 1.0)
    """
    if mse >= variance / (1 + price_ratio):
        return 1.0
    return min(1.0, math.sqrt(price_ratio * mse / (variance - mse)))
