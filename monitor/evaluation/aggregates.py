"""What a run says as a whole, judge by judge: a mean with its interval, and what could not be judged.

Only verdicts enter a mean. What failed stands beside it: its share, and where the mean would lie had
all of it been as bad, or as good, as can be.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from judges.statistics.estimators import wilson
from judges.statistics.sampling import Z

if TYPE_CHECKING:
    from monitor.evaluation.rows import EvaluationRow

__all__ = [
    "INVALID_ALARM",
    "Aggregate",
    "aggregate",
    "by_judge",
    "mean_interval",
    "smallest_difference",
]

INVALID_ALARM = 0.02
"""A larger share without verdict makes a mean doubtful."""
RESAMPLES = 4000
FLIPS = 0.3
"""Share of samples that two versions commonly differ on (GSM8K: two models 13 to 17 points apart)."""
SEED = 0
"""The bootstrap's own: the same scores always have the same interval."""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One judge's word on a run."""

    judge: str
    version: str
    model: str
    kind: str
    """`yes_no`, `score`, `label`; '' where nothing could be judged."""
    direction: str
    """`lower` where less is better, else `higher`."""
    n: int
    """Verdicts, which alone are in the mean."""
    value: float
    """Share of yes, or mean score; NaN for labels."""
    low: float
    high: float
    """95 % interval: Wilson's for yes and no, else the bootstrap's."""
    not_applicable: int
    failures: Mapping[str, int]
    """Samples without verdict, by why."""
    worst: float
    best: float
    """The mean if each of these were as bad, or as good, as can be."""
    cost_usd: float | None
    """None where one verdict's cost is not known."""
    requests: int
    cache_hits: int
    p50_ms: float
    labels: Mapping[str, int] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """Samples that a verdict was due on and is missing."""
        return sum(self.failures.values())

    @property
    def invalid_share(self) -> float:
        """Their share."""
        due = self.n + self.failed
        return self.failed / due if due else 0.0


def by_judge(rows: Sequence[EvaluationRow]) -> dict[tuple[str, str], list[EvaluationRow]]:
    """The rows of each judge and version, in the order of their first appearance."""
    found: dict[tuple[str, str], list[EvaluationRow]] = {}
    for row in rows:
        found.setdefault((row.judge, row.judge_version), []).append(row)
    return found


def aggregate(rows: Sequence[EvaluationRow]) -> Aggregate:
    """What one judge says; the rows are all of one judge and version, and there is one."""
    told = [row for row in rows if row.ok]
    kinds = Counter(row.kind for row in told)
    kind = kinds.most_common(1)[0][0] if kinds else ""
    values = [row.value for row in told if row.kind == kind and not math.isnan(row.value)]
    failures = Counter(row.status for row in rows if row.status not in ("ok", "not_applicable"))
    value, low, high = mean_interval(values, kind)
    lower = rows[0].direction == "lower"
    floor, ceiling = _bounds(values, kind)
    worst, best = (ceiling, floor) if lower else (floor, ceiling)
    missing = sum(failures.values())
    costs = [row.cost_usd for row in rows]
    models = Counter(row.judge_model for row in rows if row.judge_model)
    return Aggregate(
        judge=rows[0].judge,
        version=rows[0].judge_version,
        model=models.most_common(1)[0][0] if models else "",
        kind=kind,
        direction=rows[0].direction,
        n=len(told),
        value=value,
        low=low,
        high=high,
        not_applicable=sum(row.status == "not_applicable" for row in rows),
        failures=dict(failures),
        worst=_with(values, missing, worst),
        best=_with(values, missing, best),
        cost_usd=None if None in costs else math.fsum(filter(None, costs)),
        requests=sum(row.requests for row in rows),
        cache_hits=sum(row.cache_hits for row in rows),
        p50_ms=float(np.median([row.duration_ms for row in rows])),
        labels=dict(Counter(row.label for row in told if row.label).most_common()),
    )


def mean_interval(values: Sequence[float], kind: str) -> tuple[float, float, float]:
    """A mean and its 95 % interval; NaN where there is none.

    Shares get Wilson's interval. Scores get the bootstrap's expanded percentiles (Hesterberg 2015,
    The American Statistician 69, section 5.3). When all scores are equal that would claim
    certainty: scores of 0 to 1 then get Wilson's, which is never too narrow for them (their
    variance is at most that of yes and no), and others get none.

    >>> [round(one, 3) for one in mean_interval([1.0] * 9 + [0.0], "yes_no")]
    [0.9, 0.596, 0.982]
    >>> [round(one, 3) for one in mean_interval([0.5] * 20, "score")]
    [0.5, 0.299, 0.701]
    """
    if not values or kind not in ("yes_no", "score"):
        return math.nan, math.nan, math.nan
    n, mean = len(values), math.fsum(values) / len(values)
    if kind == "score" and len(set(values)) > 1:
        return mean, *_bootstrap(np.asarray(values))
    rate = wilson(math.fsum(values), n) if 0 <= mean <= 1 else None
    return (mean, rate.low, rate.high) if rate else (mean, math.nan, math.nan)


def _bootstrap(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[float, float]:
    n = len(values)
    rng = np.random.default_rng(SEED)
    means = rng.choice(values, size=(RESAMPLES, n)).mean(axis=1)
    tail = NormalDist().cdf(-_student(n - 1) * math.sqrt(n / (n - 1)))
    low, high = np.quantile(means, (tail, 1 - tail))
    return float(low), float(high)


def _student(freedom: int) -> float:
    """97.5 % quantile of Student's t (Abramowitz and Stegun 26.7.5); loading scipy takes longer.

    >>> round(_student(9), 2), round(_student(49), 3)
    (2.26, 2.01)
    """
    z = Z
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )


def smallest_difference(n: int, flips: float = FLIPS) -> float:
    """The smallest paired difference of shares that `n` samples show 4 times in 5, two-sided at 5 %.

    Solves d √n = z₀.₉₇₅ √f + z₀.₈ √(f - d²) for d, f the share of samples on which the two versions
    differ (Connor 1987, Biometrics 43). 1 where no difference would be shown.

    >>> round(smallest_difference(50), 2), round(smallest_difference(100), 2)
    (0.21, 0.15)
    """
    shown, power = Z, 0.8416212335729143
    low, high = 0.0, math.sqrt(flips)
    for _ in range(50):
        middle = (low + high) / 2
        needed = shown * math.sqrt(flips) + power * math.sqrt(flips - middle**2)
        low, high = (middle, high) if middle * math.sqrt(n) < needed else (low, middle)
    return high if high <= flips else 1.0


def _bounds(values: Sequence[float], kind: str) -> tuple[float, float]:
    """Between what a verdict can lie: 0 and 1, or for a wider scale what was seen of it."""
    if kind == "yes_no" or (values and min(values) >= 0 and max(values) <= 1):
        return 0.0, 1.0
    return (min(values), max(values)) if values else (math.nan, math.nan)


def _with(values: Sequence[float], missing: int, each: float) -> float:
    if not values:
        return each
    return (math.fsum(values) + missing * each) / (len(values) + missing)
