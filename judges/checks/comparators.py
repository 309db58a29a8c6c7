"""How near a value is to the expected one, from 0 to 1: exactly, as numbers, dates, texts, lists.

A comparator is a callable of two values; one that is told more than 0 or 1 has a `threshold`, from
which on its score counts as right.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Protocol

from judges.checks.mentions import as_days, as_numbers
from judges.checks.overlap import f1_of, in_common, in_order, list_f1
from judges.checks.similarity import Embedder, cosine
from judges.checks.texts import fold, squad
from judges.interaction import Interaction, Judge, JudgeFailure, Judgement, Verdict, most_of

__all__ = [
    "AskedBy",
    "Comparator",
    "Contains",
    "Date",
    "Embedding",
    "Exact",
    "ListF1",
    "Number",
    "SetF1",
    "Text",
    "TextEM",
    "TextF1",
    "contains",
    "exact_match",
    "f1",
    "right",
]


class Comparator(Protocol):
    """Says how near a field's value is to the expected one.

    A `threshold` attribute says from which score on it is right; without one, only 1 is.
    """

    def __call__(self, given: Any, expected: Any) -> float | Awaitable[float]:
        """From 0, nothing in common, to 1, as good as the same; True and False will do."""


def right(comparator: Comparator, score: float) -> bool:
    """Whether this score of this comparator counts as right."""
    return score >= getattr(comparator, "threshold", 1.0)


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
    """Numbers at most `tolerance` apart, or `relative` times the expected one, whichever is more.

    A number written as text is none, unless `text` says that `"$1,432.50"` will do.

    >>> Number(0.01)(1432.505, 1432.5), Number()("5", 5), Number(text=True)("$1,432.50", 1432.5)
    (True, False, True)
    >>> Number(relative=0.05)(104, 100)
    True
    """

    tolerance: float = 0.0
    relative: float = 0.0
    text: bool = False

    def __call__(self, given: Any, expected: Any) -> bool:
        """True when they are."""
        allowed = max(
            self.tolerance, *(abs(one) * self.relative for one in self._read(expected)), 0
        )
        pairs = ((one, other) for one in self._read(given) for other in self._read(expected))
        return Exact()(given, expected) or any(
            math.fabs(one - other) <= allowed for one, other in pairs
        )

    def _read(self, value: Any) -> list[float]:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return [value] if abs(value) <= sys.float_info.max else []
        if self.text and isinstance(value, str):
            sign = -1 if value.strip().startswith(("-", "\u2212", "(")) else 1
            return [sign * float(one) for one in as_numbers(value)]
        return []


@dataclass(frozen=True, slots=True)
class Date:
    """The same day, however ISO 8601 writes it; with `spelt`, however people do.

    >>> Date()("2024-01-15T09:00:00Z", "2024-01-15"), Date()("2023-01-15", "2024-01-15")
    (True, False)
    >>> Date()("15 January 2024", "2024-01-15"), Date(spelt=True)("15 January 2024", "2024-01-15")
    (False, True)
    """

    spelt: bool = False

    def __call__(self, given: Any, expected: Any) -> bool:
        """True when they are."""
        ours, theirs = _day(given), _day(expected)
        if ours is not None and theirs is not None:
            return ours == theirs
        if self.spelt and isinstance(given, str) and isinstance(expected, str):
            return bool(as_days(given) & as_days(expected)) or fold(given) == fold(expected)
        return bool(given == expected)


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
        return fold(given) == fold(expected)


@dataclass(frozen=True, slots=True)
class TextEM:
    """The same text after SQuAD's normalisation; where a list is expected, one of its texts.

    >>> TextEM()("The Beatles!", ["Queen", "Beatles"])
    True
    """

    def __call__(self, given: Any, expected: Any) -> bool:
        """True when it is."""
        return exact_match(_text(given), _texts(expected))


@dataclass(frozen=True, slots=True)
class TextF1:
    """Words in common, as SQuAD counts them; where a list is expected, with its nearest text.

    >>> round(TextF1()("in the city of Paris", "Paris, France"), 3)
    0.333
    """

    threshold: float = 0.8

    def __call__(self, given: Any, expected: Any) -> float:
        """F1 of the words."""
        return f1(_text(given), _texts(expected))


@dataclass(frozen=True, slots=True)
class Contains:
    """The expected text occurs in the given one after SQuAD's normalisation; any of a list.

    >>> Contains()("It was written by Queen in 1975.", "queen")
    True
    """

    def __call__(self, given: Any, expected: Any) -> bool:
        """True when it does."""
        return contains(_text(given), _texts(expected))


@dataclass(frozen=True, slots=True)
class SetF1:
    """Members in common, whatever their order and repetition; texts are folded.

    >>> round(SetF1()(["Ann", "bob", "bob"], ["Bob", "Cid"]), 3)
    0.5
    """

    threshold: float = 1.0

    def __call__(self, given: Any, expected: Any) -> float:
        """F1 of the members; 1 when both are empty, 0 when one of the two is no list."""
        return list_f1(given, expected, lambda one, other: len(set(one) & set(other)), once=True)


@dataclass(frozen=True, slots=True)
class ListF1:
    """Members in common, each as often as it stands there; `ordered` takes the longest run in order.

    Ordered, it is the F measure of ROUGE-L (Lin 2004) over the members.

    >>> ListF1()([1, 2, 2], [2, 2, 1]), round(ListF1(ordered=True)([1, 2, 3], [3, 1, 2]), 3)
    (1.0, 0.667)
    """

    threshold: float = 1.0
    ordered: bool = False

    def __call__(self, given: Any, expected: Any) -> float:
        """F1 of the members; 1 when both are empty, 0 when one of the two is no list."""
        return list_f1(given, expected, in_order if self.ordered else in_common)


@dataclass(frozen=True, slots=True)
class Embedding:
    """Cosine of two texts' embeddings, negative ones as 0: a proxy, to be calibrated on labels."""

    embedder: Embedder = field(repr=False, compare=False)
    model: str
    """Names the embedder; part of the version."""
    threshold: float = 0.8

    async def __call__(self, given: Any, expected: Any) -> float:
        """The cosine."""
        if _text(given) == _text(expected):
            return 1.0
        return max(0.0, min(1.0, await cosine(self.embedder, _text(given), _text(expected))))


@dataclass(frozen=True, slots=True)
class AskedBy:
    """Another judge compares the two values, as answer and as right answer to the same input.

    Values that are the same are not asked about. The judge must answer True, False, or from 0 to 1.
    """

    judge: Judge = field(repr=False, compare=False)
    threshold: float = 0.5
    judge_version: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "judge_version", getattr(self.judge, "version", ""))

    def __call__(self, given: Any, expected: Any) -> bool:
        """Whether they are the same, which is all that can be said without the interaction."""
        return Exact()(given, expected)

    async def ask(self, interaction: Interaction, given: Any, expected: Any) -> Verdict:
        """The judge's verdict on the two values."""
        verdict = await self.judge(_about(interaction, given, expected))
        if not isinstance(verdict, Judgement):
            return verdict
        if isinstance(verdict.value, str) or not 0 <= verdict.value <= 1:
            reason = f"{verdict.name} said {verdict.value!r}; a comparator's judge says 0 to 1"
            return JudgeFailure(
                verdict.name, verdict.version, reason, verdict.raw, "invalid_output", verdict.usage
            )
        return verdict

    def most_usd(self, interaction: Interaction, given: Any, expected: Any) -> float | None:
        """The most that `ask` can cost."""
        return most_of(self.judge, _about(interaction, given, expected))


def exact_match(text: str, answers: Iterable[str]) -> bool:
    """One of the answers, after SQuAD's normalisation (Rajpurkar et al. 2016)."""
    said = squad(text)
    return any(squad(answer) == said for answer in answers)


def f1(text: str, answers: Iterable[str]) -> float:
    """Best F1 of the words in common with any answer (Rajpurkar et al. 2016).

    An empty text equals an empty answer and nothing else.
    """
    ours = squad(text).split()
    return max((f1_of(ours, squad(answer).split(), in_common) for answer in answers), default=0.0)


def contains(text: str, answers: Iterable[str]) -> bool:
    """One of the answers occurs in the text, both normalised as SQuAD does; an empty one never."""
    said = squad(text)
    return any(short in said for answer in answers if (short := squad(answer)))


def _about(interaction: Interaction, given: Any, expected: Any) -> Interaction:
    return replace(interaction, output=_text(given), expected=_text(expected), output_messages="")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _texts(expected: Any) -> list[str]:
    return [_text(one) for one in expected] if isinstance(expected, list) else [_text(expected)]


def _day(value: Any) -> date | None:
    try:
        return datetime.fromisoformat(value).date() if isinstance(value, str) else None
    except ValueError:
        return None
