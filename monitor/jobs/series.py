"""The life of one monitored series between runs: its last row in `checks`, read and written.

Every watching job continues a detector from the state in its series' latest row and appends the next row, so that a
scheduled process forgets nothing and a repeated run adds nothing. All of them share one `Budget` of false alarms:

    budget = read_budget(store, settings, now=window.until)
    page = budget.arl("page", updates_per_week)            # a series of its own
    page = budget.arl("page", updates_per_week, part="slices")   # `call/error [release=v2]`

A row's status is `drift` when it is worth waking somebody (the page tier), `watch` when only the looser tier is
passed or when something improved, `stable`, or `insufficient_data`. Its `evidence` is JSON and says, where it applies:
`tier` (page, watch), `direction` (worse, better), `metric`, `slice` (conditions by attribute), `started_at`,
`alarmed_at`, `needed` (further calls until a doubling would be seen), `missing` (what a baseline still lacks).
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal

from monitor.clock import parse_time
from monitor.drift.intervals import clopper_pearson
from monitor.drift.planning import arl_for_budget
from monitor.records import CheckRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from monitor.settings import Settings
    from monitor.store import Store

__all__ = [
    "BASELINE_SPAN",
    "MARKS",
    "SETTLE",
    "Budget",
    "Part",
    "Series",
    "Tier",
    "began",
    "begin_again",
    "evidence_since",
    "latest",
    "read_budget",
    "series_name",
]

SETTLE = timedelta(minutes=5)
"""Watching jobs look at nothing younger than this, so that what is still under way is not passed over: a series never
goes back. What arrives later than that is kept and shown, and not counted by its detector."""
BASELINE_SPAN = timedelta(days=7)
"""A baseline covers at least one whole week."""
MARKS = 200
"""Latest marks kept in a series' state, to date a change."""


Tier = Literal["page", "watch"]
"""What wakes somebody, and what is only noted."""
Part = Literal["overall", "slices"]
"""Series of a whole service, and those of one slice of it."""
WATCH_LOOSER = 10
"""False alarms of the watch tier for each that the page tier may have."""
SEEN_WITHIN = timedelta(days=14)
"""A series without a row for so long no longer takes a share of the budget."""


@dataclass(frozen=True, slots=True)
class Budget:
    """False alarms a week that the whole deployment may have, and over how many series they are shared.

    Half of them belong to the series of whole services and half to their slices, so that a
    thousand slices cost a service's own series one bit of evidence and not ten. False alarms add
    up under any dependence between series, so the promise is kept however they are correlated.
    """

    page_per_week: float
    overall: int
    """Watched series of whole services, of all services and jobs."""
    slices: int
    """Watched series of slices."""

    def arl(self, tier: Tier, updates_per_week: float, *, part: Part = "overall") -> float:
        """Average run length, in updates, that one series of this part must keep to.

        The number of series is rounded up to a power of two, so that a new one does not move
        everybody's threshold.

        >>> budget = Budget(page_per_week=0.5, overall=10, slices=500)
        >>> budget.arl("page", 168), budget.arl("watch", 168)
        (10752.0, 1075.2)
        >>> budget.arl("page", 168, part="slices")
        344064.0
        """
        both = self.overall > 0 and self.slices > 0
        per_week = self.page_per_week * (WATCH_LOOSER if tier == "watch" else 1) / (1 + both)
        series = max(1, self.overall if part == "overall" else self.slices)
        return max(2.0, arl_for_budget(1 << (series - 1).bit_length(), per_week, updates_per_week))

    def joined_by(self, names: Iterable[str]) -> Budget:
        """The budget once these series are watched too."""
        new = list(names)
        slices = sum(is_slice(name) for name in new)
        return replace(self, overall=self.overall + len(new) - slices, slices=self.slices + slices)


def read_budget(store: Store, settings: Settings, *, now: datetime) -> Budget:
    """The deployment's budget by what `checks` says is watched."""
    [(overall, slices)] = store.rows("series_watched", since=now - SEEN_WITHIN)
    return Budget(settings.false_alerts_per_week, int(overall), int(slices))


def series_name(metric: str, conditions: Mapping[str, str] | None = None) -> str:
    """What a series is called: its metric, and for a slice its conditions.

    >>> series_name("call/error"), series_name("call/error", {"release": "v2"})
    ('call/error', 'call/error [release=v2]')
    """
    if not conditions:
        return metric
    return f"{metric} [{', '.join(f'{name}={value}' for name, value in conditions.items())}]"


def is_slice(name: str) -> bool:
    """Whether a series is one of a slice."""
    return " [" in name


@dataclass(frozen=True, slots=True)
class Series:
    """Which series, and what its baseline said."""

    detector: str
    name: str
    service: str
    field: str = ""
    baseline: float = 0.0
    baseline_n: int = 0
    state: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def row(  # noqa: PLR0913 - one argument a column, all of them by name
        self,
        *,
        start: datetime,
        end: datetime,
        release: str,
        count: int,
        n: int,
        status: str,
        e_value: float = 0.0,
        threshold: float = 0.0,
        state: Mapping[str, Any] | None = None,
        evidence: Mapping[str, Any] | None = None,
    ) -> CheckRow:
        """The row of one run over [start, end): `count` events in `n` calls.

        Raises:
            ValueError: the e-value is no number that JSON can carry; incidents could not be read back.
        """
        if not isfinite(e_value):
            raise ValueError(f"{self.detector} on {self.name} has the e-value {e_value}")
        interval = clopper_pearson(count, n) if n else None
        return CheckRow(
            timestamp=end,
            check_id=f"{self.detector}:{self.name}:{end.isoformat()}",
            detector=self.detector,
            detector_version=1,
            series=self.name,
            service=self.service,
            release=release,
            field=self.field,
            window_start=start,
            window_end=end,
            status=status,
            count=count,
            n=n,
            effect=count / n if n else 0.0,
            low=interval.low if interval else 0.0,
            high=interval.high if interval else 1.0,
            baseline=self.baseline,
            baseline_n=self.baseline_n,
            e_value=e_value,
            threshold=threshold,
            state=json.dumps(self.state if state is None else state),
            evidence=json.dumps(evidence or {}),
        )


def latest(store: Store, service: str) -> dict[tuple[str, str], CheckRow]:
    """The last row of every series of a service, by (detector, series name)."""
    rows = store.read("latest_checks", CheckRow, service=service)
    return {(row.detector, row.series): row for row in rows}


def began(change_index: int | None, marks: Iterable[Sequence[Any]]) -> str:
    """The time of the first mark (update index, ISO time) of the present excursion, '' when there is none."""
    return next(
        (when for index, when in marks if change_index is not None and index >= change_index), ""
    )


def evidence_since(row: CheckRow) -> datetime:
    """When the evidence that the series' detector holds began to be gathered."""
    since = json.loads(row.state).get("since")
    return parse_time(since) if since else datetime.min.replace(tzinfo=UTC)


def begin_again(row: CheckRow, *, now: datetime) -> CheckRow:
    """A row that makes a series begin new evidence at `now`, its baseline kept: for a resolved incident."""
    state = {
        **json.loads(row.state),
        "detector": None,
        "improved": None,
        "marks": [],
        "alarmed_at": "",
        "since": now.isoformat(),
    }
    return replace(
        row,
        timestamp=now,
        check_id=f"{row.detector}:{row.series}:{now.isoformat()}",
        window_start=now,
        window_end=now,
        status="stable",
        count=0,
        n=0,
        effect=0.0,
        low=0.0,
        high=1.0,
        e_value=0.0,
        state=json.dumps(state),
        evidence="{}",
    )
