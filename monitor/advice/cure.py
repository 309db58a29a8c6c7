"""One thing that could be done about an incident, weighed, and what it would do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Cure", "Effect"]


@dataclass(frozen=True, slots=True)
class Effect:
    """By how much the error rate would fall, as a share of all calls."""

    low: float
    high: float
    best: float | None = None
    """None where nothing measured says more than the interval."""
    why: str = ""

    @property
    def sentence(self) -> str:
        """In percentage points."""
        interval = f"{100 * self.low:.1f} to {100 * self.high:.1f} points"
        said = interval if self.best is None else f"{100 * self.best:.1f} points ({interval})"
        return f"error rate down by {said}; {self.why}" if self.why else said


@dataclass(frozen=True, slots=True)
class Cure:
    """One thing that could be done, weighed."""

    name: str
    """`rollback`, `prompt`, `examples`, `retrain`, `data`, `judge` or `wait`."""
    points: float
    speaks_for: Sequence[str] = ()
    speaks_against: Sequence[str] = ()
    forbidden: Sequence[str] = ()
    """Why it cannot be done now; empty when it can."""
    effect: Effect | None = None
    cost: str = ""

    @property
    def possible(self) -> bool:
        """Whether nothing forbids it."""
        return not self.forbidden
