"""How far the dates in answers lie from the day of their call; pure."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from monitor.drift import date_order, parse_date
from monitor.drift.readings import read_answer
from monitor.jobs.dates import SLIPS, DateField, dated

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from monitor.jobs.structured import Answer

__all__ = [
    "SLIP_WORDS",
    "LearntField",
    "SlippedDate",
    "date_paths",
    "lags_of",
    "learnt",
    "slipped_lags",
]

LEAST_SHARE = 0.8
"""Of what a field holds, dates at least, to be one of dates: as `monitor/jobs/temporal.py` has it."""
LEAST_DATES = 10
SLIP_WORDS = {
    "year_slip": "a year off",
    "month_slip": "a month off",
    "day_slip": "a day off",
    "clock_slip": "hours off",
    "rollover": "in the year before",
}
"""What a detector of slips says of a date."""


@dataclass(frozen=True, slots=True)
class LearntField:
    """One date field as the store has it, columns of `date_fields.sql`."""

    service: str
    field: str
    learnt_at: datetime
    n: int
    state: str


@dataclass(frozen=True, slots=True)
class SlippedDate:
    """One date that slipped, columns of `dates_slipped.sql`."""

    timestamp: datetime
    trace_id: str
    detector: str
    value: str
    why: str


def learnt(row: LearntField) -> DateField:
    """What the baseline says of a field."""
    return DateField.from_state(row.field, json.loads(row.state))


def date_paths(answers: Sequence[Answer]) -> list[str]:
    """Fields that hold dates, by the answers alone, the most frequent first: for a service without a baseline."""
    held, dates = Counter[str](), Counter[str]()
    for answer in answers:
        reading = read_answer(answer.output, answer.tool_calls)
        for path, values in reading.values.items():  # noqa: PD011 - a Reading's, no frame's
            if "@" in path[1:] or all(one is None for one in values):
                continue
            held[path] += 1
            dates[path] += any(parse_date(one, day_first=True) for one in values)
    return [
        path
        for path, n in dates.most_common()
        if n >= LEAST_DATES and n >= LEAST_SHARE * held[path]
    ]


def lags_of(answers: Sequence[Answer], path: str, of: DateField | None) -> pd.DataFrame:
    """One row a date. Columns time, trace, value, lag (days), slip ('' where there is none), why."""
    readings = [(one, read_answer(one.output, one.tool_calls)) for one in answers]
    read = [(one, found.values.get(path, ())) for one, found in readings]  # noqa: PD011 - a Reading's
    order = of.day_first if of else date_order(value for _, values in read for value in values)
    rows: list[dict[str, Any]] = []
    for answer, values in read:
        found = dated(answer.timestamp, answer.input, values, day_first=order)
        if found is None:
            continue
        slip, why = "", ""
        if of is not None:
            told = ((name, SLIPS[name](found, of)) for name in SLIP_WORDS if name in SLIPS)
            slip, why = next((one for one in told if one[1]), ("", ""))
        rows += [
            {
                "time": answer.timestamp,
                "trace": answer.trace_id,
                "value": day.isoformat(),
                "lag": (day - found.event).days,
                "slip": SLIP_WORDS.get(slip, ""),
                "why": why,
            }
            for day in found.days
        ]
    return pd.DataFrame(rows, columns=["time", "trace", "value", "lag", "slip", "why"])


def slipped_lags(slipped: Iterable[SlippedDate]) -> pd.DataFrame:
    """The dates that the detectors marked, as `lags_of` has them."""
    rows = [
        {
            "time": one.timestamp,
            "trace": one.trace_id,
            "value": one.value,
            "lag": (day - one.timestamp.date()).days,
            "slip": SLIP_WORDS.get(one.detector, one.detector),
            "why": one.why,
        }
        for one in slipped
        if (day := parse_date(one.value)) is not None
    ]
    return pd.DataFrame(rows, columns=["time", "trace", "value", "lag", "slip", "why"])
