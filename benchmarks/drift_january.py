"""The January story on a synthetic stream of mortgage calls, watched by the shipped detectors."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from monitor.drift import (
    ROLLOVER_ODDS,
    DateProfile,
    RateDetector,
    RolloverDetector,
    clopper_pearson_upper,
    year_slip,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

START, WATCH, TURN, END = (
    date(2023, 10, 1),
    date(2023, 12, 1),
    date(2024, 1, 1),
    date(2024, 1, 12),
)
CALLS_PER_DAY = 1_000
BASE_SLIPS, BASE_ERRORS = 0.001, 0.01
"""Healthy: 1 % of calls are wrong, a tenth of them by a year. The rest is no date's fault."""
FIELDS = ("next_payment_due", "last_payment")
ARL = 1e6


@dataclass(frozen=True, slots=True)
class Call:
    """One call: its day, what the model extracted, what the caller said."""

    day: date
    values: dict[str, date]
    text: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """When one detector spoke up."""

    before_turn: bool
    calls: int
    """Calls since 1 December, or since the turn of the year when it came after that."""


@dataclass(frozen=True, slots=True)
class Story:
    """What happens from the turn of the year on."""

    name: str
    error_rate: float
    """Share of wrong calls: 0.9 points are not about the year, the rest are dates in 2024 that the
    model writes as 2023."""
    disputes: float
    """Share of calls about a payment of a year ago."""


def stream(first: date, last: date, story: Story, rng: np.random.Generator) -> list[Call]:
    """Calls of the days [first, last)."""
    calls: list[Call] = []
    for offset in range((last - first).days):
        day = first + timedelta(days=offset)
        turned = day >= TURN
        slips = story.error_rate - BASE_ERRORS + BASE_SLIPS if turned else BASE_SLIPS
        calls += [
            _call(day, slips, story.disputes if turned else 0.0, rng)
            for _ in range(rng.poisson(CALLS_PER_DAY))
        ]
    return calls


def _call(day: date, slips: float, disputes: float, rng: np.random.Generator) -> Call:
    due = _due(day, rng)
    disputed = rng.random() < disputes
    paid = day - timedelta(days=int(rng.integers(1, 40) + (335 if disputed else 0)))
    said_due = _say(due, with_year=rng.random() < 0.15)
    said_paid = _say(paid, with_year=rng.random() < (0.9 if disputed else 0.1))
    if rng.random() < slips:
        due = due.replace(year=due.year - 1, day=min(due.day, 28))
    return Call(
        day,
        {"next_payment_due": due, "last_payment": paid},
        f"I paid on {said_paid}. The next one is due {said_due}, right?",
    )


def _due(day: date, rng: np.random.Generator) -> date:
    """The next 1st or 15th, or for one in 200 the one that was just missed."""
    anchor = 1 if rng.random() < 0.6 else 15
    if rng.random() < 0.005:
        return day - timedelta(days=int(rng.integers(1, 20)))
    due = day.replace(day=anchor)
    if due < day:
        due = (due.replace(day=1) + timedelta(days=32)).replace(day=anchor)
    return due


def _say(day: date, *, with_year: bool) -> str:
    return f"{day:%B} {day.day}, {day.year}" if with_year else f"{day:%B} {day.day}"


class Watch:
    """The three detectors of the story, learnt from October and November."""

    def __init__(self, baseline: list[Call]) -> None:
        self.alarms: dict[str, Alarm] = {}
        lags = {name: [(call.values[name] - call.day).days for call in baseline] for name in FIELDS}
        self.profiles = {name: DateProfile.fit(lags[name]) for name in FIELDS}
        flags = np.array([self.slips(call) for call in baseline])
        upper = [clopper_pearson_upper(int(column.sum()), len(flags)) for column in flags.T]
        self.every = RateDetector(p0=upper[0], arl=ARL, odds=ROLLOVER_ODDS)
        self.ungrounded = RateDetector(p0=upper[1], arl=ARL, odds=ROLLOVER_ODDS)
        self.rollover = RolloverDetector(self.profiles["next_payment_due"], arl=ARL)

    def slips(self, call: Call) -> tuple[bool, bool]:
        """Whether any field is a year off, and whether one is whose year nobody wrote."""
        found = [
            year_slip(call.values[name], call.day, self.profiles[name], call.text)
            for name in FIELDS
        ]
        slips = [slip for slip in found if slip]
        return bool(slips), any(not slip.grounded for slip in slips)

    def run(self, calls: list[Call]) -> None:
        """Watch the next calls one by one; `alarms` keeps the first of each detector."""
        detectors = {
            "year-slip": self.every,
            "year-slip, ungrounded": self.ungrounded,
            "rollover, next_payment_due": self.rollover,
        }
        for number, call in enumerate(calls, start=1):
            every, ungrounded = self.slips(call)
            self.every.update(every, 1)
            self.ungrounded.update(ungrounded, 1)
            self.rollover.update(call.values["next_payment_due"], call.day)
            for name, detector in detectors.items():
                if name not in self.alarms and detector.drift_detected:
                    self.alarms[name] = Alarm(call.day < TURN, number)
            if len(self.alarms) == len(detectors):
                break


def january(seed: int, stories: Sequence[Story]) -> list[dict[str, Alarm]]:
    """One winter: alarms between 1 December and 11 January, per story and detector.

    The stories share everything up to the turn of the year.
    """
    rng = np.random.default_rng(seed)
    watch = Watch(stream(START, WATCH, Story("", BASE_ERRORS, 0), rng))
    watch.run(stream(WATCH, TURN, Story("", BASE_ERRORS, 0), rng))
    told = []
    for story in stories:
        fork = deepcopy(watch)
        fork.run(stream(TURN, END, story, np.random.default_rng([seed, 1])))
        told.append(fork.alarms)
    return told
