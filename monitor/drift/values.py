"""Do the values of one field come as often as before? A scan of values, kinds, gaps and repeats."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from math import log
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from scipy.special import xlogy

from monitor.drift.tail import Null, Share, Tail, verdict
from monitor.drift.value_counts import Counted, Counts, Rows, Table, Values, count_values
from monitor.drift.windows import NULL_WINDOWS, draw_windows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from monitor.drift.result import DriftResult

__all__ = ["MOST_VALUES", "MovedValue", "ValueDetector", "ValueDrift"]

MOST_VALUES = 200
"""Distinct values whose shares are kept; a window's other values count as rarer than those."""
MOST_CLOSED = 1_000
"""With more distinct values than this a field's vocabulary is open."""
CLOSED = 0.05
"""A field whose later values were unseen earlier at most this often has a closed vocabulary."""
VIEWS = ("value", "new", "missing", "kind", "repeated")
DECIMALS = 2
"""Scores are told so finely: what always is the same ties with itself, also out of a state."""
LEAST_SCALE = 1.0
"""A log-likelihood ratio's own tail falls by e with every 1: no null is taken to fall faster."""


@dataclass(frozen=True, slots=True)
class MovedValue:
    """What came more or less often than before."""

    view: str
    """One of `VIEWS`."""
    value: str
    """Which one; of new values the commonest."""
    count: int
    """Answers of the window."""
    share: float
    share_before: float
    score: float
    """Binomial log-likelihood ratio."""


@dataclass(frozen=True, slots=True)
class ValueDrift:
    """One look at one window."""

    result: DriftResult
    """`effect` is the change of the share of what moved most, with its 95 % interval."""
    moved: MovedValue


@dataclass(frozen=True, slots=True)
class ValueDetector:
    """Compares how often each value of a field comes in a window with the baseline.

    The score of a value that c of n answers hold, where a share p did before, is the binomial
    log-likelihood ratio of c/n against p, up or down. Five views: the largest over known values
    and over any new one; the share of values never seen; of answers without the field or with
    null; of each kind (text, number, date ...); and the commonest value of the window, seen before
    or not, against the commonest of the baseline's windows, which a constant learnt in training
    moves. Fields whose values are ever new (names, amounts, dates) are watched by the last three
    alone. Windows of the baseline, each against the rest of it, say how surprising a score is.

    When to use it: any field of a structured answer. When not: fields present in a few answers a
    day, and turns that the calendar explains (the baseline must hold them).

    >>> rng = np.random.default_rng(7)
    >>> def answers(n, wrong=0):
    ...     kept = [(str(rng.choice(["pay", "call", "escrow"])),) for _ in range(n - wrong)]
    ...     return kept + [("pay_",)] * wrong
    >>> detector = ValueDetector.fit(answers(2_000), window=200, rng=rng)
    >>> detector.compare(answers(200)).result.status
    'stable'
    >>> drift = detector.compare(answers(200, wrong=10))
    >>> drift.result.status, drift.moved.value, drift.moved.count
    ('drift', 'pay_', 10)

    Reference:
        M. Kulldorff (1997), A spatial scan statistic: the score; the null is by windows.
    """

    STATE_VERSION: ClassVar[int] = 1

    counts: Mapping[str, int]
    """By value: answers of the baseline that hold it; empty for an open vocabulary."""
    kinds: Mapping[str, int]
    n: int
    """Answers of the baseline that could hold the field."""
    missing: int
    new_share: float
    """Share of later values of the baseline that its earlier ones did not hold."""
    top_share: float
    """Mean share of the commonest value of a window."""
    closed: bool
    tails: tuple[Tail, ...]
    window: int
    alpha: float

    @classmethod
    def fit(
        cls,
        baseline: Sequence[Values],
        *,
        window: int,
        rng: np.random.Generator,
        alpha: float = 0.01,
        null_windows: int = NULL_WINDOWS,
    ) -> Self:
        """Learn a healthy stretch of answers in order of time, at least four windows of it.

        Raises:
            ValueError: the baseline is too short for such windows; says how long it must be.
        """
        drawn = draw_windows(len(baseline), window, null_windows, rng)
        table = Table.of(baseline)
        values, kinds, missing = table.count()
        new_share = table.new_share()
        closed = new_share <= CLOSED and len(values) <= MOST_VALUES
        tops = [int(table.count(rows)[0].max(initial=0)) for rows in drawn.stretches]
        top_share = float(np.mean(tops)) / window
        null = _Null(table, (values, kinds, missing), closed, new_share, top_share)
        fitted = Null.fit(
            np.array([null.scores(rows) for rows in drawn.random]),
            np.array([null.scores(rows) for rows in drawn.stretches]),
        )
        return cls(
            dict(zip(table.names, values.tolist(), strict=True)) if closed else {},
            dict(zip(table.kind_names, kinds.tolist(), strict=True)),
            len(baseline),
            missing,
            new_share,
            top_share,
            closed,
            tuple(Tail(one.body, one.foot, max(one.scale, LEAST_SCALE)) for one in fitted.views),
            window,
            alpha,
        )

    def compare(self, current: Sequence[Values]) -> ValueDrift | None:
        """Look at one window; None when it is smaller than the windows that were calibrated."""
        if len(current) < self.window:
            return None
        seen = count_values(current[-self.window :])
        baseline = Counted(self.n, self.missing, Counter(self.counts), Counter(self.kinds))
        views = self.scan(seen, baseline)
        surprises = [
            min(1.0, len(VIEWS) * tail.p_value(one.score))
            for tail, one in zip(self.tails, views, strict=True)
        ]
        p_value = min(surprises)
        moved = views[surprises.index(p_value)]
        before = round(moved.share_before * self.n)
        result = verdict(
            p_value,
            alpha=self.alpha,
            statistic=moved.score,
            threshold=self.alpha,
            moved=Share(moved.count, seen.n, before, self.n, moved.share_before),
        )
        return ValueDrift(result, moved)

    def scan(self, seen: Counted, before: Counted) -> list[MovedValue]:
        """The score of every view, in the order of `VIEWS`."""
        return [
            self._moved_value(seen, before) if self.closed else MovedValue("value", "", 0, 0, 0, 0),
            self._new(seen, before) if self.closed else MovedValue("new", "", 0, 0, 0, 0),
            _moved("missing", "missing or null", seen.missing, seen.n, before.missing, before.n),
            _most(
                _moved(
                    "kind", kind, seen.kinds[kind], seen.n, before.kinds[kind], before.n, up=True
                )
                for kind in {**before.kinds, **seen.kinds}
            )
            or MovedValue("kind", "", 0, 0, 0, 0),
            self._repeated(seen),
        ]

    def _moved_value(self, seen: Counted, before: Counted) -> MovedValue:
        found = _most(
            _moved("value", value, seen.values[value], seen.n, before.values[value], before.n)
            for value in {**before.values, **seen.values}
        )
        return found or MovedValue("value", "", 0, 0, 0, 0)

    def _new(self, seen: Counted, before: Counted) -> MovedValue:
        fresh = Counter(
            {value: count for value, count in seen.values.items() if value not in before.values}
        )
        count = min(fresh.total(), seen.n)
        [(first, _)] = fresh.most_common(1) or [("", 0)]
        # What the rest of the baseline lacked of one window understates what a later one brings.
        return _moved("new", first, count, seen.n, self.new_share * before.n, before.n, up=True)

    def _repeated(self, seen: Counted) -> MovedValue:
        value, count = max(seen.values.items(), key=lambda one: one[1], default=("", 0))
        before = self.top_share * self.n
        return _moved("repeated", value, count, seen.n, before, self.n, up=True)

    def state(self) -> dict[str, Any]:
        """The detector as JSON-able values with a version."""
        told = asdict(self)
        told["tails"] = [
            [[round(one, DECIMALS) for one in tail.body], tail.foot, tail.scale]
            for tail in self.tails
        ]
        return {"detector": "ValueDetector", "version": self.STATE_VERSION, **told}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The detector that gave this `state()`.

        Raises:
            ValueError: the state is something else's or another version's.
        """
        values = dict(state)
        name, version = values.pop("detector", None), values.pop("version", None)
        if name != "ValueDetector" or version != cls.STATE_VERSION:
            raise ValueError(
                f"this is no ValueDetector of version {cls.STATE_VERSION}; "
                "learn the field again from the baseline"
            )
        tails = tuple(Tail(tuple(body), foot, scale) for body, foot, scale in values.pop("tails"))
        return cls(**values, tails=tails)


@dataclass(frozen=True, slots=True)
class _Null:
    """Scores the windows of a baseline, each against the rest of it."""

    table: Table
    whole: tuple[Counts, Counts, int]
    closed: bool
    new_share: float
    top_share: float

    def scores(self, rows: Rows) -> list[float]:
        """As `ValueDetector.scan` gives them."""
        n, total = len(rows), len(self.table.missing)
        rest = total - n
        whole, whole_kinds, whole_missing = self.whole
        values, kinds, missing = self.table.count(rows)
        found = [0.0, 0.0]
        if self.closed:
            before = whole - values
            new = min(int(values[before == 0].sum()), n)
            found = [
                float(_ratios(values, n, before, rest).max(initial=0.0)),
                _moved("new", "", new, n, self.new_share * rest, rest, up=True).score,
            ]
        top = int(values.max(initial=0))
        return [
            *found,
            _moved("missing", "", missing, n, whole_missing - missing, rest).score,
            float(_ratios(kinds, n, whole_kinds - kinds, rest, up=True).max(initial=0.0)),
            _moved("repeated", "", top, n, self.top_share * total, total, up=True).score,
        ]


def _ratios(
    counts: Counts, n: int, before: Counts, before_n: int, *, up: bool = False
) -> NDArray[np.float64]:
    expected = (before + 0.5) / (before_n + 1)
    share = counts / n
    ratios = xlogy(counts, share / expected) + xlogy(n - counts, (1 - share) / (1 - expected))
    rounded: NDArray[np.float64] = np.round(
        np.maximum(ratios, 0.0) * (share > expected if up else 1.0), DECIMALS
    )
    return rounded


def _moved(
    view: str, value: str, count: int, n: int, before: float, before_n: int, *, up: bool = False
) -> MovedValue:
    """The score of c of n against b of N; a share of 0 or 1 is known to half an answer only."""
    expected = (before + 0.5) / (before_n + 1)
    share = count / n
    ratio = count * log(share / expected) if count else 0.0
    if count < n:
        ratio += (n - count) * log((1 - share) / (1 - expected))
    score = 0.0 if up and share <= expected else max(0.0, ratio)
    return MovedValue(view, value, count, share, before / before_n, round(score, DECIMALS))


def _most(found: Iterable[MovedValue]) -> MovedValue | None:
    return max(found, key=lambda one: one.score, default=None)
