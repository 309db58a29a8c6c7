"""Rates with intervals: of checks and verdicts as they are, and of judges corrected by people.

A judge's own rate is in judge units: it says how a rate moves, not what it is. A level is corrected
by labels that people gave to some of the same calls, or not shown at all. `corrected` chooses the
estimator, `level` says as well what the judge was worth.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from judges.statistics.designs import Design, aipw, stratified, two_phase
from judges.statistics.estimators import Rate, human_only, poststrat_ac, ppi, rogan_gladen, wilson
from judges.statistics.sampling import hajek
from judges.statistics.worth import correlation, effective_labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "MIN_LABELS",
    "Design",
    "Level",
    "Rate",
    "aipw",
    "corrected",
    "human_only",
    "level",
    "poststrat_ac",
    "ppi",
    "rogan_gladen",
    "stratified",
    "two_phase",
    "wilson",
]

MIN_LABELS = 30
"""Fewer labels support no corrected level."""
PPI_LABELS = 100
"""From here on PPI++ covers what it promises; below, post-stratification does."""
FEW_DISAGREEMENTS = 5
"""With fewer among the labels PPI++ takes luck for certainty, however many labels there are."""
MOST_VERDICTS = 5
"""With more different verdicts than that they are a score, not categories."""
WORTHLESS = 1.05
"""A judge that saves less than one label in twenty adds nothing."""


@dataclass(frozen=True, slots=True)
class Level:
    """A corrected level, and what the judge had to do with it."""

    rate: Rate
    """What to show: corrected, or the labels alone where the judge adds nothing."""
    human: Rate
    """The labels alone."""
    judge: float
    """The judge's own mean over all judged calls, in judge units."""
    rho: float | None
    """Correlation of labels and verdicts; None where one of them is constant."""
    gain: float
    """As many labels alone would be as precise as one label is with the judge."""
    n_eff: float
    """Labels alone that would be as precise: n (n + N)/(n + N (1 - rho²))."""

    @property
    def adds_nothing(self) -> bool:
        """The judge saves less than one label in twenty here; say so."""
        return self.gain < WORTHLESS


def corrected(
    labels: Sequence[float],
    verdicts: Sequence[float],
    others: Sequence[float],
    *,
    design: Design | None = None,
) -> Rate | None:
    """The estimate that fits the labels; None below 30, where no level can be shown.

    30 to 99 labels of yes and no: `poststrat_ac`, because PPI++ promises too much there; also with
    more, where labels and verdicts differ on fewer than five. Else from 100 on, and for scores,
    `ppi`, below 100 with Student's quantile instead of the normal one. Calls or labels drawn with
    unequal probability: `two_phase`. An interval of yes and no is cut to 0…1.

    Args:
        labels: what people said.
        verdicts: what the judge said of the same calls.
        others: what the judge said of the calls that nobody labelled.
        design: the probabilities, unless all calls had the same.
    """
    y, f, rest = (np.asarray(one, dtype=float) for one in (labels, verdicts, others))
    if len(y) < MIN_LABELS:
        return None
    if design is not None and not design.equal:
        return _cut(two_phase(y, f, rest, design), y)
    few = len(y) < PPI_LABELS
    rate = None
    if _categories(y, f, rest) and (few or int((y != f).sum()) < FEW_DISAGREEMENTS):
        rate = poststrat_ac(y, f, rest)
    rate = rate or (ppi(y, f, rest, z=_quantile(len(y))) if few else ppi(y, f, rest))
    return _cut(rate, y) if rate is not None and rate.error > 0 else _alone(y, None)


def level(
    labels: Sequence[float],
    verdicts: Sequence[float],
    others: Sequence[float],
    *,
    design: Design | None = None,
) -> Level | None:
    """The corrected level with what the judge was worth; None below 30 labels.

    Where the judge adds nothing (its gain is below 1.05), `rate` is that of the labels alone.

    Args:
        labels: what people said.
        verdicts: what the judge said of the same calls.
        others: what the judge said of the calls that nobody labelled.
        design: the probabilities, unless all calls had the same.

    >>> people, judge = [1, 1, 1, 0] * 30, [1, 1, 1, 0] * 29 + [1, 1, 0, 1]
    >>> found = level(people, judge, [1, 1, 0, 0] * 500)
    >>> round(found.rate.value, 3), round(found.judge, 3), found.adds_nothing
    (0.525, 0.514, False)
    """
    rate = corrected(labels, verdicts, others, design=design)
    if rate is None:
        return None
    y, f, rest = (np.asarray(one, dtype=float) for one in (labels, verdicts, others))
    human = _alone(y, design)
    gain = _variance_alone(y, human, rate) / rate.error**2 if rate.error else 1.0
    rho = correlation(y, f)
    n_eff = effective_labels(len(y), len(rest), rho or 0.0)
    shown = human if gain < WORTHLESS else rate
    return Level(shown, human, _judge_units(f, rest, design), rho, gain, n_eff)


def _alone(y: NDArray[np.float64], design: Design | None) -> Rate:
    """The labels without the judge: weighted, Wilson's for yes and no, else Student's."""
    if design is not None and not design.equal:
        none = np.zeros(len(y))
        mean = _cut(two_phase(y, none, [], Design(design.labelled, design.judged, [])), y)
        assert mean is not None
        return replace(mean, method="hajek")
    share = wilson(int(y.sum()), len(y)) if ((y == 0) | (y == 1)).all() else None
    rate = share or human_only(y, z=_quantile(len(y)))
    assert rate is not None
    return rate


def _cut(rate: Rate | None, y: NDArray[np.float64]) -> Rate | None:
    """A share is between 0 and 1, and so is its interval."""
    if rate is None or not ((y == 0) | (y == 1)).all():
        return rate
    value, low, high = (min(1.0, max(0.0, one)) for one in (rate.value, rate.low, rate.high))
    return replace(rate, value=value, low=low, high=high)


def _variance_alone(y: NDArray[np.float64], human: Rate, rate: Rate) -> float:
    """Of the labels alone, smoothed where the corrected one is, so that both are comparable."""
    if rate.method != "poststrat_ac":
        return human.error**2
    middle = (float(y.sum()) + 1) / (len(y) + 2)
    return middle * (1 - middle) / (len(y) + 2)


def _judge_units(f: NDArray[np.float64], rest: NDArray[np.float64], design: Design | None) -> float:
    everything = np.concatenate([f, rest])
    if design is None or design.equal:
        return float(everything.mean())
    mean = hajek(list(everything), [*design.judged, *design.others])
    assert mean is not None
    return mean.value


def _categories(y: NDArray[np.float64], f: NDArray[np.float64], rest: NDArray[np.float64]) -> bool:
    yes_no = bool(((y == 0) | (y == 1)).all())
    return yes_no and len(np.unique(np.concatenate([f, rest]))) <= MOST_VERDICTS


def _quantile(n: float) -> float:
    return float(stats.t.ppf(0.975, max(1.0, n - 1)))
