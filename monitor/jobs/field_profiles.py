"""What the baseline says of each field of a service's answers: which there are, their values, their numbers."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from monitor.drift.baseline import Baseline, rate_baseline
from monitor.drift.readings import SHAPE, TEXT_DATE, Reading
from monitor.drift.slips import NumberProfile, unit_slip
from monitor.drift.staleness import year_age
from monitor.drift.values import ValueDetector

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from monitor.drift import Scalar
    from monitor.drift.value_counts import Values
    from monitor.jobs.structured import Answer

__all__ = [
    "EXCEEDED",
    "HIGHEST",
    "PATHS",
    "YEAR_AGE",
    "FieldProfile",
    "hour_of",
    "learn_fields",
    "number_of",
    "values_of",
]

PATHS = "@paths"
"""Pseudo-field: which fields an answer has."""
YEAR_AGE = "@year_age"
"""Pseudo-field: how far behind the present the latest year is that an answer mentions."""
PSEUDO = (SHAPE, PATHS, YEAR_AGE)
MOST_FIELDS = 48
"""Fields of a service that are watched, the most frequent ones."""
MOST_NUMBERS = 16
LEAST_SHARE = 0.05
"""A field is watched when at least this share of the answers holds it."""
SMALLEST_WINDOW, LARGEST_WINDOW = 50, 250
WINDOWS = 8
"""A baseline holds at least so many windows."""
NUMERIC = 0.8
HIGHEST = 0.9
"""A rate that is higher than this has no room to rise."""
COMMON = 0.02
"""A unit slip that is as common as this in the baseline is the field's way, and is not watched."""
EXCEEDED = ("below_q01", "below_q10", "above_q50", "above_q90", "above_q99")
"""Rate series of a numeric field, in the order of `NumberProfile.exceeded`."""


@dataclass(frozen=True, slots=True)
class FieldProfile:
    """One field, as the baseline had it."""

    path: str
    values: ValueDetector
    numbers: NumberProfile | None
    exceeded: Mapping[str, Baseline]
    """By name of `EXCEEDED`: the rate and its hours; those without enough data are not here."""
    unit_slips: int
    n: int
    """Answers of the baseline that could hold it."""
    per_week: float
    """The same in a week of all calls."""

    def state(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {
            "values": self.values.state(),
            "numbers": self.numbers.state() if self.numbers else None,
            "exceeded": {name: one.state() for name, one in self.exceeded.items()},
            "unit_slips": self.unit_slips,
            "n": self.n,
            "per_week": self.per_week,
        }

    @classmethod
    def from_state(cls, path: str, state: Mapping[str, Any]) -> Self:
        """What gave this `state()`."""
        return cls(
            path,
            ValueDetector.from_state(state["values"]),
            NumberProfile.from_state(state["numbers"]) if state["numbers"] else None,
            {name: Baseline.from_state(one) for name, one in state["exceeded"].items()},
            state["unit_slips"],
            state["n"],
            state["per_week"],
        )


def hour_of(when: datetime) -> datetime:
    """The hour that a moment lies in."""
    return when.replace(minute=0, second=0, microsecond=0)


def values_of(answer: Answer, reading: Reading, path: str) -> tuple[bool, Values]:
    """Whether an answer could hold a field, and what it holds there; None when it lacks it."""
    if path == SHAPE:
        return True, (reading.shape,)
    if path == YEAR_AGE:
        return True, (year_age(answer.output, answer.timestamp.date()),)
    if path == PATHS:
        return bool(reading.roots), tuple(one for one in reading.values if "@" not in one) or None
    if path == TEXT_DATE:
        return reading.shape == "text", reading.values.get(path)
    root = reading.root_of(path.removesuffix("[]") if path == "[]" else path)
    return root is not None, reading.values.get(path)


def number_of(values: Values) -> float | None:
    """The first finite number among a field's values; None where there is none."""
    for one in values or ():
        if isinstance(one, int | float) and not isinstance(one, bool) and abs(one) < 1e300:
            return float(one)
    return None


def learn_fields(
    answers: Iterable[tuple[Answer, Reading]], *, calls: int, days: float
) -> Iterator[FieldProfile]:
    """Profile every field that is frequent enough, the most frequent first.

    Args:
        answers: a sample of the baseline, in order of time.
        calls: how many calls it stands for.
        days: how long it is.
    """
    kept = [(answer.timestamp, _slim(answer, reading)) for answer, reading in answers]
    held = Counter(path for _, told in kept for path in told if not path.startswith((" ", "@")))
    held[TEXT_DATE] = sum(TEXT_DATE in told for _, told in kept)
    frequent = [path for path, n in held.most_common(MOST_FIELDS) if n >= LEAST_SHARE * len(kept)]
    numeric = 0
    for path in (*PSEUDO, *frequent):
        series = [
            (when, told.get(path))
            for when, told in kept
            if (path in told if path in PSEUDO else _could(told, path))
        ]
        per_week = 7 * calls / max(1, len(kept)) * len(series) / days
        profile = _profile(path, series, per_week, numbers=numeric < MOST_NUMBERS)
        if profile is not None:
            numeric += profile.numbers is not None
            yield profile


def _slim(answer: Answer, reading: Reading) -> dict[str, tuple[Scalar, ...] | None]:
    """What is kept of one answer while the baseline is read, its roots as `root ` marks."""
    told: dict[str, tuple[Scalar, ...] | None] = {}
    for path in PSEUDO:
        could, values = values_of(answer, reading, path)
        if could:
            told[path] = values
    return {**told, **reading.values, **{f" {root}": None for root in reading.roots}}


def _could(told: Mapping[str, object], path: str) -> bool:
    head, call, _ = path.partition("().")
    if path == TEXT_DATE:
        return told[SHAPE] == ("text",)
    return f" {head}()." in told if call else " " in told


def _profile(
    path: str, series: Sequence[tuple[datetime, Values]], per_week: float, *, numbers: bool
) -> FieldProfile | None:
    window = int(np.clip(per_week / 7 / 4, SMALLEST_WINDOW, LARGEST_WINDOW))
    window = min(window, len(series) // WINDOWS)
    if window < SMALLEST_WINDOW:
        return None
    rng = np.random.default_rng(0)
    values = ValueDetector.fit([one for _, one in series], window=window, rng=rng)
    read = [(when, number_of(one)) for when, one in series]
    found = [(when, one) for when, one in read if one is not None]
    filled = sum(one is not None for _, one in series)
    if not numbers or path in PSEUDO or len(found) < NUMERIC * max(filled, 1):
        return FieldProfile(path, values, None, {}, 0, len(series), per_week)
    whole = NumberProfile.fit([one for _, one in found])
    if whole.constant or not whole.sufficient:
        return FieldProfile(path, values, None, {}, 0, len(series), per_week)
    slips = sum(unit_slip(one, whole) is not None for _, one in found)
    earlier = NumberProfile.fit([one for _, one in found[: len(found) // 2]])
    exceeded = _exceeded(found[len(found) // 2 :], earlier)
    return FieldProfile(
        path, values, _with_levels(whole, earlier), exceeded, slips, len(series), per_week
    )


def _with_levels(whole: NumberProfile, earlier: NumberProfile) -> NumberProfile:
    """The envelope of the whole, the levels whose rates the later half tells."""
    return NumberProfile(earlier.levels, whole.low, whole.high, whole.n)


def _exceeded(
    later: Sequence[tuple[datetime, float]], earlier: NumberProfile
) -> dict[str, Baseline]:
    """How often the later half of a baseline lies beyond the earlier half's quantiles, by hour.

    A number that grows with time, as a running number does, is beyond them nearly always, and
    its series then say nothing: that is as it should be.
    """
    hours: dict[datetime, list[tuple[bool, ...]]] = defaultdict(list)
    for when, value in later:
        hours[hour_of(when)].append(earlier.exceeded(value))
    if not hours:
        return {}
    first = min(hours)
    every = [
        first + timedelta(hours=n)
        for n in range(int((max(hours) - first) / timedelta(hours=1)) + 1)
    ]
    found = {}
    for position, name in enumerate(EXCEEDED):
        baseline = rate_baseline(
            [sum(one[position] for one in hours.get(hour, ())) for hour in every],
            [len(hours.get(hour, ())) for hour in every],
            hours_of_week=[hour.weekday() * 24 + hour.hour for hour in every],
        )
        if baseline.status != "insufficient_data" and baseline.p0 < HIGHEST:
            found[name] = baseline
    return found
