"""What a run of judges came to: its verdicts, and honest counts beside every mean."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from judges.interaction import Failure, Interaction, JudgeFailure, Judgement, NotApplicable, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Run", "Summary"]


@dataclass(frozen=True, slots=True)
class Summary:
    """One judge's verdicts in figures; only Judgements enter the mean."""

    name: str
    n: int
    """Samples that it was asked about."""
    ok: int
    """Judgements."""
    not_applicable: int
    failures: Mapping[Failure, int]
    """By status, those that happened."""
    mean: float | None
    """Of the judgements; None where there are none, or labels instead of numbers."""
    lowest: float | None
    """The mean if every failure had been the worst value; None where the scale is not known."""
    highest: float | None
    """The mean if every failure had been the best value."""

    @property
    def invalid_share(self) -> float:
        """Failures among what was asked; above 0.02 the judge needs a look, whatever the mean says."""
        return sum(self.failures.values()) / self.n if self.n else 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """Verdicts in the order in which they were asked for; iterating gives the pairs."""

    results: tuple[tuple[Interaction, Verdict], ...] = field(repr=False)
    """Without a gap: the first pairs of the order, as far as the run came."""
    spent_usd: float
    """What this run's own verdicts are booked with; unknown costs as the most they can have been."""
    unjudged: int
    """Pairs of judge and interaction that were not asked about."""
    stopped: str
    """`budget`, `deadline`, or '' when nothing stopped it."""
    resumed: int = 0
    """Results that the journal knew already."""
    beyond: int = 0
    """Verdicts that the journal has of samples behind the first unjudged one: left out of the
    results, which would be no uniform sample with them, and kept for the next resume."""
    unpriced: int = 0
    """Verdicts whose cost nobody knows."""
    overruns: int = 0
    """Verdicts that cost more than their judge had said at most: its bound is wrong, and the
    budget only as hard as that."""

    def __iter__(self) -> Iterator[tuple[Interaction, Verdict]]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def summary(self, name: str, *, scale: tuple[float, float] | None = None) -> Summary:
        """One judge's figures.

        Args:
            name: of the verdicts.
            scale: worst and best value; (0, 1) when all judgements are true or false.

        >>> results = ((None, Judgement("right", True, "yes", "", "v")), (None, JudgeFailure("right", "v", "cut off")))
        >>> Run(results, 0.0, 0, "").summary("right")
        Summary(name='right', n=2, ok=1, not_applicable=0, failures={'error': 1}, mean=1.0, lowest=0.5, highest=1.0)
        """
        tally = _Tally()
        for _, verdict in self.results:
            if verdict.name == name:
                tally.add(verdict)
        return tally.summary(name, scale)


@dataclass(slots=True)
class _Tally:
    values: list[float] = field(default_factory=list)
    labels: int = 0
    assertions: bool = True
    not_applicable: int = 0
    failures: Counter[Failure] = field(default_factory=Counter)

    def add(self, verdict: Verdict) -> None:
        match verdict:
            case Judgement(value=str()):
                self.labels += 1
            case Judgement(value=value):
                self.assertions = self.assertions and isinstance(value, bool)
                self.values.append(float(value))
            case NotApplicable():
                self.not_applicable += 1
            case JudgeFailure(status=status):
                self.failures[status] += 1

    def summary(self, name: str, scale: tuple[float, float] | None) -> Summary:
        ok, failed = len(self.values) + self.labels, self.failures.total()
        if scale is None and self.assertions and not self.labels:
            scale = (0.0, 1.0)
        numbers = 0 if self.labels else len(self.values)
        bounds: list[float | None] = [None, None]
        if scale and not self.labels and numbers + failed:
            bounds = [(sum(self.values) + one * failed) / (numbers + failed) for one in scale]
        return Summary(
            name=name,
            n=ok + self.not_applicable + failed,
            ok=ok,
            not_applicable=self.not_applicable,
            failures=dict(self.failures),
            mean=sum(self.values) / numbers if numbers else None,
            lowest=bounds[0],
            highest=bounds[1],
        )
