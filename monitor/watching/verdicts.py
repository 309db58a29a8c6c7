"""One series continued: both of its detectors, hour by hour, and the row that says where it stands."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from monitor.drift import RATE_ODDS, RateDetector
from monitor.drift.baseline import HOURS_PER_WEEK, Baseline
from monitor.drift.planning import needed_samples
from monitor.jobs.series import Part, Series, series_name
from monitor.watching.metrics import worse_when
from monitor.watching.reading import Key, hour_of_week, hour_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from monitor.jobs.series import Budget
    from monitor.records import CheckRow

__all__ = ["STATE_VERSION", "Hour", "Source", "Watched", "conditions", "name_of", "own_baseline"]

STATE_VERSION = 2
Source = Literal["own", "predecessor", "pinned", "accepted", "dataset"]
"""How a baseline was chosen: by itself, or by a person's word."""
_UPDATE_HOURS = HOURS_PER_WEEK
_PEERS = 0.1
"""A new release is held against calls of the same hour when these are at least this share of its own."""
_INVERSE = tuple(1 / ratio for ratio in RATE_ODDS)


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of a series; `others` are the calls of the same hour that are not in the slice."""

    number: int
    count: int
    n: int
    others: int = 0
    others_n: int = 0


@dataclass(slots=True)
class Watched:
    """A series under watch, between two of its rows."""

    service: str
    key: Key
    baseline: Baseline
    learnt: tuple[int, int]
    """First hour and end of the baseline."""
    release: str
    """Whose baseline it is."""
    learnt_at: str
    source: Source = "own"
    origin: int = 0
    """The hour of the detectors' first update: index and time of an update are one."""
    traffic: float = 0.0
    """Calls of the last day, a running mean."""
    since: str | None = None
    up: RateDetector | None = None
    down: RateDetector | None = None
    kept: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Of the series."""
        return name_of(self.key)

    def begin(self, budget: Budget) -> tuple[float, float]:
        """Make the detectors that are missing, and hold both to the present budget: page, watch."""
        part: Part = "slices" if self.key[1] else "overall"
        page = budget.arl("page", _UPDATE_HOURS, part=part)
        watch = budget.arl("watch", _UPDATE_HOURS, part=part)
        self.up = self.up or RateDetector(p0=self.baseline.p0, arl=page)
        self.down = self.down or RateDetector(p0=self.baseline.low, arl=page, direction="down")
        up_is_worse = worse_when(self.key[0]) == "up"
        self.up.retarget(page if up_is_worse else watch)
        self.down.retarget(watch if up_is_worse else page)
        return page, watch

    def see(self, hour: Hour, profile: Sequence[float]) -> None:
        """Take one hour in; hours that are passed over had no calls."""
        assert self.up is not None  # `begin` comes first
        assert self.down is not None
        gap = hour.number - self.origin - self.up.updates
        for detector in (self.up, self.down):
            detector.updates += gap
        self.traffic = self.traffic * (23 / 24) ** (gap + 1) + hour.n
        if self.source == "predecessor" and hour.others_n >= _PEERS * hour.n:
            for detector in (self.up, self.down):
                detector.compare(
                    hour.count, hour.n, hour.others, hour.others_n, cluster=self.baseline.cluster
                )
            return
        level = profile[hour_of_week(hour.number)] if profile else 1.0
        for detector, odds in ((self.up, RATE_ODDS), (self.down, _INVERSE)):
            nulls = [
                min(0.999, null * level)
                for null in self.baseline.null(odds, calls_per_day=self.traffic)
            ]
            detector.update(hour.count, hour.n, nulls, cluster=self.baseline.cluster)

    def row(
        self,
        hours: Sequence[Hour],
        *,
        start: datetime,
        end: int,
        budget: Budget,
        extra: Mapping[str, Any],
    ) -> CheckRow:
        """The row of the run that took these hours in."""
        page, watch = self.begin(budget)
        assert self.up is not None
        assert self.down is not None
        worse, better = (
            (self.up, self.down) if worse_when(self.key[0]) == "up" else (self.down, self.up)
        )
        status, leader = "stable", worse
        if worse.e_value > page:
            status = "drift"
        elif worse.e_value > watch:
            status = "watch"
        elif better.e_value > watch:
            status, leader = "watch", better
        changed = leader.change_index
        began = hour_time(self.origin + changed).isoformat() if changed is not None else ""
        evidence: dict[str, Any] = {
            "started_at": began,
            "metric": self.key[0],
            "slice": conditions(self.key[1]),
            "baseline": self.source,
            "baseline_release": self.release,
            "needed": self._needed(page),
            **extra,
        }
        if status != "stable":
            self.kept.setdefault("alarmed_at", hour_time(end).isoformat())
            evidence |= {
                "tier": "page" if status == "drift" else "watch",
                "direction": "worse" if leader is worse else "better",
                "alarmed_at": self.kept["alarmed_at"],
                "count_since": leader.count_since_change,
                "n_since": leader.n_since_change,
            }
        else:
            self.kept.pop("alarmed_at", None)
        return self._series().row(
            start=start,
            end=hour_time(end),
            release=self.release,
            count=sum(hour.count for hour in hours),
            n=sum(hour.n for hour in hours),
            status=status,
            e_value=leader.e_value,
            threshold=page if leader is worse else watch,
            state=self.state(),
            evidence=evidence,
        )

    def _needed(self, page: float) -> int | None:
        """Further calls until a doubled rate would be seen; None where there is no such rate."""
        [p] = self.baseline.null((2.0,), calls_per_day=self.traffic)
        per_hour = max(1.0, max(self.traffic, self.baseline.calls_per_day) / 24)
        if not 0 < p < 1:
            return None
        return round(self.baseline.cluster * needed_samples(p, 2.0, page, per_update=per_hour))

    def _series(self) -> Series:
        return Series(
            "rate", self.name, self.service, "", self.baseline.rate, self.baseline.n, self.state()
        )

    def state(self) -> dict[str, Any]:
        """Everything a later run needs, with a version."""
        return {
            "version": STATE_VERSION,
            "key": list(self.key),
            "baseline": {**self.baseline.state(), "profile": []},
            "learnt": list(self.learnt),
            "release": self.release,
            "learnt_at": self.learnt_at,
            "source": self.source,
            "origin": self.origin,
            "traffic": round(self.traffic, 3),
            "since": self.since,
            "detector": self.up.state() if self.up else None,
            "improved": self.down.state() if self.down else None,
            "kept": self.kept,
        }

    @classmethod
    def from_state(cls, service: str, state: Mapping[str, Any], *, end: int) -> Watched:
        """The series that gave this `state()`; one that was begun again starts its evidence at `end`.

        Raises:
            ValueError: another version of the program wrote it.
        """
        if state.get("version") != STATE_VERSION:
            raise ValueError(
                f"the state of a rate series has version {state.get('version')!r} and this program "
                f"reads {STATE_VERSION}; its baseline is learnt again"
            )
        up, down = state["detector"], state["improved"]
        metric, slice_ = state["key"]
        return cls(
            service=service,
            key=(metric, slice_),
            baseline=Baseline.from_state(state["baseline"]),
            learnt=(state["learnt"][0], state["learnt"][1]),
            release=state["release"],
            learnt_at=state["learnt_at"],
            source=state["source"],
            origin=state["origin"] if up else end,
            traffic=state["traffic"],
            since=state["since"],
            up=RateDetector.from_state(up) if up else None,
            down=RateDetector.from_state(down) if down else None,
            kept=dict(state["kept"]) if up else {},
        )


def name_of(key: Key) -> str:
    """The series' name: its metric, and its slice in brackets."""
    return series_name(key[0], conditions(key[1]))


def conditions(slice_: str) -> dict[str, str]:
    """A slice's label as conditions by attribute.

    >>> conditions("tag tenant=a=b"), conditions("")
    ({'tag tenant': 'a=b'}, {})
    """
    name, _, value = slice_.partition("=")
    return {name: value} if name else {}


def own_baseline(one: Baseline) -> Baseline:
    """A baseline without its profile, which all series of its metric share and is kept once."""
    return replace(one, profile=())
