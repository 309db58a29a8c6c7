"""A watched series as a person reads it: what kind it is, where it stands, what it needs; pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from math import log
from typing import TYPE_CHECKING, Any

import pandas as pd

from dashboards.filters import bucket_s
from monitor.clock import parse_time
from monitor.drift.intervals import wilson
from monitor.drift.planning import needed_samples
from monitor.jobs.dates import SLIPS
from monitor.jobs.field_profiles import EXCEEDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "KINDS",
    "MEASURED",
    "STATES",
    "Series",
    "chosen",
    "find",
    "gathered",
    "kind_of",
    "ranked",
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
STATES = {
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


@dataclass(frozen=True)
class Series:
    """The last word of one detector on one series, columns of `series_latest.sql`."""

    service: str
    detector: str
    series: str
    release: str
    field: str
    window_start: datetime
    window_end: datetime
    status: str
    count: int
    n: int
    effect: float
    low: float
    high: float
    baseline: float
    baseline_n: int
    e_value: float
    threshold: float
    evidence: str

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
        """`page` when its drift may wake somebody, `watch` when it is only noted, '' when it never alarms."""
        if not self.threshold and self.status != "insufficient_data":
            return ""
        if tier := str(self.told.get("tier", "")):
            return tier
        if self.kind == "texts":
            return "page" if (self.detector, self.series) in _PAGES else "watch"
        return "page" if self.kind == "rates" else "watch"

    @property
    def nearness(self) -> float:
        """How much of the evidence that an alarm takes is there: 0 none, 1 an alarm (on the log scale of e-values).

        >>> one = Series("s", "rate", "call/error", "", "", *[datetime(2024, 1, 1)] * 2, "stable", 0, 0,
        ...              0, 0, 0, 0, 0, 100.0, 10_000.0, "{}")
        >>> one.nearness
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
        if missing := str(self.told.get("missing") or ""):
            return f"Not yet: {missing}."
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


def ranked(known: Iterable[Series]) -> list[Series]:
    """What needs a person first, then what is nearest to an alarm."""
    order = list(STATES)
    return sorted(
        known,
        key=lambda one: (
            order.index(one.status) if one.status in order else len(order),
            -one.nearness,
            list(KINDS).index(one.kind),
            one.key,
        ),
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
