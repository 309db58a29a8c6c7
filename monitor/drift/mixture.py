"""The recursion that our sequential detectors share: a mixture Shiryaev-Roberts e-detector."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from math import exp, expm1, fsum, inf, isfinite, log, log1p
from typing import TYPE_CHECKING, Any, ClassVar

from monitor.drift.intervals import clopper_pearson
from monitor.drift.result import DriftResult, Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["PROBABILITY_FLOOR", "MixtureDetector"]

PROBABILITY_FLOOR = 2e-4
"""No null probability is taken to be smaller: nobody has seen enough calls to know it."""

_KEYS = ("arl", "updates", "count", "n", "leader", "paths")

_HEADROOM = 1e6
"""Evidence stops growing at this many times the threshold, so that a detector also sees the
recovery within reasonable time. Lowering an e-process never breaks its guarantee, and nothing below
the threshold is touched, hence no alarm moves."""


@dataclass(slots=True)
class _Path:
    """What one alternative (one odds ratio) has seen."""

    evidence: float = 0.0
    """log(1 + M): finite from the first update on, so it survives JSON."""
    cusum: float = 0.0
    """log-likelihood ratio of the best change point so far, 0 when there is none."""
    start: int = 0
    """Index of the update at which the present excursion of `cusum` began."""
    count: int = 0
    n: int = 0
    """Events and calls since `start`, that update included."""

    def follow(self, ratio: float, ceiling: float) -> None:
        """Take one update's log-likelihood ratio."""
        log_m = self.evidence + ratio
        grown = log_m + log1p(exp(-log_m)) if log_m > 0 else log1p(exp(log_m))
        self.evidence = min(grown, ceiling)
        self.cusum = min(max(0.0, self.cusum + ratio), ceiling)


class MixtureDetector:
    """Mixture Shiryaev-Roberts e-detector over updates of (events, calls, null probability).

    For every odds ratio r_k of a grid, with q_k = r_k p / (1 - p + r_k p),

        M_k <- (1 + M_k) (q_k/p)^c ((1-q_k)/(1-p))^(n-c),

    and it alarms while sum_k w_k M_k > `arl`. While the chance of an event, given the past, is at
    most p (at least p for ratios below 1), sum_k w_k M_k minus the number of updates is a
    supermartingale, so the average run length to a false alarm is at least `arl` updates: without
    any calibration, for any n, and also when p differs from update to update or from ratio to
    ratio. It may be looked at after every update. The weights w_k are those of a prior that is
    uniform on the logarithm of the odds ratio: each ratio stands for the stretch around it.

    This class is the recursion alone; use `RateDetector` or `RolloverDetector`.

    References:
        J. Shin, A. Ramdas, A. Rinaldo (2022), E-detectors, arXiv 2203.03532.
        M. Pollak (1985), Annals of Statistics 13.
    """

    STATE_VERSION: ClassVar[int] = 1

    def __init__(self, *, arl: float, odds: Sequence[float]) -> None:
        if not (isfinite(arl) and 1 < arl <= 1e200):
            raise ValueError(f"arl={arl} must be a number of updates above 1, for example 1e5")
        if not odds or not all(isfinite(ratio) and ratio > 0 and ratio != 1 for ratio in odds):
            raise ValueError(
                f"odds={odds} must be positive ratios other than 1, for example (2, 5)"
            )
        self.arl = float(arl)
        self.odds = tuple(float(ratio) for ratio in odds)
        self.updates = 0
        self.count = 0
        self.n = 0
        self.weights = log_widths(self.odds)
        self._paths = [_Path() for _ in self.odds]
        self._leader = 0

    @property
    def e_value(self) -> float:
        """Evidence that something changed: sum_k w_k M_k."""
        weighted = zip(self.weights, self._paths, strict=True)
        return fsum(weight * expm1(path.evidence) for weight, path in weighted)

    @property
    def drift_detected(self) -> bool:
        """Whether the evidence stands above the threshold after the latest update."""
        return self.e_value > self.arl

    @property
    def change_index(self) -> int | None:
        """Most likely first update (counted from 0) of the present excursion; None in quiet times.

        It is the argmax of the CUSUM path of the likeliest alternative.
        """
        leader = self._paths[self._leader]
        return leader.start if leader.cusum > 0 else None

    @property
    def count_since_change(self) -> int:
        """Events since `change_index`; 0 in quiet times."""
        return self._paths[self._leader].count if self.change_index is not None else 0

    @property
    def n_since_change(self) -> int:
        """Calls since `change_index`; 0 in quiet times."""
        return self._paths[self._leader].n if self.change_index is not None else 0

    def result(self, *, baseline: float, baseline_n: int = 0) -> DriftResult:
        """The present verdict; effect and interval since the change, or over everything seen.

        The interval after an alarm is that of a stretch chosen because it stood out: read it as a
        description, and wait for calls after the alarm for an unbiased rate.
        """
        count, n = self.count_since_change, self.n_since_change
        if n == 0:
            count, n = self.count, self.n
        interval, e_value = clopper_pearson(count, n), self.e_value
        verdict: Status = "drift" if e_value > self.arl else "stable"
        return DriftResult(
            status=verdict if n else "insufficient_data",
            statistic=log1p(e_value),
            p_value=None,
            e_value=e_value,
            threshold=self.arl,
            effect=count / n if n else 0.0,
            low=interval.low,
            high=interval.high,
            count=count,
            n=n,
            baseline=baseline,
            baseline_n=baseline_n,
        )

    def retarget(self, arl: float) -> None:
        """Go on with another guarantee, because the number of series that share a budget changed.

        False alarms stay within what the lowest guarantee along the way allows.
        """
        if not (isfinite(arl) and 1 < arl <= 1e200):
            raise ValueError(f"arl={arl} must be a number of updates above 1, for example 1e5")
        self.arl = float(arl)

    def reset(self) -> None:
        """Forget the evidence, not the count of updates: to watch anew after an incident."""
        self.count = self.n = self._leader = 0
        self._paths = [_Path() for _ in self.odds]

    def state(self) -> dict[str, Any]:
        """Everything that a later process needs to go on, as JSON-able values with a version."""
        return {
            "detector": type(self).__name__,
            "version": self.STATE_VERSION,
            "arl": self.arl,
            "odds": list(self.odds),
            "updates": self.updates,
            "count": self.count,
            "n": self.n,
            "leader": self._leader,
            "paths": [asdict(path) for path in self._paths],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over the evidence in a checked `state()` of the same kind of detector.

        Raises:
            ValueError: the state does not fit this detector.
        """
        self.updates, self.count, self.n = state["updates"], state["count"], state["n"]
        self._leader, paths = state["leader"], state["paths"]
        if (
            len(paths) != len(self.odds)
            or not 0 <= self._leader < len(self.odds)
            or not all(isfinite(path.get(name, inf)) for path in paths for name in _Path.__slots__)
        ):
            raise ValueError(
                f"this state of {type(self).__name__} is damaged; start the series anew"
            )
        self._paths = [_Path(**{name: path[name] for name in _Path.__slots__}) for path in paths]

    def _absorb(
        self, count: int, n: int, p: float | Sequence[float], floor: float, cluster: float = 1.0
    ) -> None:
        """One update. Nothing seen (n = 0) is no evidence, yet it takes its place in the count."""
        count, n = check_counts(count, n)
        nulls = [p] * len(self.odds) if isinstance(p, int | float) else p
        if len(nulls) != len(self.odds) or not all(0 <= null <= 1 for null in nulls):
            raise ValueError(
                f"the null probability p={p} must lie between 0 and 1, one or one for each ratio"
            )
        if not cluster >= 1:
            raise ValueError(f"cluster={cluster} must be at least 1 event")
        self._follow(
            count,
            n,
            [
                (count * log(ratio) - n * log1p(max(null, floor) * (ratio - 1))) / cluster
                for ratio, null in zip(self.odds, nulls, strict=True)
            ],
        )

    def _follow(self, count: int, n: int, ratios: Sequence[float]) -> None:
        """Take one update's log-likelihood ratios, one for each alternative."""
        if n:
            self.count, self.n = self.count + count, self.n + n
            ceiling = log(self.arl) + log(len(self.odds) * _HEADROOM)
            for path, ratio in zip(self._paths, ratios, strict=True):
                if path.cusum <= 0:
                    path.start, path.count, path.n = self.updates, 0, 0
                path.count, path.n = path.count + count, path.n + n
                path.follow(ratio, ceiling)
            self._follow_leader()
        self.updates += 1

    def _follow_leader(self) -> None:
        """Point at the likeliest alternative; a tie, as at the ceiling, changes nothing."""
        best = max(range(len(self._paths)), key=lambda k: self._paths[k].cusum)
        if self._paths[best].cusum > self._paths[self._leader].cusum:
            self._leader = best


def log_widths(odds: Sequence[float]) -> tuple[float, ...]:
    """Weights that a uniform prior on the logarithm gives to the points of a grid; they add up to 1.

    >>> [round(weight, 2) for weight in log_widths((2.0, 4.0, 16.0))]
    [0.22, 0.33, 0.44]
    """
    order = sorted(range(len(odds)), key=lambda k: odds[k])
    points = [log(odds[k]) for k in order]
    middles = [(low + high) / 2 for low, high in pairwise(points)]
    if not middles or points[0] == points[-1]:
        return (1 / len(odds),) * len(odds)
    edges = [2 * points[0] - middles[0], *middles, 2 * points[-1] - middles[-1]]
    widths = dict(zip(order, (high - low for low, high in pairwise(edges)), strict=True))
    return tuple(widths[k] / (edges[-1] - edges[0]) for k in range(len(odds)))


def check_counts(count: int, n: int) -> tuple[int, int]:
    """Events and calls as plain whole numbers, or a ValueError."""
    if not (0 <= count <= n and count == int(count) and n == int(n)):
        raise ValueError(f"count={count} and n={n} must be whole numbers, 0 <= count <= n")
    return int(count), int(n)


def check_state(state: Mapping[str, Any], kind: type[MixtureDetector], *keys: str) -> None:
    """Refuse a state that another detector or another program version wrote, or that lacks a key.

    Raises:
        ValueError: says which, and what to do.
    """
    name, version = state.get("detector"), state.get("version")
    if name != kind.__name__:
        raise ValueError(f"this is a state of {name!r}, not of {kind.__name__}; look for a mix-up")
    if version != kind.STATE_VERSION:
        raise ValueError(
            f"{name} state has version {version!r} and this program reads {kind.STATE_VERSION}; "
            "run the program version that wrote it, or start the series anew"
        )
    if missing := [key for key in (*_KEYS, *keys) if key not in state]:
        raise ValueError(f"{name} state lacks {', '.join(missing)}; start the series anew")
