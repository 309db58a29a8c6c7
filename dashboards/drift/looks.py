"""What the fields of answers look like before and now: how often missing, of which types, with which values; pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from monitor.drift import parse_date
from monitor.drift.intervals import rate_difference
from monitor.drift.readings import read_answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from monitor.drift import Scalar
    from monitor.drift.intervals import Interval
    from monitor.jobs.structured import Answer

__all__ = ["FieldLook", "Seen", "field_looks"]

LEVEL = 0.999
"""Of the intervals: dozens of shares are looked at at once."""
LEAST = 10
"""Answers in which a field is, in one of the stretches, to be listed."""


@dataclass(slots=True)
class Seen:
    """One field in the answers of one stretch of time."""

    answers: int = 0
    """Answers that have the structure it belongs to."""
    types: Counter[str] = field(default_factory=Counter)
    """Answers by the type of its value; a null is none."""
    held: Counter[str] = field(default_factory=Counter)

    @property
    def missing(self) -> int:
        """Answers without it, or with a null."""
        return self.answers - self.types.total()


@dataclass(frozen=True, slots=True)
class FieldLook:
    """One field in both stretches."""

    path: str
    before: Seen
    now: Seen
    missing: Interval
    """Of the share of answers without it: now minus before, 99.9 % interval."""
    turned: tuple[str, ...]
    """Types whose share changed by more than chance makes of it."""

    @property
    def moved(self) -> bool:
        """Whether it is missing more or less often, or is of other types, than before."""
        return self.missing.low > 0 or self.missing.high < 0 or bool(self.turned)


def field_looks(before: Iterable[Answer], now: Iterable[Answer]) -> list[FieldLook]:
    """Every field of both stretches, those that changed first, then by name.

    Fields inside arrays are left out: how often they are there says how long the array is.
    """
    old, new = _seen(before), _seen(now)
    paths = {
        path
        for path in {*old.fields, *new.fields}
        if max(_of(one, path).types.total() for one in (old, new)) >= LEAST
    }
    found = [_look(path, _of(old, path), _of(new, path)) for path in paths]
    return sorted(found, key=lambda one: (not one.moved, one.path))


@dataclass(frozen=True, slots=True)
class _Stretch:
    fields: Mapping[str, Seen]
    answers: Mapping[str, int]
    """By root (`` or `tool().`): answers that have it."""


def _seen(answers: Iterable[Answer]) -> _Stretch:
    fields: dict[str, Seen] = {}
    roots = Counter[str]()
    for answer in answers:
        reading = read_answer(answer.output, answer.tool_calls)
        roots.update(reading.roots)
        for path, values in reading.values.items():
            if "[]" in path or "@" in path or reading.root_of(path) is None or not values:
                continue
            seen = fields.setdefault(path, Seen())
            if (kind := _type(values[0])) is not None:
                seen.types[kind] += 1
                seen.held[str(values[0])] += 1
    return _Stretch(fields, roots)


def _of(stretch: _Stretch, path: str) -> Seen:
    head, call, _ = path.partition("().")
    seen = stretch.fields.get(path, Seen())
    return Seen(stretch.answers.get(f"{head}()." if call else "", 0), seen.types, seen.held)


def _type(value: Scalar) -> str | None:
    """What a value is, as a person says it; None of a null.

    >>> [_type(one) for one in ("2024-01-05", 7, True, "seven", "7", "", None)]
    ['date', 'number', 'yes/no', 'text', 'number as text', 'empty text', None]
    """
    if value is None:
        return None
    if isinstance(value, bool):
        return "yes/no"
    if isinstance(value, int | float):
        return "number"
    if not value.strip():
        return "empty text"
    if parse_date(value, day_first=True) is not None:
        return "date"
    return "number as text" if value.strip().replace(".", "", 1).isdigit() else "text"


def _look(path: str, before: Seen, now: Seen) -> FieldLook:
    missing = rate_difference(
        now.missing, max(1, now.answers), before.missing, max(1, before.answers), LEVEL
    )
    return FieldLook(path, before, now, missing, _turned(before, now))


def _turned(before: Seen, now: Seen) -> tuple[str, ...]:
    """Types whose share of the answers that have the field moved."""
    old, new = before.types.total(), now.types.total()
    if not old or not new:
        return ()
    moved = []
    for kind in sorted({*before.types, *now.types}):
        change = rate_difference(now.types[kind], new, before.types[kind], old, LEVEL)
        if change.low > 0 or change.high < 0:
            moved.append(kind)
    return tuple(moved)
