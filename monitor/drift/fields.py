"""Finds the fields of structured outputs by itself: which there are, of what kind, how often."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = [
    "FieldProfile",
    "Scalar",
    "date_order",
    "flatten",
    "parse_answer",
    "parse_date",
    "profile_fields",
]

Scalar = str | int | float | bool | None

_LARGEST_TEXT = 1_000_000
_DEEPEST = 16
_MOST_FIELDS = 500
_FENCE = re.compile(r"^\s*```[\w-]*\s*\n(.*?)\n?\s*```\s*$", re.DOTALL)
_YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:[T ]\d{1,2}:\d{2}.*)?")
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})")
_MONTH_NAMED = re.compile(
    r"(?:(?P<m1>[a-z]{3,9})\.?[ -]+)?(?P<day>\d{1,2})(?:st|nd|rd|th)?"
    r"(?:[ -]+(?:of +)?(?P<m2>[a-z]{3,9})\.?)?,?[ -]+(?P<year>\d{4})"
)
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_EARLIEST, _LATEST = 1900, 2199
"""Years that people write; a number outside is an identifier, not a date."""


@dataclass(frozen=True, slots=True)
class FieldProfile:
    """What one field looked like over many outputs."""

    path: str
    kind: str
    """`date`, `text`, `number`, `boolean`, `null` or `mixed`: what at least 90 % of its values
    are."""
    n: int
    """Outputs that hold the field, null included."""
    present_share: float
    """Share of the structured outputs that hold it."""
    null_share: float
    """Share of its values that are null."""
    date_share: float
    """Share of its other values that are dates."""
    day_first: bool | None
    """How its slashed dates are to be read; None where nothing shows it."""
    lags_days: tuple[int, ...]
    """Value minus event day, for each date: what `DateProfile.fit` takes."""
    top_value: str
    top_share: float
    """The commonest value and its share; a constant learnt in training stands out here."""


def flatten(json_text: str) -> dict[str, Scalar]:
    """The scalars of a JSON object by dotted path; `{}` for whatever is no JSON object.

    A Markdown fence around it is taken off. An array counts as `path[]`, its length: its places
    have no identity over time. Size, depth and number of fields are bounded, since the text is a
    model's.

    >>> flatten('{"due_date": "2024-01-05", "caller": {"name": "Ann"}, "notes": ["a", "b"]}')
    {'due_date': '2024-01-05', 'caller.name': 'Ann', 'notes[]': 2}
    >>> flatten("Sorry, I cannot help with that.")
    {}
    """
    document = parse_answer(json_text)
    fields: dict[str, Scalar] = {}
    if isinstance(document, dict):
        for path, value in _walk(document, "", 0):
            if len(fields) == _MOST_FIELDS:
                break
            fields[path] = value
    return fields


def parse_answer(json_text: str) -> Any:
    """The JSON value that an answer is, a Markdown fence taken off; None when it is no JSON.

    >>> parse_answer("[1]"), parse_answer("Sorry."), parse_answer('{"a": NaN}')
    ([1], None, {'a': nan})
    """
    if len(json_text) > _LARGEST_TEXT:
        return None
    fenced = _FENCE.match(json_text)
    try:
        return json.loads(fenced.group(1) if fenced else json_text)
    except (ValueError, RecursionError):
        return None


def parse_date(text: object, *, day_first: bool | None = None) -> date | None:
    """The date that a whole value stands for; None when it is none, or could be two.

    Understood: ISO dates and datetimes (the day that is written, whatever the zone), year first
    with slashes or dots, named months in English, and day and month with the year last where only
    one reading exists or `day_first` tells which.

    >>> parse_date("2024-01-05T09:30:00Z"), parse_date("Jan 5th, 2024")
    (datetime.date(2024, 1, 5), datetime.date(2024, 1, 5))
    >>> parse_date("25/12/2023"), parse_date("03/04/2024"), parse_date("20240105")
    (datetime.date(2023, 12, 25), None, None)
    >>> parse_date("03/04/2024", day_first=False)
    datetime.date(2024, 3, 4)
    """
    if not isinstance(text, str) or not 8 <= len(stripped := text.strip()) <= 40:
        return None
    if match := _YEAR_FIRST.fullmatch(stripped):
        return _build(match[1], match[3], match[4])
    if match := _YEAR_LAST.fullmatch(stripped):
        return _year_last(match, day_first=day_first)
    if match := _MONTH_NAMED.fullmatch(stripped.lower()):
        month = _month(match["m1"] if match["m2"] is None else match["m2"])
        one_month = (match["m1"] is None) != (match["m2"] is None)
        return _build(match["year"], month, match["day"]) if one_month else None
    return None


def date_order(texts: Iterable[object]) -> bool | None:
    """Whether dates like 25/12/2023 put the day first, as far as the clear ones among them agree.

    >>> date_order(["03/04/2024", "25/12/2023"]), date_order(["03/04/2024"])
    (True, None)
    """
    orders = set()
    for text in texts:
        match = _YEAR_LAST.fullmatch(text.strip()) if isinstance(text, str) else None
        if match and (int(match[1]) > 12) != (int(match[3]) > 12):
            orders.add(int(match[1]) > 12)
    return orders.pop() if len(orders) == 1 else None


def profile_fields(
    outputs: Sequence[str], times: Sequence[datetime] | Sequence[date]
) -> dict[str, FieldProfile]:
    """Profile every field over outputs and the times of their calls.

    >>> outputs = ['{"due": "2024-01-05", "sum": 12}', '{"due": "2024-01-09", "sum": null}', "oops"]
    >>> profiles = profile_fields(outputs, [date(2024, 1, 2)] * 3)
    >>> profiles["due"].kind, profiles["due"].lags_days, profiles["sum"].null_share
    ('date', (3, 7), 0.5)
    """
    if len(outputs) != len(times):
        raise ValueError(f"{len(outputs)} outputs need as many times, not {len(times)}")
    values: dict[str, list[Scalar]] = {}
    days: dict[str, list[date]] = {}
    structured = 0
    for output, time in zip(outputs, times, strict=True):
        fields = flatten(output)
        structured += bool(fields)
        day = time.date() if isinstance(time, datetime) else time
        for path, value in fields.items():
            values.setdefault(path, []).append(value)
            days.setdefault(path, []).append(day)
    return {path: _profile(path, values[path], days[path], structured) for path in values}


def _profile(path: str, values: list[Scalar], days: list[date], structured: int) -> FieldProfile:
    order = date_order(values)
    dates = [parse_date(value, day_first=order) for value in values]
    lags = [(value - day).days for value, day in zip(dates, days, strict=True) if value]
    kinds = Counter(
        "date" if day else _kind(value) for value, day in zip(values, dates, strict=True)
    )
    filled = len(values) - kinds["null"]
    top_value, top_count = Counter(map(str, values)).most_common(1)[0]
    return FieldProfile(
        path=path,
        kind=next(
            (kind for kind in kinds if kind != "null" and kinds[kind] >= 0.9 * filled), "mixed"
        )
        if filled
        else "null",
        n=len(values),
        present_share=len(values) / structured,
        null_share=kinds["null"] / len(values),
        date_share=len(lags) / filled if filled else 0.0,
        day_first=order,
        lags_days=tuple(lags),
        top_value=top_value[:200],
        top_share=top_count / len(values),
    )


def _kind(value: Scalar) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "text"


def _walk(node: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, Scalar]]:
    """Scalars in the order of the text; what lies deeper than the limit is left out."""
    for key, value in node.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict):
            if depth < _DEEPEST:
                yield from _walk(value, f"{path}.", depth + 1)
        elif isinstance(value, list):
            yield f"{path}[]", len(value)
        else:
            yield path, value


def _year_last(match: re.Match[str], *, day_first: bool | None) -> date | None:
    first, second, year = match[1], match[3], match[4]
    readings = {
        True: _build(year, second, first),
        False: _build(year, first, second),
    }
    if day_first is not None and readings[day_first]:
        return readings[day_first]
    distinct = {reading for reading in readings.values() if reading}
    return distinct.pop() if len(distinct) == 1 else None


def _month(name: str | None) -> int:
    """1 to 12 for a month's name or its first three or four letters; 0 for any other word."""
    if name is None:
        return 0
    full = next((month for month in _MONTHS if month.startswith(name)), None)
    short = full is not None and (len(name) in (3, 4) or name == full)
    return _MONTHS.index(full) + 1 if full and short else 0


def _build(year: str, month: str | int, day: str) -> date | None:
    try:
        value = date(int(year), int(month), int(day))
    except ValueError:  # the 31st of February is no date
        return None
    return value if _EARLIEST <= value.year <= _LATEST else None
