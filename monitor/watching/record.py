"""What `checks` remembers of a service's rate series, read once per run."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from monitor.jobs.series import Series, latest
from monitor.watching import baselines
from monitor.watching.metrics import Cast
from monitor.watching.reading import Key, hour_number, hour_time
from monitor.watching.verdicts import STATE_VERSION, Watched

if TYPE_CHECKING:
    from monitor.records import CheckRow
    from monitor.store import Store

__all__ = ["Record", "read_record"]

log = logging.getLogger(__name__)
HABIT = ("rate_profile", "rates")
"""Detector and series of the row that keeps what all series of a service share."""


@dataclass(slots=True)
class Record:
    """A service between two runs."""

    service: str
    cast: Cast = field(default_factory=Cast)
    profiles: dict[str, list[float]] = field(default_factory=dict)
    """Hour-of-week profile by metric."""
    tried: int = 0
    """The hour up to which baselines were last looked for; 0 for never."""
    watched: dict[Key, Watched] = field(default_factory=dict)
    cursors: dict[Key, int] = field(default_factory=dict)
    """End of the hours that each watched series has seen."""
    status: dict[Key, str] = field(default_factory=dict)
    words: dict[str, CheckRow] = field(default_factory=dict)
    """Latest word of a person, by series name."""

    begun: set[Key] = field(default_factory=set)
    """Series that this run began to watch: they have seen nothing, whatever the others of their metric have."""

    def seen_until(self, key: Key) -> int:
        """End of the hours that a series has seen."""
        return self.cursors[key] if key in self.begun else self.cursor(key[0])

    def cursor(self, metric: str) -> int:
        """End of the hours that the series of a metric have seen: a row is only written for hours with calls."""
        ends = (
            end for key, end in self.cursors.items() if key[0] == metric and key not in self.begun
        )
        return max(ends, default=0)

    def watch(self, one: Watched, end: int) -> None:
        """Begin to watch a series, or go on with another baseline."""
        self.watched[one.key], self.cursors[one.key] = one, end
        self.status.setdefault(one.key, "stable")

    def row(self, *, since: int, until: int) -> CheckRow:
        """What all series share, as a row."""
        state: dict[str, Any] = {
            "version": STATE_VERSION,
            "cast": self.cast.state(),
            "profiles": self.profiles,
            "tried": until,
        }
        return Series(HABIT[0], HABIT[1], self.service, state=state).row(
            start=hour_time(since),
            end=hour_time(until),
            release="",
            count=0,
            n=0,
            status="stable" if self.watched else "insufficient_data",
        )


def read_record(store: Store, service: str) -> Record:
    """A service's record; what another version of the program wrote is left out and learnt anew."""
    record = Record(service)
    for (detector, name), row in latest(store, service).items():
        state = json.loads(row.state)
        if detector == baselines.DETECTOR:
            record.words[name] = row
        elif detector not in ("rate", HABIT[0]) or (
            detector == "rate" and row.status == "insufficient_data"
        ):
            continue
        elif state.get("version") != STATE_VERSION:
            log.warning(
                "a rate series of another version is learnt anew",
                extra={"service": service, "series": name, "version": state.get("version")},
            )
        elif detector == HABIT[0]:
            record.cast = Cast.from_state(state["cast"])
            record.profiles, record.tried = dict(state["profiles"]), int(state["tried"])
        else:
            end = hour_number(row.window_end)
            one = Watched.from_state(service, state, end=end)
            record.watch(one, end)
            record.status[one.key] = row.status
    return record
