"""Does a date lie a whole year beside where such dates lie?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.drift.date_profile import DateProfile

__all__ = ["Slip", "year_is_written", "year_slip"]

_ONES = (
    *("oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen"),
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


@dataclass(frozen=True, slots=True)
class Slip:
    """A date that would be usual if only its year were another."""

    years: int
    """How far off: -1 says that the value is a year too early."""
    expected: date
    """The same day in the year that fits."""
    grounded: bool
    """The value's year is written in the input: perhaps an old matter, not a model's mistake."""


def year_slip(value: date, event: date, profile: DateProfile, source_text: str = "") -> Slip | None:
    """Whether a field's value lies a year or two off, judged by the field's own usual lags.

    When to use it: date fields that are anchored to the day of the call (due dates, appointments).
    When not: fields whose old values are legitimate (disputes over old payments make it alarm
    rightly on the rate and wrongly on the cause; use `RolloverDetector` or watch the ungrounded
    ones only), and fields that slip in more than 1 of 200 calls of the baseline already: their
    envelope holds the slips.

    A field is flagged when it is anchored, its lag is outside the padded envelope, and the same day
    one or two years away is inside. Feed the share of flagged calls to a `RateDetector`.

    >>> from monitor.drift import DateProfile
    >>> due = DateProfile.fit([lag for lag in range(1, 31) for _ in range(10)])
    >>> year_slip(date(2024, 1, 15), date(2024, 1, 2), due) is None
    True
    >>> year_slip(date(2023, 1, 15), date(2024, 1, 2), due, "due on the fifteenth")
    Slip(years=-1, expected=datetime.date(2024, 1, 15), grounded=False)
    >>> year_slip(date(2023, 1, 15), date(2024, 1, 2), due, "the bill of Jan 15, 2023").grounded
    True
    """
    if not profile.anchored or profile.contains((value - event).days):
        return None
    for years in (-1, 1, -2, 2):
        expected = _move(value, -years)
        if expected is not None and profile.contains((expected - event).days):
            return Slip(years, expected, year_is_written(value.year, source_text))
    return None


def year_is_written(year: int, text: str) -> bool:
    """Whether a text names a year: 2023, '23, 1/15/23, twenty twenty-three.

    >>> year_is_written(2023, "since 12/05/23"), year_is_written(2023, "in Twenty twenty-three")
    (True, True)
    >>> year_is_written(2023, "account 520231, owed $20,230")
    False
    """
    short = f"{year % 100:02d}"
    digits = (
        rf"(?<!\d){year}(?!\d)|['\u2019]{short}(?!\d)|\d[/.-]\d{{1,2}}[/.-]{short}(?![\d/.-]*\d)"
    )
    return re.search(rf"{digits}|\b(?:{_spoken(year)})\b", text, re.IGNORECASE) is not None


def _move(day: date, years: int) -> date | None:
    """The same day in another year (28 February for a leap day); None off the calendar."""
    year = day.year + years
    if not date.min.year <= year <= date.max.year:
        return None
    leap_day = (day.month, day.day) == (2, 29)
    return day.replace(year=year, day=28) if leap_day else day.replace(year=year)


def _spoken(year: int) -> str:
    """How people say a year, as a regular expression.

    >>> _spoken(2023)
    'twenty[ -]+twenty[ -]+three|two[ -]+thousand(?:[ -]+and)?[ -]+twenty[ -]+three'
    """
    century, rest = divmod(year, 100)
    if not rest:
        return "two[ -]+thousand" if year == 2000 else rf"{_number(century)}[ -]+hundred"
    said = f"oh[ -]+{_ONES[rest]}" if rest < 10 else _number(rest)
    forms = [f"{_number(century)}[ -]+{said}"]
    if century == 20:
        forms.append(f"two[ -]+thousand(?:[ -]+and)?[ -]+{_number(rest)}")
    return "|".join(forms)


def _number(value: int) -> str:
    if value < 20:
        return _ONES[value]
    tens, ones = divmod(value, 10)
    return f"{_TENS[tens]}[ -]+{_ONES[ones]}" if ones else _TENS[tens]
