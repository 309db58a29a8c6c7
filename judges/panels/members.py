"""What a judge that is made of other judges knows of them: name, version, most it costs, its word."""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from judges.interaction import (
    JudgeFailure,
    Judgement,
    Verdict,
    known_as,
    most_of,
    version_known,
)
from judges.panels.families import models_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from judges.interaction import Interaction, Judge

__all__ = [
    "Again",
    "label_of",
    "own_family_of",
    "takes_repeats",
    "verdict_of",
    "verdicts_of",
    "verdicts_of_all",
]


@dataclass(frozen=True, slots=True)
class Again:
    """One judge asked once more, for another answer: to the engine, a judge of its own.

    Raises:
        ValueError: the judge does not take `repeat=`, so that it would say the same again.
    """

    judge: Judge
    repeat: int

    def __post_init__(self) -> None:
        if self.repeat and not takes_repeats(self.judge):
            raise ValueError(
                f"{known_as(self.judge)} takes no `repeat=`: it would say the same again"
            )

    @property
    def name(self) -> str:
        """The judge's."""
        return known_as(self.judge)

    @property
    def version(self) -> str:
        """The judge's: a repeat is no other judge."""
        return version_known(self.judge)

    @property
    def models(self) -> tuple[str, ...]:
        """The judge's."""
        return models_of(self.judge)

    def most_usd(self, interaction: Interaction) -> float | None:
        """The judge's."""
        return most_of(self.judge, interaction)

    async def __call__(self, interaction: Interaction) -> Verdict:
        """The judge's answer of that number."""
        return await _ask(self.judge, interaction, self.repeat)


def takes_repeats(judge: Judge) -> bool:
    """Whether asking it again can give another answer: it takes `repeat=`."""
    try:
        return "repeat" in inspect.signature(judge).parameters
    except (TypeError, ValueError):  # a callable that tells nothing of itself
        return False


async def verdict_of(judge: Judge, interaction: Interaction, *, repeat: int = 0) -> Verdict:
    """One judge's word; what it raises becomes its failure, so that the others are still heard."""
    try:
        return await _ask(judge, interaction, repeat if repeat and takes_repeats(judge) else 0)
    except Exception as error:  # noqa: BLE001 (a user's own judge may raise anything; it is kept as a failure)
        reason = f"{type(error).__name__}: {error}"
        return JudgeFailure(known_as(judge), version_known(judge), reason)


async def _ask(judge: Any, interaction: Interaction, repeat: int) -> Verdict:
    """A judge that is asked only once need not know the word `repeat`."""
    verdict: Verdict = await (judge(interaction, repeat=repeat) if repeat else judge(interaction))
    return verdict


async def verdicts_of(judges: Sequence[Judge], interaction: Interaction) -> list[Verdict]:
    """Every judge's word on one interaction, asked at the same time."""
    return list(await asyncio.gather(*(verdict_of(one, interaction) for one in judges)))


async def verdicts_of_all(judge: Judge, interactions: Sequence[Interaction]) -> list[Verdict]:
    """One judge's word on every interaction, asked at the same time."""
    return list(await asyncio.gather(*(verdict_of(judge, one) for one in interactions)))


def label_of(verdict: Verdict) -> str:
    """The word a verdict comes down to: its label, `na`, or the status of a failure."""
    if isinstance(verdict, Judgement):
        return verdict.label or str(verdict.value)
    return verdict.status if isinstance(verdict, JudgeFailure) else "na"


def own_family_of(verdicts: Iterable[Verdict]) -> dict[str, bool | float | str]:
    """The mark of judging one's own family, where any of the verdicts carries it."""
    marked = any(
        isinstance(one, Judgement) and one.details.get("own_family") is True for one in verdicts
    )
    return {"own_family": True} if marked else {}
