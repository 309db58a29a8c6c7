"""What a cure is chosen by: plain facts about one incident, without the store that they came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.advice.learnability import Learnability

__all__ = [
    "DISCORDANT",
    "ENOUGH",
    "EPOCHS",
    "Cooling",
    "Costs",
    "Counted",
    "Labels",
    "Owner",
    "Past",
    "Promoted",
    "Situation",
]

ENOUGH = 12
"""Labelled failing calls from after the change that a retrain is requested with: the dozen of the founding story."""
DISCORDANT = 9
"""Test calls that a candidate is reckoned to answer right where production is wrong, for a paired test to show it: six
in a row make an exact McNemar test significant at 5 %, and a mean of nine gives six or more with probability 0.88."""
EPOCHS = 3
"""How often a fine-tune job is reckoned to see each training row."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Faults among calls that were looked at."""

    count: int = 0
    n: int = 0

    @property
    def rate(self) -> float:
        """Share of faults; 0 where nothing was looked at."""
        return self.count / self.n if self.n else 0.0


@dataclass(frozen=True, slots=True)
class Labels:
    """Right answers that are known, by a person or an outcome, of a service's calls."""

    failing: int = 0
    """Of failing calls since the change that may be trained on."""
    failing_reserved: int = 0
    """Of failing calls since the change that belong to the reserved test share."""
    unlabelled: int = 0
    """Failing calls since the change whose right answer nobody has told."""
    passing: int = 0
    """Of calls since the change that were right."""
    before: int = 0
    """Of calls from before the change: what replay keeps working is made of."""

    @property
    def total(self) -> int:
        """All of them."""
        return self.failing + self.failing_reserved + self.passing + self.before

    @property
    def missing(self) -> int:
        """How many of failing calls a retrain still wants."""
        return max(0, ENOUGH - self.failing)


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose model answers, as far as its calls can tell."""

    kind: str = "unknown"
    """`own`, `provider` or `unknown`."""
    model: str = ""
    why: str = "no call says which model answers"


@dataclass(frozen=True, slots=True)
class Costs:
    """What the cures would take."""

    training_tokens: int = 0
    """Tokens that a retrain on what is labelled now would read, over all epochs."""
    usd_per_million_tokens: float | None = None
    """Price of training, where a setting tells it."""
    example_tokens: int = 0
    """Tokens of one example in a prompt."""
    seconds_per_label: float = 60.0
    label_pace_measured: bool = False
    """The pace is this team's own, and not the minute that is assumed without one."""
    judge_usd_per_verdict: float | None = None
    test_calls: int = 0
    """Labelled reserved calls that a candidate has to be compared on to show this effect."""

    @property
    def training_usd(self) -> float | None:
        """Price of one training, or None where no price is set."""
        if self.usd_per_million_tokens is None:
            return None
        return self.training_tokens * self.usd_per_million_tokens / 1e6


@dataclass(frozen=True, slots=True)
class Past:
    """What earlier retrains of the service have done on their reserved calls."""

    retrains: int = 0
    best: float = 0.0
    """Share of production's errors that went: the median of the retrains."""
    low: float = 0.0
    high: float = 1.0
    """The lowest low and the highest high of their 95 % intervals."""


@dataclass(frozen=True, slots=True)
class Cooling:
    """Whether another retrain of the service would come too soon."""

    until: datetime | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Promoted:
    """The release that a retrain of this incident has brought into production, and how it does."""

    retrain_id: str
    release: str
    previous: str
    """What a rollback would bring back."""
    at: datetime
    calls: int = 0
    """Calls that it has answered since."""
    regressed: Sequence[str] = ()
    """Series that fail more often with it than before the incident, in sentences."""
    worse: Sequence[str] = ()
    """Those of them that it fails more often than the release it has replaced."""


@dataclass(frozen=True, slots=True)
class Situation:
    """One incident, and everything that a cure is chosen by."""

    service: str
    severity: str
    """`page`, `ticket` or `watch`."""
    causes: Mapping[str, float]
    """Share of belief by cause."""
    now: datetime
    after: Counted = Counted()
    before: Counted = Counted()
    confirmed_by: Sequence[str] = ()
    """Witnesses: `outcome right`, `judge polite`."""
    labels: Labels = Labels()
    learnable: Sequence[Learnability] = ()
    owner: Owner = Owner()
    costs: Costs = Costs()
    past: Past = Past()
    cooling: Cooling = Cooling()
    promoted: Promoted | None = None
    under_way: str = ""
    """The retrain of this incident that is neither promoted nor ended, or ''."""
    waits_for: Promoted | None = None
    """The release that a retrain of another incident of the service has brought, while it is not known how it does."""
    judge_alone: bool = False
    """Nobody but a judge says so."""
    operational: bool = False
    """It is about how calls run (latency, tokens, cost, errors, silence), not about what they answer."""
    examples: Sequence[str] = field(default=())
    """Traces of calls that show it, the latest first."""

    @property
    def cause(self) -> str:
        """The likeliest cause."""
        return max(self.causes, key=lambda one: self.causes[one]) if self.causes else "unknown"
