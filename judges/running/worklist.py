"""The queue of a run: which judge is asked about which interaction, in which order, for how much."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from judges.interaction import (
    Interaction,
    Judge,
    JudgeFailure,
    Judgement,
    NotApplicable,
    Usage,
    Verdict,
    known_as,
    most_of,
    version_known,
)
from judges.running.books import Asked
from judges.running.money import nano, nano_above
from judges.statistics.sampling import uniform

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from judges.interaction import Failure
    from judges.running.books import HoldRow

__all__ = ["Item", "UnpricedError", "ask", "cost_of", "failure", "price", "queue_of", "sound"]

BREATH = 256
"""Samples that are priced before the event loop gets its turn."""


class UnpricedError(ValueError):
    """A budget was given for a judge of unknown price; pass it a `Price`, or set no budget."""


@dataclass(slots=True)
class Item:
    """One judge's verdict on one interaction, wanted or had."""

    interaction: Interaction
    judge: Judge
    asked: Asked
    verdict: Verdict | None = None
    resumed: bool = False
    most: int = 0
    """Nano-USD."""
    broken: str = ""
    """Why it cannot be asked."""
    hold: HoldRow | None = None


def queue_of(
    judges: Sequence[Judge],
    interactions: Sequence[Interaction],
    salt: str,
    known: Mapping[Asked, Verdict],
) -> list[Item]:
    """All pairs in the order of work, with the verdicts that are there already."""
    keys = Counter(one.key for one in interactions)
    twice = [key for key, number in keys.items() if number > 1]
    if twice:
        raise ValueError(f"{len(twice)} samples have the key of another, such as {twice[0]}")
    told = [(judge, known_as(judge), version_known(judge), _repeat(judge)) for judge in judges]
    if len({one[1:] for one in told}) < len(told):
        raise ValueError("two judges have one name, version and repeat; give them names")
    queue = []
    for interaction in sorted(interactions, key=lambda one: uniform(one.key, salt)):
        for judge, name, version, repeat in told:
            asked = Asked(name, version, interaction.key, repeat)
            verdict = known.get(asked)
            queue.append(Item(interaction, judge, asked, verdict, verdict is not None))
    return queue


async def price(queue: Sequence[Item], *, limited: bool) -> None:
    """What each wanted verdict can cost at most, before anything is spent."""
    for number, item in enumerate(queue):
        if number % BREATH == 0:
            await asyncio.sleep(0)
        if item.verdict is not None:
            continue
        try:
            most_usd = most_of(item.judge, item.interaction)
            item.most = 0 if most_usd is None else nano_above(most_usd)
        except Exception as error:  # noqa: BLE001 - anybody's function; its crash is a recorded failure
            item.broken = f"most_usd: {type(error).__name__}: {error}"
            continue
        if most_usd is None and limited:
            raise UnpricedError(
                f"the price of judge {item.asked.judge} is unknown, so that its budget cannot be"
                " held; pass it a Price, or set no budget"
            )


async def ask(item: Item) -> Verdict:
    """The judge's word; whatever it raises is raised."""
    return failure(item, item.broken) if item.broken else await item.judge(item.interaction)


def sound(item: Item, verdict: object) -> Verdict:
    """The verdict, or a failure in place of what would spoil every mean."""
    if not isinstance(verdict, (Judgement, NotApplicable, JudgeFailure)):
        return failure(item, f"the judge returned {type(verdict).__name__}, which is no verdict")
    value = verdict.value if isinstance(verdict, Judgement) else None
    if isinstance(value, float) and not math.isfinite(value):
        said = f"the judge's value is {value}"
        return replace(failure(item, said, "invalid_output"), raw=verdict.raw, usage=verdict.usage)
    return verdict


def failure(item: Item, reason: str, status: Failure = "error") -> JudgeFailure:
    """No verdict; what it cost is unknown, unless the judge costs nothing or was never asked."""
    unknown = hasattr(item.judge, "most_usd") and not item.broken
    usage = Usage(input_tokens=None, output_tokens=None, cost_usd=None) if unknown else Usage()
    return JudgeFailure(item.asked.judge, item.asked.version, reason, "", status, usage)


def cost_of(verdict: Verdict) -> int | None:
    """In nano-USD; a judge that names no sensible amount is one whose cost is unknown."""
    cost_usd = verdict.usage.cost_usd
    if cost_usd is None or not math.isfinite(cost_usd) or cost_usd < 0:
        return None
    return nano(cost_usd)


def _repeat(judge: Judge) -> int:
    return int(getattr(judge, "repeat", 0))
