"""Counts what a field holds, answer by answer."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from monitor.drift.fields import Scalar, parse_date

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

__all__ = ["Counted", "Table", "Values", "count_values", "kind_of", "spelt"]

EARLIER = 2 / 3

Codes = np.ndarray[tuple[int, ...], np.dtype[np.int32]]
Rows = np.ndarray[tuple[int, ...], np.dtype[np.int64]]
Counts = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

Values = tuple[Scalar, ...] | None
"""The field's values in one answer; None where the answer lacks the field."""


def kind_of(value: Scalar) -> str:
    """`null`, `boolean`, `number`, `date` or `text`.

    >>> [kind_of(value) for value in (None, True, 3, float("nan"), "2024-01-05", "x")]
    ['null', 'boolean', 'number', 'not a number', 'date', 'text']
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        # an int may be too long for a float; only a float can be NaN or infinite
        return "number" if isinstance(value, int) or abs(value) < float("inf") else "not a number"
    if parse_date(value) or parse_date(value, day_first=True):
        return "date"
    return "text" if value.strip() else "blank"


@dataclass(frozen=True, slots=True)
class Counted:
    """A set of answers, counted."""

    n: int
    missing: int
    values: Counter[str]
    kinds: Counter[str]


def count_values(answers: Iterable[Values]) -> Counted:
    """Count a set of answers."""
    values, kinds, missing, n = Counter[str](), Counter[str](), 0, 0
    for answer in answers:
        held, sorts = _tokens(answer)
        values.update(held)
        kinds.update(sorts)
        missing += not sorts
        n += 1
    return Counted(n, missing, values, kinds)


@dataclass(frozen=True, slots=True)
class Table:
    """A baseline's answers as numbers of values, so that its windows are counted at once."""

    names: tuple[str, ...]
    kind_names: tuple[str, ...]
    values: Codes
    """Shape (answers, most values of one answer): the numbers of what it holds + 1, padded by 0."""
    kinds: Codes
    missing: NDArray[np.bool_]

    @classmethod
    def of(cls, baseline: Sequence[Values]) -> Self:
        """Read a baseline."""
        read = [_tokens(answer) for answer in baseline]
        names, values = _code([held for held, _ in read])
        kind_names, kinds = _code([sorts for _, sorts in read])
        missing = np.array([not sorts for _, sorts in read], dtype=bool)
        return cls(names, kind_names, values, kinds, missing)

    def count(self, rows: Rows | None = None) -> tuple[Counts, Counts, int]:
        """Answers among these rows (or all) that hold each value and each kind, and that hold none."""
        chosen = slice(None) if rows is None else rows
        values = np.bincount(self.values[chosen].ravel(), minlength=len(self.names) + 1)[1:]
        kinds = np.bincount(self.kinds[chosen].ravel(), minlength=len(self.kind_names) + 1)[1:]
        return values, kinds, int(self.missing[chosen].sum())

    def new_share(self) -> float:
        """Share of the last third's answers with a value that the first two thirds never held."""
        earlier = int(len(self.values) * EARLIER)
        seen = np.zeros(len(self.names) + 1, dtype=bool)
        seen[self.values[:earlier].ravel()] = True
        seen[0] = True
        later = self.values[earlier:][~self.missing[earlier:]]
        return float((~seen[later]).any(axis=1).mean()) if len(later) else 0.0


def _tokens(values: Values) -> tuple[set[str], set[str]]:
    """Distinct values and kinds of one answer, both empty where there is nothing."""
    told = [(value, kind_of(value)) for value in values or () if value is not None]
    # Dates move with the calendar: their kind is counted here, where they lie by `DateProfile`.
    return {spelt(one) for one, kind in told if kind != "date"}, {kind for _, kind in told}


def spelt(value: Scalar) -> str:
    """A value as it is counted: at most 80 characters.

    >>> spelt(True), spelt(12.5), spelt("x" * 99) == "x" * 80
    ('true', '12.5', True)
    """
    return ("true" if value else "false") if isinstance(value, bool) else f"{value!s:.80}"


def _code(answers: Sequence[set[str]]) -> tuple[tuple[str, ...], Codes]:
    numbers: dict[str, int] = {}
    table = np.zeros((len(answers), max(map(len, answers), default=0) or 1), dtype=np.int32)
    for row, held in enumerate(answers):
        for column, one in enumerate(sorted(held)):
            table[row, column] = numbers.setdefault(one, len(numbers) + 1)
    return tuple(numbers), table
