"""What can be watched of a call, and which way is worse."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BY_CALL",
    "CALL_METRICS",
    "MEASURES",
    "SIGNALS",
    "TOLD",
    "Cast",
    "Clock",
    "clock_of",
    "felt_above",
    "watched_in_slices",
    "worse_when",
]

MEASURES = ("duration_ms", "time_to_first_token_ms", "input_tokens", "output_tokens", "cost_usd")
_QUANTILES = ("q50", "q90", "q99")
FELT = 1.1
"""A measure exceeds a quantile of its baseline when it is a tenth above it."""
FELT_MS = 100.0
"""And a duration when it is also so many milliseconds above: a tenth of a second is what people begin to notice (J.
Nielsen, Usability Engineering, 1993, section 5.5), and less is the machine's noise."""
CALL_METRICS = (
    "call/error",
    "call/abandoned",
    "call/refusal",
    *(f"call/{measure}>{level}" for measure in MEASURES for level in _QUANTILES),
)
"""In the order of the columns of `measures_by_hour.sql`."""
SIGNALS = ("user/regenerate", "user/abandon", "user/copy")
"""Told only when they happen, so that every call counts as looked at; as in `signals_by_hour.sql`."""
TOLD = ("check", "judge", "human")
"""Sources whose scores are counted in the hour in which they are told."""
BY_CALL = ("user", "outcome")
"""Sources whose scores are counted in the hour of the call, once that is old enough."""

Clock = Literal["call", "told", "late"]
"""Which hours a metric is counted by: of the call, of the word, or of a call that has matured."""


@dataclass(frozen=True, slots=True)
class Cast:
    """What a service's series are measured with, as it was learnt: one for all of its slices."""

    thresholds: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Of each measure what is felt to be above three of its quantiles."""
    graded: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Three low quantiles of each score that is not of the yes/no kind, by `source/name`."""
    delays: Mapping[str, float] = field(default_factory=dict)
    """Hours until nearly all words about a call are in, by `source/name` of late scores."""
    slices: tuple[str, ...] = ()
    """Labels of the slices that are watched, as `release=v2`."""
    errors: tuple[str, ...] = ()
    """Error types that were seen: an hour without them is an hour with none."""

    def state(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {
            "thresholds": {name: list(levels) for name, levels in self.thresholds.items()},
            "graded": {name: list(levels) for name, levels in self.graded.items()},
            "delays": dict(self.delays),
            "slices": list(self.slices),
            "errors": list(self.errors),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Cast:
        """The cast that gave this `state()`."""
        return cls(
            {name: tuple(levels) for name, levels in state["thresholds"].items()},
            {name: tuple(levels) for name, levels in state["graded"].items()},
            dict(state["delays"]),
            tuple(state["slices"]),
            tuple(state["errors"]),
        )


def felt_above(measure: str, level: float) -> float:
    """From where on a measure is felt to be above a level of its baseline.

    >>> felt_above("duration_ms", 2.0), round(felt_above("duration_ms", 800.0)), felt_above("cost_usd", 0.0)
    (102.0, 900, 0.0)
    """
    return max(FELT * level, level + FELT_MS if measure.endswith("_ms") else level)


def clock_of(metric: str) -> Clock:
    """Which hours a metric is counted by.

    >>> [clock_of(name) for name in ("call/error", "judge/right", "outcome/resolved")]
    ['call', 'told', 'late']
    """
    source = metric.split("/", maxsplit=1)[0]
    return "late" if source in BY_CALL else "told" if source in TOLD else "call"


def watched_in_slices(metric: str) -> bool:
    """Whether slices are watched for it too: of a measure's three quantiles only the 90 % one is.

    >>> [watched_in_slices(f"call/{name}") for name in ("error", "cost_usd>q90", "cost_usd>q50")]
    [True, True, False]
    """
    if metric.startswith("error/"):
        return False
    return not metric.endswith((">q50", ">q99", "<q50", "<q01"))


def worse_when(metric: str) -> Literal["up", "down"]:
    """Which way is worse: more of it, save for copied answers and for what counts from 0 up to bad.

    >>> worse_when("call/error"), worse_when("user/copy"), worse_when("user/edit_distance<q10")
    ('up', 'down', 'down')
    """
    return "down" if metric == "user/copy" or metric.startswith("user/edit_distance<") else "up"
