"""The watches of one date field: what each takes for an event, and how it says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Protocol

from monitor.drift import (
    PROBABILITY_FLOOR,
    ROLLOVER_ODDS,
    DateProfile,
    MixtureDetector,
    RateDetector,
    RolloverDetector,
    clopper_pearson_upper,
    parse_date,
    year_slip,
)
from monitor.drift.readings import read_time
from monitor.drift.rollover import past_year_probability
from monitor.drift.slips import NumberProfile, clock_slip, day_slip, month_slip

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from monitor.drift import Scalar

__all__ = ["SLIPS", "DateField", "DateWatch", "Dated", "date_watches", "dated"]

SURPRISING = 0.02
"""A past year is kept as evidence when the profile gives it less than this probability."""


@dataclass(frozen=True, slots=True)
class Dated:
    """The dates that one answer writes in one field, and when it was given."""

    at: datetime
    input: str
    days: tuple[date, ...]
    clocks: tuple[datetime, ...] = ()
    """Those of them that are instants with a zone."""

    @property
    def event(self) -> date:
        """The day of the call, UTC."""
        return self.at.date()


@dataclass(frozen=True, slots=True)
class DateField:
    """What the baseline says of one date field."""

    path: str
    profile: DateProfile
    clock: NumberProfile | None
    """Lag of its times in seconds, where it writes times with a zone."""
    day_first: bool | None
    slips: Mapping[str, int]
    """By kind of slip: answers of the baseline that show it."""
    n: int
    per_week: float

    @property
    def future(self) -> bool:
        """Whether its dates lie ahead of the call: half of them or more."""
        return self.profile.share_below(1) < 0.5

    def state(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {
            "profile": self.profile.state(),
            "clock": self.clock.state() if self.clock else None,
            "day_first": self.day_first,
            "slips": dict(self.slips),
            "n": self.n,
            "per_week": self.per_week,
        }

    @classmethod
    def from_state(cls, path: str, state: Mapping[str, Any]) -> DateField:
        """What gave this `state()`."""
        return cls(
            path,
            DateProfile.from_state(state["profile"]),
            NumberProfile.from_state(state["clock"]) if state["clock"] else None,
            state["day_first"],
            state["slips"],
            state["n"],
            state["per_week"],
        )


def dated(
    at: datetime, text: str, values: Sequence[Scalar], *, day_first: bool | None
) -> Dated | None:
    """The dates among a field's values in one answer; None where there is none."""
    days = tuple(day for one in values if (day := parse_date(one, day_first=day_first)))
    clocks = tuple(time for one in values if (time := read_time(one)))
    return Dated(at, text, days, clocks) if days else None


def _year(found: Dated, of: DateField) -> str:
    for value in found.days:
        if slip := year_slip(value, found.event, of.profile, source_text=found.input):
            said = "" if slip.grounded else "; the input does not say that year"
            years = f"{abs(slip.years)} year{'s' if abs(slip.years) > 1 else ''}"
            return (
                f"{of.path} is {value}, {years} off: {slip.expected} would fit a call of "
                f"{found.event}{said}"
            )
    return ""


def _year_unsaid(found: Dated, of: DateField) -> str:
    why = _year(found, of)
    return why if why.endswith("; the input does not say that year") else ""


def _month(found: Dated, of: DateField) -> str:
    for value in found.days:
        if expected := month_slip(value, found.event, of.profile):
            return (
                f"{of.path} is {value}, a month off: {expected} would fit a call of {found.event}"
            )
    return ""


def _day(found: Dated, of: DateField) -> str:
    for value in found.days:
        if expected := day_slip(value, found.event, of.profile):
            return (
                f"{of.path} is {value}, a day off: {expected} is usual for a call of {found.event}"
            )
    return ""


def _clock(found: Dated, of: DateField) -> str:
    for value in found.clocks if of.clock else ():
        assert of.clock is not None
        if hours := clock_slip((value - found.at).total_seconds(), of.clock):
            return (
                f"{of.path} is {value:%Y-%m-%d %H:%M} UTC, {hours:+g} hours from where it keeps to "
                f"for a call of {found.at:%H:%M} UTC: a time zone was lost or added"
            )
    return ""


SLIPS: Mapping[str, Callable[[Dated, DateField], str]] = {
    "year_slip": _year,
    "year_slip_unsaid": _year_unsaid,
    "month_slip": _month,
    "day_slip": _day,
    "clock_slip": _clock,
}
"""By detector: why an answer's date is a slip, or ''."""
COMMON = 0.02
"""A slip that is as common as this in the baseline is the field's way, and is not watched."""


class DateWatch(Protocol):
    """One detector over one date field."""

    name: str
    detector: MixtureDetector

    def see(self, found: Dated) -> str:
        """Take one answer's dates in; returns why they are wrong or surprising, or ''."""
        ...


class SlipWatch:
    """Feeds the share of answers with a kind of slip into a rate detector."""

    def __init__(self, name: str, of: DateField, state: Mapping[str, Any] | None) -> None:
        self.name, self._of, self._why = name, of, SLIPS[name]
        self._p0 = max(PROBABILITY_FLOOR, clopper_pearson_upper(of.slips.get(name, 0), of.n))
        self.detector = (
            RateDetector.from_state(state)
            if state
            else RateDetector(p0=self._p0, arl=1e6, odds=ROLLOVER_ODDS)
        )

    def see(self, found: Dated) -> str:
        """Take one answer's dates in; returns why they slipped, or ''."""
        why = self._why(found, self._of)
        self.detector.update(int(bool(why)), 1, self._p0)
        return why


class PastYears:
    """Feeds "the year is before the call's year" against its probability under the profile."""

    name = "rollover"

    def __init__(self, of: DateField, state: Mapping[str, Any] | None) -> None:
        self._of = of
        self._chances: dict[date, float] = {}
        self.detector = (
            RolloverDetector.from_state(state) if state else RolloverDetector(of.profile)
        )
        self.detector.profile = of.profile

    def see(self, found: Dated) -> str:
        """Take one answer's first date in; returns why it is surprising, or ''."""
        value, event = found.days[0], found.event
        self.detector.update(value, event)
        if value.year >= event.year:
            return ""
        if event not in self._chances:
            self._chances[event] = past_year_probability(self._of.profile, event)
        if self._chances[event] > SURPRISING:
            return ""
        return f"{self._of.path} is {value}, in the year before the call of {event}"


def date_watches(
    of: DateField, states: Mapping[str, Mapping[str, Any] | None]
) -> list[SlipWatch | PastYears]:
    """The watches that make sense for a field: none for a slip that its baseline is full of."""
    possible = [name for name in SLIPS if name != "clock_slip" or of.clock is not None]
    watches: list[SlipWatch | PastYears] = [
        SlipWatch(name, of, states.get(name))
        for name in possible
        if _can_slip(name, of) and of.slips.get(name, 0) <= COMMON * of.n
    ]
    return [*watches, PastYears(of, states.get("rollover"))]


def _can_slip(name: str, of: DateField) -> bool:
    """Whether a profile leaves room for this slip to show at all."""
    probe, profile = date(2023, 6, 15), of.profile
    if name == "month_slip":
        return profile.anchored and profile.high - profile.low <= 27
    if name == "day_slip":
        lag = profile.lags[profile.counts.index(max(profile.counts))]
        near = [date.fromordinal(probe.toordinal() + lag + step) for step in range(-4, 5)]
        return any(day_slip(day, probe, profile) for day in near)
    return True
