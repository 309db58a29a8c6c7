"""The January story on a synthetic stream of mortgage calls, watched by the shipped detectors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from monitor.drift import (
    ROLLOVER_ODDS,
    DateProfile,
    RateDetector,
    RolloverDetector,
    clopper_pearson_upper,
    year_slip,
)

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
    calls_after_turn: int


def stream(
    first: date, last: date, *, error_rate: float, disputes: float, rng: np.random.Generator
) -> list[Call]:
    """Calls of the days [first, last).

    Args:
        first: first day.
        last: day after the last.
        error_rate: share of wrong calls from the turn of the year on; 0.9 points of it are not
            about the year, the rest are dates in 2024 that the model writes as 2023.
        disputes: share of calls from the turn on about a payment of a year ago.
        rng: the randomness.
    """
    calls: list[Call] = []
    for offset in range((last - first).days):
        day = first + timedelta(days=offset)
        turned = day >= TURN
        slips = error_rate - BASE_ERRORS + BASE_SLIPS if turned else BASE_SLIPS
        calls += [
            _call(day, slips, disputes if turned else 0.0, rng)
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

    def run(self, calls: list[Call]) -> dict[str, Alarm]:
        """Watch the calls one by one; first alarm per detector."""
        alarms: dict[str, Alarm] = {}
        detectors = {
            "year-slip": self.every,
            "year-slip, ungrounded": self.ungrounded,
            "rollover, next_payment_due": self.rollover,
        }
        after = 0
        for call in calls:
            after += call.day >= TURN
            every, ungrounded = self.slips(call)
            self.every.update(every, 1)
            self.ungrounded.update(ungrounded, 1)
            self.rollover.update(call.values["next_payment_due"], call.day)
            for name, detector in detectors.items():
                if name not in alarms and detector.drift_detected:
                    alarms[name] = Alarm(call.day < TURN, after)
            if len(alarms) == len(detectors):
                break
        return alarms


def january(seed: int, *, error_rate: float, disputes: float) -> dict[str, Alarm]:
    """One winter: alarms between 1 December and 11 January, per detector."""
    rng = np.random.default_rng(seed)
    baseline = stream(START, WATCH, error_rate=BASE_ERRORS, disputes=0, rng=rng)
    watch = Watch(baseline)
    return watch.run(stream(WATCH, END, error_rate=error_rate, disputes=disputes, rng=rng))
