"""Where did it go wrong? The attribute values that faults have in common."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["Slice", "find_slices"]

_BEAM = 8

Condition = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Slice:
    """Calls with certain attribute values, in which the faults gather."""

    conditions: tuple[Condition, ...]
    """(attribute, value), one or two of them, by attribute."""
    count: int
    """Faults inside."""
    n: int
    """Calls inside."""
    rate: float
    rate_elsewhere: float
    """Rate of the calls outside; near the baseline when the slice explains everything."""
    share_of_faults: float
    share_of_calls: float
    score: float
    """Log-likelihood ratio inside, less what is left outside, less log(candidates); above 0."""

    @property
    def lift(self) -> float:
        """How many times the rate elsewhere the rate inside is; infinite when no fault is elsewhere."""
        return self.rate / self.rate_elsewhere if self.rate_elsewhere else inf


@dataclass(frozen=True, slots=True)
class _Table:
    """The rows as integer codes, and how surprising a set of them is."""

    names: list[str]
    values: list[list[str]]
    codes: NDArray[np.int64]
    faults: NDArray[np.bool_]
    rate: float

    def excess(self, count: int, n: int) -> float:
        """Log-likelihood ratio of "the rate is higher here" against the baseline rate."""
        if n == 0 or count <= n * self.rate:
            return 0.0
        misses = n - count
        left = misses * log(misses / n / (1 - self.rate)) if misses else 0.0
        return count * log(count / n / self.rate) + left


def find_slices(
    rows: Sequence[Mapping[str, str]],
    faults: Sequence[bool],
    baseline_rate: float,
    *,
    top: int = 3,
) -> list[Slice]:
    """Find the slices that explain a rise, best first; none when the rise is everywhere.

    When to use it: after an alarm, over the calls since the change. It wants 15-30 faults. When
    not: as an alarm, since a search always finds something.

    Beam search (width 8) over one condition, then two. score = LLR(inside) - LLR(outside) -
    log(number of candidates of that depth), where LLR(c, n) = c log(r/p) + (n-c) log((1-r)/(1-p))
    with r = c/n above the baseline rate p, else 0. Attributes that always go together (a model and
    its prompt version) tie and stand next to each other in the answer.

    Args:
        rows: attributes of each call; a missing attribute is a value of its own, ''.
        faults: whether each call is a fault.
        baseline_rate: rate of faults before the change.
        top: how many to return at most.

    >>> rng = np.random.default_rng(7)
    >>> rows = [{"tenant": f"t{i % 10}", "lang": "de" if i % 3 else "en"} for i in range(2_000)]
    >>> even = rng.random(2_000) < 0.05
    >>> find_slices(rows, even, 0.05)
    []
    >>> odd = [rng.random() < (0.3 if row["tenant"] == "t4" else 0.01) for row in rows]
    >>> find_slices(rows, odd, 0.01)[0].conditions
    (('tenant', 't4'),)
    """
    if len(rows) != len(faults):
        raise ValueError(f"{len(rows)} rows need as many faults, not {len(faults)}")
    if not 0 <= baseline_rate <= 1:
        raise ValueError(f"baseline_rate={baseline_rate} must be a probability")
    if not any(faults):
        return []
    table = _encode(rows, faults, min(max(baseline_rate, 1e-6), 1 - 1e-6))
    sizes = [len(values) for values in table.values]
    singles = sorted(_extend(table, (), log(max(1, sum(sizes)))), key=_order)
    cost = log(max(1, _BEAM * sum(sizes)))  # what the search scores, not what there could be
    pairs = {
        found.conditions: found
        for parent in singles[:_BEAM]
        for found in _extend(table, parent.conditions, cost)
    }
    ranked = sorted([*singles, *pairs.values()], key=_order)
    return [found for found in ranked if found.score > 0][:top]


def _encode(rows: Sequence[Mapping[str, str]], faults: Iterable[bool], rate: float) -> _Table:
    names = sorted({name for row in rows for name in row})
    values, columns = [], []
    for name in names:
        distinct, codes = np.unique([str(row.get(name, "")) for row in rows], return_inverse=True)
        if len(distinct) > 1:  # what all calls share explains nothing
            values.append(distinct.tolist())
            columns.append((name, codes))
    return _Table(
        names=[name for name, _ in columns],
        values=values,
        codes=np.array([codes for _, codes in columns], dtype=np.int64).reshape(-1, len(rows)),
        faults=np.asarray(faults, dtype=np.bool_),
        rate=rate,
    )


def _extend(table: _Table, parent: tuple[Condition, ...], cost: float) -> Iterator[Slice]:
    """Every slice with one more condition, on another attribute, that still holds a fault."""
    inside = np.ones(len(table.faults), dtype=np.bool_)
    for name, value in parent:
        position = table.names.index(name)
        inside &= table.codes[position] == table.values[position].index(value)
    used = {name for name, _ in parent}
    for name, values, codes in zip(table.names, table.values, table.codes, strict=True):
        if name in used:
            continue
        ns = np.bincount(codes[inside], minlength=len(values)).tolist()
        counts = np.bincount(codes[inside & table.faults], minlength=len(values)).tolist()
        for value, count, n in zip(values, counts, ns, strict=True):
            if count:
                yield _judge(table, tuple(sorted([*parent, (name, value)])), count, n, cost)


def _judge(
    table: _Table, conditions: tuple[Condition, ...], count: int, n: int, cost: float
) -> Slice:
    faults, calls = int(table.faults.sum()), len(table.faults)
    return Slice(
        conditions=conditions,
        count=count,
        n=n,
        rate=count / n,
        rate_elsewhere=(faults - count) / (calls - n) if calls > n else 0.0,
        share_of_faults=count / faults,
        share_of_calls=n / calls,
        score=table.excess(count, n) - table.excess(faults - count, calls - n) - cost,
    )


def _order(found: Slice) -> tuple[float, int, tuple[Condition, ...]]:
    """Best score first; among equals fewer conditions, then by name."""
    return -found.score, len(found.conditions), found.conditions
