"""A watched series as a person reads it: what kind it is, where it stands, what it needs; pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from math import log
from typing import TYPE_CHECKING, Any

import pandas as pd

from dashboards.filters import bucket_s
from dashboards.words import Colour
from monitor.clock import parse_time
from monitor.drift.intervals import wilson
from monitor.drift.planning import needed_samples
from monitor.jobs.dates import SLIPS
from monitor.jobs.field_profiles import EXCEEDED
from monitor.records import CheckRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

__all__ = [
    "KINDS",
    "MEASURED",
    "ORDERS",
    "STATES",
    "Series",
    "chosen",
    "find",
    "gathered",
    "kind_of",
    "ranked",
    "series_table",
    "state_of",
]

KINDS = {
    "rates": "Rates of calls and scores",
    "dates": "Dates in answers",
    "fields": "Fields of answers",
    "texts": "Texts",
    "judges": "Judges",
    "traffic": "Traffic and ingestion",
    "descriptors": "Looks of texts",
    "others": "Others",
}
"""Kinds of series and what they are called, in the order of the list."""
STATES: dict[str, tuple[str, Colour]] = {
    "drift": ("Drift", "orange"),
    "watch": ("Worth a look", "violet"),
    "stable": ("No drift", "green"),
    "insufficient_data": ("Learning", "gray"),
}
"""By status: its words and its colour."""
_KIND_OF = {
    "rate": "rates",
    "rollover": "dates",
    **dict.fromkeys(SLIPS, "dates"),
    **dict.fromkeys(EXCEEDED, "fields"),
    **dict.fromkeys(("values", "unit_slip", "unfounded", "new_terms"), "fields"),
    **dict.fromkeys(("embedding", "terms", "language"), "texts"),
    "judge": "judges",
    **dict.fromkeys(("silence", "ingestion"), "traffic"),
    "descriptor": "descriptors",
}
MEASURED = {
    "characters": "characters",
    "words": "words",
    "sentences": "sentences",
    "non-letters %": "characters that are no letters (%)",
}
"""What a descriptor's last part is measured in."""
STEPS = 48
"""Points of a rate over time at most: more are noise to the eye."""
_PAGES = {("terms", "output text")}
"""Of the texts' detectors: the one that may wake somebody, as `monitor/jobs/texts.py` has it."""


def kind_of(detector: str) -> str:
    """Which kind of series a detector watches.

    >>> kind_of("year_slip"), kind_of("rate"), kind_of("one of my own")
    ('dates', 'rates', 'others')
    """
    return _KIND_OF.get(detector, "others")


def state_of(status: str) -> tuple[str, Colour]:
    """What a status is called and shown in; one that a detector of your own made up, by its name.

    >>> state_of("drift"), state_of("odd")
    (('Drift', 'orange'), ('odd', 'gray'))
    """
    return STATES.get(status, (status, "gray"))


@dataclass(frozen=True)
class Series(CheckRow):
    """The last word of one detector on one series: a row of `series_latest.sql`, whose `state` is left out."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What names it."""
        return self.service, self.detector, self.series

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
        return kind_of(self.detector)

    @cached_property
    def told(self) -> dict[str, Any]:
        """What it says for itself."""
        said = json.loads(self.evidence or "{}")
        return said if isinstance(said, dict) else {}

    @property
    def tier(self) -> str:
        """`page` when its drift may wake somebody, `watch` when it is only noted, '' when it tells none."""
        if not self.threshold and self.status != "insufficient_data":
            return ""
        if tier := str(self.told.get("tier", "")):
            return tier
        if self.kind == "texts":
            return "page" if (self.detector, self.series) in _PAGES else "watch"
        if self.kind == "dates":  # a series that was told to begin anew says nothing of itself yet
            return ""
        return "page" if self.kind == "rates" else "watch"

    @property
    def nearness(self) -> float:
        """How much of the evidence that an alarm takes is there: 0 none, 1 an alarm (on the log scale of e-values).

        >>> from dataclasses import asdict
        >>> from monitor.jobs.series import Series as Written
        >>> row = Written("rate", "call/error", "shop").row(
        ...     start=parse_time("2024-01-01"), end=parse_time("2024-01-02"), release="v1", count=0, n=0,
        ...     status="stable", e_value=100.0, threshold=10_000.0)
        >>> Series(**asdict(row)).nearness
        0.5
        """
        if self.threshold <= 1 or self.e_value <= 1:
            return 0.0
        return min(1.0, log(self.e_value) / log(self.threshold))

    @property
    def began(self) -> datetime | None:
        """When the present change began, by the change point."""
        told = str(self.told.get("started_at") or "")
        return parse_time(told) if told else None

    @property
    def needed(self) -> int | None:
        """Further samples until a doubled rate would be seen; None where that cannot be said."""
        told = self.told.get("needed")
        if told is not None:
            return int(told)
        if self.kind not in {"dates", "fields"} or self.detector == "values" or self.threshold <= 1:
            return None
        rate = max(self.baseline, 1 / (self.baseline_n + 2)) if self.baseline_n else 0.0
        return round(needed_samples(rate, 2.0, self.threshold)) if 0 < rate < 0.5 else None

    @property
    def lacks(self) -> str:
        """What a series has, of what it takes to have a verdict; '' where it has one."""
        if self.status != "insufficient_data":
            return ""
        return str(self.told.get("missing") or f"{self.n:,} calls in its last look, too few")

    @property
    def change(self) -> float:
        """How many times its baseline the last look was; 0 where that cannot be said."""
        return self.effect / self.baseline if self.is_rate and self.baseline and self.n else 0.0

    @property
    def is_rate(self) -> bool:
        """Whether `effect` is a share of calls: a scan of windows and a mean are none."""
        return self.kind != "descriptors" and self.detector != "values"

    @property
    def unit(self) -> str:
        """What its effect is measured in."""
        if self.kind == "descriptors":
            name = self.series.rsplit("/", 1)[-1]
            return MEASURED.get(name, name)
        return "share of texts" if self.kind == "texts" else "share of calls"

    @property
    def sentence(self) -> str:
        """What moved, in the detector's own words; '' where it has none."""
        if self.lacks:
            return f"It has no verdict yet. There are {self.lacks}."
        return str(self.told.get("says") or self.told.get("sentence") or "")


def gathered(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs of a rate in steps of time, where they are many: counts added up, the interval made anew.

    A step takes the most alarming of its runs' verdicts.

    >>> many = pd.DataFrame({"window_end": pd.date_range("2024-01-01", periods=96, freq="h", tz="UTC"),
    ...                      "count": 1, "n": 50, "status": "stable"})
    >>> few = gathered(many)
    >>> len(few) <= STEPS, int(few["n"].sum()), float(few["effect"].iloc[0])
    (True, 4800, 0.02)
    """
    ends = runs["window_end"]
    if len(runs) <= STEPS:
        return runs
    size = bucket_s(ends.min().to_pydatetime(), ends.max().to_pydatetime(), most=STEPS - 1)
    order = list(STATES)
    worst = runs["status"].map(lambda one: order.index(one) if one in order else len(order))
    few = (
        runs.assign(worst=worst, step=(ends - pd.Timedelta(milliseconds=1)).dt.floor(f"{size}s"))
        .groupby("step", as_index=False)
        .agg({"window_end": "max", "count": "sum", "n": "sum", "worst": "min"})
    )
    between = [wilson(int(count), int(n)) for count, n in zip(few["count"], few["n"], strict=True)]
    return few.assign(
        effect=few["count"] / few["n"],
        low=[one.low for one in between],
        high=[one.high for one in between],
        status=[order[one] if one < len(order) else "" for one in few["worst"]],
    )


def chosen(
    known: Iterable[Series], *, kind: str = "", status: str = "", tier: str = "", text: str = ""
) -> list[Series]:
    """The series that the filters of the list leave; '' is any."""
    wanted = text.casefold().split()
    return [
        one
        for one in known
        if kind in {"", one.kind}
        and status in {"", one.status}
        and tier in {"", one.tier}
        and all(word in f"{one.service} {one.detector} {one.series}".casefold() for word in wanted)
    ]


def _urgency(one: Series) -> tuple[int, float, int]:
    order = list(STATES)
    place = order.index(one.status) if one.status in order else len(order)
    return place, -one.nearness, list(KINDS).index(one.kind)


ORDERS: dict[str, tuple[str, Callable[[Series], Any]]] = {
    "urgency": ("What needs a person first", _urgency),
    "evidence": ("Nearest to an alarm", lambda one: -one.nearness),
    "change": ("Most times its baseline", lambda one: -one.change),
    "level": ("Highest level", lambda one: -one.effect if one.is_rate else 0.0),
    "n": ("Most samples", lambda one: -one.n),
    "recent": ("Looked at last", lambda one: -one.window_end.timestamp()),
    "name": ("Name", lambda one: one.series),
}
"""By name in the address: what an order of the list is called, and what it goes by."""


def ranked(known: Iterable[Series], order: str = "urgency") -> list[Series]:
    """In one of `ORDERS`."""
    _, by = ORDERS[order]
    return sorted(known, key=lambda one: (by(one), one.key))


def series_table(known: Iterable[Series]) -> pd.DataFrame:
    """Every figure as a number, a row a series: for a download."""
    columns = (
        "service", "series", "detector", "kind", "status", "tier", "effect", "low", "high", "count", "n", "baseline",
        "baseline_n", "change", "e_value", "threshold", "nearness", "needed", "lacks", "sentence", "release", "field",
        "window_start", "window_end",
    )  # fmt: skip
    return pd.DataFrame(
        [{name: getattr(one, name) for name in columns} for one in known], columns=list(columns)
    )


def find(
    known: Iterable[Series], series: str, *, detector: str = "", service: str = ""
) -> Sequence[Series]:
    """The series that an address means; several when it does not say which of them."""
    return [
        one
        for one in known
        if one.series == series and detector in {"", one.detector} and service in {"", one.service}
    ]
