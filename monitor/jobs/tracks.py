"""One series being continued in one run: its detector fed, its alarm dated, its row written."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from monitor.drift import MixtureDetector
from monitor.jobs.series import MARKS, Budget, Series, Tier, began

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.jobs.structured import Answer
    from monitor.records import CheckRow

__all__ = ["Track", "Verdict", "state_of"]

EXAMPLES = 10
DetectorT = TypeVar("DetectorT", bound=MixtureDetector)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a series is judged."""

    tier: Tier
    """What its alarm is worth: `page`, or `watch` for a ticket."""
    per_week: float
    """Updates a week."""
    noted_only: bool = False
    """Its status is never more than `watch`: a hint for other incidents, none by itself."""


@dataclass(slots=True)
class Track(Generic[DetectorT]):
    """A series and its detector, from its last row to the next."""

    series: Series
    detector: DetectorT
    verdict: Verdict
    start: datetime
    """From when on it takes calls."""
    state: dict[str, Any]
    marks: deque[list[Any]] = field(default_factory=deque)
    alarmed_at: str = ""
    count: int = 0
    n: int = 0
    release: str = ""
    examples: deque[dict[str, str]] = field(default_factory=lambda: deque(maxlen=EXAMPLES))
    told: dict[str, Any] = field(default_factory=dict)
    """What else its evidence says."""

    def __post_init__(self) -> None:
        self.marks = deque(self.state.get("marks", []), maxlen=MARKS)
        self.alarmed_at = self.state.get("alarmed_at", "")

    @property
    def key(self) -> tuple[str, str]:
        """Detector and name."""
        return self.series.detector, self.series.name

    def promise(self, budget: Budget) -> None:
        """Set the run length that its alarm promises, by the number of series there are now."""
        self.detector.arl = budget.arl("page", self.verdict.per_week)

    def took(self, when: datetime, release: str, *, count: int, n: int) -> None:
        """Note what the detector was just given."""
        self.count, self.n, self.release = self.count + count, self.n + n, release
        if count:
            self.marks.append([self.detector.updates - 1, when.isoformat()])
        if self.detector.drift_detected and not self.alarmed_at:
            self.alarmed_at = when.isoformat()

    def example(self, answer: Answer, value: str, why: str) -> None:
        """Keep a call that shows it, of many the latest."""
        self.examples.append(
            {
                "trace_id": answer.trace_id,
                "span_id": answer.span_id,
                "timestamp": answer.timestamp.isoformat(),
                "value": value,
                "why": why,
            }
        )

    def row(self, until: datetime, budget: Budget) -> CheckRow:
        """What this run says of the series."""
        evidence, loose = self.detector.e_value, budget.arl("watch", self.verdict.per_week)
        status = (
            "drift"
            if self.detector.drift_detected and not self.verdict.noted_only
            else "watch"
            if evidence > min(loose, self.detector.arl)
            else "stable"
        )
        return self.series.row(
            start=self.start,
            end=until,
            release=self.release,
            count=self.count,
            n=self.n,
            status=status,
            e_value=evidence,
            threshold=self.detector.arl,
            state={
                "detector": self.detector.state(),
                "marks": list(self.marks),
                "alarmed_at": self.alarmed_at if status == "drift" else "",
                "since": self.state.get("since"),
            },
            evidence={
                "tier": self.verdict.tier,
                "started_at": began(self.detector.change_index, self.marks),
                "alarmed_at": self.alarmed_at if status == "drift" else "",
                "examples": list(self.examples),
                **self.told,
            },
        )


def state_of(before: CheckRow | None) -> dict[str, Any]:
    """The state in a series' last row; empty for a series that begins."""
    return dict(json.loads(before.state)) if before and before.state else {}
