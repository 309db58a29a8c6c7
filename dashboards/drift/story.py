"""What happened to one field's dates, told to somebody who has never heard of it; pure."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

from dashboards import words
from dashboards.charts.drift import YEARS
from monitor.drift.change_point import locate_change

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.jobs.dates import DateField

__all__ = ["story_of", "years_written"]

NEAR_TURN_DAYS = 14
USUAL = 0.005
"""Share of dates that slip where nothing has been learnt yet."""
SURE = 6.0
"""Log-likelihood ratio from which a change is told: one in some hundred healthy samples has as much."""
YEARLY = ("a year off", "in the year before")


def years_written(sample: pd.DataFrame) -> pd.DataFrame:
    """Dates by day of the call and by the year they say. Columns day, year (one of `YEARS`), dates, share.

    Args:
        sample: of `lags_of`: columns time, value (ISO date).

    >>> sample = pd.DataFrame({"time": pd.to_datetime(["2024-01-02T10:00Z", "2024-01-02T11:00Z"]),
    ...                        "value": ["2024-01-20", "2023-01-21"]})
    >>> years_written(sample)[["year", "dates", "share"]].values.tolist()
    [["the call's year", 1, 0.5], ['the year before', 1, 0.5]]
    """
    apart = sample["value"].str[:4].astype(int) - sample["time"].dt.year
    rows = pd.DataFrame(
        {
            "day": sample["time"].dt.floor("D"),
            "year": apart.map({0: YEARS[0], 1: YEARS[1], -1: YEARS[2]}).fillna(YEARS[3]),
        }
    )
    counted = rows.groupby(["day", "year"]).size().rename("dates").reset_index()
    return counted.assign(share=counted["dates"] / counted.groupby("day")["dates"].transform("sum"))


def story_of(rows: pd.DataFrame, sample: pd.DataFrame, of: DateField | None) -> list[str]:
    """Sentences: what slipped, since when, how often before and since, one example, and what it means.

    Args:
        rows: every date known: those drawn at random and all that a detector marked.
        sample: those drawn at random alone, which rates may be made of.
        of: what was learnt of the field; None while nothing is.
    """
    slipped = rows[rows["slip"] != ""].sort_values("time")
    if slipped.empty:
        return ["None of the dates looked at slipped."]
    began, last = _began(sample, of), slipped["time"].iloc[-1].to_pydatetime()
    if began is None:
        bad = int((sample["slip"] != "").sum())
        said = (
            f"Of the dates drawn at random {words.rate(bad, len(sample))} slipped; they do not come thicker from any"
            f" day on. The last one was written {words.when(last)}."
        )
        return [said, _example(slipped, of)]
    told = [
        f"Since {words.when(began)}{_turn(began)} more dates slip than usual; the last did {words.when(last)}.",
        _rates(sample, began),
        _example(slipped, of),
    ]
    if slipped["slip"].isin(YEARLY).any():
        told.append(
            "What that is: a model that learnt from last year's calls may go on writing last year's number when the"
            " year has turned. The answer is still valid and the call succeeds, so no error shows it: only the"
            " distance from the day of the call does."
        )
    return [one for one in told if one]


def _began(sample: pd.DataFrame, of: DateField | None) -> datetime | None:
    """From when on they slip more often than usual; None where nothing says so. A stray one does not."""
    usual = (of.slips.get("year_slip", 0) + 0.5) / (of.n + 1) if of else USUAL
    rows = sample.sort_values("time")
    change = locate_change([int(slip != "") for slip in rows["slip"]], [1] * len(rows), usual)
    if change is None or change.log_likelihood_ratio < SURE:
        return None
    began: datetime = rows["time"].iloc[change.best].to_pydatetime()
    return began


def _turn(first: datetime) -> str:
    """Where a year turns near by.

    >>> from datetime import datetime
    >>> _turn(datetime(2024, 1, 3)), _turn(datetime(2023, 12, 31)), _turn(datetime(2024, 6, 1))
    (' (2 days after the year turned)', ' (1 day before the year turned)', '')
    """
    turns = (date(first.year, 1, 1), date(first.year + 1, 1, 1))
    days = min(((first.date() - turn).days for turn in turns), key=abs)
    if abs(days) > NEAR_TURN_DAYS:
        return ""
    if not days:
        return " (the day the year turned)"
    return f" ({words.noun(abs(days), 'day')} {'before' if days < 0 else 'after'} the year turned)"


def _rates(sample: pd.DataFrame, first: datetime) -> str:
    """How many of those drawn at random slipped, before and since."""
    since = sample["time"] >= first
    bad = sample["slip"] != ""
    before, after = (
        words.rate(int((bad & part).sum()), int(part.sum())) for part in (~since, since)
    )
    return f"Of the dates drawn at random {before} slipped before that, and {after} since."


def _example(slipped: pd.DataFrame, of: DateField | None) -> str:
    one = slipped.iloc[-1]
    said = f"For example, a call of {one['time']:%Y-%m-%d} says {one['value']}, {abs(int(one['lag'])):,} days"
    said += " before it" if one["lag"] < 0 else " after it"
    if of is None:
        return said + "."
    return f"{said}; usual is {_ends(of.profile.low)} to {_ends(of.profile.high)}."


def _ends(days: float) -> str:
    """A distance from the day of the call.

    >>> _ends(-3), _ends(34)
    ('3 days before', '34 days after')
    """
    return f"{words.noun(round(abs(days)), 'day')} {'before' if days < 0 else 'after'}"
