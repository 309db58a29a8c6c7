"""When two values of a field count as the same: exactly, as numbers, as dates, as text."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

__all__ = ["Date", "Exact", "Number", "Text"]


@dataclass(frozen=True, slots=True)
class Exact:
    """The same JSON value; `1` and `1.0` are, `true` and `1` are not.

    >>> Exact()({"a": [1]}, {"a": [1.0]}), Exact()(True, 1)
    (True, False)
    """

    def __call__(self, given: Any, expected: Any) -> bool:
        """True when they are."""
        if isinstance(given, bool) or isinstance(expected, bool):
            return given is expected
        if isinstance(given, dict) and isinstance(expected, dict):
            return given.keys() == expected.keys() and all(
                self(given[name], expected[name]) for name in given
            )
        if isinstance(given, list) and isinstance(expected, list):
            return len(given) == len(expected) and all(map(self, given, expected))
        return bool(given == expected)


@dataclass(frozen=True, slots=True)
class Number:
    """Numbers at most `tolerance` apart; a number written as text is none.

    >>> Number(0.01)(1432.505, 1432.5), Number()("5", 5)
    (True, False)
    """

    tolerance: float = 0.0

    def __call__(self, given: Any, expected: Any) -> bool:
        """True when they are."""
        numbers = [one for one in (given, expected) if isinstance(one, int | float)]
        if len(numbers) < 2 or isinstance(given, bool) or isinstance(expected, bool):
            return bool(given == expected)
        return math.fabs(given - expected) <= self.tolerance


@dataclass(frozen=True, slots=True)
class Date:
    """The same day, however ISO 8601 writes it.

    >>> Date()("2024-01-15T09:00:00Z", "2024-01-15"), Date()("2023-01-15", "2024-01-15")
    (True, False)
    """

    def __call__(self, given: Any, expected: Any) -> bool:
        """True when they are."""
        ours, theirs = _day(given), _day(expected)
        return given == expected if ours is None or theirs is None else ours == theirs


@dataclass(frozen=True, slots=True)
class Text:
    """The same words, whatever the case, the spacing and the Unicode form.

    >>> Text()("  Ann  LEE ", "ann lee")
    True
    """

    def __call__(self, given: Any, expected: Any) -> bool:
        """True when they are."""
        if not isinstance(given, str) or not isinstance(expected, str):
            return bool(given == expected)
        return _fold(given) == _fold(expected)


def _day(value: Any) -> date | None:
    try:
        return datetime.fromisoformat(value).date() if isinstance(value, str) else None
    except ValueError:
        return None


def _fold(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
