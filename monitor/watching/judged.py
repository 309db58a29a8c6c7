"""What a judge's rate is worth: its series corrected by what people said of the same answers.

The series itself is watched as the judge sees it. With a sensitivity and a specificity that stay as they are, the true
rate is a rising straight line of the judge's (Rogan and Gladen), so that one moves when and only when the other does,
and the promise of the alarm is kept without the labels' own noise. What is shown is corrected, where there are labels.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from judges.statistics.estimators import inverted
from judges.statistics.rates import MIN_LABELS
from monitor.judging.production import labels_of
from monitor.judging.trust import JudgeHealth, judge_health
from monitor.watching.learning import BASELINE_WEEKS, WEEK_HOURS
from monitor.watching.reading import hour_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.records import CheckRow
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = ["Corrected", "Quality", "judge_of", "qualities", "tell_corrected"]

PREFIX = "judge/"


@dataclass(frozen=True, slots=True)
class Corrected:
    """A failure rate as people would have found it, with its 95 % interval."""

    rate: float
    low: float
    high: float
    labels: int
    sensitivity: float
    """Share of the answers that people call bad which the judge fails."""
    specificity: float
    """Share of those that people call good which it passes."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How often a yes/no judge and people agree, of answers that people call bad and of those they call good.

    Flagged calls are judged more often, and hard ones labelled more often, than others. So a label is counted with
    the inverse of its probability: unweighed, answers that a judge finds bad would be most of the labels, and it
    would seem to find nearly all bad ones. Counts are of labels of equal weight that would be worth as much (Kish).
    """

    judge: str
    bad: float
    bad_failed: float
    good: float
    good_passed: float
    labels: int = 0
    """As they were given; 0: as many as they are worth."""

    @classmethod
    def of(cls, health: JudgeHealth) -> Self | None:
        """A judge version's quality; None below 30 labels and for scores that are not of the yes/no kind."""
        trust = health.trust
        if trust.level is None or trust.finds is None or trust.passes is None:
            return None
        bad, good = trust.finds.n_eff, trust.passes.n_eff
        found, passed = bad * trust.finds.value, good * trust.passes.value
        return cls(health.judge, bad, found, good, passed, trust.n)

    def correct(self, count: int, n: int) -> Corrected | None:
        """The rate behind `count` failed of `n` judged answers; None where nothing can be inverted.

        >>> found = Quality("right", 50, 45, 50, 45).correct(180, 1_000)
        >>> round(found.rate, 3), found.low < found.rate < found.high
        (0.1, True)
        """
        labels = self.labels or round(self.bad + self.good)
        if not n or labels < MIN_LABELS:
            return None
        told = inverted(count / n, n, (self.bad_failed, self.bad), (self.good_passed, self.good))
        if told is None:
            return None
        finds, passes = self.bad_failed / self.bad, self.good_passed / self.good
        return Corrected(told.value, told.low, told.high, labels, finds, passes)


def qualities(store: Store, settings: Settings, service: str, until: int) -> dict[str, Quality]:
    """Of every judge of a service, by name: what its latest version was worth in the weeks before an hour."""
    found = judge_health(
        store,
        since=hour_time(until - BASELINE_WEEKS * WEEK_HOURS),
        until=hour_time(until),
        service=service,
        labels=labels_of(settings),
    )
    known = {one.judge: Quality.of(one) for one in found if one.latest}
    return {judge: quality for judge, quality in known.items() if quality is not None}


def judge_of(series: str) -> str:
    """The judge of a yes/no series of verdicts; '' for any other.

    >>> judge_of("judge/right [release=v2]"), judge_of("judge/style<q10"), judge_of("call/error")
    ('right', '', '')
    """
    metric = series.split(" [", maxsplit=1)[0]
    return metric.removeprefix(PREFIX) if metric.startswith(PREFIX) and "<" not in metric else ""


def tell_corrected(
    store: Store, settings: Settings, rows: Sequence[CheckRow], until: int
) -> list[CheckRow]:
    """The rows of a service's rate series, those of a judge that alarms with the corrected rate in their evidence."""
    alarming = [row for row in rows if judge_of(row.series) and row.status in ("drift", "watch")]
    if not alarming:
        return list(rows)
    known = qualities(store, settings, alarming[0].service, until)
    return [_told(row, known) if row in alarming else row for row in rows]


def _told(row: CheckRow, known: Mapping[str, Quality]) -> CheckRow:
    quality = known.get(judge_of(row.series))
    told: dict[str, Any] = json.loads(row.evidence)
    count, n = int(told.get("count_since", row.count)), int(told.get("n_since", row.n))
    now = quality.correct(count, n) if quality else None
    before = (
        quality.correct(round(row.baseline * row.baseline_n), row.baseline_n) if quality else None
    )
    if now is None or before is None:
        return row
    told["corrected"] = asdict(now)
    told["corrected_before"] = asdict(before)
    told["sentence"] = (
        f"The judge fails {count / n:.1%} of {n:,} answers; corrected by {now.labels} labels of people (it finds"
        f" {now.sensitivity:.0%} of the bad ones and passes {now.specificity:.0%} of the good ones): {now.rate:.1%}"
        f" [{now.low:.1%}, {now.high:.1%}], {before.rate:.1%} [{before.low:.1%}, {before.high:.1%}] before."
    )
    return replace(row, evidence=json.dumps(told))
