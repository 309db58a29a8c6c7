"""Dates and numbers as people write them: what a text mentions, in whatever usual spelling.

Where a spelling has several readings (`01/02/2024`, `1.432`) all of them are returned: who asks
whether a value is mentioned must not be told no because of a country's habit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Day", "Mention", "as_days", "as_numbers", "days", "mentions", "numbers", "years"]


@dataclass(frozen=True, slots=True)
class Day:
    """A date that a text mentions; the year is None where the text does not say it."""

    month: int
    day: int
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Mention:
    """A date or a number that stands in a text; one of the two has no readings."""

    said: str
    days: frozenset[Day] = frozenset()
    numbers: frozenset[Decimal] = frozenset()


MONTH_NAMES = """
january jan januar janvier enero gennaio janeiro januari
february feb februar février fevrier febrero febbraio fevereiro februari
march mar märz maerz mars marzo março maart
april apr avril abril aprile
may mai mayo maggio maio mei
june jun juni juin junio giugno junho
july jul juli juillet julio luglio julho
august aug août aout agosto augustus augusti
september sep sept septembre septiembre settembre setembro
october oct oktober okt octobre octubre ottobre outubro
november nov novembre noviembre novembro
december dec dezember dez décembre decembre diciembre dicembre dezembro
"""
MONTHS = {
    name: number
    for number, names in enumerate(MONTH_NAMES.strip().splitlines(), start=1)
    for name in names.split()
}
UNITS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen
"""
TENS = " twenty thirty forty fifty sixty seventy eighty ninety "
CARDINALS = {name: number for number, name in enumerate(UNITS.split())} | {
    name: 10 * number for number, name in enumerate(TENS.split(), start=2)
}
SCALES = {"hundred": 100, "thousand": 1_000, "million": 10**6, "billion": 10**9}
NTH_NAMES = """
first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth
fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth twenty-first
twenty-second twenty-third twenty-fourth twenty-fifth twenty-sixth twenty-seventh twenty-eighth
twenty-ninth thirtieth thirty-first
"""
ORDINALS = {name: number for number, name in enumerate(NTH_NAMES.split(), start=1)}
NTH = re.compile(
    rf"\b({'|'.join(name.replace('-', '[- ]') for name in reversed(ORDINALS))})\b", re.IGNORECASE
)
MONTH = rf"(?P<month>{'|'.join(sorted(MONTHS, key=len, reverse=True))})\b\.?"
YEAR = r"(?P<year>(?:1[89]|20|21)\d\d|['\u2019]\d\d)(?!\d)"
DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th|º|er)?(?!\d)"
SPELT = (
    re.compile(rf"\b{MONTH}\s+(?:the\s+)?{DAY}(?:[\s,]+(?:of\s+)?{YEAR})?", re.IGNORECASE),
    re.compile(
        rf"(?<![\d.,]){DAY}\.?[\s-]*(?:of\s+|de\s+)?{MONTH}(?:[\s,-]*(?:of\s+|de\s+)?{YEAR})?",
        re.IGNORECASE,
    ),
    re.compile(
        r"(?:(?P<year>\d{4})\s*[年년]\s*)?(?P<month>\d{1,2})\s*[月월]\s*(?P<day>\d{1,2})\s*[日일]"
    ),
    re.compile(r"(?<!\d)(?P<year>\d{4})([-/.])(?P<month>\d{1,2})\2(?P<day>\d{1,2})(?!\d)"),
    re.compile(r"(?<!\d)(?P<year>(?:19|20)\d\d)(?P<month>0[1-9]|1[0-2])(?P<day>[0-3]\d)(?!\d)"),
)
LOCAL = re.compile(
    r"(?<![\d/.-])(\d{1,2})(?:(?P<sign>[/.-])(\d{1,2})(?P=sign)(?P<year>\d{4}|\d\d)|/(\d{1,2}))(?![\d/-])"
)
PLAIN_YEAR = re.compile(r"(?<![\d.,])(?:19|20|21)\d\d(?!\d|[.,]\d)")
RUN = re.compile(
    r"\d+(?:[.,'\u2019 \u00a0\u202f]\d+)*(?:[ \u00a0]?(%|[kKmM]\b|thousand\b|million\b|billion\b))?"
)
GROUPED = re.compile(
    r"\d{1,3}(?:([.,'\u2019 \u00a0\u202f])\d{3})(?:\1\d{3})*|\d{1,2}(?:,\d\d)+,\d{3}"
)
DECIMAL = re.compile(r"(.*\d)[.,](\d+)")
SCALED = {"%": Decimal("0.01"), "k": Decimal(1000), "m": Decimal(10**6)} | {
    name: Decimal(number) for name, number in SCALES.items()
}
WHOLE_NUMBER = re.compile(
    r"\s*[-+\u2212(]?\s*(?:[^\w\s]|[A-Z]{1,3})?\s*(\d[\d.,'\u2019 \u00a0\u202f]*%?)\s*(?:[^\w\s]|[A-Z]{3})?\s*"
)


def days(text: str) -> set[Day]:
    """Every date that the text mentions, each in all its readings.

    >>> sorted(days("due on the 15th of January, or 03/04/24"), key=str)
    [Day(month=1, day=15, year=None), Day(month=3, day=4, year=2024), Day(month=4, day=3, year=2024)]
    """
    return {day for _, found in _dates(_digits(text)) for day in found}


def as_days(text: str) -> set[Day]:
    """The readings of a text that is one date and nothing else; none when it is something else.

    >>> as_days("2024-01-15T09:00:00Z"), as_days("Jan 15 or so")
    ({Day(month=1, day=15, year=2024)}, set())
    """
    text = text.strip()
    try:
        exact = datetime.fromisoformat(text) if len(text) > 7 else None
    except ValueError:
        exact = None
    if exact is not None:
        return {Day(exact.month, exact.day, exact.year)}
    text = _digits(text)
    whole = (0, len(text))
    return {day for span, found in _dates(text) if span == whole for day in found}


def years(text: str, dates: Iterable[Day] | None = None) -> set[int]:
    """Every year that the text names, alone or within a date; its `dates` where they are known.

    >>> sorted(years("since 2021; due 15/01/24"))
    [2021, 2024]
    """
    plain = {int(found.group()) for found in PLAIN_YEAR.finditer(text)}
    known = days(text) if dates is None else dates
    return plain | {day.year for day in known if day.year is not None}


def numbers(text: str) -> set[Decimal]:
    """Every number that the text mentions, without its sign, each in all its readings.

    Digits with any usual grouping, percentages and magnitudes, and English number words.

    >>> sorted(map(str, numbers("$1,432.50 at 5%")))
    ['0.05', '1432.50', '5']
    >>> Decimal(1432) in numbers("fourteen hundred and thirty-two dollars")
    True
    """
    found = set(_spelt_numbers(text))
    for run in RUN.finditer(text):
        scale = SCALED.get((run.group(1) or "").lower())
        digits = run.group()[: run.start(1) - run.start()] if run.group(1) else run.group()
        plain = _readings(digits.strip())
        found |= plain | ({one * scale for one in plain} if scale else set())
    return found


def as_numbers(text: str) -> set[Decimal]:
    """The readings of a text that is one number, with or without its currency; none otherwise.

    >>> as_numbers("USD 1 432"), as_numbers("12-B")
    ({Decimal('1432')}, set())
    """
    whole = WHOLE_NUMBER.fullmatch(text)
    if whole is None:
        return set()
    digits = whole.group(1).rstrip("% ")
    readings = _as_one(digits)
    return readings | ({one / 100 for one in readings} if "%" in whole.group(1) else set())


def mentions(text: str) -> list[Mention]:
    """The dates and the numbers in digits, in the order of the text; a date's digits are no numbers.

    >>> [one.said for one in mentions("$5 due on January fifteenth, 2024, not 2023-01-15")]
    ['5', 'January 15, 2024', '2023-01-15']
    """
    text = _digits(text)
    found: dict[int, tuple[int, Mention]] = {}
    free = 0
    dates = [(span, readings) for span, readings in _dates(text) if readings]
    for (start, end), readings in sorted(dates, key=lambda one: (one[0][0], -one[0][1])):
        if start >= free:
            found[start] = end, Mention(text[start:end], days=frozenset(readings))
            free = end
    rest = text
    for start, (end, _) in found.items():
        rest = rest[:start] + ";" * (end - start) + rest[end:]
    for run in RUN.finditer(rest):
        said = run.group()
        found[run.start()] = run.end(), Mention(said, numbers=frozenset(numbers(said)))
    return [found[start][1] for start in sorted(found)]


def _digits(text: str) -> str:
    """The text with `fifteenth` written as `15`."""
    return NTH.sub(lambda nth: str(ORDINALS[nth.group().lower().replace(" ", "-")]), text)


def _dates(text: str) -> Iterator[tuple[tuple[int, int], set[Day]]]:
    """Where each date stands, and its readings."""
    for pattern in SPELT:
        for found in pattern.finditer(text):
            month = found["month"].lower()
            number = int(month) if month.isdecimal() else MONTHS[month]
            yield found.span(), _real(number, int(found["day"]), found["year"])
    for found in LOCAL.finditer(text):
        one, two = int(found[1]), int(found[3] or found[5])
        readings = _real(one, two, found["year"]) | _real(two, one, found["year"])
        yield found.span(), readings


def _real(month: int, day: int, year: str | None) -> set[Day]:
    number = None if year is None else int(year.lstrip("'\u2019"))
    if number is not None and number < 100:  # as POSIX has it
        number += 1900 if number >= 69 else 2000
    try:
        date(number or 2000, month, day)  # 2000 had a 29 February
    except ValueError:
        return set()
    return {Day(month, day, number)}


def _readings(run: str) -> set[Decimal]:
    """What a run of digits and separators can mean: grouped, with decimals, or several numbers."""
    found = _as_one(run)
    parts = re.split(r"['\u2019 \u00a0\u202f]", run)
    if len(parts) == 1 and not found:  # 1.2.3 or 15.01.2024
        parts = re.split(r"[.,]", run)
    return found.union(*map(_readings, parts)) if len(parts) > 1 else found


def _as_one(run: str) -> set[Decimal]:
    found: set[Decimal] = set()
    if run.isdecimal():
        return {Decimal(run)}
    if GROUPED.fullmatch(run):
        found.add(Decimal(re.sub(r"\D", "", run)))
    split = DECIMAL.fullmatch(run)
    if split and (split[1].isdecimal() or GROUPED.fullmatch(split[1])):
        found.add(Decimal(re.sub(r"\D", "", split[1]) + "." + split[2]))
    return found


def _spelt_numbers(text: str) -> Iterator[Decimal]:
    """English number words; `twenty twenty-four` is the year as well."""
    total = current = 0
    before, inside = 0, False
    for word in [*re.findall(r"[a-z]+", text.lower()), ""]:
        if word in CARDINALS:
            number = CARDINALS[word]
            if inside and (current % 10 or number >= 10) and current % 100:
                yield from map(Decimal, {total + current, before * 100 + current})
                total, before, current = 0, current, 0
            current, inside = current + number, True
        elif word in SCALES and inside:
            if word == "hundred":
                current *= 100
            else:
                total, current = total + current * SCALES[word], 0
        elif inside and word != "and":
            yield from map(Decimal, {total + current, before * 100 + total + current})
            total, before, current, inside = 0, 0, 0, False
