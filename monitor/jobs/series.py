"""The life of one monitored series between runs: its last row in `checks`, read and written.

Both watching jobs (`temporal`, `rates`) continue a detector from the state in its series' latest row and append
the next row, so that a scheduled process forgets nothing and a repeated run adds nothing.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from monitor.clock import parse_time
from monitor.drift.intervals import clopper_pearson
from monitor.records import CheckRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from monitor.store import Store

__all__ = [
    "ALERTS_PER_WEEK",
    "BASELINE_SPAN",
    "MARKS",
    "SETTLE",
    "Series",
    "began",
    "begin_again",
    "evidence_since",
    "latest",
]

SETTLE = timedelta(minutes=5)
"""Watching jobs look at nothing younger than this, so that what is still under way is not passed over: a series never
goes back. What arrives later than that is kept and shown, and not counted by its detector."""
ALERTS_PER_WEEK = 0.5
"""False alerts that a watching job may have of one service in a week, shared over that service's series
(STATISTICS.md, section 5). Two jobs watch a service, so a deployment's budget is twice this for each service."""
BASELINE_SPAN = timedelta(days=7)
"""A baseline covers at least one whole week."""
MARKS = 200
"""Latest marks kept in a series' state, to date a change."""


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
        """The row of one run over [start, end): `count` events in `n` calls."""
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
