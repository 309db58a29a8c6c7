"""Are the values of an answer taken from the input? Numbers, dates, names and quotations, by normalised search.

It says that a value occurs, not that it is the right one. What has to be computed or inferred
(sums, "tomorrow", paraphrases) does not occur: choose the paths of values that are copied.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from judges.checks.mentions import Day, as_days, as_numbers, days, mentions, numbers, years
from judges.checks.texts import bare, leaves, parse, show
from judges.interaction import Interaction, Judgement, NotApplicable
from judges.versions import version_of

__all__ = ["Grounded"]

Kind: TypeAlias = Literal["date", "number", "text", "quote"]
QUOTED = re.compile(
    r'"([^"\n]{2,500})"|\u201c([^\u201d\n]{2,500})\u201d|\u00ab\s?([^\u00bb\n]{2,500})\s?\u00bb'
    r"|\u201e([^\u201c\n]{2,500})\u201c|\u300c([^\u300d\n]{2,500})\u300d"
)
MARKER = re.compile(r"^\s*\d{1,2}[.)]\s", re.MULTILINE)
"""A numbered list's own numbers."""
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Grounded:
    """Does every value that the answer copies occur in the input? The reason names those that do not.

    Of a JSON answer the values at `paths` are looked for, without paths every number and date; of
    prose, its numbers, dates and quotations. A date counts in any usual spelling, a number with any
    grouping, currency, percent sign or as English words and without its sign, a text whatever its
    case, spacing and punctuation. Nothing to look for is not applicable.

    Args:
        paths: of values that are copied, `*` for every member: `due_date`, `items.*.price`.
        year: what a date's year must stand on. `where_said`: where the input says that day's year,
            it must be the same; where it says the day alone, any year will do. `derivable`: also
            there the year must be one that the input names somewhere, if it names any. `required`:
            the input must say day and year together.
        kinds: look for these alone.
        steps: what the steps (tools, retrievers) brought counts as input too.
    """

    paths: tuple[str, ...] = ()
    year: Literal["where_said", "derivable", "required"] = "where_said"
    kinds: tuple[Kind, ...] = ("date", "number", "text", "quote")
    steps: bool = False
    name: str = "grounded"

    @property
    def version(self) -> str:
        """Hash of this judge's definition."""
        return version_of(self)

    async def __call__(self, interaction: Interaction) -> Judgement | NotApplicable:
        """True when all of them do; the details hold each of them."""
        source = _Source.read(interaction, steps=self.steps)
        values = [one for one in self._values(interaction.output) if one.kind in self.kinds]
        if not values:
            return NotApplicable(self.name, "the answer copies no value", self.version)
        found: dict[str, bool | float | str] = {}
        missing = []
        for one in values:
            occurs = self._occurs(one, source)
            found[one.where] = bool(found.get(one.where, True)) and occurs
            if not occurs:
                missing.append(f"{one.where} {show(one.said)}".strip())
        more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        reason = f"not in the input: {'; '.join(missing[:SHOWN])}{more}" if missing else ""
        label = "ungrounded" if missing else "grounded"
        return Judgement(self.name, not missing, label, reason, self.version, details=found)

    def _values(self, output: str) -> Iterator[_Value]:
        try:
            document = parse(output)
        except ValueError:
            yield from _quoted_or_counted(output)
            return
        if isinstance(document, str | int | float):
            document = [document]
        for path, said in leaves(document):
            value = _value(path, said)
            chosen = any(_covers(pattern, path) for pattern in self.paths)
            if value and (chosen or (not self.paths and value.kind != "text")):
                yield value

    def _occurs(self, value: _Value, source: _Source) -> bool:
        if value.kind == "date":
            return any(self._dated(day, source) for day in value.days)
        if value.kind == "number" and value.numbers & source.numbers:
            return True
        return bare(str(value.said)) in source.text

    def _dated(self, day: Day, source: _Source) -> bool:
        said = {one.year for one in source.days if (one.month, one.day) == (day.month, day.day)}
        if day.year is None or day.year in said:
            return bool(said)
        if None not in said or self.year == "required":
            return False
        return self.year == "where_said" or not source.years or day.year in source.years


@dataclass(frozen=True, slots=True)
class _Value:
    """What an answer copies, and how it can be read."""

    where: str
    kind: Kind
    said: Any
    days: frozenset[Day] = frozenset()
    numbers: frozenset[Decimal] = frozenset()


@dataclass(frozen=True, slots=True)
class _Source:
    """What an input mentions."""

    text: str
    numbers: frozenset[Decimal]
    days: frozenset[Day]
    years: frozenset[int]

    @classmethod
    def read(cls, interaction: Interaction, *, steps: bool) -> _Source:
        brought = [step.output for step in interaction.steps] if steps else []
        text = "\n".join([interaction.input, *brought])
        dates = frozenset(days(text))
        return cls(bare(text), frozenset(numbers(text)), dates, frozenset(years(text, dates)))


def _value(where: str, said: Any) -> _Value | None:
    """A leaf of a JSON answer; true, false, null and the empty text are copied from nowhere."""
    if isinstance(said, bool) or said is None or (isinstance(said, str) and not bare(said).strip()):
        return None
    if isinstance(said, int | float):
        return _Value(where, "number", said, numbers=frozenset({abs(Decimal(str(said)))}))
    if found := as_days(said):
        return _Value(where, "date", said, days=frozenset(found))
    if counted := as_numbers(said):
        return _Value(where, "number", said, numbers=frozenset(counted))
    return _Value(where, "text", said)


def _quoted_or_counted(text: str) -> Iterator[_Value]:
    """The quotations, dates and numbers of prose; what a quotation holds is not told twice."""
    for found in QUOTED.finditer(text):
        quoted = next(group for group in found.groups() if group)
        if bare(quoted).strip():
            yield _Value("quote", "quote", quoted)
    for one in mentions(MARKER.sub("", QUOTED.sub(" ; ", text))):
        kind: Kind = "date" if one.days else "number"
        yield _Value(kind, kind, one.said, one.days, one.numbers)


def _covers(pattern: str, path: str) -> bool:
    """Whether a path is the pattern's, or lies below it."""
    if pattern == "$":
        return True
    wanted, steps = pattern.split("."), path.split(".")
    return len(wanted) <= len(steps) and all(
        want in ("*", step) for want, step in zip(wanted, steps, strict=False)
    )
