"""A cheap judge first, and a dear one where the cheap one is not sure."""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from judges.interaction import (
    JudgeFailure,
    Judgement,
    Usage,
    Verdict,
    known_as,
    most_of,
    summed,
    version_known,
)
from judges.panels.families import models_of
from judges.panels.members import label_of, own_family_of, takes_repeats, verdict_of
from judges.versions import OUTSIDE, version_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from judges.interaction import Interaction, Judge

__all__ = ["Cascade", "Spent", "margin_of", "spent"]

ROUNDING = 1e-9
"""Shares of votes are sums of fractions."""


@dataclass(frozen=True, slots=True)
class Cascade:
    """Asks the cheap judge some times, and the dear one where the margin is small.

    The margin is that of `margin_of`. Measured on best-of-four choices: a small model three times,
    and the big one where the margin is at most 0.4, was as right as the big one alone at half its
    price. Where the cheap judge is sure, its verdict stands, of numbers the mean. Which of both
    spoke is in the verdict (`details["escalated"]`), with the margin; what both cost is its usage.

    Args:
        name: names the score.
        cheap: asked first.
        dear: asked where the margin is at most `margin`, or where a cheap answer failed.
        repeats: how often the cheap one is asked; a judge whose answers cannot differ needs 1.
        margin: from 0 to 1 for labels; in the scale's units where a threshold is given.
        threshold: of a numeric value, the border that a decision hangs on; None compares labels.

    Raises:
        ValueError: repeats below 1, or more than one of a judge that does not take `repeat=`.
    """

    name: str
    cheap: Judge = field(metadata=OUTSIDE)
    dear: Judge = field(metadata=OUTSIDE)
    repeats: int = 3
    margin: float = 0.4
    threshold: float | None = None
    version: str = field(init=False)

    def __post_init__(self) -> None:
        """Check the cheap judge and hash everything once."""
        if self.repeats < 1:
            raise ValueError(f"cascade {self.name!r}: repeats are 1 or more")
        if self.repeats > 1 and not takes_repeats(self.cheap):
            raise ValueError(
                f"cascade {self.name!r}: {known_as(self.cheap)} takes no `repeat=`, so asking it "
                "again tells nothing new; set repeats = 1"
            )
        said = (version_known(self.cheap), version_known(self.dear))
        object.__setattr__(self, "version", version_of(self, *said))

    @property
    def models(self) -> tuple[str, ...]:
        """All models that may be asked."""
        return tuple(dict.fromkeys((*models_of(self.cheap), *models_of(self.dear))))

    def most_usd(self, interaction: Interaction) -> float | None:
        """The most that one verdict can cost: every cheap answer, and the dear one."""
        cheap, dear = most_of(self.cheap, interaction), most_of(self.dear, interaction)
        return None if cheap is None or dear is None else self.repeats * cheap + dear

    async def __call__(self, interaction: Interaction) -> Verdict:
        """The cheap judge's verdict where it is sure, else the dear one's."""
        cheap = list(
            await asyncio.gather(
                *(verdict_of(self.cheap, interaction, repeat=n) for n in range(self.repeats))
            )
        )
        margin = margin_of(cheap, threshold=self.threshold)
        if margin is not None and margin > self.margin + ROUNDING:
            word = _together(cheap, numeric=self.threshold is not None)
            return self._told(word, cheap, escalated=False, margin=margin)
        dear = await verdict_of(self.dear, interaction)
        return self._told(dear, [*cheap, dear], escalated=True, margin=margin)

    def _told(
        self, word: Verdict, asked: Sequence[Verdict], *, escalated: bool, margin: float | None
    ) -> Verdict:
        """The verdict in the cascade's own name, with what all answers took."""
        own = replace(
            word, name=self.name, version=self.version, usage=summed(one.usage for one in asked),
        )  # fmt: skip
        sure = "unread" if margin is None else f"margin {margin:.2f}"
        who = f"{'escalated' if escalated else 'not escalated'}, {sure}"
        reason = f"{word.reason} ({who})".strip()
        if not isinstance(own, Judgement):
            return replace(own, reason=reason)
        details = {**own.details, "escalated": escalated, **own_family_of([word])}
        if margin is not None:
            details["margin"] = margin
        return replace(own, reason=reason, details=details)


def margin_of(verdicts: Sequence[Verdict], *, threshold: float | None = None) -> float | None:
    """How sure one judge is that was asked some times; None where an answer failed.

    With a threshold, the distance of the mean value from it. Else the share of the most frequent
    label less that of the next, where an answer that tells the probabilities of its labels counts
    for each by these.

    >>> one = Judgement("polite", True, "yes", "", "v1")
    >>> other = Judgement("polite", False, "no", "", "v1")
    >>> round(margin_of([one, one, other]), 3), margin_of([one, one, one])
    (0.333, 1.0)
    """
    if any(isinstance(one, JudgeFailure) for one in verdicts):
        return None
    if threshold is not None:
        numbers = _numbers(verdicts)
        return abs(math.fsum(numbers) / len(numbers) - threshold) if numbers else None
    votes: dict[str, float] = defaultdict(float)
    for one in verdicts:
        chances = one.probabilities if isinstance(one, Judgement) else {}
        for label, share in (chances or {label_of(one): 1.0}).items():
            votes[label] += share / len(verdicts)
    first, *rest = sorted(votes.values(), reverse=True)
    return first - (rest[0] if rest else 0.0)


@dataclass(frozen=True, slots=True)
class Spent:
    """What a cascade cost over many verdicts, and how often the dear judge had to speak."""

    n: int
    escalated: int
    usage: Usage

    @property
    def share(self) -> float:
        """Share of the verdicts that were escalated."""
        return self.escalated / self.n if self.n else 0.0


def spent(verdicts: Iterable[Verdict]) -> Spent:
    """The books of a cascade; of failures only the cost is known."""
    every = list(verdicts)
    told = [one for one in every if isinstance(one, Judgement)]
    escalated = sum(one.details.get("escalated") is True for one in told)
    return Spent(len(told), escalated, summed(one.usage for one in every))


def _together(cheap: Sequence[Verdict], *, numeric: bool) -> Verdict:
    """What sure answers say: the most frequent label's first verdict; of grades, with the mean."""
    labels = [label_of(one) for one in cheap]
    most = max(dict.fromkeys(labels), key=labels.count)
    word = cheap[labels.index(most)]
    told = [one for one in cheap if isinstance(one, Judgement)]
    if not isinstance(word, Judgement) or isinstance(word.value, bool | str) or len(told) == 1:
        return word
    if not (numeric or word.mode):  # a label's number: a mean of labels is none of them
        return word
    mode = "expected" if {one.mode for one in told} == {"expected"} else "sampled_mean"
    return replace(word, value=math.fsum(_numbers(told)) / len(told), mode=mode)


def _numbers(verdicts: Sequence[Verdict]) -> list[float]:
    return [
        float(one.value)
        for one in verdicts
        if isinstance(one, Judgement) and not isinstance(one.value, str)
    ]
