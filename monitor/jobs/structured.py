"""Answers as the watches of their fields read them, and the stretch of them that a baseline is learnt from.

A baseline is learnt once there are `BASELINE_CALLS` over `BASELINE_SPAN`, again whenever twice as much has gone by
quietly, up to `LONGEST_BASELINE`, and again when a newer release has run as long by itself; until then the newer
release is compared with its predecessor's baseline. The time of an incident is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from monitor.drift.readings import Reading, read_answer
from monitor.incidents import incidents
from monitor.jobs.job import Window
from monitor.jobs.series import BASELINE_SPAN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from monitor.store import Store

__all__ = [
    "ALL_RELEASES",
    "BASELINE_CALLS",
    "LONGEST_BASELINE",
    "Answer",
    "Learnt",
    "Stretch",
    "read_answers",
    "read_stretch",
    "stretch_to_learn",
]

BASELINE_CALLS = 2000
"""Least baseline, over at least `BASELINE_SPAN`."""
LONGEST_BASELINE = timedelta(days=56)
LEARNT_AT_MOST = 40_000
"""Answers that a baseline is learnt from; of more, every second, third ... by a hash of the id."""
CHUNK = timedelta(hours=6)
"""Answers of so long are in memory at once."""
ALL_RELEASES = "*"


@dataclass(frozen=True, slots=True)
class Answer:
    """One call's answer, and what stood before it."""

    timestamp: datetime
    trace_id: str
    span_id: str
    session_id: str
    service: str
    release: str
    status: str
    input: str
    output: str
    tool_calls: str


@dataclass(frozen=True, slots=True)
class Running:
    """How long and how much one release has run."""

    release: str
    first_ever: datetime
    first: datetime
    last: datetime
    n: int


@dataclass(frozen=True, slots=True)
class Learnt:
    """What the present baseline was learnt from."""

    release: str
    days: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """Healthy time to learn from."""

    release: str
    """Or `ALL_RELEASES`."""
    windows: tuple[Window, ...]
    n: int
    """Calls in it, about."""

    @property
    def days(self) -> float:
        """How long it is."""
        return sum((one.until - one.since).total_seconds() for one in self.windows) / 86_400

    @property
    def sufficient(self) -> bool:
        """Whether a baseline may be learnt from it."""
        return self.n >= BASELINE_CALLS and self.days >= BASELINE_SPAN / timedelta(days=1)

    @property
    def missing(self) -> str:
        """What it lacks to be a baseline, in a sentence."""
        return (
            f"a baseline needs {BASELINE_CALLS:,} calls over {BASELINE_SPAN.days} days; there are "
            f"{self.n:,} over {self.days:.1f}"
        )


def read_answers(
    store: Store, service: str, window: Window, *, release: str = ALL_RELEASES, stride: int = 1
) -> Iterator[tuple[Answer, Reading]]:
    """A service's answers of a window in order of time, read; a part of it is in memory at a time."""
    since = window.since
    while since < window.until:
        until = min(since + CHUNK * stride, window.until)
        asked: dict[str, Any] = {
            "service": service,
            "release": release,
            "since": since,
            "until": until,
        }
        for answer in store.read("answers_between", Answer, stride=stride, **asked):
            yield answer, read_answer(answer.output, answer.tool_calls)
        since = until


def read_stretch(store: Store, service: str, stretch: Stretch) -> Iterator[tuple[Answer, Reading]]:
    """The answers to learn from, at most about `LEARNT_AT_MOST`."""
    stride = max(1, -(-stretch.n // LEARNT_AT_MOST))
    for window in stretch.windows:
        yield from read_answers(store, service, window, release=stretch.release, stride=stride)


def stretch_to_learn(
    store: Store, service: str, until: datetime, learnt: Learnt | None
) -> Stretch | None:
    """What to learn from now; None when the present baseline stays. Insufficient when there is none yet."""
    since = until - LONGEST_BASELINE
    running = store.read("releases_running", Running, service=service, since=since, until=until)
    if not running:
        return Stretch(ALL_RELEASES, (), 0) if learnt is None else None
    ill = [
        Window(one.started_at, one.resolved_at or until)
        for one in incidents(store)
        if one.service == service and not one.operational
    ]
    newest = next(
        (
            one
            for release in reversed(running)
            if (one := _healthy(release.release, [release], ill, until)).sufficient
        ),
        _healthy(ALL_RELEASES, running, ill, until),
    )
    if learnt is None:
        return newest
    longer = newest.days >= min(2 * learnt.days, LONGEST_BASELINE.days * 0.99) > learnt.days * 1.01
    another = newest.release not in (learnt.release, ALL_RELEASES)
    return newest if newest.sufficient and (longer or another) else None


def _healthy(
    release: str, running: Sequence[Running], ill: Sequence[Window], until: datetime
) -> Stretch:
    """The time that releases ran, without the incidents in it."""
    first, last = min(one.first for one in running), max(one.last for one in running)
    windows = [Window(first, min(until, last + timedelta(milliseconds=1)))]
    for sick in ill:
        windows = [
            part
            for one in windows
            for part in (
                Window(one.since, min(one.until, sick.since)),
                Window(max(one.since, sick.until), one.until),
            )
            if part.since < part.until
        ]
    whole = max((last - first).total_seconds(), 1.0)
    kept = sum((one.until - one.since).total_seconds() for one in windows)
    n = round(sum(one.n for one in running) * min(1.0, kept / whole))
    return Stretch(release, tuple(windows), n)
