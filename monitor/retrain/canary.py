"""A canary: candidate and production answer shares of the same hours' traffic. Pure.

Both releases are read from traces; nothing here routes a call. The test may be looked at every hour
(`monitor.drift.two_rates`): over the whole life of a canary, a candidate that is no worse is called
`worse` with probability at most `ALPHA`, and one that is worse by the margin or more is called `safe`
with probability at most `ALPHA`, in any of the series. For `worse` the level is shared out over the
series; for `safe` each has to pass at the full level.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from monitor.drift.two_rates import Block, difference_over_time
from monitor.watching.reading import hour_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["ALPHA", "Canary", "CanaryHour", "CanarySeries", "judge_canary", "settled"]

ALPHA = 0.05
LEAST_LOOKS = 30
"""A series with fewer looks at the candidate keeps nobody waiting."""
SETTLED = {
    "outcome": timedelta(hours=24),
    "user": timedelta(hours=24),
    "human": timedelta(hours=24),
    "judge": timedelta(hours=3),
}
"""So long after its end an hour's words of a source are taken to have come; of others after `SOON`.

Read earlier, a release that began yesterday would be judged by those words that come fast."""
SOON = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class CanaryHour:
    """One series in one hour in which both releases answered."""

    series: str
    hour: int
    """Since 1970."""
    count: int
    n: int
    """Of the candidate: events, looks."""
    others: int
    others_n: int
    """Of production."""


@dataclass(frozen=True, slots=True)
class CanarySeries:
    """One kind of event, over all hours so far."""

    series: str
    verdict: str
    """`worse`, `safe` or `undecided`."""
    difference: float
    """Candidate's rate minus production's, hour by hour; below zero is better."""
    low: float
    high: float
    """95 % confidence sequence: it may be looked at at any time."""
    e_worse: float
    e_safe: float
    count: int
    n: int
    others: int
    others_n: int
    hours: int


@dataclass(frozen=True, slots=True)
class Canary:
    """What the shares say together."""

    verdict: str
    """`worse`, `safe` (to promote, by what is watched) or `undecided`."""
    sentence: str
    margin: float
    series: Sequence[CanarySeries]

    @property
    def n(self) -> int:
        """The candidate's calls that were looked at."""
        return next((one.n for one in self.series if one.series == "call/error"), 0)


def settled(hours: Iterable[CanaryHour], until: datetime) -> list[CanaryHour]:
    """Hours of which all words are taken to have come; once settled, an hour does not change any more."""
    return [
        one
        for one in hours
        if hour_time(one.hour + 1) + SETTLED.get(one.series.partition("/")[0], SOON) <= until
    ]


def judge_canary(hours: Sequence[CanaryHour], *, margin: float) -> Canary:
    """The verdict on all settled hours so far.

    Args:
        hours: settled ones; in each, both releases answered.
        margin: rise of a rate that would be too much, so that a smaller one is safe.
    """
    blocks: dict[str, list[CanaryHour]] = defaultdict(list)
    for one in hours:
        blocks[one.series].append(one)
    found = [_series(name, told, margin, len(blocks)) for name, told in sorted(blocks.items())]
    worse = [one for one in found if one.verdict == "worse"]
    counted = [one for one in found if one.n >= LEAST_LOOKS or one.series == "call/error"]
    if worse:
        most = max(worse, key=lambda one: one.difference)
        said = f"The canary is worse: {_told(most)}. Take it back."
        return Canary("worse", said, margin, found)
    waiting = [one for one in counted if one.verdict != "safe"]
    if counted and not waiting:
        names = ", ".join(one.series for one in counted)
        said = f"The canary is not worse by {margin:.0%} or more in {names}: {_told(counted[0])}."
        return Canary("safe", said, margin, found)
    if not found:
        said = "No hour has settled yet in which both releases answered."
        return Canary("undecided", said, margin, found)
    said = f"The canary is undecided: {_told((waiting or found)[0])}. Let it run on."
    return Canary("undecided", said, margin, found)


def _series(name: str, told: Sequence[CanaryHour], margin: float, series: int) -> CanarySeries:
    ordered = sorted(told, key=lambda one: one.hour)
    blocks = [Block(one.count, one.n, one.others, one.others_n) for one in ordered]
    found = difference_over_time(blocks, margin=margin, alpha=ALPHA)
    verdict = "undecided"
    if found.e_higher >= series / ALPHA:
        verdict = "worse"
    elif found.e_not_higher >= 1 / ALPHA:
        verdict = "safe"
    return CanarySeries(
        name, verdict, found.difference, found.low, found.high, found.e_higher, found.e_not_higher,
        found.count, found.n, found.others, found.others_n, len(blocks),
    )  # fmt: skip


def _told(one: CanarySeries) -> str:
    return (
        f"{one.series} {one.count} of {one.n} against {one.others} of {one.others_n} in production"
        f" (difference {one.difference:+.1%}, interval at any time {one.low:+.1%} to {one.high:+.1%},"
        f" {one.hours} hours)"
    )
