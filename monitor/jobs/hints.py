"""Hints that a model's knowledge has aged: answers that no source of theirs holds, and new words that go wrong.

Both are noted only (`watch`, never `drift`): they point an incident at its cause and open none themselves.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from judges.statistics.sampling import sampled
from monitor.drift import HOURS_PER_WEEK, ROLLOVER_ODDS, RateDetector, clopper_pearson
from monitor.drift.baseline import Baseline, rate_baseline
from monitor.drift.staleness import NewTerms, RiskyTerm, unfounded
from monitor.jobs.calls import steps_of
from monitor.jobs.field_profiles import HIGHEST, hour_of
from monitor.jobs.series import Series
from monitor.jobs.tracks import Track, Verdict, state_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from monitor.jobs.series import Budget
    from monitor.jobs.structured import Answer, Stretch
    from monitor.records import CheckRow
    from monitor.store import Store

__all__ = ["HINTS", "Hints", "Learning", "begin_hints", "learn_hints"]

HINTS = "hint_profile"
LEARNT_ON = 2_000
"""Answers of the baseline that are compared with their sources."""
LOOKED_AT_PER_HOUR = 200
SALT = "outerloop-unfounded"

Known = dict[tuple[str, str], "CheckRow"]


@dataclass(slots=True)
class Learning:
    """What the hints keep of a baseline while it is read."""

    calls: int
    """How many there are to choose from, about."""
    inputs: list[str] = field(default_factory=list)
    sample: list[Answer] = field(default_factory=list)

    def see(self, answer: Answer) -> None:
        """Take one answer of the baseline in."""
        self.inputs.append(answer.input[:2_000])
        if sampled(answer.trace_id, min(1.0, LEARNT_ON / max(1, self.calls)), SALT):
            self.sample.append(answer)


def learn_hints(
    store: Store, service: str, learning: Learning, stretch: Stretch, until: datetime
) -> CheckRow:
    """The row that keeps what the hints need of the baseline."""
    hours: dict[datetime, list[bool]] = defaultdict(list)
    for answer, made_up in _unfounded(store, learning.sample):
        hours[hour_of(answer.timestamp)].append(bool(made_up))
    baseline = rate_baseline(
        [sum(hours[hour]) for hour in sorted(hours)],
        [len(hours[hour]) for hour in sorted(hours)],
        hours_of_week=[hour.weekday() * 24 + hour.hour for hour in sorted(hours)],
    )
    state = {
        "words": sorted(NewTerms.fit(learning.inputs).known),
        "unfounded": baseline.state(),
        "per_hour": stretch.n / max(stretch.days, 1e-9) / 24,
    }
    return Series(HINTS, service, service, state=state).row(
        start=stretch.windows[0].since,
        end=until,
        release=stretch.release,
        count=baseline.count,
        n=baseline.n,
        status="stable",
    )


@dataclass(slots=True)
class Hints:
    """Both hints of one service, in one run."""

    service: str
    baseline: Baseline
    share: float
    """Of the answers that are compared with their sources."""
    track: Track[RateDetector]
    terms: NewTerms
    terms_from: datetime
    before: CheckRow | None
    sample: list[Answer] = field(default_factory=list)
    seen: int = 0

    @property
    def compared(self) -> bool:
        """Whether answers are compared with their sources: not where nearly all say something else."""
        return self.baseline.status != "insufficient_data" and self.baseline.p0 < HIGHEST

    def see(self, answer: Answer, *, failed: bool) -> None:
        """Take one answer in."""
        if answer.timestamp >= self.terms_from:
            self.terms.update(answer.input, failed=failed)
            self.seen += 1
        if (
            self.compared
            and answer.timestamp >= self.track.start
            and sampled(answer.trace_id, self.share, SALT)
        ):
            self.sample.append(answer)

    def finish(self, store: Store, until: datetime, budget: Budget) -> list[CheckRow]:
        """What this run says of both."""
        hours: dict[datetime, list[tuple[Answer, tuple[str, ...]]]] = defaultdict(list)
        for answer, made_up in _unfounded(store, self.sample):
            hours[hour_of(answer.timestamp)].append((answer, made_up))
        for hour, found in sorted(hours.items()):
            self._update(hour, found)
        rows = [self.track.row(until, budget)] if self.track.n else []
        return [*rows, *([self._terms_row(until, budget)] if self.seen else [])]

    def _update(self, hour: datetime, found: Sequence[tuple[Answer, tuple[str, ...]]]) -> None:
        count = sum(bool(made_up) for _, made_up in found)
        p = self.baseline.probability(hour.weekday() * 24 + hour.hour)
        self.track.detector.update(count, len(found), p)
        self.track.took(hour, found[-1][0].release, count=count, n=len(found))
        for answer, made_up in found:
            if made_up:
                said = ", ".join(made_up[:3])
                self.track.example(answer, said, f"no source of the answer holds {said}")
        rate = 100 * self.track.count / self.track.n
        self.track.told["sentence"] = (
            f"{rate:.1f} % of answers name a year, number or name that neither the input nor what "
            f"was retrieved holds, against {100 * self.baseline.rate:.1f} % before"
        )

    def _terms_row(self, until: datetime, budget: Budget) -> CheckRow:
        worst = self.terms.worst() or RiskyTerm("", 0, 0, 0, 0, 0.0)
        threshold = budget.arl("watch", HOURS_PER_WEEK)
        series = Series("new_terms", f"{self.service}/@new_terms", self.service, "@new_terms")
        interval = clopper_pearson(worst.failed, worst.n)
        elsewhere = worst.failed_elsewhere / max(1, worst.n_elsewhere)
        said = (
            f"calls with the new word {worst.term!r} go wrong in {worst.failed} of {worst.n} "
            f"({100 * interval.low:.1f} to {100 * interval.high:.1f} %), the others in "
            f"{100 * elsewhere:.1f} %"
        )
        return series.row(
            start=self.terms_from,
            end=until,
            release="",
            count=worst.failed,
            n=worst.n,
            status="watch" if worst.e_value > threshold else "stable",
            e_value=worst.e_value,
            threshold=threshold,
            state={"detector": self.terms.state(), "since": state_of(self.before).get("since")},
            evidence={
                "tier": "watch",
                "kind": "new_terms",
                "value": worst.term,
                "sentence": said if worst.term else "no new word is frequent enough to be judged",
            },
        )


def begin_hints(service: str, learnt: CheckRow, known: Known) -> Hints:
    """Both hints, continued from their last rows."""
    state = state_of(learnt)
    baseline = Baseline.from_state(state["unfounded"])
    name = f"{service}/@unfounded"
    before, before_terms = (
        known.get(("unfounded", name)),
        known.get(("new_terms", f"{service}/@new_terms")),
    )
    went = state_of(before)
    detector = (
        RateDetector.from_state(went["detector"])
        if went.get("detector")
        else RateDetector(p0=baseline.p0, arl=1e6, odds=ROLLOVER_ODDS)
    )
    track = Track(
        Series("unfounded", name, service, "@unfounded", baseline.rate, baseline.n),
        detector,
        Verdict("watch", HOURS_PER_WEEK, noted_only=True),
        start=before.window_end if before else learnt.window_end,
        state=went,
        told={"kind": "unfounded"},
    )
    terms = NewTerms(frozenset(state["words"]))
    counted: Mapping[str, Any] | None = state_of(before_terms).get("detector")
    if counted:
        terms.restore(counted)
    return Hints(
        service,
        baseline,
        min(1.0, LOOKED_AT_PER_HOUR / max(1.0, state["per_hour"])),
        track,
        terms,
        before_terms.window_end if before_terms else learnt.window_end,
        before_terms,
    )


def _unfounded(store: Store, answers: Sequence[Answer]) -> Iterable[tuple[Answer, tuple[str, ...]]]:
    """What each answer names that its sources do not hold: its input, and its trace's other steps."""
    for start in range(0, len(answers), LOOKED_AT_PER_HOUR):
        batch = answers[start : start + LOOKED_AT_PER_HOUR]
        steps = steps_of(store, sorted({one.trace_id for one in batch}))
        for answer in batch:
            told = [step.output for step in steps.get(answer.trace_id, ())]
            sources = "\n".join([answer.input, *told])
            yield answer, unfounded(answer.output, sources, answer.timestamp.date())
