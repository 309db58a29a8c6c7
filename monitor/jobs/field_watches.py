"""The watches of one field of a service's answers: its values, its numbers, its units."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from monitor.drift import (
    HOURS_PER_WEEK,
    PROBABILITY_FLOOR,
    ROLLOVER_ODDS,
    RateDetector,
    clopper_pearson_upper,
)
from monitor.drift.slips import unit_slip
from monitor.drift.surprise import SurpriseDetector
from monitor.drift.value_counts import kind_of, spelt
from monitor.jobs.field_profiles import (
    COMMON,
    EXCEEDED,
    PATHS,
    YEAR_AGE,
    FieldProfile,
    hour_of,
    number_of,
)
from monitor.jobs.series import Series
from monitor.jobs.tracks import Track, Verdict, state_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.drift.value_counts import Values
    from monitor.drift.values import MovedValue, ValueDrift
    from monitor.jobs.structured import Answer
    from monitor.records import CheckRow

__all__ = ["Exceedances", "UnitWatch", "ValueWatch", "field_watches", "sentence"]

MILLISECOND = timedelta(milliseconds=1)
"""The resolution of a series' position."""

DetectorT = TypeVar("DetectorT", SurpriseDetector, RateDetector)
Known = dict[tuple[str, str], "CheckRow"]


@dataclass(slots=True)
class ValueWatch:
    """Gathers windows of answers and adds up how surprising their values are."""

    profile: FieldProfile
    track: Track[SurpriseDetector]
    gathered: list[tuple[Answer, Values]] = field(default_factory=list)
    position: datetime | None = None
    """Where the last whole window ended."""
    last: ValueDrift | None = None

    def see(self, answer: Answer, values: Values) -> None:
        """Take one answer that could hold the field."""
        if answer.timestamp < self.track.start:
            return
        self.gathered.append((answer, values))
        if len(self.gathered) < self.profile.values.window:
            return
        window, self.gathered = self.gathered, []
        drift = self.profile.values.compare([one for _, one in window])
        if drift is None or drift.result.p_value is None:
            return
        self.track.detector.update(drift.result.p_value)
        end = window[-1][0].timestamp
        self.position = end.replace(microsecond=end.microsecond // 1000 * 1000) + MILLISECOND
        result, self.last = drift.result, drift
        event = result.status == "drift"
        self.track.took(window[0][0].timestamp, answer.release, count=int(event), n=1)
        if event:
            for one, held in window:
                if shows(drift.moved, held):
                    what = f"{self.profile.path}: {sentence(self.profile.path, drift.moved)}"
                    self.track.example(one, _shown(held), what)

    def finish(self, until: datetime) -> tuple[Track[Any], datetime] | None:
        """The track and where it stands; None where there was no whole window."""
        del until
        if self.position is None or self.last is None:
            return None
        result, moved = self.last.result, self.last.moved
        self.track.told |= {
            "kind": moved.view,
            "value": moved.value,
            "share": moved.share,
            "share_before": moved.share_before,
            "effect": result.effect,
            "low": result.low,
            "high": result.high,
            "window": result.n,
            "sentence": sentence(self.profile.path, moved),
        }
        return self.track, self.position


@dataclass(slots=True)
class Exceedances:
    """Counts a numeric field's values beyond one of its quantiles, hour by hour."""

    profile: FieldProfile
    name: str
    track: Track[RateDetector]
    hour: datetime | None = None
    count: int = 0
    n: int = 0
    release: str = ""

    def see(self, answer: Answer, values: Values) -> None:
        """Take one answer."""
        number = number_of(values)
        if number is None or self.profile.numbers is None or answer.timestamp < self.track.start:
            return
        hour = hour_of(answer.timestamp)
        if self.hour is not None and hour > self.hour:
            self._close()
        self.hour, self.release = hour, answer.release
        self.n += 1
        if self.profile.numbers.exceeded(number)[EXCEEDED.index(self.name)]:
            self.count += 1
            self.track.example(answer, f"{number:g}", f"{self.profile.path} is {number:g}")

    def finish(self, until: datetime) -> tuple[Track[Any], datetime] | None:
        """The track and where it stands; None where nothing was seen."""
        self._close()
        rate = self.track.count / self.track.n if self.track.n else 0.0
        side, _, level = self.name.partition("_q")
        self.track.told |= {
            "kind": self.name,
            "sentence": f"{100 * rate:.1f} % of {self.profile.path} lie {side} the value that "
            f"{100 * self.track.series.baseline:.1f} % did before (its {level} % quantile)",
        }
        return (self.track, until) if self.track.n else None

    def _close(self) -> None:
        if self.hour is None or not self.n:
            return
        baseline = self.profile.exceeded[self.name]
        p = baseline.probability(self.hour.weekday() * 24 + self.hour.hour)
        self.track.detector.update(self.count, self.n, p)
        self.track.took(self.hour, self.release, count=self.count, n=self.n)
        self.hour, self.count, self.n = None, 0, 0


@dataclass(slots=True)
class UnitWatch:
    """Feeds "this number is a unit's factor off" into a rate detector."""

    profile: FieldProfile
    track: Track[RateDetector]
    p0: float

    def see(self, answer: Answer, values: Values) -> None:
        """Take one answer."""
        number = number_of(values)
        if number is None or self.profile.numbers is None or answer.timestamp < self.track.start:
            return
        factor = unit_slip(number, self.profile.numbers)
        self.track.detector.update(int(factor is not None), 1, self.p0)
        self.track.took(answer.timestamp, answer.release, count=int(factor is not None), n=1)
        if factor is not None:
            times = f"{factor:g} times" if factor > 1 else f"1/{1 / factor:g} of"
            why = f"{self.profile.path} is {number:g}, about {times} what is usual"
            self.track.example(answer, f"{number:g}", why)

    def finish(self, until: datetime) -> tuple[Track[Any], datetime] | None:
        """The track and where it stands; None where nothing was seen."""
        self.track.told |= {
            "kind": "unit_slip",
            "sentence": f"{self.track.count} of {self.track.n} values of {self.profile.path} are a "
            "unit's factor (1,000, 100 or 12) off",
        }
        return (self.track, until) if self.track.n else None


FieldWatch = ValueWatch | Exceedances | UnitWatch


def field_watches(profile: FieldProfile, learnt: CheckRow, known: Known) -> Iterator[FieldWatch]:
    """The watches of one field, continued from their last rows."""
    begin = _Beginning(profile, learnt, known)
    windows = profile.per_week / profile.values.window
    verdict = Verdict("watch", windows, noted_only=profile.path == YEAR_AGE)
    yield ValueWatch(profile, begin.track("values", SurpriseDetector, verdict=verdict))
    for name, baseline in profile.exceeded.items():
        hourly = Verdict("watch", HOURS_PER_WEEK)
        track = begin.track(name, RateDetector, p0=baseline.p0, rate=baseline.rate, verdict=hourly)
        yield Exceedances(profile, name, track)
    if profile.numbers is not None and profile.unit_slips <= COMMON * profile.n:
        upper = max(PROBABILITY_FLOOR, clopper_pearson_upper(profile.unit_slips, profile.n))
        rate = profile.unit_slips / profile.n
        each = Verdict("watch", profile.per_week)
        track = begin.track("unit_slip", RateDetector, p0=upper, rate=rate, verdict=each)
        yield UnitWatch(profile, track, upper)


@dataclass(frozen=True, slots=True)
class _Beginning:
    """Where the series of one field go on from."""

    profile: FieldProfile
    learnt: CheckRow
    known: Known

    def track(
        self,
        name: str,
        kind: type[DetectorT],
        *,
        p0: float = 0.0,
        rate: float = 0.0,
        verdict: Verdict,
    ) -> Track[DetectorT]:
        """One series; its detector restored, or made where it begins."""
        before = self.known.get((name, self.learnt.series))
        state = state_of(before)
        options: dict[str, Any] = {"p0": p0, "odds": ROLLOVER_ODDS} if p0 else {}
        detector = (
            kind.from_state(state["detector"])
            if state.get("detector")
            else kind(arl=1e6, **options)
        )
        series = Series(
            name, self.learnt.series, self.learnt.service, self.profile.path, rate, self.profile.n
        )
        start = before.window_end if before else self.learnt.window_end
        return Track(series, detector, verdict, start=start, state=state)


def shows(moved: MovedValue, held: Values) -> bool:
    """Whether an answer shows what moved: it holds the value, or lacks the field."""
    told = [one for one in held or () if one is not None]
    if moved.view == "missing":
        return not told
    if moved.view == "kind":
        return any(kind_of(one) == moved.value for one in told)
    return any(spelt(one) == moved.value for one in told)


def sentence(path: str, moved: MovedValue) -> str:
    """What moved most, in a sentence."""
    share, before = f"{100 * moved.share:.1f} %", f"{100 * moved.share_before:.1f} %"
    value = repr(moved.value[:60])
    if path == PATHS:
        return f"{share} of structured answers have the field {value}, {before} before"
    if path == YEAR_AGE:
        return f"the latest year mentioned is {moved.value} in {share} of answers, {before} before"
    return {
        "value": f"{share} of {path} are {value}, {before} before",
        "new": f"{share} of {path} hold values never seen before, most often {value}",
        "missing": f"{path} is missing or null in {share} of answers, {before} before",
        "kind": f"{share} of {path} are of the kind {moved.value}, {before} before",
        "repeated": f"{share} of {path} are one and the same value, {value}; usually {before}",
    }[moved.view]


def _shown(held: Values) -> str:
    return ", ".join(str(one)[:80] for one in held or ()) or "missing"
