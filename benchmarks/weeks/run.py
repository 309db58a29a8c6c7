"""One stretch of eight weeks through the product: traffic into the store as it arrives, jobs by the replay clock."""

from __future__ import annotations

import io
import json
import sys
import time
from collections import Counter, defaultdict
from contextlib import redirect_stdout
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from benchmarks.weeks.scenario import SCENARIOS, START, Scenario
from benchmarks.weeks.traffic import CallRow, Event, traffic
from monitor.clock import rfc3339
from monitor.incidents import Incident, incidents
from monitor.jobs.schedule import SCHEDULE
from monitor.scheduler import replay
from monitor.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from monitor.store import Store

__all__ = ["LEFT_OUT", "Outcome", "Plan", "run"]

LEFT_OUT = ("embed", "judge", "anchors", "descriptors")
"""Jobs that need a model, and Evidently's: minutes of other people's code."""
ALLOWED = timedelta(hours=4)
"""An incident that is said to begin so much before the fault is still the fault's."""
SCHEMA = {
    "type": "object",
    "required": ["kind", "due_date", "currency", "amount"],
    "properties": {"amount": {"type": "number"}, "due_date": {"type": "string"}},
}


@dataclass(frozen=True, slots=True)
class Plan:
    """How much, and how often the jobs run."""

    days: int
    per_day: int
    step: timedelta
    seed: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a stretch showed."""

    scenario: Scenario
    calls: int
    incidents: tuple[Incident, ...]
    seconds: float
    """All of it, generating the traffic included."""
    job_seconds: Mapping[str, float]
    failures: Mapping[str, str]
    """The last error of every job that failed."""

    @property
    def found(self) -> Incident | None:
        """The first incident that the fault explains."""
        begins = self.scenario.begins
        services = (self.scenario.service,) if self.scenario.service else ("assistant", "extractor")
        mine = [
            one
            for one in self.incidents
            if begins and one.opened_at > begins and one.service in services
            and one.started_at >= begins - ALLOWED and one.severity != "watch"
        ]  # fmt: skip
        return min(mine, key=lambda one: one.opened_at, default=None)

    def rank(self, one: Incident) -> int | None:
        """Place of the right cause among those that were weighed, from 1; None where it is not among them."""
        told = [weighed.cause for weighed in one.details.causes] or [one.cause]
        places = [told.index(name) + 1 for name in self.scenario.causes if name in told]
        return min(places, default=None)

    @property
    def false_pages(self) -> list[Incident]:
        """Incidents that woke somebody for nothing: all that were opened before a fault."""
        begins = self.scenario.begins
        return [
            one
            for one in self.incidents
            if one.severity == "page" and (begins is None or one.opened_at <= begins)
        ]


def run(scenario: Scenario, plan: Plan, store: Store, data_dir: Path) -> Outcome:
    """Play one stretch and say what came of it."""
    began = time.perf_counter()
    (data_dir / "schemas").mkdir(parents=True, exist_ok=True)
    (data_dir / "schemas" / "extractor.json").write_text(json.dumps(SCHEMA), "utf-8")
    settings = load_settings(store_url=store.url, data_dir=data_dir)
    counted = Counter[str]()
    heard = _Heard()
    jobs = [job for job in SCHEDULE if job.name not in LEFT_OUT]
    with redirect_stdout(heard):
        replay(settings, _times(scenario, plan, store, counted), jobs)
    return Outcome(
        scenario,
        counted["calls"],
        tuple(incidents(store)),
        time.perf_counter() - began,
        heard.seconds,
        heard.failures,
    )


class _Heard(io.StringIO):
    """What the scheduler says, added up."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: dict[str, float] = defaultdict(float)
        self.failures: dict[str, str] = {}

    def write(self, text: str, /) -> int:
        if text.startswith("{"):
            for name, one in json.loads(text)["runs"].items():
                self.seconds[name] += one["duration_ms"] / 1000
                if one["outcome"] == "failed":
                    self.failures[name] = one["error"]
        return len(text)


def _times(scenario: Scenario, plan: Plan, store: Store, counted: Counter[str]) -> Iterator[str]:
    """The clock, step by step; before each step what arrived in it is put into the store."""
    waiting: list[tuple[datetime, int, Event]] = []
    number, now = 0, START
    for day, events in enumerate(
        traffic(scenario, days=plan.days, per_day=plan.per_day, seed=plan.seed)
    ):
        for event in events:
            number += 1
            heappush(waiting, (event.arrives, number, event))
        end = START + timedelta(days=day + 1)
        while now < end:
            now = min(now + plan.step, end)
            rows = []
            while waiting and waiting[0][0] <= now:
                rows.append(heappop(waiting)[2].row)
            calls = [row for row in rows if isinstance(row, CallRow)]
            _insert(store, calls)
            store.append("scores", [row for row in rows if not isinstance(row, CallRow)])
            counted["calls"] += len(calls)
            yield rfc3339(now)
        sys.stderr.write(f"\r{scenario.name}: day {day + 1} of {plan.days} ")
        sys.stderr.flush()
    sys.stderr.write("\n")


def _insert(store: Store, calls: list[CallRow]) -> None:
    if calls:
        names = [one.name for one in fields(CallRow)]
        columns = [[getattr(call, name) for call in calls] for name in names]
        store.client.insert("calls", columns, column_names=names, column_oriented=True)


def named(words: str) -> list[Scenario]:
    """The scenarios whose name begins with these words; all for none."""
    return [one for one in SCENARIOS if one.name.startswith(words)]
